{{/* Labels that select the pods of a role: `dict "root" $ "role" "sampler"`. */}}
{{- define "tailweir.roleSelector" -}}
{{ include "tailweir.selector" .root }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "tailweir.probe" -}}
httpGet: {path: {{ .path }}, port: admin}
periodSeconds: {{ .period }}
timeoutSeconds: 3
failureThreshold: {{ .failures }}
{{- end -}}

{{/* A pod of a role: `dict "root" $ "role" "sampler"`. */}}
{{- define "tailweir.pod" -}}
{{- $root := .root -}}
{{- $role := .role -}}
{{- $values := get $root.Values $role -}}
{{- $isPeer := ne $role "single" -}}
{{- $takesClients := has $role (list "single" "gateway") -}}
{{- $runsExporters := ne $role "controller" -}}
{{- $persistence := (get $root.Values (ternary "sampler" "single" $isPeer)).persistence -}}
metadata:
  # No version: a new version of the chart alone restarts nothing.
  labels:
    {{- include "tailweir.roleSelector" . | nindent 4 }}
    {{- with $root.Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: tailweir
    # What a running process cannot take over; everything else is reloaded.
    checksum/restart: {{ include "tailweir.restarting" $root | sha256sum }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "tailweir.serviceAccount" $root }}
  automountServiceAccountToken: {{ if include "tailweir.hasToken" (dict "root" $root "role" $role) }}true{{ else }}false{{ end }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: tailweir
      image: {{ include "tailweir.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - --config=/etc/tailweir/config/config.yaml
        {{- if $root.Values.policies }}
        - --config=/etc/tailweir/policies/policies.yaml
        {{- end }}
        - --admin={{ $root.Values.listenHost }}:8888
        - --drain-time={{ $root.Values.drainTime }}
        - --status-line=never
        {{- range $root.Values.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        # For endpoints of the configuration; those of the chart's own have it.
        - {name: TAILWEIR_HOST, value: {{ $root.Values.listenHost | quote }}}
        {{- if $isPeer }}
        {{- include "tailweir.clusterVariables" . | nindent 8 }}
        {{- end }}
        {{- with include "tailweir.nodeVariables" (dict "root" $root "role" $role) | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $root.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $root.Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- if $takesClients }}
        - {name: otlp-grpc, containerPort: 4317}
        - {name: otlp-http, containerPort: 4318}
        {{- end }}
        {{- if $isPeer }}
        - {name: peers, containerPort: 4319}
        {{- end }}
        - {name: admin, containerPort: 8888}
        {{- range $root.Values.extraPorts }}
        {{- if ternary $runsExporters $takesClients (.metrics | default false) }}
        - {name: {{ .name }}, containerPort: {{ .port }}{{ with .protocol }}, protocol: {{ . }}{{ end }}}
        {{- end }}
        {{- end }}
      startupProbe:
        {{- include "tailweir.probe" (dict "path" "/livez" "period" 1 "failures" 60) | nindent 8 }}
      # Only that the process answers: no state of the cluster may restart pods.
      livenessProbe:
        {{- include "tailweir.probe" (dict "path" "/livez" "period" 10 "failures" 6) | nindent 8 }}
      readinessProbe:
        {{- include "tailweir.probe" (dict "path" "/readyz" "period" 2 "failures" 2) | nindent 8 }}
      {{- if and (gt (int $root.Values.preStopSleepSeconds) 0) (semverCompare ">=1.30.0-0" $root.Capabilities.KubeVersion.Version) }}
      lifecycle:
        preStop: {sleep: {seconds: {{ $root.Values.preStopSleepSeconds }}}}
      {{- end }}
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        # Folders, not single files: a file that is mounted alone never changes.
        - {name: config, mountPath: /etc/tailweir/config, readOnly: true}
        {{- if $root.Values.policies }}
        - {name: policies, mountPath: /etc/tailweir/policies, readOnly: true}
        {{- end }}
        - {name: data, mountPath: /var/lib/tailweir}
        {{- if $persistence.enabled }}
        - {name: queue, mountPath: {{ $persistence.mountPath }}}
        {{- end }}
        {{- if and $isPeer (ne $root.Values.cluster.tls.source "insecure") }}
        - {name: peers, mountPath: /etc/tailweir/peers, readOnly: true}
        {{- end }}
        {{- with $root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ default (include "tailweir.fullname" $root) $root.Values.existingConfigMap }}}
    {{- if $root.Values.policies }}
    - name: policies
      configMap: {name: {{ include "tailweir.fullname" $root }}-policies}
    {{- end }}
    {{- if ne $role "controller" }}
    - name: data
      emptyDir: {sizeLimit: 256Mi}
    {{- end }}
    {{- if and $persistence.enabled (has $role (list "gateway" "controller")) }}
    # They have the configuration of samplers, and do not start without a folder that it names.
    - name: queue
      emptyDir: {sizeLimit: {{ $persistence.size }}}
    {{- end }}
    {{- if $isPeer }}
    {{- include "tailweir.peersVolume" . | nindent 4 }}
    {{- end }}
    {{- with $root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- include "tailweir.placement" . | nindent 2 }}
{{- end -}}

{{/* Where the pods of a role run. */}}
{{- define "tailweir.placement" -}}
{{- $values := get .root.Values .role -}}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.affinity }}
affinity:
  {{- toYaml $values.affinity | nindent 2 }}
{{- else if eq .role "controller" }}
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "tailweir.roleSelector" . | nindent 12 }}
{{- else if ne .role "single" }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "tailweir.roleSelector" . | nindent 14 }}
{{- end }}
{{- if ne .role "single" }}
topologySpreadConstraints:
  {{- if $values.topologySpreadConstraints }}
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tailweir.roleSelector" . | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}
