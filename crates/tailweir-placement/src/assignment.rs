//! Gives each slot a member in one role: exact shares, the fewest changes, the role's order where there is a choice.

use crate::Ring;
use tailweir_core::Slot;

/// Which member has each slot, as its place in the ring; none where nobody is allowed.
pub(crate) type Assignment = Vec<Option<usize>>;

/// Keeps who has a slot now as long as that is allowed and within its share; what is left goes to the first member in
/// the slot's own order that has room.
///
/// So a change of members moves what it must: what the leaving had, or the share of the arriving.
pub(crate) fn assign<O: Iterator<Item = usize>>(
    ring: &Ring,
    current: &[Option<usize>],
    order: impl Fn(Slot) -> O,
    allowed: impl Fn(Slot, usize) -> bool,
) -> Assignment {
    let allowed = &allowed;
    let order = |slot| order(slot).filter(move |&member| allowed(slot, member));
    let mut kept: Assignment = slots()
        .map(|slot| current[slot.index()].filter(|&member| allowed(slot, member)))
        .collect();
    let mut held = vec![0_usize; ring.len()];
    for member in kept.iter().flatten() {
        held[*member] += 1;
    }
    let shares = shares(&ring.weights(), &held);
    shed(&mut kept, &mut held, &shares, &order, |_, _| true);
    if fill(&mut kept, &mut held, &shares, &order) {
        // What found room nowhere was given above a share, so that others of that member's slots go where there is room: those
        // that move anyway, and then those that a member which arrives is to have.
        let moves: Vec<bool> = current.iter().zip(&kept).map(|(a, b)| a != b).collect();
        let arrives: Vec<bool> = held.iter().zip(&shares).map(|(a, b)| a * 2 < *b).collect();
        shed(&mut kept, &mut held, &shares, &order, |slot, _| {
            moves[slot.index()]
        });
        shed(&mut kept, &mut held, &shares, &order, |_, taker| {
            arrives[taker]
        });
        fill(&mut kept, &mut held, &shares, &order);
    }
    kept
}

fn slots() -> impl Iterator<Item = Slot> {
    (0..Slot::COUNT).filter_map(Slot::new)
}

/// How many slots each member should have, by weight; they add up to all slots.
///
/// What does not divide goes to those who hold more already, so that rounding alone moves nothing.
fn shares(weights: &[u64], held: &[usize]) -> Vec<usize> {
    let total: u64 = weights.iter().sum();
    let exact = |weight: u64| weight * Slot::COUNT as u64;
    let mut shares: Vec<usize> = weights
        .iter()
        .map(|&weight| (exact(weight) / total) as usize)
        .collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&member| {
        let holds_more = held[member] > shares[member];
        let rest = exact(weights[member]) % total;
        (!holds_more, std::cmp::Reverse(rest), member)
    });
    let left = Slot::COUNT - shares.iter().sum::<usize>();
    for &member in order.iter().take(left) {
        shares[member] += 1;
    }
    shares
}

/// Takes slots away from members above their share: first those that would rather be with a member below its own, and only those
/// that may go there.
fn shed<O: Iterator<Item = usize>>(
    kept: &mut Assignment,
    held: &mut [usize],
    shares: &[usize],
    order: &impl Fn(Slot) -> O,
    may: impl Fn(Slot, usize) -> bool,
) {
    let mut offered: Vec<(usize, Slot, usize)> = Vec::new();
    for slot in slots() {
        let Some(member) = kept[slot.index()].filter(|&member| held[member] > shares[member])
        else {
            continue;
        };
        let takes = |other: usize| held[other] < shares[other] && may(slot, other);
        if let Some(rank) = order(slot).position(takes) {
            offered.push((rank, slot, member));
        }
    }
    offered.sort_unstable();
    for (_, slot, member) in offered {
        if held[member] > shares[member] {
            held[member] -= 1;
            kept[slot.index()] = None;
        }
    }
}

/// Gives each free slot to the first member in its order that has room, or else to the one that is least above its share
/// of those that are allowed. Says whether any went above a share.
fn fill<O: Iterator<Item = usize>>(
    kept: &mut Assignment,
    held: &mut [usize],
    shares: &[usize],
    order: &impl Fn(Slot) -> O,
) -> bool {
    let mut free: Vec<(usize, Slot)> = slots()
        .filter(|slot| kept[slot.index()].is_none())
        .map(|slot| {
            let rank = order(slot).position(|member| held[member] < shares[member]);
            (rank.unwrap_or(usize::MAX), slot)
        })
        .collect();
    free.sort_unstable();
    let mut is_above = false;
    for (_, slot) in free {
        let with_room = order(slot).find(|&member| held[member] < shares[member]);
        let above = |&member: &usize| held[member].saturating_sub(shares[member]);
        let least_full = || order(slot).min_by_key(above);
        is_above |= with_room.is_none();
        let chosen = with_room.or_else(least_full);
        if let Some(member) = chosen {
            held[member] += 1;
            kept[slot.index()] = Some(member);
        }
    }
    is_above
}
