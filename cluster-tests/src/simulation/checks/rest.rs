//! When everything is over, and what is wrong then.

use super::World;
use super::logs::left_of;
use crate::simulation::clock::{SECOND, Time};
use crate::simulation::traffic::Kind;
use std::fmt::Write;
use tailweir_core::TraceId;
use tailweir_tenure::Ruling as _;

/// How long it takes at most from the last fault to rest, beside the window.
const REST: Time = 40 * SECOND;

impl World {
    pub(super) fn check_rest(&mut self, now: Time) {
        if !self.course.loses && !self.controllers.lost.is_empty() {
            let lost = self.controllers.lost.len();
            return self.find(format!("{lost} slots lost both copies of a tenure"));
        }
        let last = self.traffic.ends() + 3 * SECOND;
        if now < last.max(self.faults_until) {
            return;
        }
        let unrest = self.unrest();
        if unrest.is_empty() {
            self.is_over = true;
            self.check_end();
            return;
        }
        let settled = self.verdicts.unsettled.max(last).max(self.faults_until);
        let window = self.course.window * SECOND;
        if now > settled + window + REST || now > last + 6 * REST {
            self.find(format!("it does not come to rest: {unrest}"));
        }
    }

    /// What is not as it should be when everything is over.
    fn unrest(&self) -> String {
        let mut found = String::new();
        let open = self.traffic.requests.iter();
        let open = open.filter(|request| request.taken_at.is_none()).count();
        let mut say = |wrong: bool, what: &dyn Fn() -> String| {
            if wrong {
                let _ = write!(found, "{}; ", what());
            }
        };
        say(open > 0, &|| {
            format!("{open} requests are not acknowledged")
        });
        let whole = self.controllers.is_whole();
        say(!whole, &|| "a row has no replica".into());
        let cleared = self.controllers.is_cleared();
        say(!cleared, &|| "a tenure is still closing".into());
        say(!self.controllers.is_idle(), &|| {
            "controllers are busy".into()
        });
        for (node, machine) in self.samplers.iter().enumerate() {
            let process = machine.process.as_ref();
            let own = process.and_then(|process| process.registered.as_ref());
            let Some(own) = own else {
                say(!machine.is_absent, &|| {
                    format!("sampler-{node} is not there")
                });
                continue;
            };
            say(machine.leaving.is_some(), &|| {
                format!("sampler-{node} has not left")
            });
            let state = own.shard.state();
            let held = own.shard.engine().counters().held.traces;
            let logs = left_of(&own.logs);
            say(logs > 0, &|| {
                let (shard, onward) = (&own.logs.shard, own.logs.onward());
                format!(
                    "sampler-{node} holds logs of {} traces, {} bytes of its own, {} of others, {onward} to be handed on",
                    shard.waiting_traces(),
                    shard.owned_bytes(),
                    shard.copied_bytes()
                )
            });
            let rest = state.parts_waiting
                + state.copied_bytes
                + state.fragments
                + state.fragments_waiting
                + state.letters_waiting
                + state.exports_waiting
                + state.unclaimed
                + own.exports();
            say(rest > 0 || held > 0, &|| {
                format!(
                    "sampler-{node} holds {held} traces, {} exports and {state:?}",
                    own.exports()
                )
            });
        }
        let open = self.errands.len();
        say(open > 0, &|| format!("{open} requests are in gateways"));
        found
    }

    fn check_end(&mut self) {
        let traces: Vec<TraceId> = self.traffic.traces.keys().copied().collect();
        for trace in traces {
            if !self.is_lost(trace)
                && let Some(finding) = self.wrong_with(trace)
            {
                return self.find(finding);
            }
        }
        let mut records = 0..self.traffic.records.len();
        if let Some(finding) = records.find_map(|number| self.wrong_with_record(number)) {
            self.find(finding);
        }
    }

    /// Whether a trace is at the backend whole, or not at all, as its verdict says, and the verdict is the right one.
    fn wrong_with(&self, id: TraceId) -> Option<String> {
        let trace = &self.traffic.traces[&id];
        let count = trace.spans.len();
        let Some((_, ruled)) = self.verdicts.first.get(&id) else {
            return Some(format!("S4: nobody decided {id}"));
        };
        let there = (0..count).filter(|&index| self.backend.has(id, index));
        let there: Vec<usize> = there.collect();
        if ruled.keeps() && there.len() < count {
            return Some(format!(
                "I1: {id} is kept, and of {count} spans there are only {there:?}"
            ));
        }
        if !ruled.keeps() && !there.is_empty() {
            return Some(format!("I2: {id} is dropped, but {there:?} are there"));
        }
        if !self.course.is_predictable() {
            return None;
        }
        let begin = trace.first_brought?;
        let window = self.course.window * SECOND * 98 / 100;
        let in_time = |request: &usize| {
            let taken = self.traffic.requests[*request].taken_at;
            taken.is_some_and(|at| at < begin + window)
        };
        let decisive = self.decisive(id);
        let wanted = trace.kind != Kind::Dull;
        if decisive.is_some_and(|request| in_time(&request)) && wanted && !ruled.keeps() {
            return Some(format!("I4: {id} should have been kept"));
        }
        if !wanted && ruled.keeps() {
            return Some(format!("I4: {id} should have been dropped"));
        }
        None
    }

    /// The request with the span that decides a trace.
    fn decisive(&self, id: TraceId) -> Option<usize> {
        let trace = &self.traffic.traces[&id];
        trace.decisive.map(|index| trace.spans[index].request)
    }
}
