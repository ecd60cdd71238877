{{/* Where local-llm may run, and who fetches its model: as `failsoft.nodes` takes it. */}}
{{- define "failsoft.localLlmNodes" -}}
{{- with .Values.localLlm -}}
{{- $nodes := dict "nodeSelector" .nodeSelector "tolerations" .tolerations "affinity" .affinity -}}
{{- if gt (int .gpu.count) 0 -}}
{{- $taint := dict "key" "nvidia.com/gpu" "operator" "Exists" "effect" "NoSchedule" -}}
{{- $_ := set $nodes "nodeSelector" (merge dict .gpu.nodeSelector .nodeSelector) -}}
{{- $_ := set $nodes "tolerations" (prepend .tolerations $taint) -}}
{{- end -}}
{{- toYaml $nodes -}}
{{- end -}}
{{- end -}}

{{/*
Where the Job that fetches the model runs: on a node of local-llm's, so that both have the volume.
One that only a single node can have at a time leaves no choice.
*/}}
{{- define "failsoft.preloadNodes" -}}
{{- $nodes := include "failsoft.localLlmNodes" . | fromYaml -}}
{{- if gt (int .Values.localLlm.replicas) 0 -}}
{{- $labels := include "failsoft.selectorLabels" (list . "local-llm") | fromYaml -}}
{{- $beside := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) -}}
{{- $affinity := dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $beside)) -}}
{{- if include "failsoft.volumeOfOneNode" . -}}
{{- $affinity = dict "requiredDuringSchedulingIgnoredDuringExecution" (list $beside) -}}
{{- end -}}
{{- $_ := set $nodes "affinity" (set (default dict $nodes.affinity) "podAffinity" $affinity) -}}
{{- end -}}
{{- toYaml $nodes -}}
{{- end -}}
