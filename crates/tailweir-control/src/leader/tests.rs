//! What a leader does while a change waits to be agreed on.

use super::{Ask, Office};
use crate::change::Change;
use crate::state::State;
use std::time::Duration;
use tailweir_placement::{Command, Incarnation, MemberName, Presence, Weight};
use tokio::sync::{mpsc, oneshot, watch};

const LEASE: Duration = Duration::from_secs(3);

/// A state in which these samplers are registered.
fn registered(names: &[&str]) -> State {
    let mut state = State::default();
    state.apply(1, &Change::Form { copies: 2 });
    for (index, name) in (2..).zip(names) {
        let name = MemberName::new(name).unwrap();
        let command = Command::register(name, "host:4319", "", Weight::ONE);
        state.apply(index, &Change::from(&command));
    }
    state
}

/// Scenario: a sampler registers, and renews its lease, while the leader waits for a change that is not agreed on.
/// Guarantees: the leader knows it, and does not send it away as a stranger.
#[tokio::test]
async fn a_sampler_that_registers_while_a_change_waits_is_known() {
    let (state, watched) = watch::channel(registered(&["a"]));
    let (asks, mut asked) = mpsc::channel(8);
    let mut office = Office::new(watched, LEASE, &mut asked);
    let asking = async {
        state.send_replace(registered(&["a", "b"]));
        let (reply, answer) = oneshot::channel();
        let member = Incarnation(2);
        asks.send(Ask::Renew { member, reply }).await.unwrap();
        answer.await.unwrap()
    };
    let presence = tokio::select! {
        presence = asking => presence,
        () = office.beside(std::future::pending()) => unreachable!("it is never agreed on"),
    };
    assert_eq!(presence, Presence::Known);
}
