//! What other members bring and write, on its way to the shards.

use crate::admission::Admission;
use crate::membership::{Brought, Members, Membership, OutgoingPart};
use crate::pipeline::{Question, ScanPool, scan};
use crate::refusal::Refusal;
use crate::scraping::Rolls;
use futures_core::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tailweir_otlp::ScanDepth;
use tailweir_placement::Incarnation;
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::{Message, Number, Record};
use tokio::sync::Semaphore;

/// Kibibytes of letters that may wait in the mailboxes of the shards. Beyond it, streams are not read.
const LETTERS_KIB: u32 = 64 << 10;
/// What a message takes beside its spans, in bytes.
const MESSAGE_BYTES: usize = 128;
/// When a gateway may come again that brought a part for no sampler.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Inbound {
    membership: Arc<Membership>,
    admission: Arc<Admission>,
    scans: Arc<ScanPool>,
    /// Letters are bounded by themselves and not by admission: what they say gives memory back.
    room: Arc<Semaphore>,
}

impl Inbound {
    pub(crate) fn new(
        membership: Arc<Membership>,
        admission: Arc<Admission>,
        scans: Arc<ScanPool>,
    ) -> Self {
        Self {
            membership,
            admission,
            scans,
            room: Arc::new(Semaphore::new(LETTERS_KIB as usize)),
        }
    }

    /// Answers a call to a roll.
    fn roll(&self, part: &OutgoingPart) -> Brought {
        let membership = &self.membership;
        let (own, table) = (membership.incarnation, membership.table());
        let call = Rolls::read(&part.spans);
        let answer = call.and_then(|call| membership.rolls.call(&part.sampler, own, &table, &call));
        answer.map_or_else(Brought::Refused, Brought::Roll)
    }

    /// Says what became of the traces of a question, as far as this member knows.
    fn fates(
        &self,
        asked: &str,
        part: &OutgoingPart,
    ) -> impl Future<Output = Brought> + Send + use<> {
        let sampler = self.membership.sampler(asked);
        let sampler = sampler.ok_or_else(|| Self::no_sampler(asked));
        let permit = self.admission.take(part.spans.len() as u64);
        let question = sampler.and_then(|sampler| {
            let traces = Question::read(&part.spans)?;
            Ok((sampler, traces, permit?))
        });
        async move {
            match question {
                Ok((sampler, traces, _permit)) => Brought::Told(sampler.fates(&traces).await),
                Err(refusal) => Brought::Refused(refusal),
            }
        }
    }

    fn no_sampler(name: &str) -> Refusal {
        Refusal::HandOver {
            detail: format!("the member that owns its slots has no sampler called {name}"),
            retry_after: RETRY_AFTER,
        }
    }
}

impl Members for Inbound {
    fn part(&self, part: OutgoingPart) -> BoxFuture<'static, Brought> {
        if let Some(sampler) = self.membership.trace_aware(&part.sampler) {
            let permit = self.admission.take(part.spans.len() as u64);
            return Box::pin(async move {
                match permit {
                    Ok(_permit) => sampler.take_part(&part).await,
                    Err(refusal) => Brought::Refused(refusal),
                }
            });
        }
        if let Some(writer) = self.membership.writer(&part.sampler) {
            let permit = self.admission.take(part.spans.len() as u64);
            return Box::pin(async move {
                match permit {
                    Ok(_permit) => writer.take_part(part).await,
                    Err(refusal) => Brought::Refused(refusal),
                }
            });
        }
        if Rolls::is_called(&part.sampler) {
            return Box::pin(std::future::ready(self.roll(&part)));
        }
        if let Some(asked) = Question::asked(&part.sampler) {
            return Box::pin(self.fates(asked, &part));
        }
        let Some(sampler) = self.membership.sampler(&part.sampler) else {
            let refusal = Self::no_sampler(&part.sampler);
            return Box::pin(std::future::ready(Brought::Refused(refusal)));
        };
        let permit = self.admission.take(part.spans.len() as u64);
        // The gateway that brings it has looked at every attribute.
        let scanned = || scan(&self.scans, &part.spans, ScanDepth::Heads);
        let scanned = permit.and_then(|permit| Ok((permit, scanned()?)));
        Box::pin(async move {
            match scanned {
                Ok((permit, scanned)) => {
                    let answer = sampler.take_part(&part, scanned, permit).await;
                    Brought::Answered(answer)
                }
                Err(refusal) => Brought::Refused(refusal),
            }
        })
    }

    fn letters(
        &self,
        from: Incarnation,
        sampler: &str,
        messages: Vec<Message<Piece, Ruled>>,
    ) -> BoxFuture<'_, ()> {
        if let Some(sampler) = self.membership.any_trace_aware(sampler) {
            // It keeps no mailbox: they are dealt with at once.
            sampler.letters(from, messages);
            return Box::pin(std::future::ready(()));
        }
        let sampler = self.membership.any_sampler(sampler);
        Box::pin(async move {
            let Some(sampler) = sampler else {
                // Configured there and not yet here: said again when it is.
                return;
            };
            let shards = sampler.shards();
            let mut by_shard: Vec<Vec<_>> = shards.iter().map(|_| Vec::new()).collect();
            for message in messages {
                let shard = message.tenure().slot.index() % shards.len().max(1);
                if let Some(letters) = by_shard.get_mut(shard) {
                    letters.push(message);
                }
            }
            for (shard, messages) in shards.iter().zip(by_shard) {
                if messages.is_empty() {
                    continue;
                }
                let size: usize = messages.iter().map(size_of_message).sum();
                let size = (size.div_ceil(1024) as u32).clamp(1, LETTERS_KIB);
                let room = Arc::clone(&self.room).acquire_many_owned(size).await;
                shard.letters(from, messages, room.ok());
            }
        })
    }

    fn remind(&self, member: Incarnation) {
        for sampler in self.membership.all_trace_aware() {
            sampler.remind(member);
        }
        for sampler in self.membership.samplers() {
            for shard in sampler.shards() {
                shard.remind(member);
            }
        }
    }
}

fn size_of_message(message: &Message<Piece, Ruled>) -> usize {
    let record = match message {
        Message::Record { record, .. } => record,
        Message::Delivered { spans, .. } => return MESSAGE_BYTES + size_of_val(&spans[..]),
        Message::NoRoom { numbers, .. } => {
            return MESSAGE_BYTES + numbers.len() * size_of::<Number>();
        }
        _ => return MESSAGE_BYTES,
    };
    let spans = match record {
        Record::Append { fragment, .. } | Record::Copy { fragment, .. } => &fragment.value.data,
        _ => return MESSAGE_BYTES,
    };
    MESSAGE_BYTES
        + match spans {
            Piece::Raw(bytes) | Piece::Marked { bytes, .. } => bytes.len(),
            Piece::Held => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_BYTES, size_of_message};
    use tailweir_core::{Slot, TraceId};
    use tailweir_placement::{Epoch, TenureId};
    use tailweir_tenure::Message;

    /// Scenario: a member tells what it delivered of a large trace.
    /// Guarantees: it counts against the room for letters with all that it holds.
    #[test]
    fn what_was_delivered_takes_room() {
        let message = Message::Delivered {
            tenure: TenureId {
                slot: Slot::new(1).expect("a slot"),
                created: Epoch(1),
            },
            trace: TraceId([1; 16]),
            spans: vec![0; 1_000],
        };
        assert_eq!(size_of_message(&message), MESSAGE_BYTES + 8_000);
    }
}
