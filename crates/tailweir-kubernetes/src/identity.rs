//! What tells pods apart.

use crate::rules::Rules;
use crate::table::Pod;
use std::net::IpAddr;
use std::sync::Arc;
use tailweir_config::{AssociationFrom, PodAssociation};
use tailweir_otlp::{AnyValue, AttributeList};

/// Values with where they come from, in order, as bytes that are equal only when all of it is.
pub(crate) type Key = Arc<[u8]>;

/// Where a value comes from when it is no attribute: no attribute has this name in an association.
const CONNECTION: &str = "";

#[derive(Debug, Default)]
struct KeyWriter(Vec<u8>);

impl KeyWriter {
    fn add(&mut self, source: &str, value: &[u8]) {
        for part in [source.as_bytes(), value] {
            self.0.extend_from_slice(&part.len().to_be_bytes());
            self.0.extend_from_slice(part);
        }
    }
}

fn key(source: &str, value: &str) -> Key {
    let mut key = KeyWriter::default();
    key.add(source, value.as_bytes());
    key.0.into()
}

/// What a resource says about its pod.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) key: Vec<u8>,
    /// The address that counts as the client's, where one does.
    pub(crate) address: Option<Vec<u8>>,
}

impl Rules {
    /// What tells the pod of a resource, by the first association that finds all of its values.
    pub(crate) fn identify(
        &self,
        resource: &AttributeList<'_>,
        client: Option<IpAddr>,
    ) -> Option<Identity> {
        let client = client.map(|address| address.to_canonical().to_string());
        if self.associations.is_empty() {
            let address = address_of(resource, client)?;
            let mut key = KeyWriter::default();
            key.add(CONNECTION, &address);
            let (key, address) = (key.0, Some(address));
            return Some(Identity { key, address });
        }
        let mut associations = self.associations.iter();
        associations.find_map(|association| by(association, resource, client.as_deref()))
    }

    /// Every key of a pod: one for each association, and those that were always there.
    pub(crate) fn keys(&self, pod: &Pod) -> Vec<Key> {
        let mut keys = Vec::new();
        for association in &self.associations {
            let needs_container = association.sources.iter().any(is_container);
            let ids = pod.containers.ids().map(Some);
            let ids: Vec<_> = match needs_container {
                true => ids.collect(),
                false => vec![None],
            };
            let found = ids
                .into_iter()
                .filter_map(|id| key_of(association, pod, id));
            keys.extend(found);
        }
        if !pod.uid.is_empty() {
            keys.push(key("k8s.pod.uid", &pod.uid));
        }
        // Pods in their node's network all have its address.
        if !pod.address.is_empty() && !pod.has_host_network {
            keys.push(key(CONNECTION, &pod.address));
            keys.push(key("k8s.pod.ip", &pod.address));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// The address of a pod where no association is written.
fn address_of(resource: &AttributeList<'_>, client: Option<String>) -> Option<Vec<u8>> {
    let text = |name| text(resource, name).map(<[u8]>::to_vec);
    text("k8s.pod.ip")
        .or_else(|| text("ip"))
        .or_else(|| client.map(String::into_bytes))
        .or_else(|| text("host.name").filter(|name| is_address(name)))
}

fn by(
    association: &PodAssociation,
    resource: &AttributeList<'_>,
    client: Option<&str>,
) -> Option<Identity> {
    let mut key = KeyWriter::default();
    let mut address = None;
    for source in &association.sources {
        match source.from {
            AssociationFrom::Connection => {
                let client = client?.as_bytes();
                key.add(CONNECTION, client);
                address = Some(client.to_vec());
            }
            AssociationFrom::ResourceAttribute => {
                let value = text(resource, &source.name)?;
                if source.name == "host.name" && !is_address(value) {
                    return None;
                }
                key.add(&source.name, value);
            }
        }
    }
    Some(Identity {
        key: key.0,
        address,
    })
}

fn key_of(association: &PodAssociation, pod: &Pod, container: Option<&str>) -> Option<Key> {
    let mut key = KeyWriter::default();
    for source in &association.sources {
        if is_container(source) {
            key.add(&source.name, container?.as_bytes());
            continue;
        }
        let value = match (source.from, source.name.as_str()) {
            (AssociationFrom::Connection, _) if pod.has_host_network => return None,
            (AssociationFrom::Connection, _) => &*pod.address,
            (_, "k8s.namespace.name") => &*pod.namespace,
            (_, "k8s.pod.name") => &*pod.name,
            (_, "k8s.pod.uid") => &*pod.uid,
            (_, "host.name" | "k8s.pod.ip") => &*pod.address,
            (_, name) => pod.attribute(name)?,
        };
        // No resource has a key with an empty value.
        let value = Some(value).filter(|value| !value.is_empty())?;
        key.add(&source.name, value.as_bytes());
    }
    Some(key.0.into())
}

fn is_container(source: &tailweir_config::AssociationSource) -> bool {
    source.from == AssociationFrom::ResourceAttribute && source.name == "container.id"
}

/// The text of an attribute, unless it is empty.
pub(crate) fn text<'l>(list: &'l AttributeList<'_>, name: &str) -> Option<&'l [u8]> {
    match list.get(name.as_bytes())? {
        AnyValue::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn is_address(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.parse::<IpAddr>().is_ok()
}
