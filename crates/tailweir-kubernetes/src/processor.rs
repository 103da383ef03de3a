//! The `k8s_attributes` processor.

use crate::attributes::Attribute;
use crate::feed::Kind;
use crate::figures::count;
use crate::identity::text;
use crate::rules::Rules;
use crate::table::{Known, Pod, Table};
use std::net::IpAddr;
use std::sync::Arc;
use tailweir_config::PodField;
use tailweir_otlp::{AnyValue, AttributeList, EncodedValue};
use tailweir_transform::{Outcome, Request, Transform, TransformError, edit_resources};

/// Adds to every resource what is known of the pod that sent it.
#[derive(Debug)]
pub struct PodAttributes {
    rules: Arc<Rules>,
    table: Arc<Table>,
}

impl PodAttributes {
    /// Looks pods up in a table of the same rules.
    #[must_use]
    pub const fn new(rules: Arc<Rules>, table: Arc<Table>) -> Self {
        Self { rules, table }
    }

    fn enrich(&self, known: &Known, list: &mut AttributeList<'_>, client: Option<IpAddr>) {
        let figures = self.table.figures();
        let identity = self.rules.identify(list, client);
        let address = identity
            .as_ref()
            .and_then(|identity| identity.address.as_ref());
        let is_noted = self.rules.is_passthrough || self.rules.has(PodField::PodIp);
        if let Some(address) = address.filter(|_| is_noted) {
            fill(list, PodField::PodIp.word(), &EncodedValue::string(address));
        }
        if self.rules.is_passthrough {
            return;
        }
        let pod = identity
            .as_ref()
            .and_then(|identity| known.pod(&identity.key));
        let counter = match (&identity, pod) {
            (None, _) => &figures.unidentified,
            (Some(_), None) => &figures.unknown,
            (Some(_), Some(_)) => &figures.found,
        };
        count(counter, 1);
        if let Some(pod) = pod {
            add(list, &pod.attributes);
            add_container(list, pod);
        }
        self.add_surroundings(known, list, pod);
        for (kind, name) in [
            (Kind::Deployment, "k8s.deployment.uid"),
            (Kind::ReplicaSet, "k8s.replicaset.uid"),
            (Kind::StatefulSet, "k8s.statefulset.uid"),
            (Kind::DaemonSet, "k8s.daemonset.uid"),
            (Kind::Job, "k8s.job.uid"),
            (Kind::CronJob, "k8s.cronjob.uid"),
        ] {
            let owner = pod.and_then(|pod| pod.owner(kind));
            if let Some(uid) = named(owner, list, name)
                && let Some(owner) = known.others.get(kind, &uid)
            {
                add(list, &owner.attributes);
            }
        }
    }

    /// What is known of the namespace and of the node.
    fn add_surroundings(&self, known: &Known, list: &mut AttributeList<'_>, pod: Option<&Pod>) {
        let namespace = pod.map(|pod| &*pod.namespace);
        if let Some(name) = named(namespace, list, PodField::Namespace.word()) {
            if let Some(namespace) = known.others.get(Kind::Namespace, &name) {
                add(list, &namespace.attributes);
            }
            if self.rules.has(PodField::ServiceNamespace) {
                let name = EncodedValue::string(name.as_bytes());
                fill(list, PodField::ServiceNamespace.word(), &name);
            }
        }
        let node = pod.map(|pod| &*pod.node);
        if let Some(name) = named(node, list, PodField::NodeName.word())
            && let Some(node) = known.others.get(Kind::Node, &name)
        {
            add(list, &node.attributes);
            // Where only its labels are wanted, its UID comes along, as in the Collector.
            if !node.uid.is_empty() {
                let uid = EncodedValue::string(node.uid.as_bytes());
                fill(list, PodField::NodeUid.word(), &uid);
            }
        }
    }
}

impl Transform for PodAttributes {
    /// Fails when the request would grow by more than [`GROWTH_MAX`](tailweir_transform::GROWTH_MAX).
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let known = self.table.read();
        let client = request.client.address;
        edit_resources(request.body, |list| self.enrich(&known, list, client))
    }
}

/// A name that is known of the pod, or else one that the resource has.
fn named(known: Option<&str>, list: &AttributeList<'_>, attribute: &str) -> Option<String> {
    match known.filter(|known| !known.is_empty()) {
        Some(known) => Some(known.to_owned()),
        None => String::from_utf8(text(list, attribute)?.to_vec()).ok(),
    }
}

/// What a resource says itself is kept, unless it is empty.
fn fill(list: &mut AttributeList<'_>, name: &str, value: &EncodedValue) {
    let is_empty = match list.get(name.as_bytes()) {
        None | Some(AnyValue::Empty) => true,
        Some(AnyValue::String(text)) => text.is_empty(),
        Some(AnyValue::Bytes(bytes)) => bytes.is_empty(),
        Some(_) => false,
    };
    if is_empty {
        list.put(name.as_bytes(), value);
    }
}

fn add(list: &mut AttributeList<'_>, attributes: &[Attribute]) {
    for attribute in attributes {
        fill(list, &attribute.name, &attribute.value);
    }
}

fn add_container(list: &mut AttributeList<'_>, pod: &Pod) {
    let name = text(list, PodField::ContainerName.word());
    let id = text(list, PodField::ContainerId.word());
    let Some(container) = pod.containers.find(name, id) else {
        return;
    };
    for attribute in &container.attributes {
        match attribute.value.view() {
            AnyValue::String(_) => fill(list, &attribute.name, &attribute.value),
            _ => add_new(list, attribute),
        }
    }
    let restarts = match list.get(b"k8s.container.restart_count") {
        None => container.run(None),
        Some(AnyValue::Int(count)) => container.run(Some(count)),
        Some(AnyValue::String(count)) => {
            let count = std::str::from_utf8(count).ok();
            let count = count.and_then(|count| count.parse().ok());
            count.and_then(|count| container.run(Some(count)))
        }
        Some(_) => None,
    };
    for attribute in restarts.into_iter().flat_map(|run| &run.attributes) {
        add_new(list, attribute);
    }
}

fn add_new(list: &mut AttributeList<'_>, attribute: &Attribute) {
    if list.get(attribute.name.as_bytes()).is_none() {
        list.put(attribute.name.as_bytes(), &attribute.value);
    }
}
