//! Reads ahead what the next calls will read.
//!
//! Slots and traces that were quiet for a moment have left the processor's caches, and one after the other each would
//! wait for memory a dozen times, every time for the place of the next thing to look at. Here many of them wait together,
//! one step after the other. Nothing is changed, and nothing comes of it but time.

use super::Tenancy;
use super::of_slot::{OfSlot, Part};
use crate::holding::Holding;
use crate::{Answer, Message, Number, Record, Ruling};
use std::hint::black_box;
use tailweir_core::{Slot, TraceId};
use tailweir_placement::Epoch;

impl<F: Clone, V: Ruling> Tenancy<F, V> {
    /// For traces that are brought or decided next. A few dozen at a time: more would push each other out.
    pub fn fetch(&self, traces: &[(Slot, TraceId)]) {
        self.fetch_slots(traces.iter().map(|&(slot, _)| slot));
        for &(slot, trace) in traces {
            let owners = self.slots.get(slot).into_iter().flat_map(OfSlot::owners);
            for (_, owner) in owners {
                black_box(knows(owner.holding(), trace));
            }
        }
    }

    /// For messages that are received next. A few dozen at a time: more would push each other out.
    pub fn fetch_for(&self, messages: &[Message<F, V>]) {
        self.fetch_slots(messages.iter().map(|message| message.tenure().slot));
        for message in messages {
            if let Some(part) = self.part(message.tenure()) {
                black_box(subject(message).is_some_and(|it| it.is_in(part.holding())));
            }
        }
    }

    fn fetch_slots(&self, slots: impl Iterator<Item = Slot> + Clone) {
        let known = || slots.clone().filter_map(|slot| self.slots.get(slot));
        let epochs = known().map(|of| of.epoch.0);
        black_box(epochs.fold(0, u64::wrapping_add));
        let parts = known().map(|of| of.tenures.current().view.0 ^ of.parts.len() as u64);
        black_box(parts.fold(0, u64::wrapping_add));
        let views = known()
            .flat_map(|of| &of.parts)
            .map(|(_, part)| view(part).0);
        black_box(views.fold(0, u64::wrapping_add));
        let held = known().flat_map(|of| &of.parts);
        let held = held.map(|(_, part)| part.holding().traces.len() as u64);
        black_box(held.fold(0, u64::wrapping_add));
    }
}

fn view<F: Clone, V: Ruling>(part: &Part<F, V>) -> Epoch {
    match part {
        Part::Owner(owner) => owner.view(),
        Part::Copy(copy) => copy.view,
    }
}

/// What a message makes its receiver look for.
enum Subject {
    /// A trace, and the fragment that is about to come to it.
    Append(TraceId, Number),
    Trace(TraceId),
    Fragment(Number),
}

impl Subject {
    fn is_in<F: Clone, V: Ruling>(&self, holding: &Holding<F, V>) -> bool {
        match self {
            Self::Append(trace, number) => {
                knows(holding, *trace) | holding.fragments.contains_key(number)
            }
            Self::Trace(trace) => knows(holding, *trace),
            Self::Fragment(number) => holding.fragments.contains_key(number),
        }
    }
}

fn subject<F, V>(message: &Message<F, V>) -> Option<Subject> {
    Some(match message {
        Message::Record { record, .. } => match record {
            Record::Append { number, fragment } => Subject::Append(fragment.value.trace, *number),
            Record::Decide { trace, .. } => Subject::Trace(*trace),
            _ => return None,
        },
        Message::Answer { answer, .. } => match answer {
            Answer::Appended(number) => Subject::Fragment(*number),
            Answer::Decided { trace, .. } => Subject::Trace(*trace),
            _ => return None,
        },
        _ => return None,
    })
}

/// Looks for a trace, its verdict, and the first of its fragments or the place for one.
fn knows<F: Clone, V: Ruling>(holding: &Holding<F, V>, trace: TraceId) -> bool {
    let numbers = holding.traces.get(&trace);
    let first = numbers.and_then(|numbers| numbers.first());
    holding.verdicts.contains_key(&trace)
        | holding
            .fragments
            .contains_key(first.unwrap_or(&holding.next))
}
