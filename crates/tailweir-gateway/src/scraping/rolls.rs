//! The rolls that this member calls: of receivers whose slot it owns.

use super::roll::{Call, Crowded, Roll, RollNumber, Roster};
use crate::clock::Clock;
use crate::gateway::random_number;
use crate::pipeline::SLOT_SEED;
use crate::refusal::{Bound, Refusal};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Signal, Slot};
use tailweir_placement::{Epoch, Incarnation, RoutingTable};

/// What names of rolls begin with.
const PREFIX: &str = "rolls/";
/// Most receivers whose rolls a member calls.
const ROLLS_MAX: usize = 256;
/// Bytes of a call.
const CALL_BYTES: usize = 25;
/// When who is refused may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The tenure in which a roll is called: the epoch that created it, and its view.
type TenureOfRoll = [Epoch; 2];

/// See the module. What it knows is gone with it: whoever calls the roll next hears of everybody within a lease.
pub(crate) struct Rolls {
    clock: Clock,
    /// By name, with the tenure in which it is called.
    all: Mutex<BTreeMap<Arc<str>, (TenureOfRoll, Roster)>>,
}

impl Rolls {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            clock: Clock::start(),
            all: Mutex::default(),
        }
    }

    /// What the roll of a receiver is called.
    pub(super) fn name(receiver: &str) -> Arc<str> {
        format!("{PREFIX}receivers/{receiver}").into()
    }

    /// Whether a part of this name is a call.
    pub(crate) fn is_called(name: &str) -> bool {
        name.starts_with(PREFIX)
    }

    /// The slot whose owner calls the roll of this name.
    pub(super) fn slot(name: &str) -> Slot {
        Slot::of_key(name.as_bytes(), SLOT_SEED)
    }

    /// A call as it travels.
    pub(super) fn write(call: &Call) -> Bytes {
        let follows = call.follows;
        let numbers = [
            call.sharer,
            follows.map_or(0, |it| it.roster),
            follows.map_or(0, |it| it.count),
        ];
        let numbers = numbers.into_iter().flat_map(u64::to_le_bytes);
        numbers.chain([u8::from(call.leaves)]).collect()
    }

    /// A call as it came.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] when it has not as many bytes as calls have.
    pub(crate) fn read(body: &[u8]) -> Result<Call, Refusal> {
        let (numbers, rest) = body.as_chunks();
        let (&[sharer, roster, count], &[leaves]) = (numbers, rest) else {
            return Err(Refusal::Malformed {
                signal: Signal::Metrics,
                detail: format!(
                    "a call to a roll has {CALL_BYTES} bytes, and not {}",
                    body.len()
                ),
            });
        };
        let [sharer, roster, count] = [sharer, roster, count].map(u64::from_le_bytes);
        Ok(Call {
            sharer,
            follows: (count > 0).then_some(RollNumber { roster, count }),
            leaves: leaves != 0,
        })
    }

    /// Answers a call to the roll of this name, when this member owns its slot.
    ///
    /// # Errors
    ///
    /// When it does not, or there is no room for another sharer or receiver.
    pub(crate) fn call(
        &self,
        name: &Arc<str>,
        own: Option<Incarnation>,
        table: &RoutingTable,
        call: &Call,
    ) -> Result<Option<Roll>, Refusal> {
        let now = self.clock.now();
        let mut all = self.all.lock();
        let tenures = table.tenures(Self::slot(name));
        let current = tenures.map(|tenures| *tenures.current());
        let Some(current) = current.filter(|it| Some(it.owner) == own) else {
            all.remove(name);
            return Err(Refusal::HandOver {
                detail: "another member calls this roll by now".to_owned(),
                retry_after: RETRY_AFTER,
            });
        };
        // Another member may have called it since this one did last.
        let life = [current.created, current.view];
        if all.get(name).is_some_and(|(before, _)| *before != life) {
            all.remove(name);
        }
        if !all.contains_key(name) && all.len() >= ROLLS_MAX {
            return Err(full());
        }
        let (_, roster) = all
            .entry(Arc::clone(name))
            .or_insert_with(|| (life, Roster::new(random_number(), now)));
        roster.call(now, call).map_err(|Crowded| full())
    }
}

fn full() -> Refusal {
    Refusal::Full {
        bound: Bound::Member,
        retry_after: RETRY_AFTER,
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, RollNumber, Rolls};

    /// Scenario: calls of all kinds; bytes that are none.
    /// Guarantees: the first are read as they were written, the others are refused.
    #[test]
    fn calls_are_read_as_written() {
        let follows = Some(RollNumber {
            roster: u64::MAX,
            count: 3,
        });
        for (follows, leaves) in [(None, false), (follows, false), (follows, true)] {
            let call = Call {
                sharer: 7 << 40,
                follows,
                leaves,
            };
            let written = Rolls::write(&call);
            assert_eq!(Rolls::read(&written).unwrap(), call);
            assert!(Rolls::read(&written[1..]).is_err());
        }
        assert!(Rolls::read(&[0; 26]).is_err());
        assert!(Rolls::read(&[]).is_err());
    }
}
