{{/* Jaeger and the collector, which run alike. */}}

{{/* Where spans go: what is set, or else what the chart runs; empty: nowhere. */}}
{{- define "failsoft.otlpEndpoint" -}}
{{- with .Values.telemetry -}}
{{- $own := ternary "collector" (ternary "jaeger" "" .jaeger.enabled) .collector.enabled -}}
{{- if .otlpEndpoint -}}
{{- .otlpEndpoint -}}
{{- else if $own -}}
http://{{ include "failsoft.objectName" (list $ $own) }}:{{ ternary 4317 4318 (eq .protocol "grpc") }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where the collector sends the traces that it keeps. */}}
{{- define "failsoft.tracesTo" -}}
{{- .Values.telemetry.collector.tracesTo | default (printf "%s:4317" (include "failsoft.objectName" (list . "jaeger"))) -}}
{{- end -}}

{{/* ConfigMap, Deployment, Service and budget: (list $ "jaeger" values "files/jaeger.yaml" ports env). */}}
{{- define "failsoft.telemetryProgram" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index . 2 -}}
{{- $config := $root.Files.Get (index . 3) -}}
{{- $name := include "failsoft.objectName" . -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "failsoft.labels" . | nindent 4 }}
data:
  config.yaml: |
    {{- $config | nindent 4 }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "failsoft.labels" . | nindent 4 }}
spec:
  replicas: 1
  {{- include "failsoft.roll" (list $root 30 120) | nindent 2 }}
  # One at a time: what two of them had seen of a trace would be two halves.
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- include "failsoft.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "failsoft.selectorLabels" . | nindent 8 }}
      annotations:
        checksum/config: {{ $config | sha256sum }}
    spec:
      automountServiceAccountToken: false
      {{- include "failsoft.podDefaults" $root | nindent 6 }}
      {{- with include "failsoft.nodes" $values | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      containers:
        - name: {{ $component }}
          image: {{ $values.image }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [--config, /etc/failsoft/config.yaml]
          {{- with index . 5 }}
          env:
            {{- range $key, $value := . }}
            - name: {{ $key }}
              value: {{ $value | quote }}
            {{- end }}
          {{- end }}
          ports:
            {{- range $port, $number := index . 4 }}
            - name: {{ $port }}
              containerPort: {{ $number }}
              protocol: TCP
            {{- end }}
          startupProbe:
            httpGet:
              port: health
              path: /status
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet:
              port: health
              path: /status
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet:
              port: health
              path: /status
            periodSeconds: 5
            timeoutSeconds: 2
          {{- include "failsoft.containerDefaults" $root | nindent 10 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - name: etc
              mountPath: /etc/failsoft
              readOnly: true
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: etc
          configMap:
            name: {{ $name }}
        {{- include "failsoft.tmpVolume" $root | nindent 8 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "failsoft.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector:
    {{- include "failsoft.selectorLabels" . | nindent 4 }}
  ports:
    {{- range $port, $number := omit (index . 4) "health" }}
    - name: {{ $port }}
      port: {{ $number }}
      targetPort: {{ $port }}
      protocol: TCP
    {{- end }}
---
{{ include "failsoft.disruptionBudget" . }}
{{- end -}}

{{/* From every pod of the release, at the ports that spans come to. */}}
{{- define "failsoft.fromSenders" -}}
- from:
    - podSelector:
        matchLabels:
          {{- include "failsoft.releaseLabels" . | nindent 10 }}
  ports:
    - port: otlp-grpc
      protocol: TCP
    - port: otlp-http
      protocol: TCP
{{- end -}}
