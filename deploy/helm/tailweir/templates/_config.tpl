{{/*
The configuration that the chart writes, as JSON: `alternateConfig` where it is given, else `config`. Whatever reads the configuration reads it
by this. What is in an `existingConfigMap` is not known here.
*/}}
{{- define "tailweir.config" -}}
{{- .Values.alternateConfig | default .Values.config | toJson -}}
{{- end -}}
