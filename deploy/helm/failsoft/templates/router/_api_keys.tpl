{{/*
The data of the Secret of API keys. What the cluster has stays as it is, further keys and a first
key that was taken away included; else a first key is made: (list $ name)
*/}}
{{- define "failsoft.apiKeysData" -}}
{{- $root := index . 0 -}}
{{- $file := $root.Values.router.apiKeys.key -}}
{{- $existing := (lookup "v1" "Secret" $root.Release.Namespace (index . 1) | default dict).data | default dict -}}
{{- if hasKey $existing $file -}}
{{- toYaml $existing -}}
{{- else -}}
{{- $id := randBytes 10 | b64dec | b32enc | lower -}}
{{- $key := printf "fs_%s_%s" $id (randBytes 32 | replace "+" "-" | replace "/" "_" | trimSuffix "=") -}}
{{- $record := dict "id" $id "sha256" (sha256sum $key) "tenant" "default" "scopes" (list "operator") "created" (dateInZone "2006-01-02T15:04:05Z" now "UTC") "name" "first key" -}}
{{ $file }}: {{ printf "%s\n" (toJson $record) | b64enc }}
first-key: {{ $key | b64enc }}
{{- end -}}
{{- end -}}
