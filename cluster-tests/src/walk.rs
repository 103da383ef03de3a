//! Random walks, for scenarios that cannot be exhausted.

use crate::action::Action;
use crate::properties::RULES;
use crate::scenario::Scenario;
use crate::state::State;
use fastrand::Rng;

/// What became of many walks.
#[derive(Debug, Default)]
pub struct Walks {
    /// Walks that ended.
    pub walks: u64,
    /// Steps of all walks.
    pub steps: u64,
    /// Walks that came to rest.
    pub rested: u64,
    /// The rule that was broken, the walk's seed, and how.
    pub broken: Option<(&'static str, u64, Vec<Action>)>,
}

/// Walks at random from the first state until nothing can happen, or both copies of a tenure are gone; `count` times, the
/// first with this seed and the following with the next. The same seed is the same walk.
#[must_use]
pub fn walk(scenario: &Scenario, seed: u64, count: u64) -> Walks {
    let mut result = Walks::default();
    for seed in seed..seed + count {
        walk_once(scenario, seed, &mut result);
        if result.broken.is_some() {
            break;
        }
    }
    result
}

fn walk_once(scenario: &Scenario, seed: u64, result: &mut Walks) {
    let mut random = Rng::with_seed(seed);
    let mut state = State::first(scenario);
    let mut path = Vec::new();
    result.walks += 1;
    loop {
        if let Some(rule) = RULES.iter().find(|rule| !(rule.holds)(scenario, &state)) {
            result.broken = Some((rule.name, seed, path));
            return;
        }
        let Some((action, next)) = random_step(scenario, &state, &mut random) else {
            result.rested += 1;
            return;
        };
        if !next.within_fault_model() {
            return;
        }
        result.steps += 1;
        path.push(action);
        state = next;
    }
}

fn random_step(scenario: &Scenario, state: &State, random: &mut Rng) -> Option<(Action, State)> {
    let mut actions = Vec::new();
    state.actions(scenario, &mut actions);
    random.shuffle(&mut actions);
    actions.into_iter().find_map(|action| {
        let mut next = state.clone();
        next.step(scenario, &action).then_some((action, next))
    })
}
