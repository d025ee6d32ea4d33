{{ define "alias.name" }}{{ .Chart.Name }}-{{ .Release.Name }}{{ end }}
