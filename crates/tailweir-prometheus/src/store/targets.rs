//! What is known of each target, for `target_info`.

use crate::labels::Labels;
use crate::naming::TargetLabels;
use crate::trouble::Trouble;
use hashbrown::HashMap;

/// Bytes of a target beside its labels: its place in the tables.
const TARGET_OVERHEAD: usize = 192;

/// A target and the attributes of its resource.
#[derive(Debug)]
pub(super) struct Target {
    identity: u128,
    /// Hash of the resource that the labels are made of.
    resource: u64,
    /// Nothing where the Collector would write none.
    labels: Option<Labels>,
    /// Whether the Collector would write no `target_info` at all because of this one.
    spoils: bool,
    /// Series of it.
    uses: usize,
}

/// Targets by job and instance, each as long as there is a series of it.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    all: Vec<Option<Target>>,
    free: Vec<u32>,
    by_identity: HashMap<u128, u32>,
    /// As a page has them, once they are tidied.
    order: Vec<u32>,
    is_sorted: bool,
    spoilt_by: usize,
}

impl Target {
    /// A target with one series.
    pub(super) fn new(identity: u128, resource: u64, made: TargetLabels) -> Self {
        let TargetLabels { labels, spoils } = made;
        Self {
            identity,
            resource,
            labels,
            spoils,
            uses: 1,
        }
    }

    /// Bytes of memory, about.
    pub(super) fn memory(&self) -> usize {
        TARGET_OVERHEAD + self.labels.as_ref().map_or(0, Labels::memory)
    }
}

impl Targets {
    /// The target, for one series more, if it is there.
    pub(super) fn hold(&mut self, identity: u128) -> Option<u32> {
        let place = *self.by_identity.get(&identity)?;
        self.all.get_mut(place as usize)?.as_mut()?.uses += 1;
        Some(place)
    }

    /// Enters a target that is not there.
    pub(super) fn enter(&mut self, target: Target) -> u32 {
        self.spoilt_by += usize::from(target.spoils);
        let identity = target.identity;
        let place = match self.free.pop() {
            Some(place) => {
                self.all[place as usize] = Some(target);
                place
            }
            None => {
                self.all.push(Some(target));
                (self.all.len() - 1) as u32
            }
        };
        self.by_identity.insert(identity, place);
        self.is_sorted = false;
        place
    }

    /// Makes the labels of a target anew, if it is there and its resource is another than before. Answers by how many bytes
    /// they grew.
    ///
    /// # Errors
    ///
    /// They grew by more than `room`. The old ones stay.
    pub(super) fn refresh(
        &mut self,
        identity: u128,
        resource: u64,
        room: usize,
        make: impl FnOnce() -> TargetLabels,
    ) -> Result<isize, Trouble> {
        let Some(place) = self.by_identity.get(&identity) else {
            return Ok(0);
        };
        let Some(Some(target)) = self.all.get_mut(*place as usize) else {
            return Ok(0);
        };
        if target.resource == resource {
            return Ok(0);
        }
        let next = Target {
            uses: target.uses,
            ..Target::new(identity, resource, make())
        };
        let (before, after) = (target.memory(), next.memory());
        if after > before.saturating_add(room) {
            return Err(Trouble::SeriesLimit);
        }
        self.spoilt_by -= usize::from(target.spoils);
        self.spoilt_by += usize::from(next.spoils);
        *target = next;
        self.is_sorted = false;
        Ok(after as isize - before as isize)
    }

    /// Gives a series' hold up; forgets a target without any. Answers how many bytes that took.
    pub(super) fn release(&mut self, place: Option<u32>) -> usize {
        let Some(place) = place else {
            return 0;
        };
        let Some(Some(target)) = self.all.get_mut(place as usize) else {
            return 0;
        };
        target.uses = target.uses.saturating_sub(1);
        if target.uses > 0 {
            return 0;
        }
        let (identity, freed) = (target.identity, target.memory());
        self.spoilt_by -= usize::from(target.spoils);
        self.by_identity.remove(&identity);
        self.all[place as usize] = None;
        self.free.push(place);
        self.is_sorted = false;
        freed
    }

    /// Puts them in the order of a page.
    pub(super) fn tidy(&mut self) {
        if self.is_sorted {
            return;
        }
        self.order.clear();
        self.order.extend(self.by_identity.values());
        let all = &self.all;
        let labels = |place: &u32| all[*place as usize].as_ref()?.labels.as_ref();
        self.order
            .sort_by(|left, right| match (labels(left), labels(right)) {
                (Some(left), Some(right)) => left.page_order(right),
                (left, right) => left.is_some().cmp(&right.is_some()),
            });
        self.is_sorted = true;
    }

    /// Labels of the targets that are shown, behind these. They were tidied.
    pub(crate) fn from(&self, after: Option<&Labels>) -> Vec<&Labels> {
        if self.spoilt_by > 0 {
            return Vec::new();
        }
        let all = self.order.iter();
        let labels = all.filter_map(|place| self.all[*place as usize].as_ref()?.labels.as_ref());
        let is_left = |labels: &&Labels| after.is_none_or(|last| labels.page_order(last).is_gt());
        labels.filter(is_left).collect()
    }
}
