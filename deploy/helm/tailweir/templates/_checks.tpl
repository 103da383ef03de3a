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
{{- if and .Values.alternateConfig .Values.existingConfigMap -}}
{{- fail "alternateConfig and existingConfigMap are set, and each is used in place of config: leave one of them empty" -}}
{{- end -}}
{{- $names := list "otlp-grpc" "otlp-http" "peers" "admin" -}}
{{- $ports := list "4317/TCP" "4318/TCP" "4319/TCP" "8888/TCP" -}}
{{- range .Values.extraPorts -}}
{{- $port := printf "%d/%s" (int .port) (.protocol | default "TCP") -}}
{{- if has .name $names -}}
{{- fail (printf "extraPorts: the name %s is taken already: choose another" .name) -}}
{{- end -}}
{{- if has $port $ports -}}
{{- fail (printf "extraPorts: the port %s of %s is taken already: choose another, and let the endpoint of its receiver or exporter say the same" $port .name) -}}
{{- end -}}
{{- if and .metrics (hasSuffix "/UDP" $port) -}}
{{- fail (printf "extraPorts: %s has metrics: true, and protocol UDP: nobody scrapes a page by datagrams, so leave one of them out" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- $ports = append $ports $port -}}
{{- end -}}
{{- $role := ternary "single" "sampler" (eq .Values.mode "single") -}}
{{- $persistence := (get .Values $role).persistence -}}
{{- if $persistence.enabled -}}
{{- $paths := list "/var/lib/tailweir" "/etc/tailweir/config" "/etc/tailweir/policies" "/etc/tailweir/peers" -}}
{{- range .Values.extraVolumeMounts -}}
{{- $paths = append $paths (toString .mountPath | trimSuffix "/") -}}
{{- end -}}
{{- if has $persistence.mountPath $paths -}}
{{- fail (printf "%s.persistence.mountPath is %s, where something else is mounted: choose another folder, and name it as directory of file_storage" $role $persistence.mountPath) -}}
{{- end -}}
{{- range .Values.extraVolumes -}}
{{- if eq (toString .name) "queue" -}}
{{- fail (printf "extraVolumes: the name queue is taken by %s.persistence: choose another" $role) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.mode "cluster" -}}
{{- $controllers := printf "%s-controller" (include "tailweir.fullname" .) -}}
{{- $wanted := int .Values.controller.replicas -}}
{{- $there := lookup "apps/v1" "StatefulSet" .Release.Namespace $controllers | default dict -}}
{{- $running := get ($there.spec | default dict) "replicas" | int -}}
{{- if and (lt $wanted $running) (not .Values.controller.allowFewer) -}}
{{- $commands := list -}}
{{- range $gone := until (int (sub $running $wanted)) -}}
{{- $commands = append $commands (printf "kubectl --namespace %s exec %s-0 -- tailweir cluster remove %s-%d --controller --config=/etc/tailweir/config/config.yaml" $.Release.Namespace $controllers $controllers (sub (sub $running $gone) 1)) -}}
{{- end -}}
{{- fail (printf "controller.replicas is %d, and there are %d: those that stay would count the votes of those that go. Remove these first (one that leads is refused: delete its pod, and another leads)\n  %s\nand upgrade at once after that with controller.allowFewer=true, which no later upgrade needs" $wanted $running (join "\n  " $commands)) -}}
{{- end -}}
{{- $lease := include "tailweir.milliseconds" .Values.cluster.lease | int -}}
{{- if or (lt $lease 1000) (gt $lease 60000) -}}
{{- fail (printf "cluster.lease is %s, and may be 1s to 1m" .Values.cluster.lease) -}}
{{- end -}}
{{- if gt (include "tailweir.milliseconds" .Values.cluster.drainTimeout | int) 3600000 -}}
{{- fail (printf "cluster.drainTimeout is %s, and may be 1h at most" .Values.cluster.drainTimeout) -}}
{{- end -}}
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
