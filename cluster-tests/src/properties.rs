//! What must hold, and the check of a scenario.

use crate::action::Action;
use crate::scenario::Scenario;
use crate::state::State;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::time::Duration;

/// A rule that must hold in every state.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) holds: fn(&Scenario, &State) -> bool,
}

/// All of them.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "S1 a trace has one verdict",
        holds: |_, state| state.verdicts.values().all(|verdicts| verdicts.len() <= 1),
    },
    Rule {
        name: "S2 at rest every acknowledged span of a kept trace is delivered",
        holds: |scenario, state| {
            let missing = |span: &&crate::span::Span| {
                scenario.keeps(span.trace) && !state.delivered.contains(span)
            };
            !state.acknowledged.iter().any(|span| missing(&span)) || !at_rest(scenario, state)
        },
    },
    Rule {
        name: "S3 a verdict has seen every span acknowledged before it",
        holds: |_, state| !state.unseen,
    },
    Rule {
        name: "S4 at rest everything is acknowledged, decided, cleared and has its copies",
        holds: |scenario, state| is_settled(scenario, state) || !at_rest(scenario, state),
    },
    Rule {
        name: "S5 an acknowledged span is at every member in step, or delivered, or dropped",
        holds: |scenario, state| {
            let mut spans = state.acknowledged.iter();
            spans.all(|&span| {
                let dropped =
                    !scenario.keeps(span.trace) && state.verdicts.contains_key(&span.trace);
                dropped || state.delivered.contains(&span) || is_safe(state, span)
            })
        },
    },
];

pub(crate) fn properties() -> Vec<Property<Scenario>> {
    let rules = RULES.iter();
    rules
        .map(|rule| Property::always(rule.name, rule.holds))
        .collect()
}

/// Whether some tenure has the span at each of its members in step that lives.
fn is_safe(state: &State, span: crate::span::Span) -> bool {
    state.controllers.tenures.all().iter().any(|row| {
        let mut members = State::in_step(row)
            .filter_map(|member| state.alive(member))
            .peekable();
        members.peek().is_some() && members.all(|node| State::holds(node, row, span))
    })
}

fn is_settled(scenario: &Scenario, state: &State) -> bool {
    let tenures = &state.controllers.tenures;
    let copies = usize::from(scenario.copies);
    let mut spans = scenario.spans();
    spans.all(|span| state.acknowledged.contains(&span) && state.verdicts.contains_key(&span.trace))
        && tenures.all().len() == 1
        && State::in_step(tenures.current()).count() >= copies
}

/// Whether nothing more happens unless the world outside makes it.
fn at_rest(scenario: &Scenario, state: &State) -> bool {
    let mut actions = Vec::new();
    state.actions(scenario, &mut actions);
    let certain = || actions.iter().filter(|action| action.is_certain());
    // These are always possible; only the others have to be tried.
    if certain().any(Action::is_always_possible) {
        return false;
    }
    !certain().any(|action| state.clone().step(scenario, action))
}

/// What a check found.
#[derive(Debug)]
pub struct Finding {
    /// Distinct states.
    pub states: usize,
    /// The longest run.
    pub depth: usize,
    /// Whether every state was visited; if not, time or states ran out, or a rule was broken first.
    pub exhausted: bool,
    /// The rule that was broken, and how.
    pub broken: Option<(&'static str, Vec<Action>)>,
}

/// Runs a scenario through every order of events, breadth first, up to a number of states and a time.
#[must_use]
pub fn check(scenario: Scenario, states_max: usize, time: Duration) -> Finding {
    #[expect(
        clippy::disallowed_methods,
        reason = "to tell whether the time ran out"
    )]
    let start = std::time::Instant::now();
    let checker = scenario
        .checker()
        .threads(2)
        .target_state_count(states_max)
        .timeout(time)
        .finish_when(HasDiscoveries::Any)
        .spawn_bfs()
        .join();
    let broken = checker
        .discoveries()
        .into_iter()
        .min_by_key(|(name, _)| *name)
        .map(|(name, path)| (name, path.into_actions()));
    Finding {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        exhausted: broken.is_none() && start.elapsed() < time && checker.state_count() < states_max,
        broken,
    }
}
