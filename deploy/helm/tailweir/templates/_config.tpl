{{/*
The configuration that the chart writes, as JSON: `alternateConfig` where it is given, else `config`. Whatever reads the configuration reads it
by this. What is in an `existingConfigMap` is not known here.
*/}}
{{- define "tailweir.config" -}}
{{- .Values.alternateConfig | default .Values.config | toJson -}}
{{- end -}}

{{/* What of it, and of `policies`, a running process cannot take over, as JSON. Both as they are written: lists and `null` merge by other rules there. */}}
{{- define "tailweir.restarting" -}}
{{- $parts := list -}}
{{- range list (include "tailweir.config" . | fromJson) .Values.policies -}}
{{- $config := . | default dict -}}
{{- $service := get $config "service" | default dict -}}
{{- $parts = append $parts (list (get $service "telemetry") (get $service "extensions") (get $config "extensions")) -}}
{{- end -}}
{{- toJson $parts -}}
{{- end -}}
