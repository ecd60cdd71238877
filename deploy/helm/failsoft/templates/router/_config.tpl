{{/* The settings file of the router. */}}
{{- define "failsoft.routerConfig" -}}
router:
  address: "{{ .Values.listenOn }}:50050"
  admin_address: "{{ .Values.listenOn }}:50060"
  {{- if .Values.router.http.enabled }}
  http_address: "{{ .Values.listenOn }}:50080"
  {{- end }}
  policy_file: /etc/failsoft/policy.yaml
  cache_address: dns:///{{ include "failsoft.objectName" (list . "cache") }}:50052
  {{- with include "failsoft.valkeyConfig" . }}
  # Where replicas keep their walks, so that each can explain those of all.
  explain:
    {{- . | nindent 4 }}
  {{- end }}
  service_token_file: /etc/failsoft/keys/service-token
  identity:
    keys_file: /etc/failsoft/keys/api-keys
  {{- with include "failsoft.healthConfig" (list . "router") }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "failsoft.routerTlsConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "failsoft.metricsConfig" . }}
  {{- . | nindent 2 }}
  {{- end }}
  drain: {{ .Values.router.drainSeconds }}s
{{- end -}}

{{/* The policy file. */}}
{{- define "failsoft.policy" -}}
{{- tpl .Values.router.policy . | trim -}}
{{- end -}}

{{/* How the chart's own policy names local-llm; the port by its number, which the service's name
     in DNS does not tell. */}}
{{- define "failsoft.localLlmEndpoint" -}}
{{- $service := include "failsoft.objectName" (list . "local-llm") -}}
{{- if .Values.router.watchEndpoints -}}
kubernetes:///{{ .Release.Namespace }}/{{ $service }}:50051
{{- else -}}
dns:///{{ $service }}:50051
{{- end -}}
{{- end -}}
