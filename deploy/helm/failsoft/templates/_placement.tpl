{{/* Pods of one component stay apart, as far as there is room: (list $ "router"). */}}
{{- define "failsoft.placement" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "failsoft.selectorLabels" $ | nindent 8 }}
    # While a roll has pods of two versions, those of each are spread by themselves.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end -}}

{{/*
A drain of nodes takes one pod of a component at a time, and never waits for one that is not
ready anyway: (list $ "router").
*/}}
{{- define "failsoft.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "failsoft.objectName" . }}
  labels:
    {{- include "failsoft.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "failsoft.selectorLabels" . | nindent 6 }}
{{- end -}}
