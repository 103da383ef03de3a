//! The `k8s_attributes` processor.

use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::time::Duration;

choice! {
    /// How this process says to the API who it is.
    pub enum KubernetesAuth = ServiceAccount {
        /// By the token of its pod's service account, which is read again when it is changed.
        ServiceAccount = "serviceAccount",
        /// As the file of `KUBECONFIG`, or else `~/.kube/config`, says.
        KubeConfig = "kubeConfig",
        /// Not at all; the API's certificate is not checked either.
        None = "none",
    }
}

choice! {
    /// Something about a pod, its containers or its owners, under the name of its attribute.
    pub enum PodField = PodName {
        /// Its namespace.
        Namespace = "k8s.namespace.name",
        /// Its name.
        PodName = "k8s.pod.name",
        /// Its UID.
        PodUid = "k8s.pod.uid",
        /// Its host name, where one is set.
        PodHostname = "k8s.pod.hostname",
        /// Its address.
        PodIp = "k8s.pod.ip",
        /// When it was created.
        PodStartTime = "k8s.pod.start_time",
        /// Its Deployment: the owner of its ReplicaSet, or what the ReplicaSet's name says.
        DeploymentName = "k8s.deployment.name",
        /// The Deployment's UID. ReplicaSets are watched for it.
        DeploymentUid = "k8s.deployment.uid",
        /// Its ReplicaSet.
        ReplicaSetName = "k8s.replicaset.name",
        /// The ReplicaSet's UID.
        ReplicaSetUid = "k8s.replicaset.uid",
        /// Its DaemonSet.
        DaemonSetName = "k8s.daemonset.name",
        /// The DaemonSet's UID.
        DaemonSetUid = "k8s.daemonset.uid",
        /// Its StatefulSet.
        StatefulSetName = "k8s.statefulset.name",
        /// The StatefulSet's UID.
        StatefulSetUid = "k8s.statefulset.uid",
        /// Its Job.
        JobName = "k8s.job.name",
        /// The Job's UID.
        JobUid = "k8s.job.uid",
        /// Its CronJob: the owner of its Job, or what the Job's name says.
        CronJobName = "k8s.cronjob.name",
        /// The CronJob's UID. Jobs are watched for it.
        CronJobUid = "k8s.cronjob.uid",
        /// Its node.
        NodeName = "k8s.node.name",
        /// The node's UID. Nodes are watched for it.
        NodeUid = "k8s.node.uid",
        /// The UID of the namespace `kube-system`, which is watched for it.
        ClusterUid = "k8s.cluster.uid",
        /// The container's name.
        ContainerName = "k8s.container.name",
        /// The container's id.
        ContainerId = "container.id",
        /// The image's name.
        ContainerImageName = "container.image.name",
        /// The image's tag.
        ContainerImageTag = "container.image.tag",
        /// The same as a list.
        ContainerImageTags = "container.image.tags",
        /// The image with its digest, as a list.
        ContainerImageRepoDigests = "container.image.repo_digests",
        /// The pod's namespace.
        ServiceNamespace = "service.namespace",
        /// The labels `app.kubernetes.io/instance` or `app.kubernetes.io/name`, or else the name of its owner.
        ServiceName = "service.name",
        /// The label `app.kubernetes.io/version`, or else the image's tag and digest.
        ServiceVersion = "service.version",
        /// Namespace, pod and container, joined by dots.
        ServiceInstanceId = "service.instance.id",
    }
}

choice! {
    /// Whose labels and annotations are read.
    pub enum FieldOwner = Pod {
        /// The pod's.
        Pod = "pod" | "",
        /// Its namespace's.
        Namespace = "namespace",
        /// Its node's.
        Node = "node",
        /// Its Deployment's.
        Deployment = "deployment",
        /// Its ReplicaSet's.
        ReplicaSet = "replicaset",
        /// Its StatefulSet's.
        StatefulSet = "statefulset",
        /// Its DaemonSet's.
        DaemonSet = "daemonset",
        /// Its Job's.
        Job = "job",
        /// Its CronJob's.
        CronJob = "cronjob",
    }
}

choice! {
    /// Where an association finds a value.
    pub enum AssociationFrom = ResourceAttribute {
        /// The attribute `name` of the resource.
        ResourceAttribute = "resource_attribute",
        /// The address of the client.
        Connection = "connection",
    }
}

choice! {
    /// How a label is compared.
    pub enum LabelOperation = Equals {
        /// It is there and is `value`.
        Equals = "equals" | "",
        /// It is not `value`, or is not there.
        NotEquals = "not-equals",
        /// It is there.
        Exists = "exists",
        /// It is not there.
        DoesNotExist = "does-not-exist",
    }
}

choice! {
    /// How a field is compared.
    pub enum FieldOperation = Equals {
        /// It is `value`.
        Equals = "equals" | "",
        /// It is not `value`.
        NotEquals = "not-equals",
    }
}

settings! {
    /// Adds to every resource what Kubernetes knows of the pod that sent it. What is there already is kept.
    pub struct KubernetesAttributes {
        /// How this process says to the API who it is.
        auth_type: KubernetesAuth = KubernetesAuth::ServiceAccount,
        /// The context of the kubeconfig. Empty: its current one.
        context: String = String::new(),
        /// Only note the client's address as `k8s.pod.ip`, for a processor further on; the API is not asked.
        passthrough: bool = false,
        /// What is added.
        extract: PodExtraction = PodExtraction::default(),
        /// Which pods there are to find.
        filter: PodFilter = PodFilter::default(),
        /// How a resource's pod is found: by the first of these that finds all of its values, whether there is such a
        /// pod or not. None: by `k8s.pod.ip`, `ip`, the client's address, or a `host.name` that is an address.
        pod_association: Vec<PodAssociation> = Vec::new(),
        /// Which pods are not found.
        exclude: PodExclusion = PodExclusion::default(),
        /// Whether the processor starts only once it knows the pods that there are.
        wait_for_metadata: bool = false,
        /// Time for that; later it does not start.
        wait_for_metadata_timeout: Duration = Duration::from_secs(10),
        /// How long a pod is found after it is gone.
        pod_delete_grace_period: Duration = Duration::from_secs(120),
        /// Objects of each kind that are remembered, from 1 to 1,000,000. Further ones are not, and are counted.
        max_objects: u64 = 100_000,
        /// Bytes of names and values that are remembered of an object, from 1,024 to 1,048,576. Attributes that find no
        /// room are left out, and are counted.
        max_object_bytes: u64 = 64 << 10,
    }
    ignored {
        "kube_api_qps": Json = "the API is asked once for each kind of object, and then watched",
        "kube_api_burst": Json = "the API is asked once for each kind of object, and then watched",
        "watch_sync_period": Duration = "what did not change is not handled again",
    }
    rules kubernetes_rules;
}

settings! {
    /// What is added to a resource.
    pub struct PodExtraction {
        /// What of the pod, its containers and its owners.
        metadata: Vec<PodField> = vec![
            PodField::ContainerImageName,
            PodField::ContainerImageTag,
            PodField::DeploymentName,
            PodField::Namespace,
            PodField::NodeName,
            PodField::PodName,
            PodField::PodStartTime,
            PodField::PodUid,
        ],
        /// Which labels.
        labels: Vec<FieldExtraction> = Vec::new(),
        /// Which annotations.
        annotations: Vec<FieldExtraction> = Vec::new(),
        /// Whether the pod's annotations `resource.opentelemetry.io/NAME` become attributes `NAME`.
        otel_annotations: bool = false,
    }
}

settings! {
    /// Labels or annotations that become attributes.
    pub struct FieldExtraction {
        /// The attribute. With `key_regex`, `$1` and `${name}` stand for its groups. Empty:
        /// `k8s.pod.labels.KEY`, `k8s.node.annotations.KEY`, `k8s.deployment.label.KEY` and so on.
        tag_name: String = String::new(),
        /// Its key.
        key: String = String::new(),
        /// Their keys, as a regular expression that has to match all of a key. `tag_name` counts if it has groups.
        key_regex: String = String::new(),
        /// Whose.
        from: FieldOwner = FieldOwner::Pod,
    }
    rules extraction_rules;
}

settings! {
    /// Which pods there are to find.
    pub struct PodFilter {
        /// Those of this node.
        node: String = String::new(),
        /// Those of the node that this environment variable names.
        node_from_env_var: String = String::new(),
        /// Those of this namespace.
        namespace: String = String::new(),
        /// Those with these fields.
        fields: Vec<FieldFilter> = Vec::new(),
        /// Those with these labels.
        labels: Vec<LabelFilter> = Vec::new(),
    }
}

settings! {
    /// A field that pods are chosen by.
    pub struct FieldFilter {
        /// Its path, such as `status.phase`.
        key: String = String::new(),
        /// What it is compared to.
        value: String = String::new(),
        /// How.
        op: FieldOperation = FieldOperation::Equals,
    }
    rules field_filter_rules;
}

settings! {
    /// A label that pods are chosen by.
    pub struct LabelFilter {
        /// Its key.
        key: String = String::new(),
        /// What it is compared to.
        value: String = String::new(),
        /// How.
        op: LabelOperation = LabelOperation::Equals,
    }
    rules label_filter_rules;
}

settings! {
    /// A way to find a resource's pod.
    pub struct PodAssociation {
        /// What has to be known of the resource, at most four values; the pod has to have all of them.
        sources: Vec<AssociationSource> = Vec::new(),
    }
    rules association_rules;
}

settings! {
    /// A value that tells pods apart.
    pub struct AssociationSource {
        /// Where it is found.
        from: AssociationFrom = AssociationFrom::ResourceAttribute,
        /// The name of the resource's attribute.
        name: String = String::new(),
    }
    rules source_rules;
}

settings! {
    /// Which pods are not found.
    pub struct PodExclusion {
        /// Those of these names. None: `jaeger-agent` and `jaeger-collector`.
        pods: Vec<ExcludedPod> = Vec::new(),
    }
}

settings! {
    /// Pods that are not found.
    pub struct ExcludedPod {
        /// Their names, as a regular expression that has to match a part of a name.
        name: String = String::new(),
    }
    rules excluded_pod_rules;
}

/// Sources that an association may have.
const SOURCES_MAX: usize = 4;

fn kubernetes_rules(
    kubernetes: &mut KubernetesAttributes,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    require_range(
        block,
        report,
        "max_objects",
        kubernetes.max_objects,
        1,
        1_000_000,
    );
    require_range(
        block,
        report,
        "max_object_bytes",
        kubernetes.max_object_bytes,
        1 << 10,
        1 << 20,
    );
    let mut seen = BTreeSet::new();
    let places = block.items("pod_association");
    for (place, association) in places.zip(&kubernetes.pod_association) {
        let sources = association.sources.iter();
        let mut sources: Vec<_> = sources.map(|it| (it.from.word(), &it.name)).collect();
        sources.sort_unstable();
        if !seen.insert(sources) {
            let text = "this association is there twice, in whatever order";
            report.error_at(place, Cause::NotAllowed, text, "remove one");
        }
    }
    if !kubernetes.context.is_empty() && kubernetes.auth_type != KubernetesAuth::KubeConfig {
        let text = "`context` counts only with `auth_type: kubeConfig`";
        report.warn_at(block.at("context"), Cause::NotAllowed, text, "remove it");
    }
}

fn require_range(
    block: &Block<'_>,
    report: &mut Report,
    key: &str,
    value: u64,
    least: u64,
    most: u64,
) {
    if !(least..=most).contains(&value) {
        let text = format!("`{key}` is {value}, and may be {least} to {most}");
        report.error_at(block.at(key), Cause::OutOfRange, text, "");
    }
}

fn extraction_rules(field: &mut FieldExtraction, block: &mut Block<'_>, report: &mut Report) {
    match (field.key.is_empty(), field.key_regex.is_empty()) {
        (false, false) => {
            let text = "`key` and `key_regex` exclude each other";
            report.error_at(block.at("key_regex"), Cause::NotAllowed, text, "remove one");
        }
        (true, true) => {
            let text = "neither `key` nor `key_regex` is written, so nothing is found";
            report.warn_at(block.place(), Cause::Missing, text, "write `key`");
        }
        (true, false) => {
            // Groups around it, as it is compiled, change nothing about whether it is an expression.
            crate::pattern::check(&field.key_regex, block.at("key_regex"), report);
        }
        (false, true) => {}
    }
}

fn association_rules(association: &mut PodAssociation, block: &mut Block<'_>, report: &mut Report) {
    match association.sources.len() {
        0 => {
            let text = "an association without `sources` finds no pod, and hides those after it";
            report.warn_at(block.place(), Cause::Missing, text, "remove it");
        }
        1..=SOURCES_MAX => {}
        count => {
            let text = format!("{count} sources, and an association may have {SOURCES_MAX}");
            report.error_at(block.at("sources"), Cause::OutOfRange, text, "");
        }
    }
}

fn source_rules(source: &mut AssociationSource, block: &mut Block<'_>, report: &mut Report) {
    if !block.has("from") {
        let text = "`from` is missing";
        let help = "write `from: resource_attribute` or `from: connection`";
        report.error_at(block.place(), Cause::Missing, text, help);
    }
    match source.from {
        // The Collector ignores a name there as well.
        AssociationFrom::Connection => source.name.clear(),
        AssociationFrom::ResourceAttribute if source.name.is_empty() => {
            let text = "`name` is missing: the attribute that has the value";
            report.error_at(
                block.place(),
                Cause::Missing,
                text,
                "write `name: k8s.pod.uid`",
            );
        }
        AssociationFrom::ResourceAttribute => {}
    }
}

fn excluded_pod_rules(pod: &mut ExcludedPod, block: &mut Block<'_>, report: &mut Report) {
    crate::pattern::check(&pod.name, block.at("name"), report);
}

fn field_filter_rules(filter: &mut FieldFilter, block: &mut Block<'_>, report: &mut Report) {
    let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/[]'".contains(&byte);
    if filter.key.is_empty() || !filter.key.bytes().all(is_of_path) {
        let text = format!("`{}` is no field", crate::report::shorten(&filter.key));
        let help = "write a path such as `status.phase`";
        report.error_at(block.at("key"), Cause::NotAllowed, text, help);
    }
}

fn label_filter_rules(filter: &mut LabelFilter, block: &mut Block<'_>, report: &mut Report) {
    let is_of_label = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_of_key = |byte: u8| is_of_label(byte) || byte == b'/';
    if filter.key.is_empty() || !filter.key.bytes().all(is_of_key) {
        let text = format!(
            "`{}` is no key of a label",
            crate::report::shorten(&filter.key)
        );
        report.error_at(block.at("key"), Cause::NotAllowed, text, "");
    }
    if !filter.value.bytes().all(is_of_label) {
        let text = format!(
            "`{}` is no value of a label",
            crate::report::shorten(&filter.value)
        );
        report.error_at(block.at("value"), Cause::NotAllowed, text, "");
    }
}
