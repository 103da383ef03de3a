//! The attributes that come of an object.

use crate::feed::Kind;
use crate::object::{Body, Metadata, Owner};
use crate::rules::Rules;
use crate::table::Others;
use std::collections::BTreeMap;
use tailweir_config::{FieldOwner, PodField};
use tailweir_otlp::EncodedValue;

/// An attribute that a resource may be given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attribute {
    pub(crate) name: Box<str>,
    pub(crate) value: EncodedValue,
}

impl Attribute {
    pub(crate) fn new(name: &str, value: EncodedValue) -> Self {
        let name = name.into();
        Self { name, value }
    }

    pub(crate) fn text(name: &str, value: &str) -> Self {
        Self::new(name, EncodedValue::string(value.as_bytes()))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.name.len() + self.value.message().len()
    }
}

/// Attributes by name, while they are collected: of what comes twice the later counts.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeMap<String, String>);

impl Texts {
    fn put(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Those that find room within so many bytes, and how many do not.
    pub(crate) fn within(self, mut room: usize) -> (Vec<Attribute>, u64) {
        let (mut kept, mut left_out) = (Vec::new(), 0);
        for (name, value) in self.0 {
            let attribute = Attribute::text(&name, &value);
            match room.checked_sub(attribute.bytes()) {
                Some(rest) => {
                    room = rest;
                    kept.push(attribute);
                }
                None => left_out += 1,
            }
        }
        (kept, left_out)
    }
}

impl Rules {
    /// The attributes of a pod. What owners are called is looked up in `others`.
    pub(crate) fn of_pod(&self, pod: &Body, others: &Others) -> Texts {
        let (metadata, mut texts) = (&pod.metadata, Texts::default());
        for (field, value) in [
            (PodField::PodName, &*metadata.name),
            (PodField::ServiceName, &*metadata.name),
            (
                PodField::PodHostname,
                pod.spec.hostname.as_deref().unwrap_or_default(),
            ),
            (
                PodField::PodIp,
                pod.status.pod_ip.as_deref().unwrap_or_default(),
            ),
            (PodField::Namespace, &*metadata.namespace),
            (PodField::ServiceNamespace, &*metadata.namespace),
            (PodField::PodUid, &*metadata.uid),
            (
                PodField::NodeName,
                pod.spec.node_name.as_deref().unwrap_or_default(),
            ),
        ] {
            self.put(&mut texts, field, value);
        }
        if let Some(created) = metadata.created() {
            self.put(&mut texts, PodField::PodStartTime, &created.to_string());
        }
        for owner in metadata.owners() {
            self.of_owner(pod, owner, others, &mut texts);
        }
        if let Some(cluster) = others.get(Kind::Namespace, "kube-system") {
            self.put(&mut texts, PodField::ClusterUid, &cluster.uid);
        }
        self.add_labels(FieldOwner::Pod, metadata, &mut texts);
        for label in ["app.kubernetes.io/name", "app.kubernetes.io/instance"] {
            if let Some(name) = metadata.label(label) {
                self.put(&mut texts, PodField::ServiceName, name);
            }
        }
        if let Some(version) = metadata.label("app.kubernetes.io/version") {
            self.put(&mut texts, PodField::ServiceVersion, version);
        }
        self.add_annotations(FieldOwner::Pod, metadata, &mut texts);
        texts
    }

    /// Labels and annotations of an object that is no pod.
    pub(crate) fn of_other(&self, kind: Kind, metadata: &Metadata) -> Texts {
        let mut texts = Texts::default();
        let owner = match kind {
            Kind::Pod => FieldOwner::Pod,
            Kind::Namespace => FieldOwner::Namespace,
            Kind::Node => FieldOwner::Node,
            Kind::ReplicaSet => FieldOwner::ReplicaSet,
            Kind::Deployment => FieldOwner::Deployment,
            Kind::StatefulSet => FieldOwner::StatefulSet,
            Kind::DaemonSet => FieldOwner::DaemonSet,
            Kind::Job => FieldOwner::Job,
            Kind::CronJob => FieldOwner::CronJob,
        };
        self.add_labels(owner, metadata, &mut texts);
        self.add_annotations(owner, metadata, &mut texts);
        texts
    }

    fn put(&self, texts: &mut Texts, field: PodField, value: &str) {
        if self.has(field) {
            texts.put(field.word(), value);
        }
    }

    fn of_owner(&self, pod: &Body, owner: &Owner, others: &Others, texts: &mut Texts) {
        let (name, uid) = match owner.kind.as_str() {
            "ReplicaSet" => (PodField::ReplicaSetName, PodField::ReplicaSetUid),
            "DaemonSet" => (PodField::DaemonSetName, PodField::DaemonSetUid),
            "StatefulSet" => (PodField::StatefulSetName, PodField::StatefulSetUid),
            "Job" => (PodField::JobName, PodField::JobUid),
            _ => return,
        };
        self.put(texts, uid, &owner.uid);
        self.put(texts, name, &owner.name);
        self.put(texts, PodField::ServiceName, &owner.name);
        let (kind, name, uid) = match owner.kind.as_str() {
            "ReplicaSet" => (
                Kind::ReplicaSet,
                PodField::DeploymentName,
                PodField::DeploymentUid,
            ),
            "Job" => (Kind::Job, PodField::CronJobName, PodField::CronJobUid),
            _ => return,
        };
        // What watches of owners say counts; where there are none, the owner's name has to do.
        let (above, above_uid) = match others.get(kind, &owner.uid) {
            Some(known) => (known.owner_name.to_string(), &*known.owner_uid),
            None if kind == Kind::ReplicaSet => (deployment_of(pod, owner), ""),
            None => (cron_job_of(pod, owner), ""),
        };
        if !above.is_empty() {
            self.put(texts, name, &above);
            self.put(texts, PodField::ServiceName, &above);
        }
        if !above_uid.is_empty() {
            self.put(texts, uid, above_uid);
        }
    }

    fn add_labels(&self, owner: FieldOwner, metadata: &Metadata, texts: &mut Texts) {
        let (labels, _) = prefixes(owner);
        for rule in self.labels.iter().filter(|rule| rule.from == owner) {
            rule.apply(metadata.labels.as_ref(), &labels, |name, value| {
                texts.put(&name, value);
            });
        }
    }

    fn add_annotations(&self, owner: FieldOwner, metadata: &Metadata, texts: &mut Texts) {
        let (_, annotations) = prefixes(owner);
        for rule in self.annotations.iter().filter(|rule| rule.from == owner) {
            rule.apply(
                metadata.annotations.as_ref(),
                &annotations,
                |name, value| {
                    texts.put(&name, value);
                },
            );
        }
    }
}

/// What stands before the keys of labels and of annotations. The older three have names of before the conventions.
fn prefixes(owner: FieldOwner) -> (String, String) {
    let plural = match owner {
        FieldOwner::Pod | FieldOwner::Namespace | FieldOwner::Node => "s",
        _ => "",
    };
    let owner = owner.word();
    (
        format!("k8s.{owner}.label{plural}."),
        format!("k8s.{owner}.annotation{plural}."),
    )
}

/// The Deployment that made a ReplicaSet, which it calls by its own name and the hash of its template.
fn deployment_of(pod: &Body, replica_set: &Owner) -> String {
    let hash = pod.metadata.label("pod-template-hash").unwrap_or_default();
    let name = replica_set.name.strip_suffix(hash);
    let name = name.and_then(|name| name.strip_suffix('-'));
    let name = name.filter(|_| !hash.is_empty());
    name.unwrap_or_default().to_owned()
}

/// Digits of the minute, since 1970, with which a CronJob names its Jobs.
const MINUTE_DIGITS: usize = 8;
/// By how much that minute and a pod's creation may differ; else the digits mean something else.
const SKEW_MINUTES: u64 = 24 * 60;

/// The CronJob that made a Job, which it calls by its own name and the minute.
fn cron_job_of(pod: &Body, job: &Owner) -> String {
    let found = job.name.rsplit_once('-').filter(|(_, minute)| {
        minute.len() == MINUTE_DIGITS && minute.bytes().all(|byte| byte.is_ascii_digit())
    });
    let minute = found.and_then(|(name, minute)| Some((name, minute.parse::<i64>().ok()?)));
    let created = pod.metadata.created().map_or(0, |at| at.as_second() / 60);
    match minute {
        Some((name, minute)) if created.abs_diff(minute) <= SKEW_MINUTES => name.to_owned(),
        _ => String::new(),
    }
}
