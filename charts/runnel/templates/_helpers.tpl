{{/* Labels of every object; .component is the controller's name, or empty. */}}
{{- define "runnel.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
app.kubernetes.io/part-of: runnel
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{ include "runnel.selector" (dict "component" .) }}
{{- end }}
{{- end }}

{{/* What Services and Deployments select by: Flux's own label, so that its NetworkPolicies and monitors fit. */}}
{{- define "runnel.selector" -}}
app: {{ .component }}
{{- end }}

{{/* The controllers that are installed, as JSON: name to {values, storage}. */}}
{{- define "runnel.controllers" -}}
{{- $all := dict "source-controller" .Values.sourceController "image-controller" .Values.imageController "helm-controller" .Values.helmController }}
{{- $on := dict }}
{{- range $name, $values := $all }}
{{- if $values.enabled }}
{{- $_ := set $on $name $values }}
{{- end }}
{{- end }}
{{- toJson $on }}
{{- end }}
