//! What a leader knows, and answers, while a change waits to be agreed on.

use super::{Ask, Office};
use crate::change::Change;
use crate::state::State;
use std::time::Duration;
use tailweir_placement::{Command, Incarnation, MemberName, Presence, Weight};
use tokio::sync::{mpsc, oneshot, watch};

const LEASE: Duration = Duration::from_secs(3);
/// The life of the second sampler that registers.
const SECOND: Incarnation = Incarnation(2);

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

/// A renewal of the second sampler, and where its answer comes.
fn renewal() -> (Ask, oneshot::Receiver<Presence>) {
    let (reply, answer) = oneshot::channel();
    let renewal = Ask::Renew {
        member: SECOND,
        epoch: None,
        reply,
    };
    (renewal, answer)
}

/// Scenario: a sampler renews its lease before and after it registers, and the leader has not looked at the table in between.
/// Guarantees: the answer is by the newest table: it is known as soon as it is in there.
#[tokio::test]
async fn an_answer_is_by_the_newest_table() {
    let (state, watched) = watch::channel(registered(&["a"]));
    let (_asks, mut asked) = mpsc::channel(8);
    let mut office = Office::new(watched, LEASE, &mut asked);
    let (before, mut answer) = renewal();
    office.answer(before);
    assert_eq!(answer.try_recv(), Ok(Presence::Unknown));
    state.send_replace(registered(&["a", "b"]));
    let (after, mut answer) = renewal();
    office.answer(after);
    assert_eq!(answer.try_recv(), Ok(Presence::Known));
}

/// Scenario: a sampler registers while the leader waits for a change to be agreed on, and nobody asks for anything.
/// Guarantees: the leader has taken notice of it when that is agreed on.
#[tokio::test]
async fn a_leader_takes_notice_of_tables_while_a_change_waits() {
    let (state, watched) = watch::channel(registered(&["a"]));
    let (_asks, mut asked) = mpsc::channel(8);
    let mut office = Office::new(watched, LEASE, &mut asked);
    let agreeing = async {
        state.send_replace(registered(&["a", "b"]));
        tokio::task::yield_now().await;
    };
    office.serve_while(agreeing).await;
    let now = office.clock.now();
    assert_eq!(office.duties.renew(SECOND, None, now), Presence::Known);
}

/// Scenario: a sampler registers, and renews its lease, while the leader waits for a change that is not agreed on.
/// Guarantees: it is answered meanwhile, and not sent away as a stranger.
#[tokio::test]
async fn a_sampler_that_registers_while_a_change_waits_is_known() {
    let (state, watched) = watch::channel(registered(&["a"]));
    let (asks, mut asked) = mpsc::channel(8);
    let mut office = Office::new(watched, LEASE, &mut asked);
    let asking = async {
        state.send_replace(registered(&["a", "b"]));
        let (ask, answer) = renewal();
        asks.send(ask).await.unwrap();
        answer.await.unwrap()
    };
    let presence = tokio::select! {
        presence = asking => presence,
        () = office.serve_while(std::future::pending()) => unreachable!("it is never agreed on"),
    };
    assert_eq!(presence, Presence::Known);
}
