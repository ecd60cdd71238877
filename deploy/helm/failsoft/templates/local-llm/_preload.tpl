{{/* The pod that fetches the model. A Job's pod cannot be changed, so its name is drawn from this. */}}
{{- define "failsoft.preloadPod" -}}
{{- $preload := .Values.localLlm.preload -}}
metadata:
  labels:
    {{- include "failsoft.selectorLabels" (list . "preload") | nindent 4 }}
spec:
  automountServiceAccountToken: false
  {{- include "failsoft.podDefaults" . | nindent 2 }}
  {{- with include "failsoft.nodes" (include "failsoft.preloadNodes" . | fromYaml) | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  restartPolicy: OnFailure
  containers:
    - name: preload
      image: {{ include "failsoft.image" (list . (include "failsoft.localLlmImage" .) .Values.image.digest.localLlm) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [python, -m, failsoft_local_llm, preload]
      args:
        - {{ .Values.localLlm.model }}
        - --to
        - /models
        {{- if $preload.token.existingSecret }}
        - --token-file
        - /etc/failsoft/hub-token
        {{- end }}
      {{- with $preload.hub }}
      env:
        - name: HF_ENDPOINT
          value: {{ . | quote }}
      {{- end }}
      {{- include "failsoft.containerDefaults" . | nindent 6 }}
      resources:
        {{- toYaml $preload.resources | nindent 8 }}
      volumeMounts:
        - name: models
          mountPath: /models
        - name: scratch
          mountPath: /cache
        - name: tmp
          mountPath: /tmp
        {{- if $preload.token.existingSecret }}
        - name: hub-token
          mountPath: /etc/failsoft
          readOnly: true
        {{- end }}
  volumes:
    {{- include "failsoft.modelsVolume" . | nindent 4 }}
    {{- include "failsoft.tmpVolume" . | nindent 4 }}
    - name: scratch
      emptyDir:
        sizeLimit: 1Gi
    {{- with $preload.token.existingSecret }}
    - name: hub-token
      secret:
        secretName: {{ . }}
        defaultMode: 0440
        items:
          - key: {{ $preload.token.key }}
            path: hub-token
    {{- end }}
{{- end -}}
