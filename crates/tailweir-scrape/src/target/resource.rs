//! The resource that a target is.

use super::SCHEME;
use crate::Labels;
use std::net::IpAddr;
use tailweir_otlp::{AttributeMap, EncodedValue};

/// Labels of Kubernetes' discovery, as they stand in files of targets too, and the attributes that they are.
const KUBERNETES: [(&str, &str); 7] = [
    ("__meta_kubernetes_pod_name", "k8s.pod.name"),
    ("__meta_kubernetes_pod_uid", "k8s.pod.uid"),
    ("__meta_kubernetes_pod_container_name", "k8s.container.name"),
    ("__meta_kubernetes_namespace", "k8s.namespace.name"),
    ("__meta_kubernetes_pod_node_name", "k8s.node.name"),
    ("__meta_kubernetes_node_name", "k8s.node.name"),
    ("__meta_kubernetes_endpoint_node_name", "k8s.node.name"),
];

/// Attributes of what is called so, and was found with these labels.
pub(crate) fn resource(job: &str, instance: &str, found: &Labels) -> AttributeMap {
    let (host, port) = split_address(instance);
    let mut attributes = AttributeMap::default();
    let mut put = |key: &str, value: &str| {
        attributes.put(key.as_bytes(), EncodedValue::string(value.as_bytes()));
    };
    put("service.name", job);
    if tells_a_host(host) {
        put("server.address", host);
    }
    put("service.instance.id", instance);
    put("server.port", port);
    put("url.scheme", found.get(SCHEME));
    for (label, key) in KUBERNETES {
        match found.get(label) {
            "" => {}
            value => put(key, value),
        }
    }
    let controller = found.get("__meta_kubernetes_pod_controller_name");
    let key = match found.get("__meta_kubernetes_pod_controller_kind") {
        "ReplicaSet" => "k8s.replicaset.name",
        "DaemonSet" => "k8s.daemonset.name",
        "StatefulSet" => "k8s.statefulset.name",
        "Job" => "k8s.job.name",
        "CronJob" => "k8s.cronjob.name",
        _ => return attributes,
    };
    if !controller.is_empty() {
        put(key, controller);
    }
    attributes
}

/// Host and port; all of it is the host where there is no port.
fn split_address(address: &str) -> (&str, &str) {
    let Some((host, port)) = address.rsplit_once(':') else {
        return (address, "");
    };
    if let Some(inner) = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        return (inner, port);
    }
    match host.contains([':', '[', ']']) {
        true => (address, ""),
        false => (host, port),
    }
}

/// Whether a host is one that others can tell from their own.
fn tells_a_host(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => !address.to_canonical().is_loopback() && !address.is_unspecified(),
        Err(_) => host != "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::{split_address, tells_a_host};

    /// Scenario: addresses with names, of both versions, with and without ports.
    /// Guarantees: host and port are told apart; hosts that everybody has are known.
    #[test]
    fn hosts_are_told_from_ports() {
        assert_eq!(split_address("h:1"), ("h", "1"));
        assert_eq!(split_address("h"), ("h", ""));
        assert_eq!(split_address("[::1]:9"), ("::1", "9"));
        assert_eq!(split_address("::1"), ("::1", ""));
        let told = ["10.0.0.1", "localhost", "127.0.0.9", "::1", "0.0.0.0", "h"].map(tells_a_host);
        assert_eq!(told, [true, false, false, false, false, true]);
    }
}
