//! What was delivered, from member to member: a span that a client sends again is known wherever its slot has gone.
//!
//! An owner tells it with the verdicts that it gives to others. A second member reads it off the fragments that its owner
//! frees. What is not sure to outlive this member is told to nobody: sooner comes a span twice than that one is missing.

use crate::shard::Shard;
use crate::{Outbox, Piece, Ruled, Spans};
use tailweir_core::Moment;
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_placement::{Incarnation, TenureId};
use tailweir_sampler::fingerprint;
use tailweir_tenure::{Message, Number, Record, Ruling as _};

/// Fingerprints of one trace that are told at most. Spans beyond them may come twice.
pub const DELIVERED_MAX: usize = 16_384;

impl<S: Spans, T> Shard<S, T> {
    /// Tells ahead of a message with verdicts what was delivered of the traces that they keep.
    pub(crate) fn tell_delivered(
        &self,
        to: Incarnation,
        message: &Message<Piece, Ruled>,
        out: &mut Outbox<T>,
    ) {
        let tenure = message.tenure();
        let verdicts = message.verdicts().into_iter().flatten();
        for (&trace, verdict) in verdicts {
            let mut unconfirmed = self.tenancy.unsafe_in(tenure.slot, trace);
            if !verdict.value.keeps() || unconfirmed.next().is_some() {
                continue;
            }
            let mut spans = self.engine.delivered(trace);
            spans.truncate(DELIVERED_MAX);
            if !spans.is_empty() {
                let delivered = Message::Delivered {
                    tenure,
                    trace,
                    spans,
                };
                out.letters.push((to, delivered));
            }
        }
    }

    /// Learns from a letter what was delivered, before its verdicts are followed.
    pub(crate) fn learn_delivered(&mut self, now: Moment, messages: &[Message<Piece, Ruled>]) {
        if !self.engine.settings().dedupe {
            return;
        }
        for message in messages {
            match message {
                Message::Delivered { trace, spans, .. } => {
                    self.engine
                        .learn_delivered(now, *trace, spans.iter().copied());
                }
                Message::Record {
                    tenure,
                    record: Record::Free(numbers),
                    ..
                } => {
                    for &number in numbers {
                        self.learn_freed(now, *tenure, number);
                    }
                }
                _ => {}
            }
        }
    }

    /// A fragment of which this member has a copy was delivered.
    fn learn_freed(&mut self, now: Moment, tenure: TenureId, number: Number) {
        let Some(fragment) = self.tenancy.fragment(tenure, number) else {
            return;
        };
        let Piece::Raw(bytes) = &fragment.data else {
            return;
        };
        let (scan, trace) = (&mut self.scan, fragment.trace);
        if Scan::traces(bytes, &ScanLimits::default(), scan).is_ok() {
            let named = scan
                .spans
                .iter()
                .filter(|span| !span.head.span_id.is_zero());
            let spans = named.map(|span| fingerprint(span.span(bytes).0));
            self.engine.learn_delivered(now, trace, spans);
        }
    }
}
