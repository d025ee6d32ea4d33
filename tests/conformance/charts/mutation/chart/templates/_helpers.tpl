{{- define "log" -}}
{{- $log := append (index . 0).Values.shared.log (index . 1) -}}
{{- $_ := set (index . 0).Values.shared "log" $log -}}
{{- end }}
