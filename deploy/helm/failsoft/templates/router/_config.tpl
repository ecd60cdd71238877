{{/* The settings file of the router. */}}
{{- define "failsoft.routerConfig" -}}
router:
  address: 0.0.0.0:50050
  admin_address: 0.0.0.0:50060
  policy_file: /etc/failsoft/policy.yaml
  cache_address: dns:///{{ include "failsoft.objectName" (list . "cache") }}:50052
  service_token_file: /etc/failsoft/keys/service-token
  drain: {{ .Values.router.drainSeconds }}s
{{- end -}}
