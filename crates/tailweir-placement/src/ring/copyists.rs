//! Who copies what a member owns: few, so that records travel together.

use super::{Ring, RingMember, point};
use crate::MemberName;
use tailweir_core::Slot;
use xxhash_rust::xxh3::xxh3_64_with_seed;

impl Ring {
    /// Members that copy what one member owns. When it fails, each takes over half of its slots until the next rebalance: as
    /// in a cluster of three, where there are no more.
    pub const COPYISTS: usize = 2;

    /// Neighbouring slots of one owner have the same copyist: so many at least, or the table would have more runs.
    const BLOCK: usize = 128;

    /// The members that may copy what this one owns of a slot, in order of preference: its copyists, then others of other
    /// zones, then those of its own.
    pub(crate) fn beside(&self, owner: usize, slot: Slot) -> impl Iterator<Item = usize> {
        self.by_preference(&self.beside[owner], slot)
    }

    /// The same for an owner that is not on the ring.
    pub(crate) fn beside_stranger(
        &self,
        owner: &MemberName,
        zone: &str,
        slot: Slot,
    ) -> impl Iterator<Item = usize> {
        let followers = self.followers(owner, zone);
        let order: Vec<usize> = self.by_preference(&followers, slot).collect();
        order.into_iter()
    }

    /// The first of an order as the slot prefers them, then the others as they are.
    fn by_preference(&self, order: &[usize], slot: Slot) -> impl Iterator<Item = usize> {
        let (copyists, others) = order.split_at(order.len().min(Self::COPYISTS));
        let block = (slot.index() / Self::BLOCK) as u64;
        let mut copyists = copyists.to_vec();
        copyists.sort_by_cached_key(|&index| {
            let name = self.members[index].name.as_str();
            xxh3_64_with_seed(name.as_bytes(), block)
        });
        copyists.into_iter().chain(others.iter().copied())
    }

    /// For each place, its copyists and then its other followers. Copyists are those that follow it and have the least to
    /// copy for their weight so far: zones of different sizes would otherwise leave some with much and others with nothing.
    pub(super) fn orders_beside(&self) -> Vec<Vec<usize>> {
        const WHOLE: u64 = 1 << 20;
        let mut orders = vec![Vec::new(); self.members.len()];
        let mut load = vec![0_u64; self.members.len()];
        for &(_, owner) in &self.circle {
            let RingMember { name, zone, weight } = &self.members[owner];
            let mut followers = self.followers(name, zone);
            for _ in 0..Self::COPYISTS {
                let apart = (0..followers.len()).filter(|&at| self.apart(owner, followers[at]));
                let Some(at) = apart.min_by_key(|&at| load[followers[at]]) else {
                    break;
                };
                let chosen = followers.remove(at);
                let capacity = u64::from(self.members[chosen].weight.get());
                load[chosen] += u64::from(weight.get()) * WHOLE / capacity;
                orders[owner].push(chosen);
            }
            orders[owner].extend(followers);
        }
        orders
    }

    /// All others behind this member on the ring, those of other zones first.
    fn followers(&self, owner: &MemberName, zone: &str) -> Vec<usize> {
        let first = point(owner, 0);
        let start = self
            .circle
            .partition_point(|(position, _)| *position <= first);
        let followers = self.circle[start..].iter().chain(&self.circle[..start]);
        let others = followers
            .map(|(_, index)| *index)
            .filter(|&index| self.members[index].name != *owner);
        let (mut order, near): (Vec<usize>, Vec<usize>) =
            others.partition(|&index| *self.members[index].zone != *zone);
        order.extend(near);
        order
    }
}
