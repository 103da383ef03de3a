//! What shards want done: told, written, answered, reported and handed out.

use super::SPANS;
use super::exports::Goods;
use crate::simulation::defect::Defect;
use crate::simulation::event::{Payload, Ticket};
use crate::simulation::network::Place;
use crate::simulation::traffic::has_logs;
use crate::simulation::wire;
use crate::simulation::world::World;
use tailweir_placement::Incarnation;
use tailweir_shard::{Answer, Outbox, Report};
use tailweir_tenure::Ruling as _;

impl World {
    pub(super) fn carry_out(&mut self, node: usize, me: Incarnation, outbox: &mut Outbox<Ticket>) {
        let mut decided = Vec::new();
        for ruling in outbox.rulings.drain(..) {
            decided.push((ruling.trace, ruling.ruled.keeps()));
            self.ruled(me, ruling);
        }
        self.tell_logs(node, me, &decided);
        for lost in outbox.abandoned.drain(..) {
            self.abandoned(me, lost);
        }
        for (ticket, answer) in outbox.answers.drain(..) {
            self.answer(node, ticket, answer);
        }
        for kept in outbox.kept.drain(..) {
            if self.defect == Some(Defect::DoubleExport) {
                self.hand_out(node, Goods::Spans(kept.clone()));
            }
            self.hand_out(node, Goods::Spans(kept));
        }
        self.report(node, SPANS, std::mem::take(&mut outbox.reports));
        for (to, messages) in by_member(outbox.letters.drain(..)) {
            self.post(node, me, to, messages);
        }
    }

    /// Says what all shards of a slot have said.
    pub(super) fn report(&mut self, node: usize, name: &'static str, mut reports: Vec<Report>) {
        let is_early = self.defect == Some(Defect::SlotsBeforeLogs);
        let Some(process) = &mut self.samplers[node].process else {
            return;
        };
        let Some(own) = &mut process.registered else {
            return;
        };
        reports.retain(|report| {
            let (Report::InSync { tenure, .. } | Report::Clear { tenure, .. }) = report;
            let of = 1 + usize::from(has_logs(tenure.slot));
            let all_have = own.consent.say(of, name, *report);
            if is_early { name == SPANS } else { all_have }
        });
        if !reports.is_empty() {
            let payload = Payload::Reports(reports);
            self.send(Place::Sampler(node), Place::Controllers, payload);
        }
    }

    pub(super) fn answer(&mut self, node: usize, ticket: Ticket, answer: Answer) {
        let answer = wire::write_answer(answer);
        let payload = Payload::Answer { ticket, answer };
        self.send(Place::Sampler(node), ticket.from, payload);
    }
}

/// Messages to one member together, in their order.
pub(super) fn by_member<T>(
    letters: impl Iterator<Item = (Incarnation, T)>,
) -> Vec<(Incarnation, Vec<T>)> {
    let mut all: Vec<(Incarnation, Vec<T>)> = Vec::new();
    for (to, message) in letters {
        match all.iter_mut().find(|(of, _)| *of == to) {
            Some((_, messages)) => messages.push(message),
            None => all.push((to, vec![message])),
        }
    }
    all
}
