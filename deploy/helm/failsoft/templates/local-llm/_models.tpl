{{/* The PersistentVolumeClaim with models; empty: there is none. */}}
{{- define "failsoft.modelsClaim" -}}
{{- with .Values.localLlm.models -}}
{{- .existingClaim | default (ternary (include "failsoft.objectName" (list $ "models")) "" (ne .storage "")) -}}
{{- end -}}
{{- end -}}

{{/* Whether the volume that the chart claims is of one node at a time. */}}
{{- define "failsoft.volumeOfOneNode" -}}
{{- with .Values.localLlm.models -}}
{{- if and .storage (eq .accessMode "ReadWriteOnce") -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The volume that models are read from; nothing where there is none. */}}
{{- define "failsoft.modelsVolume" -}}
{{- if .Values.localLlm.models.image -}}
- name: models
  image:
    reference: {{ .Values.localLlm.models.image }}
    pullPolicy: IfNotPresent
{{- else -}}
{{- with include "failsoft.modelsClaim" . -}}
- name: models
  persistentVolumeClaim:
    claimName: {{ . }}
{{- end -}}
{{- end -}}
{{- end -}}
