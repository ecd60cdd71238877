{{/* What routers may do in Valkey: keep walks and find them, and read nothing of the cache. */}}
{{- define "failsoft.routersRights" -}}
resetchannels ~failsoft:explain:* -@all +ping +cluster|info +exists +get +set +zadd +zrevrange +zremrangebyrank +pexpire
{{- end -}}
