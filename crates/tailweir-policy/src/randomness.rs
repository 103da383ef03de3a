//! The draws of `probabilistic` policies, and the grid of outcomes they can have.
//!
//! A draw compares a *position* of the trace with a bound: at or below it, the trace is kept. The
//! position is the salted hash of the trace id, one independent *dimension* for each salt; or, for a
//! trace that carries its own randomness, the distance of that randomness from its largest value, one
//! dimension for all draws.

use crate::trace_hash::{SaltedHash, largest_kept_hash};
use tailweir_core::{Randomness, Threshold, TraceId};
use tailweir_otlp::{TraceState, TraceView};

/// By what a trace is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrawBasis {
    /// By salted hashes of its id.
    Hash,
    /// By its own randomness.
    Randomness(Randomness),
}

/// All draws of a set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draws {
    salts: Vec<SaltedHash>,
    draws: Vec<Draw>,
    /// Per salt: the bounds of its draws, sorted, and the largest hash.
    hash_cuts: Vec<Vec<u64>>,
    /// The same for randomness, which all draws share.
    randomness_cuts: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Draw {
    salt: usize,
    largest_hash: u64,
    /// Nothing when not even the largest randomness is kept.
    threshold: Option<Threshold>,
}

impl Draws {
    /// Adds a draw and returns its number; equal draws have one number.
    pub(crate) fn add(&mut self, salt: &str, percentage: f64) -> usize {
        let hash = SaltedHash::new(salt);
        let salt = self
            .salts
            .iter()
            .position(|known| *known == hash)
            .unwrap_or_else(|| {
                self.salts.push(hash);
                self.hash_cuts.push(vec![u64::MAX]);
                self.salts.len() - 1
            });
        let draw = Draw {
            salt,
            largest_hash: largest_kept_hash(percentage),
            threshold: Threshold::of_probability(percentage / 100.0, 14),
        };
        insert_sorted(&mut self.hash_cuts[salt], draw.largest_hash);
        insert_sorted(&mut self.randomness_cuts, Randomness::DISTANCE_MAX);
        if let Some(threshold) = draw.threshold {
            let farthest_kept = Randomness::DISTANCE_MAX - threshold.value();
            insert_sorted(&mut self.randomness_cuts, farthest_kept);
        }
        self.draws
            .iter()
            .position(|known| *known == draw)
            .unwrap_or_else(|| {
                self.draws.push(draw);
                self.draws.len() - 1
            })
    }

    /// Where a trace stands, per dimension.
    pub(crate) fn place(&self, trace: TraceId, basis: DrawBasis, positions: &mut Vec<u64>) {
        positions.clear();
        match basis {
            DrawBasis::Hash => positions.extend(self.salts.iter().map(|salt| salt.of(trace))),
            DrawBasis::Randomness(randomness) => positions.push(randomness.distance()),
        }
    }

    /// Whether a draw keeps a trace at these positions.
    pub(crate) fn keeps(&self, draw: usize, basis: DrawBasis, positions: &[u64]) -> bool {
        let Draw {
            salt,
            largest_hash,
            threshold,
        } = self.draws[draw];
        match basis {
            DrawBasis::Hash => positions[salt] <= largest_hash,
            DrawBasis::Randomness(_) => {
                let randomness = Randomness::at_distance(positions[0]);
                threshold.is_some_and(|threshold| randomness.is_kept_at(threshold))
            }
        }
    }

    /// The dimension in which a draw looks.
    pub(crate) fn dimension(&self, draw: usize, basis: DrawBasis) -> usize {
        match basis {
            DrawBasis::Hash => self.draws[draw].salt,
            DrawBasis::Randomness(_) => 0,
        }
    }

    /// The cells of a dimension: their last positions, rising to the largest. Within a cell all draws
    /// keep alike. Nothing when there is no such dimension.
    pub(crate) fn cells(&self, dimension: usize, basis: DrawBasis) -> Option<&[u64]> {
        match basis {
            DrawBasis::Hash => self.hash_cuts.get(dimension).map(Vec::as_slice),
            DrawBasis::Randomness(_) => (dimension == 0).then_some(&*self.randomness_cuts),
        }
    }
}

fn insert_sorted(cuts: &mut Vec<u64>, cut: u64) {
    if let Err(place) = cuts.binary_search(&cut) {
        cuts.insert(place, cut);
    }
}

/// The basis of a trace whose spans may carry randomness: the first that is spelled out, else that of
/// the trace id when a threshold says that somebody sampled by it.
pub(crate) fn consistent_basis(trace: &TraceView<'_>) -> DrawBasis {
    if !trace.summary.has_trace_state {
        return DrawBasis::Hash;
    }
    let mut is_sampled = false;
    for record in trace.spans {
        let Ok(carried) = TraceState::parse(record.span.trace_state()) else {
            continue;
        };
        if let Some(randomness) = carried.randomness() {
            return DrawBasis::Randomness(randomness);
        }
        is_sampled |= carried.threshold().is_some();
    }
    match is_sampled {
        true => DrawBasis::Randomness(Randomness::of(trace.id)),
        false => DrawBasis::Hash,
    }
}
