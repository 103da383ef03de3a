#!/usr/bin/env bash
# A Kubernetes cluster of several nodes on one machine, without a container engine and without a way out of it.
#
#   cluster.sh up NODES     start it
#   cluster.sh down         stop it and remove all that it made
#   cluster.sh cut N        take node N off the network
#   cluster.sh heal N       put it back
#   cluster.sh crash N      kill node N: kubelet, runtime and pods
#   cluster.sh boot N       start node N again
#
# BIN is the folder of the programs; STATE is a folder of the cluster's own, in which images/*.tar are put on every node.
# The control plane runs in the network namespace NETWORK with the address 10.10.0.1; a node is a namespace of its own
# (network, mounts, host name) with containerd, kubelet and kube-proxy. Needs root, containerd, runc, the CNI plugins,
# nftables and Prometheus. Everything started is stopped by its number, never by its name.
set -euo pipefail
: "${BIN:?}" "${STATE:?}"
NETWORK=${NETWORK:-tailweir-kube}
here=$(cd "$(dirname "$0")" && pwd)
pki=$STATE/pki
control=10.10.0.1 services=10.96.0.0/16 pods=10.244.0.0/16 dns=10.96.0.10
groups=(cpu cpuacct cpuset memory devices freezer blkio pids systemd)

# ---- small tools

# Not `ip netns exec`, which hides the control groups.
inside() { nsenter --net="/run/netns/$NETWORK" "$@"; }

start() { # name, command...
  local name=$1
  shift
  nohup nsenter --net="/run/netns/$NETWORK" "$@" >"$STATE/log/$name.log" 2>&1 &
  echo $! >"$STATE/pid/$name"
}

wait_for() { # what, command...
  local what=$1 looks=0
  shift
  until "$@" >/dev/null 2>&1; do
    looks=$((looks + 1))
    if [ $looks -ge 480 ]; then
      echo "not there in time: $what (logs in $STATE/log)" >&2
      exit 1
    fi
    sleep 0.25
  done
}

stop() { # process numbers
  local number
  kill "$@" 2>/dev/null || true
  for number in "$@"; do
    for _ in $(seq 40); do
      kill -0 "$number" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$number" 2>/dev/null || true
  done
}

kubectl() { inside env KUBECONFIG="$pki/admin.conf" kubectl "$@"; }

# ---- who is who

issue() { # file, subject, alternative names
  [ ! -f "$1.crt" ] || return 0
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3") 2>/dev/null
  cat >"$1.conf" <<Y
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: here}}]
clusters:
  - name: here
    cluster: {server: "https://$control:6443", certificate-authority: $pki/ca.crt}
users:
  - name: here
    user: {client-certificate: $pki/$1.crt, client-key: $pki/$1.key}
Y
}

certificates() ( # nodes
  cd "$pki"
  if [ ! -f ca.crt ]; then
    openssl ecparam -name prime256v1 -genkey -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj /CN=tailweir-test -days 30 -out ca.crt
    openssl genrsa -out accounts.key 2048 2>/dev/null
    openssl rsa -in accounts.key -pubout -out accounts.pub 2>/dev/null
  fi
  issue apiserver /CN=kube-apiserver "IP:$control,IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes.default.svc"
  issue admin /O=system:masters/CN=admin DNS:admin
  issue controllers /CN=system:kube-controller-manager DNS:controllers
  issue scheduler /CN=system:kube-scheduler DNS:scheduler
  issue proxy /CN=system:kube-proxy DNS:proxy
  issue dns /O=system:masters/CN=dns DNS:dns
  issue aggregator /CN=aggregator DNS:aggregator
  issue metrics /O=system:masters/CN=metrics "DNS:metrics-server.kube-system.svc,DNS:pod-metrics.kube-system.svc"
  for node in $(seq "$1"); do
    issue "node$node" "/O=system:nodes/CN=system:node:node$node" "DNS:node$node,IP:10.10.0.1$node"
  done
)

# ---- control plane

network() {
  [ ! -e "/run/netns/$NETWORK" ] || return 0
  ip netns add "$NETWORK"
  inside ip link set lo up
  inside ip link add bridge0 type bridge
  inside ip address add "$control/24" dev bridge0
  inside ip link set bridge0 up
  inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  # Services are reached from beside the API too: that is where tests send from.
  inside ip route add "$services" dev bridge0
}

proxy_configuration() { # host name
  cat <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $pki/proxy.conf}
clusterCIDR: $pods
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
hostnameOverride: $1
Y
}

control_plane() {
  start etcd "$BIN/etcd" --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  wait_for etcd inside curl --silent --fail http://127.0.0.1:2379/health
  # Pods get the zone of their node as a label, as they do by default from Kubernetes 1.35 on.
  start apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --feature-gates=PodTopologyLabelsAdmission=true --enable-admission-plugins=NodeRestriction,PodTopologyLabels \
    --bind-address=0.0.0.0 --advertise-address=$control --secure-port=6443 \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-key-file="$pki/accounts.pub" --service-account-signing-key-file="$pki/accounts.key" \
    --service-account-issuer=https://kubernetes.default.svc \
    --authorization-mode=Node,RBAC --service-cluster-ip-range=$services \
    --enable-aggregator-routing --proxy-client-cert-file="$pki/aggregator.crt" \
    --proxy-client-key-file="$pki/aggregator.key" --requestheader-client-ca-file="$pki/ca.crt" \
    --requestheader-allowed-names=aggregator --requestheader-username-headers=X-Remote-User \
    --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra-
  wait_for apiserver kubectl get --raw /readyz
  local own
  own=$pki/controllers.conf
  start controllers "$BIN/kube-controller-manager" --kubeconfig="$own" --authentication-kubeconfig="$own" \
    --authorization-kubeconfig="$own" --leader-elect=false --bind-address=127.0.0.1 \
    --service-account-private-key-file="$pki/accounts.key" --root-ca-file="$pki/ca.crt" \
    --use-service-account-credentials=true --node-monitor-grace-period=16s \
    --horizontal-pod-autoscaler-sync-period=5s --horizontal-pod-autoscaler-cpu-initialization-period=20s \
    --horizontal-pod-autoscaler-initial-readiness-delay=5s
  own=$pki/scheduler.conf
  start scheduler "$BIN/kube-scheduler" --kubeconfig="$own" --authentication-kubeconfig="$own" \
    --authorization-kubeconfig="$own" --leader-elect=false --bind-address=127.0.0.1
  cat >"$STATE/Corefile" <<C
.:53 {
  bind $control
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $pki/dns.conf
    ttl 5
  }
  cache 5
}
C
  start coredns "$BIN/coredns" -conf "$STATE/Corefile"
  { proxy_configuration control; echo "bindAddress: $control"; } >"$STATE/proxy.yaml"
  start proxy "$BIN/kube-proxy" --config="$STATE/proxy.yaml"
}

# What autoscalers ask: the CPU of pods by metrics-server, and the gauge of samplers that the chart names, as Prometheus
# has it from the pods by our recording rules, evaluated as often as it scrapes. All three are beside the API, which sends requests on to the first and the last.
metrics() {
  local own=$pki/metrics.conf
  start metrics-server "$BIN/metrics-server" --kubeconfig="$own" --authentication-kubeconfig="$own" \
    --authorization-kubeconfig="$own" --bind-address=$control --secure-port=10260 \
    --tls-cert-file="$pki/metrics.crt" --tls-private-key-file="$pki/metrics.key" \
    --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$pki/ca.crt" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --metric-resolution=10s --kubelet-request-timeout=5s
  grep --invert-match '^ *interval:' "$here/../../prometheus/recording.yaml" >"$STATE/recording.yaml"
  cat >"$STATE/prometheus.yml" <<Y
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: [$STATE/recording.yaml]
scrape_configs:
  - job_name: samplers
    file_sd_configs: [{files: [$STATE/samplers.yml], refresh_interval: 2s}]
Y
  start discovery "$here/cluster.sh" discover
  start prometheus prometheus --config.file="$STATE/prometheus.yml" --storage.tsdb.path="$STATE/prometheus" \
    --web.listen-address=$control:9090
  start pod-metrics "$BIN/pod-metrics" --lister-kubeconfig="$own" --authentication-kubeconfig="$own" \
    --authorization-kubeconfig="$own" --bind-address=$control --secure-port=10261 \
    --tls-cert-file="$pki/metrics.crt" --tls-private-key-file="$pki/metrics.key" \
    --prometheus=http://$control:9090 --metric=tailweir_sampler_memory_utilisation
  {
    api metrics-server 10260 metrics.k8s.io v1beta1
    api pod-metrics 10261 custom.metrics.k8s.io v1beta2
  } | kubectl apply --filename - >/dev/null
}

# Tells Prometheus where samplers are: Debian's cannot ask Kubernetes by itself.
discover() {
  local running
  running='{{range .items}}{{if and .status.podIP (eq .status.phase "Running")}}'
  running+='- {targets: ["{{.status.podIP}}:8888"], labels: {namespace: "{{.metadata.namespace}}", pod: "{{.metadata.name}}"}}'
  running+=$'\n{{end}}{{end}}'
  while sleep 2; do
    kubectl get pods --all-namespaces --output go-template="$running" \
      --selector app.kubernetes.io/name=tailweir,app.kubernetes.io/component=sampler >"$STATE/samplers.draft" &&
      mv "$STATE/samplers.draft" "$STATE/samplers.yml"
  done
}

api() { # name, port, group, version: an API that a process beside the API server serves
  cat <<Y
---
apiVersion: v1
kind: Service
metadata: {name: $1, namespace: kube-system}
spec: {ports: [{name: https, port: 443, targetPort: $2}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $1, namespace: kube-system, labels: {kubernetes.io/service-name: $1}}
addressType: IPv4
ports: [{name: https, port: $2}]
endpoints: [{addresses: ["$control"], conditions: {ready: true}}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: $4.$3}
spec:
  group: $3
  version: $4
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: $(base64 -w0 "$pki/ca.crt")
  service: {name: $1, namespace: kube-system}
Y
}

# Disks of the nodes, given away once each, because folders of the host as the provisioner of Kubernetes makes them
# ignore the group that a pod asks for.
disks() { # nodes
  local node disk
  for node in $(seq "$1"); do
    for disk in $(seq 8); do
      mkdir -p "$STATE/node$node/disks/$disk"
      cat <<Y
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: node$node-disk$disk}
spec:
  capacity: {storage: 2Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: disks
  local: {path: $STATE/node$node/disks/$disk}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node$node]}]
Y
    done
  done
}

# Storage, and the Service of the name server, without which its address would lead nowhere.
objects() { # nodes
  { cat; disks "$1"; } <<Y | kubectl apply --filename - >/dev/null
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disks, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: $dns
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
endpoints: [{addresses: ["$control"]}]
Y
}

# ---- nodes

node_files() { # node
  local own=$STATE/node$1
  mkdir -p "$own"/{cni,kubelet,plugins,podlogs,containerd,netns}
  echo "nameserver 127.0.0.1" >"$own/resolv.conf"
  proxy_configuration "node$1" >"$own/proxy.yaml"
  cat >"$own/containerd.toml" <<T
version = 2
root = "$own/containerd/root"
state = "$own/containerd/state"
[grpc]
  address = "$own/containerd/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "tailweir.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$own/cni"
T
  cat >"$own/cni/10-bridge.conflist" <<J
{"cniVersion": "0.4.0", "name": "bridge", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$own/addresses",
            "ranges": [[{"subnet": "10.244.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
J
  cat >"$own/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 10.10.0.1$1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/node$1.crt
tlsPrivateKeyFile: $pki/node$1.key
cgroupDriver: cgroupfs
cgroupRoot: /$NETWORK-$1
failSwapOn: false
containerRuntimeEndpoint: unix://$own/containerd/sock
clusterDNS: [$dns]
clusterDomain: cluster.local
resolvConf: $own/resolv.conf
podLogsDir: $own/podlogs
evictionHard: {memory.available: 100Mi}
imageGCHighThresholdPercent: 100
enforceNodeAllocatable: [pods]
nodeStatusUpdateFrequency: 4s
# A ConfigMap that changed is in its pods within seconds; by default this takes up to a minute and a half.
syncFrequency: 5s
configMapAndSecretChangeDetectionStrategy: Watch
maxPods: 60
Y
  cat >"$own/run.sh" <<S
mount --make-rshared /
mkdir -p /var/lib/kubelet
mount --bind $own/plugins /var/lib/kubelet
mount --bind $own/netns /run/netns
hostname node$1
echo \$\$ >$STATE/pid/node$1
containerd -c $own/containerd.toml >$STATE/log/node$1-containerd.log 2>&1 &
echo \$! >>$STATE/pid/node$1
until ctr -a $own/containerd/sock version >/dev/null 2>&1; do sleep 0.2; done
for image in $STATE/images/*.tar; do ctr -a $own/containerd/sock -n k8s.io images import \$image; done
$BIN/kubelet --config=$own/kubelet.yaml --kubeconfig=$pki/node$1.conf --hostname-override=node$1 \
  --node-ip=10.10.0.1$1 --root-dir=$own/kubelet --cert-dir=$own/pki \
  --node-labels=topology.kubernetes.io/zone=zone-$1 >$STATE/log/node$1-kubelet.log 2>&1 &
echo \$! >>$STATE/pid/node$1
$BIN/kube-proxy --config=$own/proxy.yaml >$STATE/log/node$1-proxy.log 2>&1 &
echo \$! >>$STATE/pid/node$1
wait
S
}

start_node() { # node
  local name=$NETWORK-$1 enter group
  enter="nsenter --net=/run/netns/$name"
  if [ ! -e "/run/netns/$name" ]; then
    ip netns add "$name"
    inside ip link add "to-node$1" type veth peer name eth0 netns "$name"
    inside ip link set "to-node$1" master bridge0 up
    inside ip route replace "10.244.$1.0/24" via "10.10.0.1$1"
    $enter ip link set lo up
    $enter ip address add "10.10.0.1$1/24" dev eth0
    $enter ip link set eth0 up
    $enter ip route add default via $control
    $enter sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  fi
  for group in "${groups[@]}"; do mkdir -p "/sys/fs/cgroup/$group/$name"; done
  for file in cpus mems; do
    cat "/sys/fs/cgroup/cpuset/cpuset.$file" >"/sys/fs/cgroup/cpuset/$name/cpuset.$file"
  done
  node_files "$1"
  nohup $enter unshare --mount --uts --propagation private bash "$STATE/node$1/run.sh" >"$STATE/log/node$1.log" 2>&1 &
}

processes_of() { # node: what runs in its pods, and what holds them
  local own=$STATE/node$1 process
  find "/sys/fs/cgroup/memory/$NETWORK-$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  # The holders are outside the pods' groups; the node's socket is in their command line.
  for process in /proc/[0-9]*; do
    if { tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null | grep -q "containerd-shim.*$own/containerd/sock"; then
      echo "${process#/proc/}"
    fi
  done
}

crash_node() { # node
  local process
  for process in $(cat "$STATE/pid/node$1" 2>/dev/null) $(processes_of "$1"); do
    kill -KILL "$process" 2>/dev/null || true
  done
  sleep 0.5
  for process in $(processes_of "$1"); do kill -KILL "$process" 2>/dev/null || true; done
  for group in "${groups[@]}"; do
    find "/sys/fs/cgroup/$group/$NETWORK-$1" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
  rm -f "$STATE/pid/node$1"
}

# ---- the whole

up() { # nodes
  local node name
  mkdir -p "$STATE"/{pki,log,pid,etcd,images}
  network
  certificates "$1"
  control_plane
  for node in $(seq "$1"); do start_node "$node"; done
  objects "$1"
  metrics
  for node in $(seq "$1"); do
    wait_for "node $node" kubectl wait --for=condition=Ready "node/node$node" --timeout=1s
  done
  wait_for "the default account" kubectl get serviceaccount default
  for name in v1beta1.metrics.k8s.io v1beta2.custom.metrics.k8s.io; do
    wait_for "the API $name" kubectl wait --for=condition=Available "apiservice/$name" --timeout=1s
  done
}

down() {
  local file numbers=() name
  for file in "$STATE"/node[0-9]*; do
    [ ! -d "$file" ] || crash_node "${file##*node}"
  done
  for name in pod-metrics prometheus discovery metrics-server proxy coredns scheduler controllers apiserver etcd; do
    [ ! -f "$STATE/pid/$name" ] || numbers+=("$(cat "$STATE/pid/$name")")
  done
  [ ${#numbers[@]} -eq 0 ] || stop "${numbers[@]}"
  for name in $(ip netns list | cut -d' ' -f1); do
    case $name in "$NETWORK" | "$NETWORK"-[0-9]*) ip netns delete "$name" ;; esac
  done
  rm -rf "$STATE"/{etcd,pid,pki,prometheus,samplers.yml} "$STATE"/node[0-9]*
}

case ${1:-} in
  up) up "${2:?how many nodes}" ;;
  down) down ;;
  cut) inside ip link set "to-node${2:?which node}" down ;;
  heal) inside ip link set "to-node${2:?which node}" up ;;
  crash) crash_node "${2:?which node}" ;;
  discover) discover ;;
  boot) start_node "${2:?which node}" ;;
  *)
    sed -n '2,15p' "$0"
    exit 2
    ;;
esac
