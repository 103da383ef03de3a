//! What is asked of Kubernetes, by `kubectl`.

use crate::chaos::configuration::{ADMIN_PORT, Role};
use crate::chaos::tool;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use tokio::process::Command;

/// What belongs to the product.
pub(super) const SELECTOR: &str = "--selector=app.kubernetes.io/name=tailweir";

/// A pod as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) name: String,
    /// Another one for each pod of a name.
    pub(super) uid: String,
    pub(super) role: Role,
    pub(super) node: String,
    pub(super) address: Option<IpAddr>,
    pub(super) is_ready: bool,
    /// Whether it was told to go.
    pub(super) is_leaving: bool,
    /// Whether its container was started.
    pub(super) has_started: bool,
    pub(super) restarts: u64,
}

impl Pod {
    /// Where it can be asked how it stands.
    pub(super) fn admin(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.address?, ADMIN_PORT))
    }

    /// A name for this life of it.
    pub(super) fn life(&self) -> String {
        let uid = self.uid.get(..8).unwrap_or(&self.uid);
        format!("{}-{uid}-{}", self.name, self.restarts)
    }
}

/// A namespace of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Kubernetes {
    namespace: String,
}

impl Kubernetes {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.args(["--namespace", &self.namespace]);
        command.args(arguments);
        command
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Result<String> {
        tool::output(self.command(arguments), "kubectl").await
    }

    pub(super) async fn object(&self, arguments: &[&str]) -> Result<Value> {
        let text = self
            .run(&[&["get", "--output", "json"], arguments].concat())
            .await?;
        serde_json::from_str(&text).context("kubectl wrote no JSON")
    }

    /// The pods of the product.
    pub(super) async fn pods(&self) -> Result<Vec<Pod>> {
        let list = self.object(&["pods", SELECTOR]).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(pod).collect()
    }

    pub(super) async fn pods_of(&self, role: Role) -> Result<Vec<Pod>> {
        let mut pods = self.pods().await?;
        pods.retain(|pod| pod.role == role);
        Ok(pods)
    }

    /// How many pods are asked for, all roles together.
    pub(super) async fn replicas(&self) -> Result<usize> {
        let list = self.object(&["statefulsets", SELECTOR]).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let asked = items
            .iter()
            .map(|it| it["spec"]["replicas"].as_u64().unwrap_or_default());
        Ok(asked.sum::<u64>() as usize)
    }

    /// Where clients send: the address of the Service, behind which a pod is chosen for each connection.
    pub(super) async fn service(&self, name: &str) -> Result<IpAddr> {
        let service = self.object(&["service", name]).await?;
        let address = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        address
            .parse()
            .with_context(|| format!("the service {name} has the address {address:?}"))
    }

    /// Waits until a StatefulSet or Deployment is as it was asked to be.
    pub(super) async fn rolled_out(&self, workload: &str) -> Result<()> {
        self.run(&["rollout", "status", workload, "--timeout=300s"])
            .await
            .map(drop)
    }
}

fn pod(value: &Value) -> Result<Pod> {
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let metadata = &value["metadata"];
    let status = &value["status"];
    let container = &status["containerStatuses"][0];
    let component = text(&metadata["labels"]["app.kubernetes.io/component"]);
    let conditions = status["conditions"].as_array();
    let is_true = |it: &Value| it["type"] == "Ready" && it["status"] == "True";
    let name = text(&metadata["name"]);
    ensure!(!name.is_empty(), "a pod has no name");
    Ok(Pod {
        role: match component.as_str() {
            "gateway" => Role::Gateway,
            "sampler" => Role::Sampler,
            "controller" => Role::Controller,
            _ => Role::Process,
        },
        name,
        uid: text(&metadata["uid"]),
        node: text(&value["spec"]["nodeName"]),
        address: text(&status["podIP"]).parse().ok(),
        is_ready: conditions.is_some_and(|all| all.iter().any(is_true)),
        is_leaving: !metadata["deletionTimestamp"].is_null(),
        has_started: container["started"] == true || !container["state"]["running"].is_null(),
        restarts: container["restartCount"].as_u64().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Pod, pod};
    use crate::chaos::configuration::Role;
    use serde_json::json;

    /// Scenario: a sampler that runs and was told to go, as the API writes it, cut to what matters.
    /// Guarantees: who, where and how it is are read.
    #[test]
    fn a_pod_is_read() {
        let read = pod(&json!({
            "metadata": {
                "name": "tailweir-sampler-1",
                "uid": "0b1c2d3e-aaaa",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"app.kubernetes.io/component": "sampler"},
            },
            "spec": {"nodeName": "node2"},
            "status": {
                "podIP": "10.244.2.7",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"started": true, "restartCount": 2}],
            },
        }));
        let expected = Pod {
            name: "tailweir-sampler-1".to_owned(),
            uid: "0b1c2d3e-aaaa".to_owned(),
            role: Role::Sampler,
            node: "node2".to_owned(),
            address: "10.244.2.7".parse().ok(),
            is_ready: true,
            is_leaving: true,
            has_started: true,
            restarts: 2,
        };
        assert_eq!(read.unwrap(), expected);
        assert_eq!(expected.life(), "tailweir-sampler-1-0b1c2d3e-2");
    }
}
