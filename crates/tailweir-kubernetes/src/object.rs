//! Objects of the API, as far as anything here looks at them.

use crate::feed::Kind;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An object that is there.
#[derive(Debug, Clone)]
pub struct Object {
    pub(crate) kind: Kind,
    pub(crate) body: Body,
}

impl Object {
    pub(crate) const fn new(kind: Kind, body: Body) -> Self {
        Self { kind, body }
    }
}

/// Any object. Only pods have a specification and a status here: of the others only the metadata is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    pub(crate) metadata: Metadata,
    pub(crate) spec: PodSpec,
    pub(crate) status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) creation_timestamp: Option<String>,
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    pub(crate) owner_references: Option<Vec<Owner>>,
}

impl Metadata {
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.as_ref()?.get(key).map(String::as_str)
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    pub(crate) fn owners(&self) -> &[Owner] {
        self.owner_references.as_deref().unwrap_or_default()
    }

    /// The owner of a kind that controls it.
    pub(crate) fn controller(&self, kind: &str) -> Option<&Owner> {
        let mut owners = self.owners().iter();
        owners.find(|owner| owner.kind == kind && owner.controller == Some(true))
    }

    /// When it was created; nothing when that is no time.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.creation_timestamp.as_ref()?.parse().ok()
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) controller: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodSpec {
    pub(crate) node_name: Option<String>,
    pub(crate) hostname: Option<String>,
    pub(crate) host_network: Option<bool>,
    pub(crate) containers: Option<Vec<ContainerSpec>>,
    pub(crate) init_containers: Option<Vec<ContainerSpec>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerSpec {
    pub(crate) name: String,
    pub(crate) image: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodStatus {
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: Option<String>,
    pub(crate) start_time: Option<String>,
    pub(crate) container_statuses: Option<Vec<ContainerStatus>>,
    pub(crate) init_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    #[serde(rename = "containerID")]
    pub(crate) container_id: Option<String>,
    #[serde(rename = "imageID")]
    pub(crate) image_id: Option<String>,
    pub(crate) restart_count: i64,
}
