{{/* TLS between the services, and at the router's gRPC ports. */}}

{{/* Whether a component has TLS at its gRPC ports; then probes need a port without: (list $ "router"). */}}
{{- define "failsoft.hasTls" -}}
{{- $values := (index . 0).Values -}}
{{- if ternary $values.router.tls.enabled $values.mtls.enabled (eq (index . 1) "router") -}}
true
{{- end -}}
{{- end -}}

{{/* Where probes ask: (list $ "cache" 50052). */}}
{{- define "failsoft.probePort" -}}
{{- if include "failsoft.hasTls" . -}}50070{{- else -}}{{ index . 2 }}{{- end -}}
{{- end -}}

{{/* The port for health alone, in the clear, and its setting; nothing where there is no TLS. */}}
{{- define "failsoft.healthPort" -}}
{{- if include "failsoft.hasTls" . -}}
- name: health
  containerPort: 50070
  protocol: TCP
{{- end -}}
{{- end -}}

{{- define "failsoft.healthConfig" -}}
{{- if include "failsoft.hasTls" . -}}
health_address: "{{ (index . 0).Values.listenOn }}:50070"
{{- end -}}
{{- end -}}

{{/* The names of a component in the cluster's DNS: (list $ "cache"). The third one is what services are known by. */}}
{{- define "failsoft.dnsNames" -}}
{{- $name := include "failsoft.objectName" . -}}
{{- $namespace := (index . 0).Release.Namespace -}}
- {{ $name }}
- {{ $name }}.{{ $namespace }}
- {{ $name }}.{{ $namespace }}.svc
- {{ $name }}.{{ $namespace }}.svc.cluster.local
{{- end -}}

{{/* TLS of a service that only routers call. */}}
{{- define "failsoft.mutualTlsConfig" -}}
{{- if .Values.mtls.enabled -}}
tls:
  certificate_file: /etc/failsoft/tls/tls.crt
  key_file: /etc/failsoft/tls/tls.key
  client_ca_file: /etc/failsoft/tls/ca.crt
  services: {{ .Values.mtls.routerNames | default (list (printf "%s.%s.svc" (include "failsoft.objectName" (list . "router")) .Release.Namespace)) | toJson }}
{{- end -}}
{{- end -}}

{{/* TLS of the router's gRPC ports, and of its calls. */}}
{{- define "failsoft.routerTlsConfig" -}}
{{- if .Values.router.tls.enabled -}}
tls:
  certificate_file: /etc/failsoft/front/tls.crt
  key_file: /etc/failsoft/front/tls.key
{{ end -}}
{{- if .Values.mtls.enabled -}}
client_tls:
  ca_file: /etc/failsoft/tls/ca.crt
  certificate_file: /etc/failsoft/tls/tls.crt
  key_file: /etc/failsoft/tls/tls.key
{{- end -}}
{{- end -}}

{{/* The Secret with a component's certificate: (list $ "local-llm"). */}}
{{- define "failsoft.mtlsSecret" -}}
{{- $root := index . 0 -}}
{{- index $root.Values.mtls.existingSecrets (index . 1 | camelcase | untitle) | default (include "failsoft.objectName" (list $root (printf "%s-mtls" (index . 1)))) -}}
{{- end -}}

{{/* The Secret with the certificate that the router shows to callers. */}}
{{- define "failsoft.frontSecret" -}}
{{- .Values.router.tls.existingSecret | default (include "failsoft.objectName" (list . "router-front-tls")) -}}
{{- end -}}

{{/* A component's certificate as files, all of them exchanged together: (list $ "cache"). */}}
{{- define "failsoft.mtlsFiles" -}}
{{- if (index . 0).Values.mtls.enabled -}}
- secret:
    name: {{ include "failsoft.mtlsSecret" . }}
    items:
      - key: tls.crt
        path: tls/tls.crt
      - key: tls.key
        path: tls/tls.key
      - key: ca.crt
        path: tls/ca.crt
{{- end -}}
{{- end -}}

{{- define "failsoft.frontFiles" -}}
{{- if .Values.router.tls.enabled -}}
- secret:
    name: {{ include "failsoft.frontSecret" . }}
    items:
      - key: tls.crt
        path: front/tls.crt
      - key: tls.key
        path: front/tls.key
{{- end -}}
{{- end -}}

{{/* Whether the chart has cert-manager make the certificates between the services. */}}
{{- define "failsoft.mtlsByCertManager" -}}
{{- if and .Values.mtls.enabled (not .Values.mtls.existingSecrets.router) -}}
true
{{- end -}}
{{- end -}}

{{/* The issuer of the certificates between the services: the one that is named, or the chart's own. */}}
{{- define "failsoft.mtlsIssuer" -}}
{{- if .Values.mtls.issuer.name -}}
{{- toYaml .Values.mtls.issuer -}}
{{- else -}}
name: {{ include "failsoft.objectName" (list . "mtls") }}
kind: Issuer
group: cert-manager.io
{{- end -}}
{{- end -}}

{{/* What every certificate of the services has. */}}
{{- define "failsoft.certificateDefaults" -}}
duration: {{ .Values.mtls.duration }}
renewBefore: {{ .Values.mtls.renewBefore }}
privateKey:
  algorithm: ECDSA
  size: 256
  rotationPolicy: Always
{{- end -}}
