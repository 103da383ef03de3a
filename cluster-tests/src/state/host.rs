//! The caller of the protocol at each node: carries out effects and delivers messages.

use super::State;
use super::bent::{early_remainder, every_view};
use super::steps::NOW;
use crate::controllers::Request;
use crate::mutant::Mutant;
use crate::node::Packet;
use crate::scenario::Scenario;
use crate::shared::Shared;
use crate::span::Span;
use crate::verdict::Verdict;
use tailweir_placement::{Epoch, Incarnation};
use tailweir_tenure::{Answer, Effect, Message, Received, Tenancy};

pub(super) type Peer = Tenancy<Span, Verdict>;
pub(super) type Effects = Vec<Effect<Span, Verdict>>;

impl State {
    /// Lets a node do something, and carries out what comes of it.
    pub(super) fn act(
        &mut self,
        scenario: &Scenario,
        node: usize,
        run: impl FnOnce(&mut Peer, &mut Effects),
    ) {
        if let Some(host) = self.nodes[node].as_mut().map(Shared::make_mut) {
            let mut out = Vec::new();
            run(&mut host.tenancy, &mut out);
            self.effects(scenario, node, out);
        }
    }

    pub(super) fn effects(&mut self, scenario: &Scenario, node: usize, effects: Effects) {
        for effect in effects {
            self.effect(scenario, node, effect);
        }
    }

    fn effect(&mut self, scenario: &Scenario, node: usize, effect: Effect<Span, Verdict>) {
        let Some(host) = self.nodes[node].as_mut().map(Shared::make_mut) else {
            return;
        };
        match effect {
            Effect::Send { to, message } => self.carry(scenario, node, to, message),
            Effect::Acknowledge { tenure, number } => {
                if let Some(&span) = host.spans.get(&(tenure.created, number)) {
                    self.acknowledged.insert(span);
                }
            }
            Effect::Return { tenure, number, .. } | Effect::Discard { tenure, number } => {
                host.spans.remove(&(tenure.created, number));
            }
            Effect::Export { tenure, number } => {
                host.exports.insert((tenure.created, number));
                if scenario.is(Mutant::ClearBeforeDelivery) {
                    self.act(scenario, node, |tenancy, out| {
                        tenancy.delivered(NOW, tenure, &[number], out);
                    });
                }
            }
            Effect::Decided { trace, verdict, .. } => self.decided(trace.0[0], verdict.value),
            Effect::Index {
                tenure,
                number,
                fragment,
            } => {
                host.spans
                    .insert((tenure.created, number), fragment.value.data);
            }
            Effect::Drop { tenure, .. } => host.drop_tenure(tenure.created),
            Effect::InSync { tenure, view } => {
                self.requests.insert(Request::InSync(tenure.created, view));
            }
            Effect::Clear { tenure, into } => {
                self.requests.insert(Request::Clear(tenure.created, into));
            }
            // A trace that is to be reconsidered is due again.
            Effect::Reconsider { .. } => {}
        }
    }

    /// A verdict counts from here on. The first one must have seen whatever was acknowledged before.
    fn decided(&mut self, trace: u8, verdict: Verdict) {
        let known = self.verdicts.entry(trace).or_default();
        if !known.contains(&verdict) {
            let safe = self.acknowledged.iter().filter(|span| span.trace == trace);
            self.unseen |= !safe.copied().all(|span| verdict.seen.contains(&span));
            known.insert(verdict);
        }
    }

    /// Delivers a message; says whether that was possible now.
    pub(super) fn deliver(&mut self, scenario: &Scenario, packet: &Shared<Packet>) -> bool {
        let Some(node) = self.controllers.node_of(packet.to) else {
            return false;
        };
        let Some(mut host) = self.nodes[node].clone() else {
            return false;
        };
        let mut out = Vec::new();
        let tenancy = &mut host.make_mut().tenancy;
        if !receive(scenario, self.controllers.epoch, tenancy, packet, &mut out) {
            return false;
        }
        self.network.remove(packet);
        self.nodes[node] = Some(host);
        if let Message::Answer {
            tenure,
            view,
            answer: Answer::Attached,
            ..
        } = &packet.message
            && scenario.is(Mutant::InSyncBeforeFrames)
        {
            self.requests.insert(Request::InSync(tenure.created, *view));
        }
        self.effects(scenario, node, out);
        self.expire(scenario, node);
        true
    }

    /// With the mutant, verdicts end as soon as nothing of their trace is held.
    pub(super) fn expire(&mut self, scenario: &Scenario, node: usize) {
        if scenario.is(Mutant::VerdictsFreed)
            && let Some(host) = self.nodes[node].as_mut().map(Shared::make_mut)
        {
            host.tenancy.expire(NOW);
        }
    }

    /// Takes messages to this node out that can have no effect any more: of views that are over, for tenures that it has
    /// no part in. Views only grow, so to deliver them later would change nothing either.
    pub(super) fn forget_void(&mut self, scenario: &Scenario, node: usize) {
        if scenario.is(Mutant::IgnoreView) {
            return;
        }
        let Some(host) = &self.nodes[node] else {
            return;
        };
        let (me, epoch) = (self.incarnation(node), self.controllers.epoch);
        self.network.retain(|packet| {
            if packet.to != me {
                return true;
            }
            let mut after = host.tenancy.clone();
            let mut out = Vec::new();
            let possible = receive(scenario, epoch, &mut after, packet, &mut out);
            !possible || !out.is_empty() || after != host.tenancy
        });
    }

    /// Puts a message on the network, as it is or as a mutant would have it.
    fn carry(
        &mut self,
        scenario: &Scenario,
        node: usize,
        to: Incarnation,
        message: Message<Span, Verdict>,
    ) {
        let from = self.incarnation(node);
        if let Message::Remainder { tenure, .. } = &message
            && scenario.is(Mutant::UnconditionalClear)
        {
            let current = self.controllers.tenures.current().created;
            self.requests
                .insert(Request::Clear(tenure.created, current));
        }
        let sent = match scenario.mutant {
            Some(mutant) => self.bend(scenario, mutant, node, to, message),
            None => Some(message),
        };
        match sent {
            // Nothing that is checked depends on when an owner learns that a copy has freed something.
            Some(message) if is_freed(&message) => {
                if let Some(owner) = self.controllers.node_of(to) {
                    self.act(scenario, owner, |tenancy, out| {
                        tenancy.receive(NOW, from, message, out);
                    });
                }
            }
            Some(message) => self.send(Packet { from, to, message }),
            None => {}
        }
    }
}

/// Gives a message to a node; says whether it can be dealt with now. A question that would be answered "not yet", or a
/// record of a view that the node does not know, stays where it is until it can.
fn receive(
    scenario: &Scenario,
    epoch: Epoch,
    tenancy: &mut Peer,
    packet: &Packet,
    out: &mut Effects,
) -> bool {
    let mut messages = vec![(packet.from, packet.message.clone())];
    if scenario.is(Mutant::NoClose)
        && let Message::AskRemainder { tenure } = packet.message
    {
        return early_remainder(tenancy, packet.from, tenure, out);
    }
    if scenario.is(Mutant::IgnoreView) {
        messages = every_view(packet, epoch);
    }
    let mut dealt = false;
    for (from, message) in messages {
        dealt |= tenancy.receive(NOW, from, message, out) == Received::Done;
    }
    out.retain(|effect| !is_stale(effect));
    let not_yet = |effect: &Effect<Span, Verdict>| {
        matches!(
            effect,
            Effect::Send {
                message: Message::NotYet { .. },
                ..
            }
        )
    };
    dealt && !out.iter().any(not_yet)
}

fn is_freed(message: &Message<Span, Verdict>) -> bool {
    matches!(
        message,
        Message::Answer {
            answer: Answer::Freed(_),
            ..
        }
    )
}

/// An owner that is told "stale" has to learn a newer table, which it may do at any time here.
fn is_stale(effect: &Effect<Span, Verdict>) -> bool {
    let stale = |message: &Message<Span, Verdict>| {
        matches!(
            message,
            Message::Answer {
                answer: Answer::Stale(_),
                ..
            }
        )
    };
    matches!(effect, Effect::Send { message, .. } if stale(message))
}
