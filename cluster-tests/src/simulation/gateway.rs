//! A gateway: brings requests to the owners of their traces, and answers for the whole.

use super::errand::Cargo;
use super::network::Place;
use super::traffic::{Brought, Content, RULE};
use super::world::World;
use std::sync::Arc;
use tailweir_placement::{Epoch, RoutingTable};
use tailweir_shard::{LogFragment, body_of};

/// What a gateway knows.
#[derive(Debug, Default)]
pub(crate) struct Gateway {
    pub(crate) table: Option<Arc<RoutingTable>>,
}

impl World {
    /// A request arrives from a client.
    pub(crate) fn gateway_received(&mut self, gateway: usize, request: usize, attempt: u32) {
        let sent = &self.traffic.requests[request];
        let cargo = match &sent.content {
            Content::Spans(scan) => Cargo::Spans(Brought::all(&sent.body, scan)),
            Content::Records => Cargo::Logs {
                fragments: LogFragment::divide(&RULE, &sent.body).0,
                handed_on: None,
            },
        };
        self.set_out(Place::Gateway(gateway), (request, attempt), cargo);
    }

    /// A newer table.
    pub(crate) fn gateway_learned(&mut self, gateway: usize, table: Arc<RoutingTable>) {
        let known = &mut self.gateways[gateway].table;
        let epoch = known.as_ref().map_or(Epoch(0), |known| known.epoch());
        if table.epoch() > epoch {
            *known = Some(table);
            self.errands_learned(Place::Gateway(gateway));
        }
    }

    /// Answers the client. What needs no decision goes on from here, once the rest is taken.
    pub(crate) fn gateway_done(&mut self, request: usize, attempt: u32, is_taken: bool) {
        let sent = &self.traffic.requests[request];
        if is_taken && let Content::Records = sent.content {
            let body = sent.body.clone();
            let (_, staying) = LogFragment::divide(&RULE, &body);
            for part in staying {
                // Gateways do not die here, so that their exporters deliver in the end.
                self.passed(&body_of(part.body, &body));
            }
        }
        self.answer_client(request, attempt, is_taken);
    }
}
