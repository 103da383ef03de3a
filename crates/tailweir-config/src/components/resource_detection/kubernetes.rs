//! The detector that asks the API of Kubernetes.

use super::super::kubernetes::KubernetesAuth;
use super::{AttributeSwitch, attribute_rules, attributes};
use crate::report::Report;
use crate::setting::{Block, settings};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The variable that has the name of the node, unless another one is written.
const NODE_VARIABLE: &str = "K8S_NODE_NAME";

settings! {
    /// What is found out from the API of Kubernetes.
    pub struct KubernetesDetector {
        /// How this process says to the API who it is: `serviceAccount`, `kubeConfig` or `none`.
        auth_type: KubernetesAuth = KubernetesAuth::ServiceAccount,
        /// The context of the kubeconfig. Empty: its current one.
        context: String = String::new(),
        /// The variable that has the name of the node. Set it from `spec.nodeName`; without it the processor does not
        /// start.
        node_from_env_var: String = NODE_VARIABLE.to_owned(),
        /// Which attributes are wanted, by name: all unless written otherwise.
        resource_attributes: BTreeMap<String, AttributeSwitch> = BTreeMap::new(),
    }
    ignored {
        "kube_api_qps": Json = "the API is asked for two objects, once",
        "kube_api_burst": Json = "the API is asked for two objects, once",
    }
    rules kubernetes_detector_rules;
}

fn kubernetes_detector_rules(
    detector: &mut KubernetesDetector,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if detector.node_from_env_var.is_empty() {
        detector.node_from_env_var = NODE_VARIABLE.to_owned();
    }
    attribute_rules(detector, block, report);
}

attributes! {
    KubernetesDetector = &[
        ("k8s.cluster.uid", true),
        ("k8s.node.name", true),
        ("k8s.node.uid", true),
    ],
}
