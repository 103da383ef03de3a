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

{{/*
What the detectors `k8s_api` and `k8snode` of the configuration read of Kubernetes: `nodes: true`, `clusterUid: true`, and the
`variables` that they take the node's name from. Nothing is asked without the token of a service account.
*/}}
{{- define "tailweir.kubernetesNode" -}}
{{- $reads := dict "variables" dict -}}
{{- range $id, $settings := get .Values.config "processors" | default dict -}}
{{- $settings = $settings | default dict -}}
{{- $detectors := get $settings "detectors" | default list | toJson -}}
{{- range $detector := list "k8s_api" "k8snode" -}}
{{- if and (regexMatch "^resource_?detection(/.*)?$" $id) (regexMatch (printf "\\b%s\\b" $detector) $detectors) -}}
{{- $options := get $settings $detector | default dict -}}
{{- $_ := set (get $reads "variables") (get $options "node_from_env_var" | default "K8S_NODE_NAME") true -}}
{{- if eq (get $options "auth_type" | default "serviceAccount") "serviceAccount" -}}
{{- $_ := set $reads "nodes" true -}}
{{- $uid := get (get $options "resource_attributes" | default dict) "k8s.cluster.uid" | default dict -}}
{{- if ne (toString (get $uid "enabled")) "false" -}}
{{- $_ := set $reads "clusterUid" true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $reads -}}
{{- end -}}

{{/* The variables with the node's name that `extraEnv` does not set: `dict "root" $ "role" "sampler"`. */}}
{{- define "tailweir.nodeVariables" -}}
{{- $set := list -}}
{{- range .root.Values.extraEnv -}}
{{- $set = append $set .name -}}
{{- end -}}
{{- if ne .role "controller" -}}
{{- range $name, $_ := get (include "tailweir.kubernetesNode" .root | fromYaml) "variables" -}}
{{- if not (has $name $set) }}
- name: {{ $name }}
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether pods of a role have a token of the API: `dict "root" $ "role" "sampler"`. Empty: no. */}}
{{- define "tailweir.hasToken" -}}
{{- $mode := .root.Values.serviceAccount.token -}}
{{- $asksOfNode := get (include "tailweir.kubernetesNode" .root | fromYaml) "nodes" -}}
{{- if ne .role "controller" -}}
{{- if or (eq $mode "always") (and (eq $mode "auto") (or (include "tailweir.kubernetesKinds" .root) $asksOfNode)) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}
