//! The request that a scrape becomes: series gathered into metrics, scopes and resources.

mod family;
mod group;
mod kind;
mod scope;
mod write;

use crate::labels::{INSTANCE, JOB, NAME};
use crate::metadata::{MetadataStore, MetricType};
use crate::native::Native;
use crate::page::Exemplar;
use crate::target::resource;
use crate::{Labels, ScrapeError, Target};
use family::Family;
use hashbrown::HashMap;
use scope::Scope;
use std::sync::Arc;
use tailweir_otlp::{AttributeMap, AttributeSet, EncodedValue};

/// The value of a series that has ended, as Prometheus has it.
pub(crate) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Bytes that a point takes beside its labels, about.
const POINT_BYTES: usize = 64;
/// The metric that describes its target.
const TARGET_INFO: &str = "target_info";

/// Whether this is the value of a series that has ended.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// A value of a series.
#[derive(Debug)]
pub(crate) enum Value {
    Number(f64),
    Native(Box<Native>),
}

/// A value with its series and time.
pub(crate) struct Point<'l> {
    pub(crate) labels: &'l Arc<Labels>,
    /// In milliseconds.
    pub(crate) at: i64,
    /// When its time began, where that was said beside it, in milliseconds.
    pub(crate) start: Option<i64>,
    pub(crate) value: Value,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// A request under construction.
#[derive(Debug)]
pub(crate) struct Request {
    subject: Subject,
    resources: Vec<Resource>,
    by_name: HashMap<(String, String), usize>,
    length: usize,
    length_max: u64,
}

/// Whom the points are about.
#[derive(Debug)]
enum Subject {
    /// What labels name, or else this target.
    Target(Arc<Target>),
    /// The process that tells them.
    Own {
        resource: AttributeSet,
        scope: &'static str,
    },
}

/// What is told about one job and instance.
#[derive(Debug)]
struct Resource {
    attributes: AttributeMap,
    scopes: Vec<Scoped>,
    by_scope: HashMap<Scope, usize>,
}

/// The families of one scope.
#[derive(Debug)]
struct Scoped {
    scope: Scope,
    families: Vec<Family>,
    by_name: HashMap<(bool, String), usize>,
}

/// Whether a series says something about its resource, so that it is none itself.
pub(crate) fn is_of_resource(labels: &Labels) -> bool {
    labels.name() == TARGET_INFO
}

impl Request {
    /// Nothing yet.
    pub(crate) fn new(target: Arc<Target>, length_max: u64) -> Self {
        Self::about(Subject::Target(target), length_max)
    }

    /// Nothing yet about this process, which is the resource. Metrics that do not say theirs have this scope.
    pub(crate) fn own(resource: AttributeSet, scope: &'static str, length_max: u64) -> Self {
        Self::about(Subject::Own { resource, scope }, length_max)
    }

    fn about(subject: Subject, length_max: u64) -> Self {
        Self {
            subject,
            resources: Vec::new(),
            by_name: HashMap::new(),
            length: 0,
            length_max,
        }
    }

    /// Adds a point. Whether it became part of a metric: what describes the target does not, nor what lacks a label
    /// that its kind needs or has another time than what it belongs to.
    pub(crate) fn add(
        &mut self,
        point: Point<'_>,
        metadata: &MetadataStore,
    ) -> Result<bool, ScrapeError> {
        self.charge(&point)?;
        let resource = self.resource(point.labels);
        if is_of_resource(point.labels) {
            describe(&mut resource.attributes, point.labels);
            return Ok(false);
        }
        let scope = Scope::of(point.labels);
        let scoped = resource.scoped(scope);
        let is_native = match &point.value {
            Value::Native(_) => true,
            // The end of a native histogram has no value that says so.
            Value::Number(value) => is_stale(*value) && is_native_histogram(point.labels, metadata),
        };
        let family = scoped.family(point.labels.name(), is_native, metadata);
        Ok(family.add(point))
    }

    fn charge(&mut self, point: &Point<'_>) -> Result<(), ScrapeError> {
        let exemplars = point.exemplars.iter().map(|exemplar| {
            let labels = exemplar.labels.iter();
            let labels: usize = labels.map(|(name, value)| name.len() + value.len()).sum();
            POINT_BYTES + labels
        });
        let buckets = match &point.value {
            Value::Native(native) => {
                2 * (native.positive.counts.len() + native.negative.counts.len())
            }
            Value::Number(_) => 0,
        };
        let labels = point.labels.length() + 8 * point.labels.len();
        self.length += POINT_BYTES + labels + buckets + exemplars.sum::<usize>();
        let limit = self.length_max;
        match self.length as u64 > limit {
            true => Err(ScrapeError::RequestTooLong { limit }),
            false => Ok(()),
        }
    }

    /// What the labels `job` and `instance` name; where there are none, the target.
    fn resource(&mut self, labels: &Labels) -> &mut Resource {
        let Subject::Target(target) = &self.subject else {
            let key = (String::new(), String::new());
            return self.resource_of(key, AttributeMap::default);
        };
        let target = Arc::clone(target);
        let own = &target.labels;
        let name = |label: &str| match labels.get(label) {
            "" => own.get(label).to_owned(),
            written => written.to_owned(),
        };
        let (job, instance) = (name(JOB), name(INSTANCE));
        let job = match job.is_empty() {
            true => target.job.settings.job_name.as_str().to_owned(),
            false => job,
        };
        let attributes = || resource(&job, &instance, &target.found);
        self.resource_of((job.clone(), instance.clone()), attributes)
    }

    fn resource_of(
        &mut self,
        key: (String, String),
        attributes: impl FnOnce() -> AttributeMap,
    ) -> &mut Resource {
        let at = match self.by_name.get(&key) {
            Some(at) => *at,
            None => {
                self.resources.push(Resource {
                    attributes: attributes(),
                    scopes: Vec::new(),
                    by_scope: HashMap::new(),
                });
                self.by_name.insert(key, self.resources.len() - 1);
                self.resources.len() - 1
            }
        };
        &mut self.resources[at]
    }
}

impl Resource {
    fn scoped(&mut self, scope: Scope) -> &mut Scoped {
        let at = match self.by_scope.get(&scope) {
            Some(at) => *at,
            None => {
                self.by_scope.insert(scope.clone(), self.scopes.len());
                self.scopes.push(Scoped {
                    scope,
                    families: Vec::new(),
                    by_name: HashMap::new(),
                });
                self.scopes.len() - 1
            }
        };
        &mut self.scopes[at]
    }
}

impl Scoped {
    /// The family that a series of this name belongs to.
    fn family(&mut self, name: &str, is_native: bool, metadata: &MetadataStore) -> &mut Family {
        let at = match self.find(name, is_native, metadata) {
            Some(at) => at,
            None => {
                let family = Family::new(name, is_native, metadata);
                let key = (is_native, family.name.clone());
                self.by_name.insert(key, self.families.len());
                self.families.push(family);
                self.families.len() - 1
            }
        };
        &mut self.families[at]
    }

    fn find(&self, name: &str, is_native: bool, metadata: &MetadataStore) -> Option<usize> {
        if let Some(at) = self.by_name.get(&(is_native, name.to_owned())) {
            return Some(*at);
        }
        let mut stem = name.to_owned();
        if metadata.get(name).is_none() {
            stem = kind::without_suffix(name).to_owned();
            let is_counter = |known: &crate::metadata::Metadata| known.kind == MetricType::Counter;
            if name.ends_with(kind::CREATED) && metadata.get(&stem).is_some_and(is_counter) {
                stem.push_str(kind::TOTAL);
            }
        }
        let at = *self.by_name.get(&(is_native, stem))?;
        self.families[at].includes(name).then_some(at)
    }
}

/// Attributes that `target_info` says.
fn describe(attributes: &mut AttributeMap, labels: &Labels) {
    for (name, value) in labels.iter() {
        if !matches!(name, JOB | INSTANCE | NAME) {
            attributes.put(name.as_bytes(), EncodedValue::string(value.as_bytes()));
        }
    }
}

/// Whether a series bears the name of a histogram itself, as only native ones do.
fn is_native_histogram(labels: &Labels, metadata: &MetadataStore) -> bool {
    let known = metadata.get(labels.name());
    known.is_some_and(|known| known.kind == MetricType::Histogram)
}
