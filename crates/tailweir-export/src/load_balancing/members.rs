//! The endpoints of a load balancer, each with its queue.

use super::ring::Ring;
use super::routing::Share;
use crate::exporter::Direct;
use crate::queue::Refusal;
use crate::stats::{BalancerSnapshot, EndpointOutcome, Snapshot};
use crate::{Authorization, BuildError, ExporterSettings, OtlpGrpc, Parcel};
use std::sync::Arc;
use tailweir_config::OtlpGrpcExporter;
use tailweir_core::Signal;
use tokio::sync::Notify;

/// The port of endpoints that name none.
const PORT: &str = "4317";

/// What all endpoints have in common.
pub(super) struct Template {
    pub(super) name: String,
    pub(super) signal: Signal,
    pub(super) otlp: OtlpGrpcExporter,
    pub(super) authorization: Option<Arc<Authorization>>,
    pub(super) queue: ExporterSettings,
    pub(super) freed: Arc<Notify>,
}

/// See the module.
pub(super) struct Members {
    template: Template,
    ring: Arc<Ring>,
    /// One for each endpoint of the ring, in its order.
    present: Vec<Arc<Direct>>,
    /// Those whose parcels have not been taken back yet, and whether somebody is at it.
    leaving: Vec<Leaving>,
    /// The counters of those that have gone.
    pub(super) gone: Snapshot,
    updates: u64,
}

struct Leaving {
    member: Arc<Direct>,
    is_attended: bool,
}

impl Template {
    fn member(&self, endpoint: &str) -> Result<Arc<Direct>, BuildError> {
        let mut otlp = self.otlp.clone();
        otlp.client.endpoint = with_port(endpoint);
        let destination = OtlpGrpc::new(&otlp, self.authorization.clone())?;
        Ok(Arc::new(Direct::new(
            &self.name,
            self.signal,
            Arc::new(destination),
            &self.queue,
            self.freed.clone(),
            None,
        )))
    }
}

/// An address of IPv6 stands in brackets, and has colons of its own.
fn with_port(endpoint: &str) -> String {
    let behind_host = endpoint.rsplit(']').next().unwrap_or(endpoint);
    if behind_host.contains(':') {
        return endpoint.to_owned();
    }
    format!("{endpoint}:{PORT}")
}

impl Members {
    /// Starts with these endpoints, each of which must be one.
    pub(super) fn new(template: Template, endpoints: &[String]) -> Result<Self, BuildError> {
        let ring = Ring::new(endpoints.iter().cloned());
        // What is wrong with the options is told here even where no endpoint is known yet.
        template.member(&template.otlp.client.endpoint)?;
        let members = ring.endpoints().iter().map(|endpoint| {
            let member = template.member(endpoint);
            member.map_err(|error| BuildError {
                option: "resolver.static.hostnames".to_owned(),
                ..error
            })
        });
        Ok(Self {
            present: members.collect::<Result<_, _>>()?,
            updates: u64::from(!endpoints.is_empty()),
            ring: Arc::new(ring),
            template,
            leaving: Vec::new(),
            gone: Snapshot::default(),
        })
    }

    pub(super) fn ring(&self) -> Arc<Ring> {
        self.ring.clone()
    }

    /// Exchanges the endpoints; those in both keep their queues. Answers whether anything changed.
    pub(super) fn change(&mut self, ring: Ring) -> bool {
        if *self.ring == ring {
            return false;
        }
        let mut usable = Vec::new();
        let mut present = Vec::new();
        for endpoint in ring.endpoints() {
            match self.member(endpoint) {
                Ok(member) => {
                    usable.push(endpoint.clone());
                    present.push(member);
                }
                Err(error) => {
                    tracing::error!(exporter = self.template.name, endpoint, %error, "an endpoint cannot be used");
                }
            }
        }
        let stays = |member: &Arc<Direct>| present.iter().any(|other| Arc::ptr_eq(member, other));
        let left = self.present.iter().filter(|member| !stays(member));
        self.leaving.extend(left.cloned().map(|member| Leaving {
            member,
            is_attended: false,
        }));
        let all_usable = usable.len() == ring.endpoints().len();
        let ring = if all_usable { ring } else { Ring::new(usable) };
        tracing::info!(
            exporter = self.template.name,
            endpoints = ?ring.endpoints(),
            "the endpoints are other ones"
        );
        self.ring = Arc::new(ring);
        self.present = present;
        self.updates += 1;
        true
    }

    fn member(&self, endpoint: &str) -> Result<Arc<Direct>, BuildError> {
        let known = self
            .ring
            .endpoints()
            .iter()
            .position(|known| known == endpoint);
        match known.and_then(|known| self.present.get(known)) {
            Some(member) => Ok(member.clone()),
            None => self.template.member(endpoint),
        }
    }

    /// Puts each share into its queue: all of them, or, where one finds no room, none.
    pub(super) fn take(&self, parcel: Parcel, shares: Vec<Share>) -> Result<(), Box<Refusal>> {
        // Only here is anything put into the queues, so room that is there stays.
        let client_bytes = parcel.client.as_ref().map_or(0, |client| client.bytes()) as u64;
        for share in &shares {
            let member = &self.present[share.endpoint];
            let bytes = share.body.len() as u64 + client_bytes;
            if let Err(reason) = member.has_room(share.items, bytes) {
                return Err(Refusal::new(parcel, reason));
            }
        }
        let items: Vec<u64> = shares.iter().map(|share| share.items).collect();
        let receipts = parcel.receipt.divide(&items);
        for (share, receipt) in shares.into_iter().zip(receipts) {
            let bytes = share.body.len() as u64 + client_bytes;
            let part = Parcel {
                client: parcel.client.clone(),
                signal: parcel.signal,
                body: share.body,
                items: share.items,
                bytes,
                receipt,
                stored: None,
            };
            if let Err(refusal) = self.present[share.endpoint].offer(part) {
                refusal.parcel.receipt.lost(refusal.reason);
            }
        }
        Ok(())
    }

    /// The members, and those that leave and had nobody to attend to them.
    pub(super) fn workforce(&mut self) -> (Vec<Arc<Direct>>, Vec<Arc<Direct>>) {
        let leaving = self.leaving.iter_mut();
        let unattended = leaving.filter(|leaving| !leaving.is_attended);
        let leaving = unattended.map(|leaving| {
            leaving.is_attended = true;
            leaving.member.clone()
        });
        (self.present.clone(), leaving.collect())
    }

    /// Nobody attends to anybody any more.
    pub(super) fn forget_attendance(&mut self) {
        for leaving in &mut self.leaving {
            leaving.is_attended = false;
        }
    }

    /// One that has left has given back what it had.
    pub(super) fn dismissed(&mut self, member: &Arc<Direct>) {
        self.leaving
            .retain(|leaving| !Arc::ptr_eq(&leaving.member, member));
        self.gone.add(&member.snapshot());
    }

    pub(super) fn is_anybody_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    pub(super) fn all(&self) -> Vec<Arc<Direct>> {
        let leaving = self.leaving.iter().map(|leaving| &leaving.member);
        self.present.iter().chain(leaving).cloned().collect()
    }

    /// The sums over all members, those that have gone among them.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut sum = Snapshot {
            queue_size: 0,
            queue_bytes: 0,
            queue_capacity: 0,
            ..self.gone.clone()
        };
        let mut outcomes = Vec::new();
        for member in self.all() {
            sum.add(&member.snapshot());
        }
        for (endpoint, member) in self.ring.endpoints().iter().zip(&self.present) {
            let own = member.snapshot();
            sum.queue_capacity += own.queue_capacity;
            outcomes.push(EndpointOutcome {
                endpoint: endpoint.clone(),
                sent_requests: own.sent_requests,
                failed_requests: own.failed_requests,
            });
        }
        sum.balancer = Some(BalancerSnapshot {
            backends: self.present.len() as u64,
            updates: self.updates,
            outcomes,
            ..BalancerSnapshot::default()
        });
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::with_port;

    /// Scenario: endpoints with and without a port, of both versions of IP.
    /// Guarantees: exactly those without one get 4317.
    #[test]
    fn endpoints_without_a_port_get_the_usual_one() {
        let endpoints = ["a", "a:1", "10.0.0.1", "[::1]", "[::1]:2"].map(with_port);
        assert_eq!(
            endpoints,
            ["a:4317", "a:1", "10.0.0.1:4317", "[::1]:4317", "[::1]:2"]
        );
    }
}
