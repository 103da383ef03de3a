{{- define "tailweir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "tailweir.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "tailweir.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "tailweir.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tailweir.selector" -}}
app.kubernetes.io/name: {{ include "tailweir.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of the pod of `helm test`. Not those of the release's pods: no Service may take it for one of them. */}}
{{- define "tailweir.testSelector" -}}
app.kubernetes.io/name: {{ include "tailweir.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tailweir.labels" -}}
{{ include "tailweir.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tailweir
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tailweir.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tailweir.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "tailweir.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "tailweir.clusterId" -}}
{{- default (printf "%s-%s" .Release.Namespace .Release.Name) .Values.cluster.id | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Addresses of the controllers, in the order of their ordinals. */}}
{{- define "tailweir.controllers" -}}
{{- $name := printf "%s-controller" (include "tailweir.fullname" .) -}}
{{- $addresses := list -}}
{{- range $ordinal := until (int .Values.controller.replicas) -}}
{{- $addresses = append $addresses (printf "%s-%d.%s.%s.svc:4319" $name $ordinal $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $addresses -}}
{{- end -}}

{{/* Milliseconds of a duration such as 90s, 1m30s or 500ms. */}}
{{- define "tailweir.milliseconds" -}}
{{- $milliseconds := 0 -}}
{{- range regexFindAll "[0-9]+(\\.[0-9]+)?(ms|h|m|s)" . -1 -}}
{{- /* In whole numbers: older template libraries cannot calculate with others. A leading 0 would make it octal. */ -}}
{{- $parts := regexFind "^[0-9.]+" . | splitList "." -}}
{{- $whole := regexReplaceAllLiteral "^0+" (first $parts) "" | default "0" | int -}}
{{- $thousandths := sub (index (append $parts "") 1 | printf "1%s000" | trunc 4 | int) 1000 -}}
{{- $unit := get (dict "h" 3600000 "m" 60000 "s" 1000 "ms" 1) (regexFind "[a-z]+$" .) -}}
{{- $milliseconds = add $milliseconds (mul $whole $unit) (div (mul $thousandths $unit) 1000) -}}
{{- end -}}
{{- $milliseconds -}}
{{- end -}}

{{/* The same in seconds, rounded up. */}}
{{- define "tailweir.seconds" -}}
{{- div (add (include "tailweir.milliseconds" . | int) 999) 1000 -}}
{{- end -}}
