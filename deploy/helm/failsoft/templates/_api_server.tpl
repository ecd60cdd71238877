{{/* How the router's NetworkPolicy lets it reach the API server. */}}

{{/*
To the API server: whom the values name, or else where this cluster says that it is. Where Helm only
renders nobody can say, and it is looked for at every address but the node's own ones and the
cloud's metadata.
*/}}
{{- define "failsoft.toApiServer" -}}
{{- $named := .Values.networkPolicy.apiServer -}}
{{- $found := include "failsoft.apiServerRules" . -}}
{{- if $named -}}
- to:
    {{- toYaml $named | nindent 4 }}
  ports:
    {{- include "failsoft.tcpPorts" (list 443 6443) | nindent 4 }}
{{- else if $found -}}
{{- $found | trim -}}
{{- else -}}
# Rendered without a cluster, so wherever it is: `networkPolicy.apiServer` names it.
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [127.0.0.0/8, 169.254.0.0/16]
    - ipBlock:
        cidr: ::/0
        except: ["::1/128", "fe80::/10"]
  ports:
    {{- include "failsoft.tcpPorts" (list 443 6443) | nindent 4 }}
{{- end -}}
{{- end -}}

{{/*
Where this cluster's API server is: its Service, and what is behind it, because networks differ in
which of the two addresses their policies see. Nothing where it is named, or nobody can be asked.
*/}}
{{- define "failsoft.apiServerRules" -}}
{{- if not .Values.networkPolicy.apiServer -}}
{{- with (lookup "v1" "Service" "default" "kubernetes" | default dict).spec }}
- to:
    {{- include "failsoft.addresses" .clusterIPs | nindent 4 }}
  ports:
    {{- $ports := list -}}
    {{- range .ports -}}{{- $ports = append $ports .port -}}{{- end -}}
    {{- include "failsoft.tcpPorts" $ports | nindent 4 }}
{{- end }}
{{- with lookup "discovery.k8s.io/v1" "EndpointSlice" "default" "kubernetes" }}
- to:
    {{- $addresses := list -}}
    {{- range .endpoints -}}{{- $addresses = concat $addresses .addresses -}}{{- end -}}
    {{- include "failsoft.addresses" $addresses | nindent 4 }}
  ports:
    {{- $ports := list -}}
    {{- range .ports -}}{{- $ports = append $ports .port -}}{{- end -}}
    {{- include "failsoft.tcpPorts" $ports | nindent 4 }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Peers that are single addresses. */}}
{{- define "failsoft.addresses" -}}
{{- $peers := list -}}
{{- range . -}}
{{- $cidr := printf "%s/%d" . (ternary 128 32 (contains ":" .)) -}}
{{- $peers = append $peers (dict "ipBlock" (dict "cidr" $cidr)) -}}
{{- end -}}
{{- toYaml $peers -}}
{{- end -}}

{{- define "failsoft.tcpPorts" -}}
{{- $ports := list -}}
{{- range . -}}{{- $ports = append $ports (dict "port" . "protocol" "TCP") -}}{{- end -}}
{{- toYaml $ports -}}
{{- end -}}
