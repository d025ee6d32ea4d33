{{ define "parent.only" }}{{ required "parent's" .Values.none }}{{ end }}
{{ define "same" }}from parent{{ end }}
