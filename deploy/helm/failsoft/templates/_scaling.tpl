{{/* More pods come at once; fewer come slowly, because each takes what it has learnt of targets with it. */}}
{{- define "failsoft.scalingBehavior" -}}
behavior:
  scaleUp:
    stabilizationWindowSeconds: 0
  scaleDown:
    stabilizationWindowSeconds: 300
    policies:
      - type: Pods
        value: 1
        periodSeconds: 60
{{- end -}}

{{/* As many pods of a component as their CPU wants: (list $ "cache" values). */}}
{{- define "failsoft.cpuAutoscaler" -}}
{{- $values := index . 2 -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "failsoft.objectName" . }}
  namespace: {{ (index . 0).Release.Namespace }}
  labels:
    {{- include "failsoft.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "failsoft.objectName" . }}
  minReplicas: {{ $values.minReplicas }}
  maxReplicas: {{ $values.maxReplicas }}
  {{- include "failsoft.scalingBehavior" $values | nindent 2 }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $values.cpuPercent }}
{{- end -}}
