{{/* What the names of all objects start with: at most 40 characters, so that the longest suffix fits. */}}
{{- define "failsoft.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of one object: (list $ "router"). */}}
{{- define "failsoft.objectName" -}}
{{- printf "%s-%s" (include "failsoft.fullname" (index . 0)) (index . 1) -}}
{{- end -}}

{{/* What tells this release's pods from all others. */}}
{{- define "failsoft.releaseLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What tells one component's pods from all others: (list $ "router"). */}}
{{- define "failsoft.selectorLabels" -}}
{{- include "failsoft.releaseLabels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of every object: (list $ "router"). */}}
{{- define "failsoft.labels" -}}
{{- $root := index . 0 -}}
{{ include "failsoft.selectorLabels" . }}
app.kubernetes.io/part-of: failsoft
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The image of a component: (list $ "local-llm" $.Values.image.digest.localLlm). */}}
{{- define "failsoft.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $name := printf "failsoft/%s" (index . 1) -}}
{{- if $image.registry -}}{{- $name = printf "%s/%s" $image.registry $name -}}{{- end -}}
{{- with index . 2 -}}
{{- printf "%s@%s" $name . -}}
{{- else -}}
{{- printf "%s:%s" $name (default (index $ 0).Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Which image local-llm runs: the one for GPUs has vLLM. */}}
{{- define "failsoft.localLlmImage" -}}
{{- ternary "local-llm-gpu" "local-llm" (gt (int .Values.localLlm.gpu.count) 0) -}}
{{- end -}}

{{/* The Secret with the service token. */}}
{{- define "failsoft.serviceTokenSecret" -}}
{{- .Values.serviceToken.existingSecret | default (include "failsoft.objectName" (list . "service-token")) -}}
{{- end -}}

{{/* The Secret with the file of API keys. */}}
{{- define "failsoft.apiKeysSecret" -}}
{{- .Values.router.apiKeys.existingSecret | default (include "failsoft.objectName" (list . "api-keys")) -}}
{{- end -}}

{{/* The Secret with the token of who reads metrics. */}}
{{- define "failsoft.metricsTokenSecret" -}}
{{- .Values.metrics.token.existingSecret | default (include "failsoft.objectName" (list . "metrics-token")) -}}
{{- end -}}

{{/* The Secret with Valkey's address; empty: the address is no secret, or there is none. */}}
{{- define "failsoft.valkeySecret" -}}
{{- if .Values.valkey.own.enabled -}}
{{- .Values.valkey.own.existingSecret | default (include "failsoft.objectName" (list . "valkey")) -}}
{{- else -}}
{{- .Values.valkey.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the cache's master secret. */}}
{{- define "failsoft.cacheSecret" -}}
{{- .Values.cache.secret.existingSecret | default (include "failsoft.objectName" (list . "cache-secret")) -}}
{{- end -}}

{{/* Whether a Secret of ours outlives the release. */}}
{{- define "failsoft.keptSecretAnnotations" -}}
{{- if .Values.keepSecrets -}}
annotations:
  helm.sh/resource-policy: keep
{{- end -}}
{{- end -}}

{{/*
The data of a Secret that is made once: what the cluster already has stays as it is.
(list $ name key)
*/}}
{{- define "failsoft.keptSecretData" -}}
{{- $root := index . 0 -}}
{{- $key := index . 2 -}}
{{- $existing := lookup "v1" "Secret" $root.Release.Namespace (index . 1) | default dict -}}
{{ $key }}: {{ dig "data" $key (randAlphaNum 64 | b64enc) $existing }}
{{- end -}}
