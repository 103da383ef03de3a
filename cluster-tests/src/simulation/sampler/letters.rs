//! Letters between samplers, as the bytes of the wire.

use super::{LOGS, SPANS};
use crate::simulation::event::Payload;
use crate::simulation::network::Place;
use crate::simulation::wire;
use crate::simulation::world::World;
use bytes::Bytes;
use tailweir_placement::Incarnation;
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::{Message, Record};

impl World {
    /// A letter arrives.
    pub(crate) fn letter(
        &mut self,
        node: usize,
        from: Incarnation,
        to: Incarnation,
        letter: Bytes,
    ) {
        if self.incarnation(node) != Some(to) {
            return;
        }
        let letter = match wire::read(letter) {
            Ok(letter) => letter,
            Err(unreadable) => return self.find(format!("a letter of {from}: {unreadable}")),
        };
        let mut messages = letter.messages;
        if letter.sampler == LOGS {
            return self.call_logs(node, |shard, now, out| {
                shard.letter(now, from, messages, out);
            });
        }
        if let Some(defect) = self.defect {
            let table = self.samplers[node].table().cloned();
            let forge = |message: &_| defect.answer_of_any_view(table.as_deref(), to, message);
            let forged: Vec<_> = messages.iter().filter_map(forge).collect();
            if !forged.is_empty() {
                self.send_letter(node, (to, from), SPANS, forged);
                messages.retain(|message| forge(message).is_none());
            }
        }
        self.call(node, |shard, now, out| {
            shard.letter(now, from, messages, out);
        });
    }

    /// Sends messages, or what a defect makes of them.
    pub(super) fn post(
        &mut self,
        node: usize,
        me: Incarnation,
        to: Incarnation,
        messages: Vec<Message<Piece, Ruled>>,
    ) {
        messages
            .iter()
            .for_each(|message| self.check_message(message));
        let Some(defect) = self.defect else {
            return self.send_letter(node, (me, to), SPANS, messages);
        };
        let (mut sent, mut answers) = (Vec::new(), Vec::new());
        for message in messages {
            let (kept, answer) = defect.sent(self.course, message);
            sent.extend(kept);
            answers.extend(answer);
        }
        if !sent.is_empty() {
            self.send_letter(node, (me, to), SPANS, sent);
        }
        if !answers.is_empty() {
            self.call(node, |shard, now, out| shard.letter(now, to, answers, out));
        }
    }

    pub(super) fn send_letter(
        &mut self,
        node: usize,
        (from, to): (Incarnation, Incarnation),
        sampler: &str,
        messages: Vec<Message<Piece, Ruled>>,
    ) {
        let Some(home) = self.controllers.home(to) else {
            return;
        };
        for letter in wire::write(sampler, messages) {
            let payload = Payload::Letter { from, to, letter };
            self.send(Place::Sampler(node), Place::Sampler(home), payload);
        }
    }

    /// Where spans are in the engine of a shard is nobody else's business.
    fn check_message(&mut self, message: &Message<Piece, Ruled>) {
        if let Message::Record { record, .. } = message
            && let Record::Append { fragment, .. } | Record::Copy { fragment, .. } = record
            && fragment.value.data == Piece::Held
        {
            self.find(format!("a letter without its spans: {message:?}"));
        }
    }
}
