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
