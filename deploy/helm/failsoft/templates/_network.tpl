{{/* Parts of NetworkPolicies; each is an item of a list of rules. */}}

{{/* The head of a policy for one component: (list $ "router"). */}}
{{- define "failsoft.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "failsoft.objectName" . }}
  namespace: {{ (index . 0).Release.Namespace }}
  labels:
    {{- include "failsoft.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "failsoft.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end -}}

{{/* One component of this release, as a peer: (list $ "cache"). */}}
{{- define "failsoft.peer" -}}
- podSelector:
    matchLabels:
      {{- include "failsoft.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* The given peers, or else every pod of the cluster. */}}
{{- define "failsoft.peersOrCluster" -}}
{{- if . -}}
{{- toYaml . -}}
{{- else -}}
- namespaceSelector: {}
{{- end -}}
{{- end -}}

{{/* From this component to another one of the release: (list $ "cache" 50052). */}}
{{- define "failsoft.toComponent" -}}
- to:
    {{- include "failsoft.peer" . | nindent 4 }}
  ports:
    - port: {{ index . 2 }}
      protocol: TCP
{{- end -}}

{{- define "failsoft.toDns" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns | nindent 4 }}
  ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - port: {{ . }}
      protocol: UDP
    - port: {{ . }}
      protocol: TCP
    {{- end }}
{{- end -}}

{{/* To every address that is not private, at the given ports: for both families. */}}
{{- define "failsoft.toPublic" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          - 0.0.0.0/8
          - 10.0.0.0/8
          - 100.64.0.0/10
          - 127.0.0.0/8
          - 169.254.0.0/16
          - 172.16.0.0/12
          - 192.168.0.0/16
          - 198.18.0.0/15
          - 224.0.0.0/3
    - ipBlock:
        cidr: 2000::/3
  ports:
    {{- range . }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
{{- end -}}

{{/* To the collector; nothing where there is none. */}}
{{- define "failsoft.toCollector" -}}
{{- with include "failsoft.otlpEndpoint" . -}}
{{- $port := (urlParse .).host | regexFind ":[0-9]+$" | trimPrefix ":" -}}
- to:
    {{- if $.Values.telemetry.otlpEndpoint }}
    {{- include "failsoft.peersOrCluster" $.Values.networkPolicy.collector | nindent 4 }}
    {{- else }}
    {{- include "failsoft.peer" (list $ (ternary "collector" "jaeger" $.Values.telemetry.collector.enabled)) | nindent 4 }}
    {{- end }}
  ports:
    - port: {{ default (ternary 443 80 (hasPrefix "https:" .)) ($port | int) }}
      protocol: TCP
{{- end -}}
{{- end -}}

{{/* To Valkey; nothing where there is none. */}}
{{- define "failsoft.toValkey" -}}
{{- if .Values.valkey.own.enabled -}}
{{- include "failsoft.toComponent" (list . "valkey" 6379) -}}
{{- else if or .Values.valkey.existingSecret .Values.valkey.url -}}
{{- $port := .Values.networkPolicy.valkeyPort -}}
{{- if not .Values.valkey.existingSecret -}}
{{- $port = (urlParse .Values.valkey.url).host | regexFind ":[0-9]+$" | trimPrefix ":" | default "6379" -}}
{{- end -}}
- to:
    {{- include "failsoft.peersOrCluster" .Values.networkPolicy.valkey | nindent 4 }}
  ports:
    - port: {{ $port }}
      protocol: TCP
{{- end -}}
{{- end -}}

{{/* From who reads metrics; nothing where they are not told. */}}
{{- define "failsoft.fromScrapers" -}}
{{- if .Values.metrics.enabled -}}
- from:
    {{- include "failsoft.peersOrCluster" .Values.networkPolicy.scrapers | nindent 4 }}
  ports:
    - port: metrics
      protocol: TCP
{{- end -}}
{{- end -}}
