//! The resources whose spans are counted, and the tables of each.

use super::candidates::Candidate;
use crate::now::Now;
use crate::series::{Series, Table};
use crate::text::put_identity;
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::SpanMetricsConnector;
use tailweir_core::{Moment, SeededState};
use tailweir_otlp::{AttributeSet, Attributes};

/// Which metric a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    /// Calls, and durations unless these have dimensions of their own.
    Calls = 0,
    /// Durations.
    Durations = 1,
    /// Events.
    Events = 2,
}

/// A resource and its tables.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) key: Arc<[u8]>,
    pub(super) attributes: AttributeSet,
    last_seen: Moment,
    /// Counts up with each use; the smallest is the one that leaves.
    used: u64,
    tables: [Option<Table>; 3],
}

/// The resources, at most as many as the settings say. One that leaves for another is written once more,
/// at the next flush; until then it can come back with its counts. Those that left are bounded by memory alone: the
/// caller counts what they take until they are forgotten, and says when there is no room for a new one.
#[derive(Debug)]
pub(super) struct Resources {
    live: HashMap<Arc<[u8]>, Resource, SeededState>,
    evicted: HashMap<Arc<[u8]>, Resource, SeededState>,
    capacity: usize,
    uses: u64,
    evictions: u64,
    key_attributes: Vec<Vec<u8>>,
    tables: [bool; 3],
    limit: usize,
    seed: u64,
    /// Kept for its capacity.
    key: Vec<u8>,
}

/// Where the spans of a resource are counted.
pub(super) struct Entered<'r> {
    pub(super) resource: &'r mut Resource,
    /// Whether it stands for one that found no room.
    pub(super) is_rest: bool,
    /// Bytes that a new resource takes.
    pub(super) grown: usize,
}

impl Resources {
    pub(super) fn new(settings: &SpanMetricsConnector, seed: u64) -> Self {
        let histogram = &settings.histogram;
        let own_durations = !histogram.disable && super::plan::has_own_durations(settings);
        let size = |number: i64| usize::try_from(number).unwrap_or_default();
        let keys = settings.resource_metrics_key_attributes.iter();
        Self {
            live: HashMap::with_hasher(SeededState::new(seed)),
            evicted: HashMap::with_hasher(SeededState::new(seed)),
            capacity: size(settings.resource_metrics_cache_size).max(1),
            uses: 0,
            evictions: 0,
            key_attributes: keys.map(|key| key.clone().into_bytes()).collect(),
            tables: [true, own_durations, settings.events.enabled],
            limit: size(settings.aggregation_cardinality_limit),
            seed,
            key: Vec::new(),
        }
    }

    /// The resource with these attributes, unless it is new and there is no room for another: then that
    /// without attributes, which stands for the rest.
    pub(super) fn get_or_insert(
        &mut self,
        now: Moment,
        attributes: Attributes<'_>,
        has_room: bool,
    ) -> Entered<'_> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        let names = &self.key_attributes;
        let counts = |name: &[u8]| names.is_empty() || names.iter().any(|key| key == name);
        put_identity(attributes, counts, &mut key);
        let is_known = |key: &[u8]| self.live.contains_key(key) || self.evicted.contains_key(key);
        let is_rest = !has_room && !is_known(&key);
        let attributes = if is_rest {
            key.clear();
            Attributes::EMPTY
        } else {
            attributes
        };
        self.uses += 1;
        let mut grown = 0;
        if !self.live.contains_key(key.as_slice()) {
            let resource = match self.evicted.remove(key.as_slice()) {
                Some(resource) => resource,
                None => {
                    let resource = self.fresh(&key, attributes);
                    grown = resource.memory();
                    resource
                }
            };
            if self.live.len() >= self.capacity {
                self.evict_oldest();
            }
            self.live.insert(Arc::clone(&resource.key), resource);
        }
        let uses = self.uses;
        let Some(resource) = self.live.get_mut(key.as_slice()) else {
            unreachable!("a resource that was not there has been put there");
        };
        self.key = key;
        resource.used = uses;
        resource.last_seen = now;
        Entered {
            resource,
            is_rest,
            grown,
        }
    }

    fn fresh(&self, key: &[u8], attributes: Attributes<'_>) -> Resource {
        let table = |is_there: bool| is_there.then(|| Table::new(self.limit, self.seed));
        Resource {
            key: key.into(),
            attributes: AttributeSet::of(attributes),
            last_seen: Moment::ZERO,
            used: 0,
            tables: self.tables.map(table),
        }
    }

    /// Puts the one that was not used for the longest time among those that are written once more.
    fn evict_oldest(&mut self) {
        let oldest = self.live.values().min_by_key(|resource| resource.used);
        let key = oldest.map(|resource| Arc::clone(&resource.key));
        let leaving = key.and_then(|key| self.live.remove_entry(&key));
        self.evictions += u64::from(leaving.is_some());
        self.evicted.extend(leaving);
    }

    /// Every resource, and whether it left, so that this is the last time that it is written.
    pub(super) fn each(&mut self) -> impl Iterator<Item = (&mut Resource, bool)> {
        let live = self.live.values_mut().map(|resource| (resource, false));
        let evicted = self.evicted.values_mut().map(|resource| (resource, true));
        live.chain(evicted)
    }

    /// The resources that did not leave.
    pub(super) fn each_live(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.live.values_mut()
    }

    /// Forgets those that left. Answers how many bytes they took.
    pub(super) fn forget_evicted(&mut self) -> usize {
        let memory = self.evicted.values().map(Resource::memory).sum();
        self.evicted.clear();
        memory
    }

    /// Forgets what was counted, and all for which no exemplar waits. Answers how many bytes that took.
    pub(super) fn begin_anew(&mut self, now: Now) -> usize {
        let mut freed = self.forget_evicted();
        self.live.retain(|_, resource| {
            let before = resource.memory();
            for table in resource.tables() {
                table.begin_anew(now);
            }
            let is_empty = resource.tables().all(|table| table.len() == 0);
            freed += before - if is_empty { 0 } else { resource.memory() };
            !is_empty
        });
        freed
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.live.clear();
        self.evicted.clear();
    }

    /// Lets those leave that were not seen for so long.
    pub(super) fn expire(&mut self, now: Moment, after: Duration) {
        let stale = self
            .live
            .extract_if(|_, resource| now.since(resource.last_seen) >= after);
        self.evicted.extend(stale);
    }

    /// The series that a waiting exemplar belongs to, if it is still there, or is written once more.
    pub(super) fn series(&mut self, candidate: &Candidate) -> Option<&mut Series> {
        let resource = match self.live.get_mut(&candidate.resource) {
            Some(resource) => resource,
            None => self.evicted.get_mut(&candidate.resource)?,
        };
        resource.table(candidate.kind)?.get_mut(&candidate.key)
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    pub(super) fn series_count(&self) -> usize {
        let all = self.live.values().chain(self.evicted.values());
        all.flat_map(|resource| &resource.tables)
            .flatten()
            .map(Table::len)
            .sum()
    }
}

impl Resource {
    pub(super) fn table(&mut self, kind: TableKind) -> Option<&mut Table> {
        self.tables[kind as usize].as_mut()
    }

    pub(super) fn tables(&mut self) -> impl Iterator<Item = &mut Table> {
        self.tables.iter_mut().flatten()
    }

    fn memory(&self) -> usize {
        let own = size_of::<Self>() + 2 * self.key.len() + self.attributes.length();
        own + self
            .tables
            .iter()
            .flatten()
            .map(Table::memory)
            .sum::<usize>()
    }
}
