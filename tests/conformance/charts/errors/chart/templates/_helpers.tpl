{{- define "nil" -}}
before {{ .Values.none.field }}
{{- end }}
{{- define "middle" -}}
{{ include "nil" . | nindent 2 }}
{{- end }}
{{- define "outer" -}}
  {{- if true }}
  {{- include "middle" . | trim }}
  {{- end }}
{{- end }}
{{- define "tpl" -}}
{{ tpl .text .root }}
{{- end }}
{{- define "calls-nowhere" -}}
{{ include "nowhere" . }}
{{- end }}
{{- define "required" -}}
{{ required "a value: is needed" .Values.none }}
{{- end }}
{{- define "fail" -}}
{{ fail "failed in a partial" }}
{{- end }}
{{- define "bad-json" -}}
{{ mustFromJson "[1," }}
{{- end }}
