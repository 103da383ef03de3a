//! A gateway: splits requests by owner, follows redirects, and answers for the whole.

use super::clock::{SECOND, Time};
use super::event::{Event, Payload, Ticket};
use super::network::Place;
use super::wire;
use super::world::World;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_core::{Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
use tailweir_shard::{Answer, Redirect};
use tailweir_tenure::{Hop, Journey, Reply};
use tailweir_wire::Said;

use super::traffic::SLOT_SEED;

/// How long a gateway tries.
const PATIENCE: Time = 5 * SECOND;

/// What a gateway knows.
#[derive(Debug, Default)]
pub(crate) struct Gateway {
    pub(crate) table: Option<Arc<RoutingTable>>,
    errands: BTreeMap<(usize, u32), Errand>,
}

/// A request on its way through a gateway.
#[derive(Debug)]
struct Errand {
    until: Time,
    journeys: BTreeMap<TraceId, Journey>,
    /// Parts without an answer: where they are, and their traces.
    parts: BTreeMap<u32, (usize, Vec<TraceId>)>,
    next: u32,
    /// Traces that wait for a table.
    waiting: Vec<(Epoch, TraceId)>,
}

/// Where traces go together.
type Destination = (Incarnation, Option<TenureId>, Epoch);

impl Gateway {
    fn epoch(&self) -> Epoch {
        self.table.as_ref().map_or(Epoch(0), |table| table.epoch())
    }

    fn owner(&self, trace: TraceId) -> Option<Incarnation> {
        let tenures = self.table.as_ref()?.tenures(Slot::of(trace, SLOT_SEED))?;
        Some(tenures.current().owner)
    }

    /// Requests that are neither answered nor given up.
    pub(crate) fn open(&self) -> usize {
        self.errands.len()
    }
}

impl World {
    /// A request arrives from a client.
    pub(crate) fn gateway_received(&mut self, gateway: usize, request: usize, attempt: u32) {
        let epoch = self.gateways[gateway].epoch();
        let traces = self.traffic.requests[request].traces.clone();
        let errand = Errand {
            until: self.now + PATIENCE,
            journeys: traces.iter().map(|&id| (id, Journey::new(epoch))).collect(),
            parts: BTreeMap::new(),
            next: 0,
            waiting: Vec::new(),
        };
        let key = (request, attempt);
        self.gateways[gateway].errands.insert(key, errand);
        let overdue = Event::Overdue {
            gateway,
            request,
            attempt,
        };
        self.later(PATIENCE, overdue);
        self.route(gateway, key, &traces);
    }

    /// Sends traces to the owners of their slots.
    fn route(&mut self, gateway: usize, key: (usize, u32), traces: &[TraceId]) {
        let from = &self.gateways[gateway];
        let mut by_owner: BTreeMap<Destination, Vec<TraceId>> = BTreeMap::new();
        for &trace in traces {
            let Some(owner) = from.owner(trace) else {
                self.gateway_done(gateway, key, false);
                return;
            };
            let destination = (owner, None, from.epoch());
            by_owner.entry(destination).or_default().push(trace);
        }
        self.bring(gateway, key, by_owner);
    }

    fn bring(
        &mut self,
        gateway: usize,
        key: (usize, u32),
        parts: BTreeMap<Destination, Vec<TraceId>>,
    ) {
        let (request, attempt) = key;
        for ((to, tenure, epoch), traces) in parts {
            let Some(node) = self.controllers.home(to) else {
                return self.gateway_done(gateway, key, false);
            };
            let Some(errand) = self.gateways[gateway].errands.get_mut(&key) else {
                return;
            };
            let part = errand.next;
            errand.next += 1;
            let spans = self.traffic.requests[request].of(&traces);
            errand.parts.insert(part, (node, traces));
            let patience = errand.until.saturating_sub(self.now);
            let payload = Payload::Part {
                to,
                spans,
                epoch,
                tenure: tenure.map(|tenure| tenure.created),
                patience,
                ticket: Ticket {
                    gateway,
                    request,
                    attempt,
                    part,
                },
            };
            if !self.send(Place::Gateway(gateway), Place::Sampler(node), payload) {
                return self.gateway_done(gateway, key, false);
            }
        }
    }

    /// A sampler answers.
    pub(crate) fn gateway_answered(&mut self, ticket: Ticket, answer: Bytes) {
        let key = (ticket.request, ticket.attempt);
        let gateway = ticket.gateway;
        let Some(errand) = self.gateways[gateway].errands.get_mut(&key) else {
            return;
        };
        if errand.parts.remove(&ticket.part).is_none() {
            return;
        }
        match wire::read_answer(answer) {
            Ok(Said::Answered(Answer::Taken(redirects))) => {
                self.follow(gateway, key, &redirects);
                self.gateway_check(gateway, key);
            }
            Ok(_) => self.gateway_done(gateway, key, false),
            Err(unreadable) => self.find(format!("an answer about {ticket:?}: {unreadable}")),
        }
    }

    /// Takes traces that belong elsewhere there.
    fn follow(&mut self, gateway: usize, key: (usize, u32), redirects: &[Redirect]) {
        let known = self.gateways[gateway].epoch();
        let Some(errand) = self.gateways[gateway].errands.get_mut(&key) else {
            return;
        };
        let mut route = Vec::new();
        let mut pinned: BTreeMap<Destination, Vec<TraceId>> = BTreeMap::new();
        let mut is_refused = false;
        for redirect in redirects {
            let trace = redirect.trace;
            let journey = errand.journeys.entry(trace).or_default();
            match journey.next(reply(redirect)) {
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
            return self.gateway_done(gateway, key, false);
        }
        self.route(gateway, key, &route);
        self.bring(gateway, key, pinned);
    }

    /// A newer table: what waited for it goes on.
    pub(crate) fn gateway_learned(&mut self, gateway: usize, table: Arc<RoutingTable>) {
        let from = &mut self.gateways[gateway];
        if table.epoch() <= from.epoch() {
            return;
        }
        let known = table.epoch();
        from.table = Some(table);
        let mut ready = Vec::new();
        for (&key, errand) in &mut from.errands {
            let waiting = &mut errand.waiting;
            let traces: Vec<_> = waiting
                .extract_if(.., |(epoch, _)| *epoch <= known)
                .map(|(_, trace)| trace)
                .collect();
            if !traces.is_empty() {
                ready.push((key, traces));
            }
        }
        for (key, traces) in ready {
            self.route(gateway, key, &traces);
        }
    }

    /// A connection to a sampler broke: what was brought on it is not known to be taken.
    pub(crate) fn gateway_lost(&mut self, gateway: usize, node: usize) {
        let errands = self.gateways[gateway].errands.iter();
        let lost: Vec<_> = errands
            .filter(|(_, errand)| errand.parts.values().any(|(to, _)| *to == node))
            .map(|(&key, _)| key)
            .collect();
        for key in lost {
            self.gateway_done(gateway, key, false);
        }
    }

    fn gateway_check(&mut self, gateway: usize, key: (usize, u32)) {
        let errand = self.gateways[gateway].errands.get(&key);
        if errand.is_some_and(|errand| errand.parts.is_empty() && errand.waiting.is_empty()) {
            self.gateway_done(gateway, key, true);
        }
    }

    /// Answers the client.
    pub(crate) fn gateway_done(&mut self, gateway: usize, key: (usize, u32), is_taken: bool) {
        if self.gateways[gateway].errands.remove(&key).is_some() {
            self.answer_client(key.0, key.1, is_taken);
        }
    }
}

fn reply(redirect: &Redirect) -> Reply {
    let epoch = redirect.epoch;
    match redirect.pinned {
        Some((tenure, owner)) => Reply::Pinned {
            tenure,
            owner,
            epoch,
        },
        None => Reply::Moved { epoch },
    }
}
