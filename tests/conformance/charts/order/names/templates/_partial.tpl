{{ define "p" }}partial{{ end }}
kind: Never
