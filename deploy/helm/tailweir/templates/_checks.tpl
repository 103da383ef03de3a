{{/* What the schema cannot say. */}}
{{- define "tailweir.check" -}}
{{- $drain := include "tailweir.seconds" .Values.drainTime | int -}}
{{- $least := add $drain (int .Values.preStopSleepSeconds) 20 -}}
{{- $roles := ternary (list "single") (list "gateway" "sampler" "controller") (eq .Values.mode "single") -}}
{{- range $role := $roles -}}
{{- $needed := $least -}}
{{- if eq $role "sampler" -}}
{{- $needed = add $least (include "tailweir.seconds" $.Values.cluster.drainTimeout | int) -}}
{{- end -}}
{{- $grace := int (get $.Values $role).terminationGracePeriodSeconds -}}
{{- if lt $grace (int $needed) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds is %d, and stopping may take %d: raise it, or lower drainTime, preStopSleepSeconds%s" $role $grace $needed (ternary " or cluster.drainTimeout" "" (eq $role "sampler"))) -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.mode "cluster" -}}
{{- if and (eq .Values.cluster.tls.source "secret") (not .Values.cluster.tls.secretName) -}}
{{- fail "cluster.tls.source is secret, and cluster.tls.secretName is empty: name the Secret with ca.crt, NAME.crt and NAME.key" -}}
{{- end -}}
{{- if and (eq .Values.cluster.tls.source "secret") (eq .Values.gateway.kind "Deployment") -}}
{{- fail "cluster.tls.source is secret, and pods of a Deployment have names that nobody knows before: set gateway.kind to StatefulSet" -}}
{{- end -}}
{{- if and (eq (int .Values.cluster.replication) 2) (lt (int .Values.sampler.replicas) 2) (eq .Values.sampler.autoscaling.type "none") -}}
{{- fail "cluster.replication is 2, and there is one sampler: set sampler.replicas to 2 or more, or cluster.replication to 1" -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.mode "cluster") (ne .Values.sampler.autoscaling.type "none") (lt (int .Values.sampler.autoscaling.scaleDownPeriodSeconds) (int .Values.sampler.terminationGracePeriodSeconds)) -}}
{{- fail "sampler.autoscaling.scaleDownPeriodSeconds is below sampler.terminationGracePeriodSeconds: a sampler would be taken away while another drains" -}}
{{- end -}}
{{- range $role := list "gateway" "sampler" -}}
{{- $scaling := (get $.Values $role).autoscaling -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "%s.autoscaling.minReplicas is above maxReplicas" $role) -}}
{{- end -}}
{{- end -}}
{{- end -}}
