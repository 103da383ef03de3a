//! The scenario as a model for the checker.

use super::State;
use crate::action::Action;
use crate::properties::properties;
use crate::scenario::Scenario;
use stateright::{Model, Property};

impl Model for Scenario {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(self, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        next.step(self, &action).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties()
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.within_fault_model()
    }
}
