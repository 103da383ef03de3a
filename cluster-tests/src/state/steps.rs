//! What each step does.

use super::State;
use crate::action::Action;
use crate::controllers::{Request, slot, tenure};
use crate::mutant::Mutant;
use crate::node::{Node, Packet};
use crate::scenario::Scenario;
use crate::shared::Shared;
use crate::span::{Span, trace_id};
use crate::verdict::Verdict;
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_placement::{Epoch, Incarnation};
use tailweir_tenure::{Fragment, Number, Reply, Until};

/// Time stands still: order is all that is checked here.
pub(super) const NOW: Moment = Moment::ZERO;
const LIFE: Duration = Duration::from_secs(3_600);

impl State {
    /// Takes a step; says whether it was possible and changed anything.
    pub(crate) fn step(&mut self, scenario: &Scenario, action: &Action) -> bool {
        match action {
            Action::Offer {
                node,
                created,
                span,
            } => self.offer(scenario, *node, *created, *span),
            Action::Deliver(packet) => self.deliver(scenario, packet),
            Action::Lose(packet) => {
                self.losses -= 1;
                self.network.remove(packet)
            }
            Action::Remind(node) => self.remind(scenario, *node),
            Action::Learn(node) => self.learn(scenario, *node),
            Action::Decide {
                node,
                created,
                trace,
            } => self.decide(scenario, *node, *created, *trace),
            Action::Export {
                node,
                created,
                number,
            } => self.export(scenario, *node, *created, *number),
            Action::Apply(request) => self.apply(scenario, *request),
            Action::Move => self.move_slot(scenario),
            Action::Crash(node) => self.crash(*node),
            Action::Restart(node) => self.restart(scenario, *node),
            Action::Suspect(node) => {
                self.suspicions -= 1;
                self.controllers.members[*node].down = true;
                self.controllers.change(scenario.copies);
                true
            }
            Action::Renew(node) => {
                self.controllers.members[*node].down = false;
                self.controllers.change(scenario.copies);
                true
            }
            Action::Evacuate(node) => {
                self.controllers.members[*node].leaving = true;
                self.controllers.change(scenario.copies);
                true
            }
        }
    }

    fn offer(&mut self, scenario: &Scenario, node: usize, created: Epoch, span: Span) -> bool {
        let Some(host) = &mut self.nodes[node] else {
            return false;
        };
        if host.had.contains(&(created, span)) {
            return self.acknowledged.insert(span);
        }
        let (any, trace) = (Epoch(0), span.trace_id());
        let tenure = match host.tenancy.admit(any, slot(), Some(created), trace) {
            Ok(tenure) => tenure,
            Err(Reply::Acknowledged) => return self.acknowledged.insert(span),
            Err(_) => return false,
        };
        let value = Fragment { trace, data: span };
        let fragment = Until { value, until: NOW };
        let mut out = Vec::new();
        let host = host.make_mut();
        if let Some(number) = host.tenancy.take(NOW, tenure, fragment, &mut out) {
            host.spans.insert((created, number), span);
        }
        self.effects(scenario, node, out);
        true
    }

    pub(super) fn learn(&mut self, scenario: &Scenario, node: usize) -> bool {
        let (epoch, tenures) = (self.controllers.epoch, self.controllers.tenures.clone());
        let known = self.nodes[node].as_ref();
        if known.is_none_or(|node| node.tenancy.epoch(slot()) >= epoch) {
            return false;
        }
        self.act(scenario, node, |tenancy, out| {
            tenancy.learn(NOW, epoch, slot(), &tenures, out);
        });
        self.forget_void(scenario, node);
        true
    }

    fn remind(&mut self, scenario: &Scenario, node: usize) -> bool {
        let (network, requests) = (self.network.clone(), self.requests.clone());
        self.act(scenario, node, |tenancy, out| tenancy.remind(NOW, out));
        self.network != network || self.requests != requests
    }

    fn decide(&mut self, scenario: &Scenario, node: usize, created: Epoch, trace: u8) -> bool {
        let Some(host) = &self.nodes[node] else {
            return false;
        };
        if !host.tenancy.is_decidable(tenure(created), trace_id(trace)) {
            return false;
        }
        let held = host.spans.iter();
        let seen = held
            .filter(|((tenure, _), span)| *tenure == created && span.trace == trace)
            .map(|(_, &span)| span)
            .collect();
        let life = if scenario.is(Mutant::VerdictsFreed) {
            Duration::ZERO
        } else {
            LIFE
        };
        let verdict = Until {
            value: Verdict {
                by: self.controllers.members[node].incarnation,
                tenure: created,
                keeps: scenario.keeps(trace),
                seen,
            },
            until: NOW + life,
        };
        self.act(scenario, node, |tenancy, out| {
            tenancy.decide(NOW, tenure(created), trace_id(trace), verdict, out);
        });
        true
    }

    fn export(&mut self, scenario: &Scenario, node: usize, created: Epoch, number: Number) -> bool {
        let Some(host) = self.nodes[node].as_mut().map(Shared::make_mut) else {
            return false;
        };
        if !host.exports.remove(&(created, number)) {
            return false;
        }
        if let Some(span) = host.spans.remove(&(created, number)) {
            self.delivered.insert(span);
            if scenario.resends {
                host.had.insert((created, span));
            }
        }
        self.act(scenario, node, |tenancy, out| {
            tenancy.delivered(NOW, tenure(created), &[number], out);
        });
        self.expire(scenario, node);
        true
    }

    fn apply(&mut self, scenario: &Scenario, request: Request) -> bool {
        self.requests.remove(&request);
        let unconditional = scenario.is(Mutant::UnconditionalClear);
        self.controllers
            .apply(request, scenario.copies, unconditional);
        true
    }

    fn move_slot(&mut self, scenario: &Scenario) -> bool {
        match self.controllers.next_move(scenario) {
            Some((owner, second)) => {
                self.controllers.begin(owner, second);
                true
            }
            None => false,
        }
    }

    fn crash(&mut self, node: usize) -> bool {
        self.crashes -= 1;
        self.nodes[node] = None;
        let gone = self.controllers.members[node].incarnation;
        self.network.retain(|packet| packet.to != gone);
        true
    }

    fn restart(&mut self, scenario: &Scenario, node: usize) -> bool {
        let incarnation = if scenario.is(Mutant::OldIncarnation) {
            self.controllers.members[node].incarnation
        } else {
            self.controllers.register(node, scenario.copies)
        };
        self.nodes[node] = Some(Shared::new(Node::new(incarnation, scenario.copies)));
        true
    }

    /// Every step that may come next.
    pub(crate) fn actions(&self, scenario: &Scenario, actions: &mut Vec<Action>) {
        let packets = self.network.iter().cloned().map(Action::Deliver);
        actions.extend(packets);
        if self.losses > 0 {
            actions.extend(self.network.iter().cloned().map(Action::Lose));
        }
        actions.extend(self.requests.iter().copied().map(Action::Apply));
        for node in 0..self.nodes.len() {
            self.actions_at(scenario, node, actions);
        }
        if self.controllers.next_move(scenario).is_some() {
            actions.push(Action::Move);
        }
    }

    fn actions_at(&self, scenario: &Scenario, node: usize, actions: &mut Vec<Action>) {
        let registered = self.controllers.members[node];
        let Some(host) = &self.nodes[node] else {
            actions.push(Action::Restart(node));
            return;
        };
        if host.tenancy.epoch(slot()) < self.controllers.epoch {
            actions.push(Action::Learn(node));
        }
        let exports = host.exports.iter();
        actions.extend(exports.map(|&(created, number)| Action::Export {
            node,
            created,
            number,
        }));
        self.decisions_at(node, host, actions);
        self.offers_at(scenario, node, host, actions);
        // Only once something is lost: to repeat what is under way is the same as to deliver it later.
        if self.losses < scenario.losses {
            actions.push(Action::Remind(node));
        }
        if registered.down {
            actions.push(Action::Renew(node));
        } else if self.suspicions > 0 {
            actions.push(Action::Suspect(node));
        }
        if self.crashes > 0 {
            actions.push(Action::Crash(node));
        }
        if scenario.evacuated == Some(node) && !registered.leaving {
            actions.push(Action::Evacuate(node));
        }
    }

    fn decisions_at(&self, node: usize, host: &Node, actions: &mut Vec<Action>) {
        let mut due: Vec<(Epoch, u8)> = host
            .spans
            .iter()
            .map(|(&(created, _), span)| (created, span.trace))
            .collect();
        due.sort_unstable();
        due.dedup();
        actions.extend(due.into_iter().map(|(created, trace)| Action::Decide {
            node,
            created,
            trace,
        }));
    }

    fn offers_at(&self, scenario: &Scenario, node: usize, host: &Node, actions: &mut Vec<Action>) {
        for span in scenario.spans() {
            if self.acknowledged.contains(&span) && !scenario.resends {
                continue;
            }
            for row in self.controllers.tenures.all() {
                let created = row.created;
                if !host.has(created, span) {
                    actions.push(Action::Offer {
                        node,
                        created,
                        span,
                    });
                }
            }
        }
    }

    pub(super) fn incarnation(&self, node: usize) -> Incarnation {
        self.controllers.members[node].incarnation
    }

    pub(super) fn send(&mut self, packet: Packet) {
        if self.alive(packet.to).is_some() {
            self.network.insert(Shared::new(packet));
        }
    }
}
