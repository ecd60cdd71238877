{{/* The settings file of local-llm. */}}
{{- define "failsoft.localLlmConfig" -}}
local_llm:
  address: 0.0.0.0:50051
  service_token_file: /etc/failsoft/keys/service-token
  drain: {{ .Values.localLlm.drainSeconds }}s
{{- end -}}
