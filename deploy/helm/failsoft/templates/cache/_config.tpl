{{/* The settings file of the cache. */}}
{{- define "failsoft.cacheConfig" -}}
cache:
  address: "{{ .Values.listenOn }}:50052"
  secret_file: /etc/failsoft/keys/master-secret
  service_token_file: /etc/failsoft/keys/service-token
  {{- with include "failsoft.valkeyConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  local_bytes: {{ .Values.cache.localBytes }}
  {{- with include "failsoft.healthConfig" (list . "cache") }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "failsoft.mutualTlsConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "failsoft.metricsConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  drain: {{ .Values.cache.drainSeconds }}s
{{- end -}}
