{{/* The settings file of the cache. */}}
{{- define "failsoft.cacheConfig" -}}
cache:
  address: 0.0.0.0:50052
  secret_file: /etc/failsoft/keys/master-secret
  service_token_file: /etc/failsoft/keys/service-token
  {{- if .Values.valkey.existingSecret }}
  valkey_url_file: /etc/failsoft/keys/valkey-url
  {{- else if .Values.valkey.url }}
  valkey_url: {{ .Values.valkey.url | quote }}
  {{- end }}
  local_bytes: {{ .Values.cache.localBytes }}
  {{- with include "failsoft.metricsConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  drain: {{ .Values.cache.drainSeconds }}s
{{- end -}}
