{{- define "lib.object" -}}
kind: Thing
name: {{ .name }}
word: {{ .root.Values.lib.word }}
values: {{ toJson .root.Values }}
template: {{ .root.Template.Name }}
{{- end }}
