{{/* The settings file of local-llm. */}}
{{- define "failsoft.localLlmConfig" -}}
local_llm:
  address: "{{ .Values.listenOn }}:50051"
  service_token_file: /etc/failsoft/keys/service-token
  profile: {{ .Values.localLlm.profile }}
  {{- with .Values.localLlm.model }}
  wanted_model: {{ . | quote }}
  {{- end }}
  start: {{ .Values.localLlm.startupSeconds }}s
  {{- with include "failsoft.healthConfig" (list . "local-llm") }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "failsoft.mutualTlsConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "failsoft.metricsConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  drain: {{ .Values.localLlm.drainSeconds }}s
{{- end -}}
