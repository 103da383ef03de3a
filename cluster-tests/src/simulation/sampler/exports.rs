//! Batches of kept spans and logs between a sampler and the backend.

use crate::simulation::clock::{MILLI, SECOND, Time};
use crate::simulation::event::Event;
use crate::simulation::world::World;
use std::collections::BTreeMap;
use tailweir_shard::{Kept, LeavingLogs};

/// Batches of one life that are not delivered yet, and the number of the next one.
#[derive(Default)]
pub(super) struct Exports {
    pub(super) open: BTreeMap<u64, Export>,
    next: u64,
}

/// A batch that is not delivered yet.
pub(super) struct Export {
    goods: Goods,
    released: Time,
}

/// What is in a batch.
#[derive(Clone)]
pub(super) enum Goods {
    Spans(Kept),
    Logs(LeavingLogs),
}

impl Goods {
    /// Whether they are somebody else's to deliver by now.
    fn are_left_out(&self) -> bool {
        matches!(self, Self::Spans(kept) if kept.tie.is_cut())
    }
}

impl Exports {
    fn add(&mut self, batch: Export) -> u64 {
        let export = self.next;
        self.next += 1;
        self.open.insert(export, batch);
        export
    }
}

impl World {
    /// Hands a batch on towards the backend.
    pub(super) fn hand_out(&mut self, node: usize, goods: Goods) {
        let released = self.now;
        let Some(process) = &mut self.samplers[node].process else {
            return;
        };
        let life = process.life;
        let Some(own) = &mut process.registered else {
            return;
        };
        let export = own.exports.add(Export { goods, released });
        let delay = self.backend_delay();
        let event = Event::Export { node, life, export };
        self.later(delay, event);
    }

    fn backend_delay(&mut self) -> Time {
        if self.backend.is_slow {
            self.random.u64(100 * MILLI..1_500 * MILLI)
        } else {
            self.random.u64(MILLI..15 * MILLI)
        }
    }

    /// A batch reaches the backend, whatever became of its process since.
    pub(crate) fn export(&mut self, node: usize, life: u64, export: u64) {
        let now = self.now;
        let is_taken = !self.backend.fails;
        let Some(process) = self.process(node, life) else {
            return;
        };
        let Some(own) = &mut process.registered else {
            return;
        };
        let me = own.incarnation;
        let Some(found) = own.exports.open.get(&export) else {
            return;
        };
        let (goods, released) = (found.goods.clone(), found.released);
        if is_taken {
            match &goods {
                Goods::Spans(kept) => self.delivered(me, kept, released, now),
                Goods::Logs(logs) => self.delivered_logs(Some(me), &logs.bytes, released),
            }
        }
        let delay = self.backend_delay();
        let event = Event::Exported {
            node,
            life,
            export,
            is_taken,
        };
        self.later(delay, event);
    }

    /// The backend's answer.
    pub(crate) fn exported(&mut self, node: usize, life: u64, export: u64, is_taken: bool) {
        let Some(process) = self.process(node, life) else {
            return;
        };
        let Some(own) = &mut process.registered else {
            return;
        };
        let is_wanted = |export: &Export| !export.goods.are_left_out();
        if !is_taken && own.exports.open.get(&export).is_some_and(is_wanted) {
            let pause = self.random.u64(200 * MILLI..SECOND);
            return self.later(pause, Event::Export { node, life, export });
        }
        match own.exports.open.remove(&export).map(|export| export.goods) {
            // Left out: nobody says that it is delivered.
            Some(Goods::Spans(kept)) if !is_taken && kept.tie.is_cut() => {}
            Some(Goods::Spans(kept)) => self.call(node, |shard, now, out| {
                shard.delivered(now, kept.tenure, &kept.numbers, out);
            }),
            Some(Goods::Logs(LeavingLogs {
                place: Some(at), ..
            })) => self.call_logs(node, |shard, now, out| shard.delivered(now, &[at], out)),
            Some(Goods::Logs(_)) | None => {}
        }
    }
}
