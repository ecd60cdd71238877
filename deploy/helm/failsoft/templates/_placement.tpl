{{/* On which nodes, as the values of a component have it. */}}
{{- define "failsoft.nodes" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

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
  namespace: {{ (index . 0).Release.Namespace }}
  labels:
    {{- include "failsoft.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "failsoft.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/*
How a roll goes on: (list $ graceSeconds startupSeconds).
It has failed when nothing has come of it for longer than an old pod may take to end, a node to
fetch the image and a new pod to start; Kubernetes' own ten minutes are less than that.
*/}}
{{- define "failsoft.roll" -}}
{{- $values := (index . 0).Values -}}
minReadySeconds: {{ $values.minReadySeconds }}
progressDeadlineSeconds: {{ add (index . 1) $values.image.pullSeconds (index . 2) $values.minReadySeconds }}
{{- end -}}
