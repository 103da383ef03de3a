//! What is known of each target, for `target_info`.

use crate::labels::Labels;
use crate::naming::TargetLabels;
use hashbrown::HashMap;

/// A target and the attributes of its resource.
#[derive(Debug)]
struct Target {
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
    order: Vec<u32>,
    is_sorted: bool,
    spoilt_by: usize,
}

impl Targets {
    /// The target, for one series more; its labels are made anew when its resource is another than before.
    pub(super) fn hold(
        &mut self,
        identity: u128,
        resource: u64,
        make: impl FnOnce() -> TargetLabels,
    ) -> u32 {
        let place = self.refresh(identity, resource, make);
        if let Some(Some(target)) = self.all.get_mut(place as usize) {
            target.uses += 1;
        }
        place
    }

    /// Brings the labels of a target up to date.
    pub(super) fn refresh(
        &mut self,
        identity: u128,
        resource: u64,
        make: impl FnOnce() -> TargetLabels,
    ) -> u32 {
        if let Some(place) = self.by_identity.get(&identity) {
            let place = *place;
            if let Some(Some(target)) = self.all.get_mut(place as usize)
                && target.resource != resource
            {
                let TargetLabels { labels, spoils } = make();
                self.spoilt_by -= usize::from(target.spoils);
                self.spoilt_by += usize::from(spoils);
                (target.resource, target.labels, target.spoils) = (resource, labels, spoils);
                self.is_sorted = false;
            }
            return place;
        }
        let TargetLabels { labels, spoils } = make();
        self.spoilt_by += usize::from(spoils);
        let target = Target {
            identity,
            resource,
            labels,
            spoils,
            uses: 0,
        };
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
        self.order.push(place);
        self.is_sorted = false;
        place
    }

    /// Gives a series' hold up; forgets a target without any.
    pub(super) fn release(&mut self, place: Option<u32>) {
        let Some(place) = place else {
            return;
        };
        let Some(Some(target)) = self.all.get_mut(place as usize) else {
            return;
        };
        target.uses = target.uses.saturating_sub(1);
        if target.uses == 0 {
            self.spoilt_by -= usize::from(target.spoils);
            let identity = target.identity;
            self.by_identity.remove(&identity);
            self.all[place as usize] = None;
            self.free.push(place);
            self.is_sorted = false;
        }
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
