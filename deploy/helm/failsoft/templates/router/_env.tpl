{{/* The router's variables: where spans go, and which pod its events are about. */}}
{{- define "failsoft.routerEnv" -}}
{{- $telemetry := include "failsoft.telemetry" . -}}
{{- if .Values.router.watchEndpoints -}}
{{- $telemetry | default (include "failsoft.podName" .) }}
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  - name: POD_UID
    valueFrom:
      fieldRef:
        fieldPath: metadata.uid
{{- else -}}
{{- $telemetry -}}
{{- end -}}
{{- end -}}
