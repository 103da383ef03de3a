//! The way of a request to the owners of its traces' slots: from a gateway, or from a sampler that hands logs on.

use super::clock::{SECOND, Time};
use super::event::{Event, Payload, Ticket};
use super::network::Place;
use super::sampler::LOGS;
use super::traffic::{Brought, SLOT_SEED};
use super::wire;
use super::world::World;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
use tailweir_shard::{Answer, LogFragment, Redirect};
use tailweir_tenure::{Hop, Journey};
use tailweir_wire::{Part, Said};

/// How long a request looks for those who take it.
const PATIENCE: Time = 5 * SECOND;

/// Names an errand at its place: a request and which try, or a batch that is handed on and the life of who does.
pub(crate) type Key = (usize, u32);
type At = (Place, Key);

/// All errands.
pub(crate) type Errands = BTreeMap<At, Errand>;

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Errand {
    cargo: Cargo,
    until: Time,
    journeys: BTreeMap<TraceId, Journey>,
    /// Parts without an answer: where they are, and their traces.
    parts: BTreeMap<u32, (usize, Vec<TraceId>)>,
    next: u32,
    /// Traces that wait for a table.
    waiting: Vec<(Epoch, TraceId)>,
}

/// What it brings.
#[derive(Debug)]
pub(crate) enum Cargo {
    Spans(Brought),
    /// Log records, and the tenure in which they waited before.
    Logs {
        fragments: Vec<LogFragment>,
        handed_on: Option<Epoch>,
    },
}

/// Where traces go together.
type Destination = (Incarnation, Option<TenureId>, Epoch);

impl World {
    /// Sends something out from a place that knows a table.
    pub(crate) fn set_out(&mut self, place: Place, key: Key, cargo: Cargo) {
        let epoch = self.epoch_at(place);
        let traces = cargo.traces();
        let errand = Errand {
            cargo,
            until: self.now + PATIENCE,
            journeys: traces.iter().map(|&id| (id, Journey::new(epoch))).collect(),
            parts: BTreeMap::new(),
            next: 0,
            waiting: Vec::new(),
        };
        self.errands.insert((place, key), errand);
        self.later(PATIENCE, Event::Overdue { place, key });
        self.route((place, key), &traces);
        self.check_errand((place, key));
    }

    fn table_at(&self, place: Place) -> Option<&Arc<RoutingTable>> {
        match place {
            Place::Gateway(gateway) => self.gateways[gateway].table.as_ref(),
            Place::Sampler(node) => self.samplers[node].table(),
            Place::Controllers => None,
        }
    }

    fn epoch_at(&self, place: Place) -> Epoch {
        let table = self.table_at(place);
        table.map_or(Epoch(0), |table| table.epoch())
    }

    /// Sends traces to the owners of their slots.
    fn route(&mut self, at: At, traces: &[TraceId]) {
        let mut by_owner: BTreeMap<Destination, Vec<TraceId>> = BTreeMap::new();
        for &trace in traces {
            let table = self.table_at(at.0);
            let owner = table.and_then(|table| {
                let tenures = table.tenures(Slot::of(trace, SLOT_SEED))?;
                Some((tenures.current().owner, None, table.epoch()))
            });
            let Some(destination) = owner else {
                return self.errand_done(at, false);
            };
            by_owner.entry(destination).or_default().push(trace);
        }
        self.bring(at, by_owner);
    }

    fn bring(&mut self, at: At, parts: BTreeMap<Destination, Vec<TraceId>>) {
        let (place, errand) = at;
        for ((to, tenure, epoch), traces) in parts {
            let Some(node) = self.controllers.home(to) else {
                return self.errand_done(at, false);
            };
            let Some(found) = self.errands.get_mut(&at) else {
                return;
            };
            let part = found.next;
            found.next += 1;
            found.parts.insert(part, (node, traces.clone()));
            let patience = found.until.saturating_sub(self.now);
            let ticket = Ticket {
                from: place,
                errand,
                part,
            };
            let tenure = tenure.map(|tenure| tenure.created);
            let payload = match &self.errands[&at].cargo {
                Cargo::Spans(spans) => Payload::Part {
                    to,
                    spans: spans.of(&traces),
                    epoch,
                    tenure,
                    patience,
                    ticket,
                },
                Cargo::Logs {
                    fragments,
                    handed_on,
                } => {
                    let part = Part {
                        id: part.into(),
                        sampler: LOGS.to_owned(),
                        epoch,
                        tenure,
                        spans: packed(fragments, &traces),
                        patience: Duration::from_nanos(patience),
                        handed_on: *handed_on,
                        sequence: None,
                    };
                    let part = wire::write_part(part);
                    Payload::LogPart { to, part, ticket }
                }
            };
            if !self.send(place, Place::Sampler(node), payload) {
                return self.errand_done(at, false);
            }
        }
    }

    /// A sampler answers.
    pub(crate) fn errand_answered(&mut self, ticket: Ticket, answer: Bytes) {
        let at = (ticket.from, ticket.errand);
        let Some(errand) = self.errands.get_mut(&at) else {
            return;
        };
        if errand.parts.remove(&ticket.part).is_none() {
            return;
        }
        match wire::read_answer(answer) {
            Ok(Said::Answered(Answer::Taken(redirects))) => {
                self.follow(at, &redirects);
                self.check_errand(at);
            }
            Ok(_) => self.errand_done(at, false),
            Err(unreadable) => self.find(format!("an answer about {ticket:?}: {unreadable}")),
        }
    }

    /// Takes traces that belong elsewhere there.
    fn follow(&mut self, at: At, redirects: &[Redirect]) {
        let known = self.epoch_at(at.0);
        let Some(errand) = self.errands.get_mut(&at) else {
            return;
        };
        let mut route = Vec::new();
        let mut pinned: BTreeMap<Destination, Vec<TraceId>> = BTreeMap::new();
        let mut is_refused = false;
        for redirect in redirects {
            let trace = redirect.trace;
            let journey = errand.journeys.entry(trace).or_default();
            match journey.next(redirect.reply()) {
                Hop::Done => {}
                Hop::Route { epoch } if epoch <= known => route.push(trace),
                Hop::Route { epoch } => errand.waiting.push((epoch, trace)),
                Hop::Send { to, tenure } => {
                    let destination = (to, Some(tenure), redirect.epoch);
                    pinned.entry(destination).or_default().push(trace);
                }
                Hop::Refuse => is_refused = true,
            }
        }
        if is_refused {
            return self.errand_done(at, false);
        }
        self.route(at, &route);
        self.bring(at, pinned);
    }

    /// A newer table: what waited for it goes on.
    pub(crate) fn errands_learned(&mut self, place: Place) {
        let known = self.epoch_at(place);
        let mut ready = Vec::new();
        for (&at, errand) in self.errands.iter_mut().filter(|((of, _), _)| *of == place) {
            let waiting = &mut errand.waiting;
            let traces: Vec<_> = waiting
                .extract_if(.., |(epoch, _)| *epoch <= known)
                .map(|(_, trace)| trace)
                .collect();
            if !traces.is_empty() {
                ready.push((at, traces));
            }
        }
        for (at, traces) in ready {
            self.route(at, &traces);
        }
    }

    /// A connection to a sampler broke: what was brought on it is not known to be taken.
    pub(crate) fn errands_lost(&mut self, place: Place, node: usize) {
        let errands = self.errands.iter();
        let lost: Vec<_> = errands
            .filter(|((of, _), _)| *of == place)
            .filter(|(_, errand)| errand.parts.values().any(|(to, _)| *to == node))
            .map(|(&at, _)| at)
            .collect();
        for at in lost {
            self.errand_done(at, false);
        }
    }

    fn check_errand(&mut self, at: At) {
        let errand = self.errands.get(&at);
        if errand.is_some_and(|errand| errand.parts.is_empty() && errand.waiting.is_empty()) {
            self.errand_done(at, true);
        }
    }

    /// All of it is taken, or not all of it is known to be.
    pub(crate) fn errand_done(&mut self, at: At, is_taken: bool) {
        if self.errands.remove(&at).is_none() {
            return;
        }
        match at {
            (Place::Sampler(node), _) => self.handed_on(node, is_taken),
            (_, (request, attempt)) => self.gateway_done(request, attempt, is_taken),
        }
    }
}

impl Cargo {
    fn traces(&self) -> Vec<TraceId> {
        match self {
            Self::Spans(spans) => spans.traces().into_iter().collect(),
            Self::Logs { fragments, .. } => {
                fragments.iter().map(|fragment| fragment.trace).collect()
            }
        }
    }
}

/// The records of these traces.
fn packed(fragments: &[LogFragment], traces: &[TraceId]) -> Bytes {
    let fragments = fragments.iter();
    let fragments = fragments.filter(|fragment| traces.contains(&fragment.trace));
    LogFragment::pack(&fragments.collect::<Vec<_>>())
}
