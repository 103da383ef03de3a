{{/*
`k8s_attributes` processors that ask the API by the pod's token, each with the roles that run it. What is received stays in
gateways until a sampler of traces, and is in samplers behind it. Behind one of logs, or a connector, it may be in both.
*/}}
{{- define "tailweir.asking" -}}
{{- $config := include "tailweir.config" . | fromJson -}}
{{- $processors := get $config "processors" | default dict -}}
{{- $connectors := get $config "connectors" | default dict -}}
{{- $service := get $config "service" | default dict -}}
{{- $asking := dict -}}
{{- range $pipeline := get $service "pipelines" | default dict -}}
{{- $pipeline = $pipeline | default dict -}}
{{- $here := list "gateway" -}}
{{- range get $pipeline "receivers" | default list -}}
{{- if hasKey $connectors . -}}
{{- $here = list "gateway" "sampler" -}}
{{- end -}}
{{- end -}}
{{- range $id := get $pipeline "processors" | default list -}}
{{- $settings := get $processors $id | default dict -}}
{{- if regexMatch "^tail_?sampling(/.*)?$" $id -}}
{{- $here = ternary (list "gateway" "sampler") (list "sampler") (hasKey $settings "trace_aware") -}}
{{- else if and (regexMatch "^k8s_?attributes(/.*)?$" $id) (not (get $settings "passthrough")) (eq (get $settings "auth_type" | default "serviceAccount") "serviceAccount") -}}
{{- $asking = set $asking $id (concat (get $asking $id | default list) $here | uniq) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $asking -}}
{{- end -}}

{{/*
The kinds that they read, as the API names them, by namespace. Those of the whole cluster stand under "": nodes and namespaces
are in no namespace, and which namespace a variable names is not known here.
*/}}
{{- define "tailweir.reading" -}}
{{- $processors := get (include "tailweir.config" . | fromJson) "processors" | default dict -}}
{{- $needs := include "tailweir.kubernetesNeeds" . | fromYaml -}}
{{- $reading := dict -}}
{{- range $id, $roles := include "tailweir.asking" . | fromYaml -}}
{{- $settings := get $processors $id | default dict -}}
{{- $namespace := get (get $settings "filter" | default dict) "namespace" | toString -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $namespace) -}}
{{- $namespace = "" -}}
{{- end -}}
{{- $kinds := list "pods" -}}
{{- $wanted := get $settings "extract" | default dict | toJson -}}
{{- range $needed, $kind := $needs -}}
{{- if contains (quote $needed) $wanted -}}
{{- $kinds = concat $kinds (splitList " " $kind) -}}
{{- end -}}
{{- end -}}
{{- range $kinds -}}
{{- $scope := ternary "" $namespace (has . (list "namespaces" "nodes")) -}}
{{- $reading = set $reading $scope (append (get $reading $scope | default list) . | uniq) -}}
{{- end -}}
{{- end -}}
{{- toYaml $reading -}}
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
{{- range $id, $settings := get (include "tailweir.config" . | fromJson) "processors" | default dict -}}
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
{{- $asking := list -}}
{{- range include "tailweir.asking" .root | fromYaml -}}
{{- $asking = concat $asking . -}}
{{- end -}}
{{- $asksOfNode := get (include "tailweir.kubernetesNode" .root | fromYaml) "nodes" -}}
{{- $asks := or (has .role $asking) (and (eq .role "single") $asking) $asksOfNode -}}
{{- if and (ne .role "controller") (or (eq $mode "always") (and (eq $mode "auto") $asks)) -}}
true
{{- end -}}
{{- end -}}
