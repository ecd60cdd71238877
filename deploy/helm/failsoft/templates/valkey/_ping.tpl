{{/* A probe that Valkey itself has to answer. */}}
{{- define "failsoft.valkeyPing" -}}
exec:
  command: [python, -IS, /etc/valkey/ping.py, /etc/valkey/valkey.conf, "6379"]
timeoutSeconds: 5
{{- end -}}
