//! The settings of the processor, compiled.

use crate::object::Metadata;
use regex::Regex;
use std::collections::BTreeMap;
use tailweir_config::{
    FieldExtraction, FieldOwner, KubernetesAttributes, PodAssociation, PodField, PodFilter,
};

/// Why settings cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{option}`: {problem}")]
pub struct RulesError {
    /// The option.
    option: &'static str,
    /// What is wrong with it.
    problem: String,
}

/// What is looked for, and what is made of it.
#[derive(Debug)]
pub struct Rules {
    fields: Vec<PodField>,
    pub(crate) labels: Vec<FieldRule>,
    pub(crate) annotations: Vec<FieldRule>,
    pub(crate) associations: Vec<PodAssociation>,
    pub(crate) filter: PodFilter,
    excluded: Vec<Regex>,
    pub(crate) is_passthrough: bool,
    pub(crate) max_objects: usize,
    pub(crate) max_object_bytes: usize,
    pub(crate) grace: std::time::Duration,
}

/// The names that are left out where none is written.
const EXCLUDED: [&str; 2] = ["jaeger-agent", "jaeger-collector"];
/// With this annotation, a pod is not found.
const IGNORE: &str = "opentelemetry.io/k8s-processor/ignore";

impl Rules {
    /// Compiles settings. `node` is what the variable of `filter::node_from_env_var` says, where it is written.
    ///
    /// # Errors
    /// An expression that does not compile.
    pub fn new(settings: &KubernetesAttributes, node: Option<String>) -> Result<Self, RulesError> {
        let extract = &settings.extract;
        let compiled = |rules: &[FieldExtraction], option| {
            let rules = rules.iter().map(|rule| FieldRule::new(rule, option));
            rules.collect::<Result<Vec<_>, _>>()
        };
        let mut annotations = compiled(&extract.annotations, "annotations")?;
        if extract.otel_annotations {
            annotations.push(FieldRule::new(
                &telemetry_annotations(),
                "otel_annotations",
            )?);
        }
        let mut filter = settings.filter.clone();
        filter.node = node.unwrap_or(filter.node);
        let names = settings.exclude.pods.iter().map(|pod| pod.name.as_str());
        let mut names: Vec<_> = names.collect();
        if names.is_empty() {
            names.extend(EXCLUDED);
        }
        let excluded = names.into_iter().map(|name| regex(name, "exclude"));
        Ok(Self {
            fields: extract.metadata.clone(),
            labels: compiled(&extract.labels, "labels")?,
            annotations,
            associations: settings.pod_association.clone(),
            filter,
            excluded: excluded.collect::<Result<_, _>>()?,
            is_passthrough: settings.passthrough,
            max_objects: usize::try_from(settings.max_objects).unwrap_or(usize::MAX),
            max_object_bytes: usize::try_from(settings.max_object_bytes).unwrap_or(usize::MAX),
            grace: settings.pod_delete_grace_period,
        })
    }

    /// Whether this is wanted.
    pub(crate) fn has(&self, field: PodField) -> bool {
        self.fields.contains(&field)
    }

    pub(crate) fn has_any(&self, fields: &[PodField]) -> bool {
        fields.iter().any(|field| self.has(*field))
    }

    /// Whether labels or annotations of these are wanted.
    pub(crate) fn reads(&self, owner: FieldOwner) -> bool {
        let mut rules = self.labels.iter().chain(&self.annotations);
        rules.any(|rule| rule.from == owner)
    }

    /// Whether anything about containers is wanted.
    pub(crate) fn needs_containers(&self) -> bool {
        self.has_any(&[
            PodField::ContainerImageName,
            PodField::ContainerName,
            PodField::ContainerImageTag,
            PodField::ContainerImageTags,
            PodField::ContainerImageRepoDigests,
            PodField::ContainerId,
            PodField::ServiceVersion,
            PodField::ServiceInstanceId,
        ])
    }

    /// Whether anything about owners is wanted. If not, nothing is known of them.
    pub(crate) fn needs_owners(&self) -> bool {
        self.has_any(&[
            PodField::CronJobName,
            PodField::CronJobUid,
            PodField::DeploymentName,
            PodField::DeploymentUid,
            PodField::DaemonSetUid,
            PodField::DaemonSetName,
            PodField::JobName,
            PodField::JobUid,
            PodField::ReplicaSetUid,
            PodField::ReplicaSetName,
            PodField::StatefulSetUid,
            PodField::StatefulSetName,
            PodField::ServiceName,
        ])
    }

    /// Whether a pod is not to be found.
    pub(crate) fn ignores(&self, pod: &Metadata) -> bool {
        let said = pod.annotation(IGNORE).unwrap_or_default();
        said.trim().eq_ignore_ascii_case("true")
            || self.excluded.iter().any(|name| name.is_match(&pod.name))
    }
}

/// Labels or annotations that become attributes.
#[derive(Debug)]
pub struct FieldRule {
    name: String,
    key: String,
    keys: Option<Regex>,
    pub(crate) from: FieldOwner,
}

impl FieldRule {
    fn new(settings: &FieldExtraction, option: &'static str) -> Result<Self, RulesError> {
        let keys = match settings.key_regex.as_str() {
            "" => None,
            keys => Some(regex(&format!("^(?:{keys})$"), option)?),
        };
        Ok(Self {
            name: settings.tag_name.clone(),
            key: settings.key.clone(),
            keys,
            from: settings.from,
        })
    }

    /// Hands each attribute that comes of these to `add`. `prefix` stands before the key where no name is written.
    pub(crate) fn apply(
        &self,
        fields: Option<&BTreeMap<String, String>>,
        prefix: &str,
        mut add: impl FnMut(String, &str),
    ) {
        let Some(fields) = fields else {
            return;
        };
        let Some(keys) = &self.keys else {
            if let Some(value) = fields.get(&self.key) {
                let name = match self.name.as_str() {
                    "" => format!("{prefix}{}", self.key),
                    name => name.to_owned(),
                };
                add(name, value);
            }
            return;
        };
        for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            let Some(groups) = keys.captures(key) else {
                continue;
            };
            // A name without groups to tell keys apart would be that of all of them.
            if groups.len() > 1 && !self.name.is_empty() {
                let mut name = String::new();
                groups.expand(&self.name, &mut name);
                add(name, value);
            } else {
                add(format!("{prefix}{key}"), value);
            }
        }
    }
}

fn telemetry_annotations() -> FieldExtraction {
    FieldExtraction {
        tag_name: "$1".to_owned(),
        key_regex: r"resource\.opentelemetry\.io/(.+)".to_owned(),
        ..FieldExtraction::default()
    }
}

fn regex(pattern: &str, option: &'static str) -> Result<Regex, RulesError> {
    Regex::new(pattern).map_err(|error| RulesError {
        option,
        problem: error.to_string(),
    })
}
