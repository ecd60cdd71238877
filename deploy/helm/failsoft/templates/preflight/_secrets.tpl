{{/*
What is wrong with the Secrets that values name, a line for each; nothing where all is well, and
where Helm only renders. Helm keeps its own records as Secrets of the namespace, so it may list them.
*/}}
{{- define "failsoft.missingSecrets" -}}
{{- $namespace := .Release.Namespace -}}
{{- if and .Values.preflight.enabled (lookup "v1" "Secret" $namespace "") -}}
{{- range include "failsoft.namedSecrets" . | fromYamlArray -}}
{{- $secret := lookup "v1" "Secret" $namespace .name -}}
{{- if not $secret }}
- {{ .value }}: there is no Secret {{ .name }} in namespace {{ $namespace }}
{{- else if and .key (not (hasKey (default dict $secret.data) .key)) }}
- {{ .value }}: Secret {{ .name }} in namespace {{ $namespace }} has no key {{ .key }}; it has {{ keys (default dict $secret.data) | sortAlpha | join ", " | default "none" }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Which Secrets values name: the value, the Secret, and the key that it has to have, if any. */}}
{{- define "failsoft.namedSecrets" -}}
{{- range .Values.imagePullSecrets }}
- {value: imagePullSecrets, name: {{ .name }}, key: ""}
{{- end }}
{{- with .Values.serviceToken }}
{{- if .existingSecret }}
- {value: serviceToken.existingSecret, name: {{ .existingSecret }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- with .Values.valkey }}
{{- if .existingSecret }}
- {value: valkey.existingSecret, name: {{ .existingSecret }}, key: {{ .key | quote }}}
{{- if .routerKey }}
- {value: valkey.existingSecret, name: {{ .existingSecret }}, key: {{ .routerKey | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.valkey.ca }}
{{- if .existingSecret }}
- {value: valkey.ca.existingSecret, name: {{ .existingSecret }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- with .Values.valkey.own }}
{{- if and .enabled .existingSecret }}
- {value: valkey.own.existingSecret, name: {{ .existingSecret }}, key: valkey.conf}
- {value: valkey.own.existingSecret, name: {{ .existingSecret }}, key: url}
- {value: valkey.own.existingSecret, name: {{ .existingSecret }}, key: router-url}
{{- end }}
{{- end }}
{{- with .Values.metrics.token }}
{{- if and $.Values.metrics.enabled .existingSecret }}
- {value: metrics.token.existingSecret, name: {{ .existingSecret }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- with .Values.router.apiKeys }}
{{- if .existingSecret }}
- {value: router.apiKeys.existingSecret, name: {{ .existingSecret }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- with .Values.router.credentials.existingSecret }}
- {value: router.credentials.existingSecret, name: {{ . }}, key: ""}
{{- end }}
{{- if .Values.mtls.enabled }}
{{- range $service, $name := .Values.mtls.existingSecrets }}
{{- if $name }}
{{- range $key := list "tls.crt" "tls.key" "ca.crt" }}
- {value: mtls.existingSecrets.{{ $service }}, name: {{ $name }}, key: {{ $key }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.router.tls }}
{{- if and .enabled .existingSecret }}
{{- range $key := list "tls.crt" "tls.key" }}
- {value: router.tls.existingSecret, name: {{ $.Values.router.tls.existingSecret }}, key: {{ $key }}}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.cache.secret }}
{{- if .existingSecret }}
- {value: cache.secret.existingSecret, name: {{ .existingSecret }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- with .Values.localLlm.preload }}
{{- if and .enabled .token.existingSecret }}
- {value: localLlm.preload.token.existingSecret, name: {{ .token.existingSecret }}, key: {{ .token.key | quote }}}
{{- end }}
{{- end }}
{{- end -}}
