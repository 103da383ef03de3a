{{/*
What `k8s_attributes` processors of the configuration read of Kubernetes, one kind a line as the API names it; nothing
where none asks the API.
*/}}
{{- define "tailweir.kubernetesKinds" -}}
{{- $kinds := dict -}}
{{- range $id, $settings := get .Values.config "processors" | default dict -}}
{{- $settings = $settings | default dict -}}
{{- $asks := and (regexMatch "^k8s_?attributes(/.*)?$" $id) (not (get $settings "passthrough")) -}}
{{- if and $asks (eq (get $settings "auth_type" | default "serviceAccount") "serviceAccount") -}}
{{- $kinds = set $kinds "pods" "" -}}
{{- $wanted := get $settings "extract" | default dict | toJson -}}
{{- range $needed, $kind := include "tailweir.kubernetesNeeds" $ | fromYaml -}}
{{- if contains (quote $needed) $wanted -}}
{{- range splitList " " $kind -}}
{{- $kinds = set $kinds . "" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- keys $kinds | sortAlpha | join "\n" -}}
{{- end -}}

{{/* Words of `extract`, and the kinds that are watched for them. */}}
{{- define "tailweir.kubernetesNeeds" -}}
k8s.cluster.uid: namespaces
k8s.node.uid: nodes
k8s.deployment.uid: replicasets
k8s.cronjob.uid: jobs
namespace: namespaces
node: nodes
replicaset: replicasets
deployment: replicasets deployments
statefulset: statefulsets
daemonset: daemonsets
job: jobs
cronjob: jobs cronjobs
{{- end -}}

{{/* Whether pods of a role have a token of the API: `dict "root" $ "role" "sampler"`. Empty: no. */}}
{{- define "tailweir.hasToken" -}}
{{- $mode := .root.Values.serviceAccount.token -}}
{{- if ne .role "controller" -}}
{{- if or (eq $mode "always") (and (eq $mode "auto") (include "tailweir.kubernetesKinds" .root)) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}
