//! Where a slot would like to be.

mod copyists;

use crate::{Member, MemberName, Weight};
use hashring::HashRing;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use tailweir_core::Slot;
use xxhash_rust::xxh3::xxh3_64;

/// A consistent-hash ring of members. It proposes an order of members for each slot; shares are settled by the plan.
///
/// Points are xxh3-64 over explicit bytes, the name and a number, so that versions and machines agree. Slots are laid
/// evenly around the ring in their order, not hashed onto it: neighbours mostly have the same members, and the
/// table is a few hundred runs instead of 16,384 rows.
///
/// Who copies is not left to the slot: what one member owns is copied by [few](Self::COPYISTS) others, as long as their
/// shares have room. Records for one member travel together, so that few members are few letters; and two members that
/// fail at once have both copies of something only if one copies the other, which in a large cluster is seldom.
#[derive(Debug, Clone)]
pub struct Ring {
    points: HashRing<Point, AsPlaced>,
    members: Vec<RingMember>,
    /// Members by their first points.
    circle: Vec<(u64, usize)>,
    is_one_zone: bool,
    /// For each place, who may copy what it owns.
    beside: Vec<Vec<usize>>,
}

#[derive(Debug, Clone)]
struct RingMember {
    name: MemberName,
    zone: Arc<str>,
    weight: Weight,
}

impl Ring {
    /// Points of a member of weight 1. Few, because the plan and not the ring evens out the shares.
    const POINTS_PER_WEIGHT: u32 = 32;

    /// The ring of these members, in the order of their names whatever the order given.
    pub fn new<'a>(members: impl IntoIterator<Item = (&'a MemberName, &'a Member)>) -> Self {
        let mut members: Vec<RingMember> = members
            .into_iter()
            .map(|(name, member)| RingMember {
                name: name.clone(),
                zone: member.zone.clone(),
                weight: member.weight,
            })
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let mut points = HashRing::with_hasher(AsPlaced);
        points.batch_add(
            members
                .iter()
                .enumerate()
                .flat_map(|(index, member)| points_of(index, member))
                .collect(),
        );
        let firsts = members.iter().enumerate();
        let mut circle: Vec<(u64, usize)> = firsts
            .map(|(index, member)| (point(&member.name, 0), index))
            .collect();
        circle.sort_unstable();
        let is_one_zone = members.windows(2).all(|pair| pair[0].zone == pair[1].zone);
        let mut ring = Self {
            points,
            is_one_zone,
            members,
            circle,
            beside: Vec::new(),
        };
        ring.beside = ring.orders_beside();
        ring
    }

    /// How many members it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members for `slot` in order of preference, each once.
    pub fn order(&self, slot: Slot) -> impl Iterator<Item = &MemberName> {
        self.walk(slot).map(|index| &self.members[index].name)
    }

    /// The same, as places in the order of names.
    pub(crate) fn walk(&self, slot: Slot) -> impl Iterator<Item = usize> {
        let mut next = slot_position(slot);
        let mut seen = vec![false; self.members.len()];
        let mut left = self.members.len();
        std::iter::from_fn(move || {
            while left > 0 {
                let point = self.points.get(&Position(next))?;
                next = point.position.wrapping_add(1);
                if !std::mem::replace(&mut seen[point.member], true) {
                    left -= 1;
                    return Some(point.member);
                }
            }
            None
        })
    }

    /// The place of a member.
    pub(crate) fn place(&self, name: &MemberName) -> Option<usize> {
        let place = self
            .members
            .binary_search_by(|member| member.name.cmp(name));
        place.ok()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &MemberName> {
        self.members.iter().map(|member| &member.name)
    }

    pub(crate) fn weights(&self) -> Vec<u64> {
        self.members
            .iter()
            .map(|member| u64::from(member.weight.get()))
            .collect()
    }

    /// Whether a copy at `b` survives the zone of `a`, or no member anywhere would.
    pub(crate) fn apart(&self, a: usize, b: usize) -> bool {
        let zone = &self.members[a].zone;
        a != b && (self.members[b].zone != *zone || self.is_one_zone)
    }
}

fn points_of(index: usize, member: &RingMember) -> impl Iterator<Item = Point> {
    let count = u32::from(member.weight.get()) * Ring::POINTS_PER_WEIGHT;
    (0..count).map(move |number| Point {
        position: point(&member.name, number),
        member: index,
    })
}

fn point(name: &MemberName, number: u32) -> u64 {
    let mut bytes = name.as_str().as_bytes().to_vec();
    // No name contains this byte, so no two points are made of the same bytes.
    bytes.push(0xff);
    bytes.extend_from_slice(&number.to_le_bytes());
    xxh3_64(&bytes)
}

/// Slots divide the ring evenly.
fn slot_position(slot: Slot) -> u64 {
    (slot.index() as u64) * (u64::MAX / Slot::COUNT as u64 + 1)
}

#[derive(Debug, Clone)]
struct Point {
    position: u64,
    member: usize,
}

impl Hash for Point {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.position);
    }
}

struct Position(u64);

impl Hash for Position {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0);
    }
}

/// Leaves a position as it is: ours are computed from explicit bytes, because what derived hashing feeds to a hasher
/// differs between machines and compilers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct AsPlaced;

#[derive(Default)]
struct Placed(u64);

impl BuildHasher for AsPlaced {
    type Hasher = Placed;

    fn build_hasher(&self) -> Placed {
        Placed::default()
    }
}

impl Hasher for Placed {
    fn write_u64(&mut self, position: u64) {
        self.0 = position;
    }

    /// Not reached: points and positions are hashed as one number.
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
