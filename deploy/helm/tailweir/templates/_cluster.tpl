{{/* The `cluster` section, as variables: one configuration serves every pod. */}}
{{- define "tailweir.clusterVariables" -}}
{{- $root := .root -}}
{{- $cluster := $root.Values.cluster -}}
{{- $tls := $cluster.tls.source -}}
{{- $fullname := include "tailweir.fullname" $root -}}
- {name: TAILWEIR_CLUSTER_ID, value: {{ include "tailweir.clusterId" $root | quote }}}
- {name: TAILWEIR_CLUSTER_NAME, value: $(POD_NAME)}
- {name: TAILWEIR_CLUSTER_ROLES, value: {{ .role }}}
- {name: TAILWEIR_CLUSTER_LISTEN, value: "{{ $root.Values.listenHost }}:4319"}
{{- /* Every pod has to find a sampler the moment it joins, and a lost answer of the DNS costs 5 s. Controllers are found by their
      names, which outlive a pod. */}}
{{- if eq .role "controller" }}
- {name: TAILWEIR_CLUSTER_ADVERTISE, value: "$(POD_NAME).{{ $fullname }}-controller.{{ $root.Release.Namespace }}.svc:4319"}
{{- else }}
{{- /* Without brackets also where that is an address of IPv6: Tailweir puts them there. */}}
- {name: TAILWEIR_CLUSTER_ADVERTISE, value: "$(POD_IP):4319"}
{{- end }}
- {name: TAILWEIR_CLUSTER_CONTROLLERS, value: {{ include "tailweir.controllers" $root | quote }}}
- {name: TAILWEIR_CLUSTER_DATA_DIR, value: /var/lib/tailweir}
{{- if $cluster.zone }}
- {name: TAILWEIR_CLUSTER_ZONE, value: {{ $cluster.zone | quote }}}
{{- else }}
- name: TAILWEIR_CLUSTER_ZONE
  valueFrom: {fieldRef: {fieldPath: "metadata.labels['topology.kubernetes.io/zone']"}}
{{- end }}
{{- if eq .role "sampler" }}
- {name: TAILWEIR_CLUSTER_WEIGHT, value: {{ $root.Values.sampler.weight | quote }}}
{{- end }}
- {name: TAILWEIR_CLUSTER_REPLICATION, value: {{ $cluster.replication | quote }}}
- {name: TAILWEIR_CLUSTER_LEASE, value: {{ $cluster.lease | quote }}}
- {name: TAILWEIR_CLUSTER_DRAIN_TIMEOUT, value: {{ $cluster.drainTimeout | quote }}}
{{- if eq $tls "insecure" }}
- {name: TAILWEIR_CLUSTER_INSECURE, value: "true"}
{{- else }}
{{- $file := ternary "tls" "$(POD_NAME)" (eq $tls "csi") }}
- {name: TAILWEIR_CLUSTER_TLS_CA_FILE, value: /etc/tailweir/peers/ca.crt}
- {name: TAILWEIR_CLUSTER_TLS_CERT_FILE, value: "/etc/tailweir/peers/{{ $file }}.crt"}
- {name: TAILWEIR_CLUSTER_TLS_KEY_FILE, value: "/etc/tailweir/peers/{{ $file }}.key"}
{{- end }}
{{- end -}}

{{/* The certificate by which a pod is known. Its URI names cluster, role and pod. */}}
{{- define "tailweir.peersVolume" -}}
{{- $tls := .root.Values.cluster.tls -}}
{{- if eq $tls.source "csi" -}}
- name: peers
  csi:
    driver: csi.cert-manager.io
    readOnly: true
    volumeAttributes:
      csi.cert-manager.io/issuer-name: {{ $tls.issuer.name }}
      csi.cert-manager.io/issuer-kind: {{ $tls.issuer.kind }}
      csi.cert-manager.io/issuer-group: {{ $tls.issuer.group }}
      csi.cert-manager.io/uri-names: "tailweir://{{ include "tailweir.clusterId" .root }}/{{ .role }}/${POD_NAME}"
      csi.cert-manager.io/key-usages: digital signature,server auth,client auth
      csi.cert-manager.io/key-algorithm: ECDSA
      csi.cert-manager.io/key-size: "256"
      csi.cert-manager.io/duration: {{ $tls.duration | quote }}
      csi.cert-manager.io/reuse-private-key: "false"
      csi.cert-manager.io/fs-group: "65532"
{{- else if eq $tls.source "secret" -}}
- name: peers
  secret: {secretName: {{ $tls.secretName }}, defaultMode: 0440}
{{- end -}}
{{- end -}}
