{{/*
What every pod has; it is allowed as little as the restricted pod security standard demands.
*/}}
{{- define "failsoft.podDefaults" -}}
enableServiceLinks: false
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What a container says as it ends with an error is shown by `kubectl describe pod`. */}}
{{- define "failsoft.containerDefaults" -}}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/*
Native gRPC probes: (list port service startupSeconds).
`liveness` is well whenever the process answers in time. The service's own name is well when it
can take calls: not while its model loads or it drains, but with every provider and Valkey away.
*/}}
{{- define "failsoft.probes" -}}
{{- $port := index . 0 -}}
{{- $service := index . 1 -}}
startupProbe:
  grpc:
    port: {{ $port }}
    service: {{ $service }}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: {{ div (add (index . 2) 1) 2 }}
livenessProbe:
  grpc:
    port: {{ $port }}
    service: liveness
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
  # A process that is frozen drains nothing: the pod's own grace period would only be lost.
  terminationGracePeriodSeconds: 20
readinessProbe:
  grpc:
    port: {{ $port }}
    service: {{ $service }}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{- define "failsoft.preStop" -}}
lifecycle:
  preStop:
    sleep:
      seconds: {{ .Values.preStopSeconds }}
{{- end -}}

{{/* Seconds until SIGKILL: (list $ drainSeconds). */}}
{{- define "failsoft.gracePeriod" -}}
{{- add (index . 0).Values.preStopSeconds (index . 1) 15 -}}
{{- end -}}

{{/* The begin of a container's variables. */}}
{{- define "failsoft.podName" -}}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
{{- end -}}

{{/* Where spans go; the pod's name tells one replica's from another's. */}}
{{- define "failsoft.telemetry" -}}
{{- with include "failsoft.otlpEndpoint" . -}}
{{- include "failsoft.podName" $ }}
  - name: OTEL_EXPORTER_OTLP_ENDPOINT
    value: {{ . | quote }}
  - name: OTEL_EXPORTER_OTLP_PROTOCOL
    value: {{ $.Values.telemetry.protocol }}
  - name: OTEL_TRACES_SAMPLER
    value: {{ $.Values.telemetry.sampler }}
  - name: OTEL_TRACES_SAMPLER_ARG
    value: {{ $.Values.telemetry.samplerShare | quote }}
  - name: OTEL_RESOURCE_ATTRIBUTES
    value: k8s.namespace.name={{ $.Release.Namespace }},k8s.pod.name=$(POD_NAME)
{{- end }}
{{- end -}}

{{/* Where Prometheus reads metrics: the settings, and the container's port. */}}
{{- define "failsoft.metricsConfig" -}}
{{- if .Values.metrics.enabled -}}
metrics_address: "{{ .Values.listenOn }}:9464"
metrics_token_file: /etc/failsoft/keys/metrics-token
{{- end -}}
{{- end -}}

{{- define "failsoft.metricsPort" -}}
{{- if .Values.metrics.enabled -}}
- name: metrics
  containerPort: 9464
  protocol: TCP
{{- end -}}
{{- end -}}

{{- define "failsoft.volumeMounts" -}}
- name: etc
  mountPath: /etc/failsoft
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end -}}

{{/* Valkey's address with its password, as a file: (list $ "router"). */}}
{{- define "failsoft.valkeyUrlFile" -}}
{{- $valkey := (index . 0).Values.valkey -}}
{{- $keys := dict "router" ($valkey.routerKey | default $valkey.key) "cache" $valkey.key -}}
{{- if $valkey.own.enabled -}}{{- $keys = dict "router" "router-url" "cache" "url" -}}{{- end -}}
{{- with include "failsoft.valkeySecret" (index . 0) -}}
- secret:
    name: {{ . }}
    items:
      - key: {{ get $keys (index $ 1) }}
        path: keys/valkey-url
{{- end -}}
{{- end -}}

{{/* The authority of Valkey's certificate, as a file. */}}
{{- define "failsoft.valkeyAuthorityFile" -}}
{{- with .Values.valkey.ca.existingSecret -}}
- secret:
    name: {{ . }}
    items:
      - key: {{ $.Values.valkey.ca.key }}
        path: keys/valkey-ca.crt
{{- end -}}
{{- end -}}

{{/* How a service finds Valkey; nothing where there is none. */}}
{{- define "failsoft.valkeyConfig" -}}
{{- if include "failsoft.valkeySecret" . -}}
valkey_url_file: /etc/failsoft/keys/valkey-url
{{- else if .Values.valkey.url -}}
valkey_url: {{ .Values.valkey.url | quote }}
{{- end -}}
{{- end -}}

{{/* The only writable place. */}}
{{- define "failsoft.tmpVolume" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- end -}}

{{/* The start of the volume at /etc/failsoft, to which a component adds its own sources: (list $ "router"). */}}
{{- define "failsoft.etcVolume" -}}
{{- $root := index . 0 -}}
- name: etc
  projected:
    defaultMode: 0440
    sources:
      - configMap:
          name: {{ include "failsoft.objectName" . }}
      - secret:
          name: {{ include "failsoft.serviceTokenSecret" $root }}
          items:
            - key: {{ $root.Values.serviceToken.key }}
              path: keys/service-token
      {{- if $root.Values.metrics.enabled }}
      - secret:
          name: {{ include "failsoft.metricsTokenSecret" $root }}
          items:
            - key: {{ $root.Values.metrics.token.key }}
              path: keys/metrics-token
      {{- end }}
{{- end -}}

{{/* The resources of local-llm, with its GPUs. */}}
{{- define "failsoft.localLlmResources" -}}
{{- $resources := deepCopy .Values.localLlm.resources -}}
{{- with .Values.localLlm.gpu.count | int -}}
{{- $_ := set $resources "limits" (set (default dict $resources.limits) $.Values.localLlm.gpu.resource .) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
