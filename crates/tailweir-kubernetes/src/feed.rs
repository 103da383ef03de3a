//! Which objects are asked for, and how.

use crate::rules::Rules;
use form_urlencoded::Serializer;
use tailweir_config::{FieldOperation, FieldOwner, LabelOperation, PodField, PodFilter};

/// Bytes of the name of an object.
const NAME_MAX: usize = 253;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A pod.
    Pod,
    /// A namespace.
    Namespace,
    /// A node.
    Node,
    /// A ReplicaSet.
    ReplicaSet,
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Job.
    Job,
    /// A CronJob.
    CronJob,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Pod,
        Self::Namespace,
        Self::Node,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
    ];

    /// As the API names many of them.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::ReplicaSet => "replicasets",
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
        }
    }

    /// What to ask for the one that is called so; nothing for what is no name of it, or for kinds that are in namespaces.
    #[must_use]
    pub fn one(self, name: &str) -> Option<String> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = [name.bytes().next(), name.bytes().next_back()];
        let is_name = name.len() <= NAME_MAX
            && ends.into_iter().all(|end| end.is_some_and(is_letter))
            && name
                .bytes()
                .all(|byte| is_letter(byte) || matches!(byte, b'-' | b'.'));
        (is_name && !self.has_namespace())
            .then(|| format!("{}/{}/{name}", self.group(), self.plural()))
    }

    /// The `Accept` header for that: its metadata is enough.
    pub const ACCEPT_ONE: &'static str =
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

    const fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::Namespace | Self::Node => "/api/v1",
            Self::ReplicaSet | Self::Deployment | Self::StatefulSet | Self::DaemonSet => {
                "/apis/apps/v1"
            }
            Self::Job | Self::CronJob => "/apis/batch/v1",
        }
    }

    const fn has_namespace(self) -> bool {
        !matches!(self, Self::Namespace | Self::Node)
    }

    /// Its place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Objects of one kind that are asked for and watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    kind: Kind,
    path: String,
    fields: String,
    labels: String,
}

impl Feed {
    /// Objects of a list.
    const PAGE: usize = 200;
    /// After how many seconds the API ends a watch that goes on.
    const WATCH_SECONDS: u32 = 240;

    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What to ask for a page of the list: path and query. `after` is what the page before it said.
    #[must_use]
    pub fn list(&self, after: Option<&str>) -> String {
        let mut query = self.query();
        query.append_pair("limit", &Self::PAGE.to_string());
        if let Some(after) = after {
            query.append_pair("continue", after);
        }
        format!("{}?{}", self.path, query.finish())
    }

    /// What to ask for changes since a version of the list.
    #[must_use]
    pub fn watch(&self, version: &str) -> String {
        let mut query = self.query();
        query.append_pair("watch", "true");
        query.append_pair("allowWatchBookmarks", "true");
        query.append_pair("resourceVersion", version);
        query.append_pair("timeoutSeconds", &Self::WATCH_SECONDS.to_string());
        format!("{}?{}", self.path, query.finish())
    }

    /// The `Accept` header of a list, or of a watch: of anything but pods the metadata is enough.
    #[must_use]
    pub fn accept(&self, is_watch: bool) -> &'static str {
        match (self.kind, is_watch) {
            (Kind::Pod, _) => "application/json",
            (_, false) => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            }
            (_, true) => Kind::ACCEPT_ONE,
        }
    }

    fn query(&self) -> Serializer<'static, String> {
        let mut query = Serializer::new(String::new());
        for (name, selector) in [
            ("fieldSelector", &self.fields),
            ("labelSelector", &self.labels),
        ] {
            if !selector.is_empty() {
                query.append_pair(name, selector);
            }
        }
        query
    }
}

impl Rules {
    /// What has to be asked for: the pods first. What the others say of a pod counts from when they are known, so they
    /// should be known before the pods are asked for.
    #[must_use]
    pub fn feeds(&self) -> Vec<Feed> {
        let filter = &self.filter;
        let mut feeds = vec![Feed {
            fields: pod_fields(filter),
            labels: pod_labels(filter),
            ..self.feed(Kind::Pod)
        }];
        if self.reads(FieldOwner::Namespace) {
            feeds.push(self.feed(Kind::Namespace));
        } else if self.has(PodField::ClusterUid) {
            feeds.push(Feed {
                fields: "metadata.name=kube-system".to_owned(),
                ..self.feed(Kind::Namespace)
            });
        }
        if self.reads(FieldOwner::Node) || self.has(PodField::NodeUid) {
            let fields = match filter.node.as_str() {
                "" => String::new(),
                node => format!("metadata.name={}", escaped(node)),
            };
            feeds.push(Feed {
                fields,
                ..self.feed(Kind::Node)
            });
        }
        let wanted = [
            (Kind::ReplicaSet, self.needs_replica_sets()),
            (Kind::Deployment, self.reads(FieldOwner::Deployment)),
            (Kind::StatefulSet, self.reads(FieldOwner::StatefulSet)),
            (Kind::DaemonSet, self.reads(FieldOwner::DaemonSet)),
            (Kind::Job, self.needs_jobs()),
            (Kind::CronJob, self.reads(FieldOwner::CronJob)),
        ];
        let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted);
        feeds.extend(wanted.map(|(kind, _)| self.feed(kind)));
        feeds
    }

    fn needs_replica_sets(&self) -> bool {
        self.has(PodField::DeploymentUid)
            || self.reads(FieldOwner::Deployment)
            || self.reads(FieldOwner::ReplicaSet)
    }

    fn needs_jobs(&self) -> bool {
        self.has(PodField::CronJobUid)
            || self.reads(FieldOwner::Job)
            || self.reads(FieldOwner::CronJob)
    }

    fn feed(&self, kind: Kind) -> Feed {
        let (group, plural) = (kind.group(), kind.plural());
        let path = match self.filter.namespace.as_str() {
            namespace if kind.has_namespace() && !namespace.is_empty() => {
                format!("{group}/namespaces/{namespace}/{plural}")
            }
            _ => format!("{group}/{plural}"),
        };
        Feed {
            kind,
            path,
            fields: String::new(),
            labels: String::new(),
        }
    }
}

fn pod_fields(filter: &PodFilter) -> String {
    let fields = filter.fields.iter().map(|field| {
        let sign = match field.op {
            FieldOperation::Equals => "=",
            FieldOperation::NotEquals => "!=",
        };
        format!("{}{sign}{}", field.key, escaped(&field.value))
    });
    let node = Some(&filter.node).filter(|node| !node.is_empty());
    let node = node.map(|node| format!("spec.nodeName={}", escaped(node)));
    fields.chain(node).collect::<Vec<_>>().join(",")
}

fn pod_labels(filter: &PodFilter) -> String {
    let labels = filter.labels.iter().map(|label| match label.op {
        LabelOperation::Equals => format!("{}={}", label.key, label.value),
        LabelOperation::NotEquals => format!("{}!={}", label.key, label.value),
        LabelOperation::Exists => label.key.clone(),
        LabelOperation::DoesNotExist => format!("!{}", label.key),
    });
    labels.collect::<Vec<_>>().join(",")
}

/// A value as field selectors have it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace(',', "\\,")
        .replace('=', "\\=")
}
