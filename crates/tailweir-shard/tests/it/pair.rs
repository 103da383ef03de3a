//! An owner and its second member.

use crate::{Town, WAIT};
use std::time::Duration;
use tailweir_core::{Slot, TraceId};
use tailweir_placement::{Command, Incarnation};
use tailweir_sampler::EngineSettings;
use tailweir_shard::{Answer, Piece, Refusal, Ruled};
use tailweir_tenure::{Message, Record, Standing};
use tailweir_testkit::{request, span, trace_id};

/// Traces whose slots member 0 owns.
fn own(town: &Town, count: usize) -> Vec<TraceId> {
    let is_own = |trace: &TraceId| {
        let tenures = town.table.tenures(Slot::of(*trace, 0)).unwrap();
        tenures.current().owner.0 == 1
    };
    (1..).map(trace_id).filter(is_own).take(count).collect()
}

/// Scenario: spans of two traces arrive at their owner; one has an error. Letters are late.
/// Guarantees: nothing is acknowledged before the second member has stored it; nothing leaves before the verdict is
/// stored; what leaves is the trace with the error, whole; once it is delivered neither member holds anything.
#[test]
fn an_owner_acts_on_what_its_second_member_has_stored() {
    let mut town = Town::new(2, 2, usize::MAX);
    let traces = own(&town, 2);
    let spans = traces.iter().flat_map(|&trace| {
        [1, 2].map(|id| {
            let span = span(trace, id);
            if trace == traces[0] && id == 2 {
                span.error()
            } else {
                span
            }
        })
    });
    town.bring(0, 7, request().service("shop").spans(spans));
    assert_eq!(town.answers(0), []);
    town.carry();
    assert_eq!(town.answers(0), [(7, Answer::Taken(Vec::new()))]);
    assert!(town.shards[1].state().copied_bytes > 0);

    town.now = town.now + WAIT;
    town.shards[0].tick(town.now, &mut town.out[0]);
    assert!(town.out[0].kept.is_empty(), "no verdict is stored yet");
    town.carry();
    let kept = std::mem::take(&mut town.out[0].kept);
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].spans, town.out[0].rulings.len()), (2, 2));
    assert!(!town.shards[0].engine().held().any(|_| true));

    let (tenure, numbers) = (kept[0].tenure, kept[0].numbers.clone());
    let now = town.now;
    town.shards[0].delivered(now, tenure, &numbers, &mut town.out[0]);
    town.carry();
    drop(kept);
    assert!(town.shards[0].is_empty());
    assert_eq!(town.shards[1].state().copied_bytes, 0);
}

/// Scenario: an engine remembers one decision of each kind, the tenancy all of them. Late spans of two kept traces and of two
/// others come in one request.
/// Guarantees: each follows the verdict on its trace: two are delivered, nothing is held, and no more is remembered than before.
#[test]
fn late_spans_of_one_request_follow_verdicts_that_the_engine_forgot() {
    let mut town = Town::new(2, 2, usize::MAX);
    let bounds = EngineSettings {
        sampled_decisions_max: 1,
        other_decisions_max: 1,
        ..town.shards[0].engine().settings().clone()
    };
    town.shards[0].engine_mut().replace_settings(bounds);
    let traces = own(&town, 4);
    let early = traces.iter().enumerate().map(|(place, &trace)| {
        let span = span(trace, 1);
        if place < 2 { span.error() } else { span }
    });
    town.bring(0, 1, request().spans(early));
    town.carry();
    town.pass(WAIT);
    assert_eq!(town.deliver(0), 2);
    assert_eq!(town.shards[0].engine().remembered_decisions(), 2);

    let late = traces.iter().map(|&trace| span(trace, 2));
    town.bring(0, 2, request().spans(late));
    town.carry();
    let taken = |ticket| (ticket, Answer::Taken(Vec::new()));
    assert_eq!(town.answers(0), [taken(1), taken(2)]);
    assert_eq!(town.deliver(0), 2);
    assert!(town.shards[0].is_empty());
    assert_eq!(town.shards[0].engine().remembered_decisions(), 2);
}

/// Scenario: the second member does not answer.
/// Guarantees: the client is refused when its time is up, retryably; sent again when the second member is back, the same
/// spans are acknowledged and held once.
#[test]
fn an_owner_whose_second_member_is_silent_refuses() {
    let mut town = Town::new(2, 2, usize::MAX);
    let trace = own(&town, 1)[0];
    town.bring(0, 1, request().span(span(trace, 1)));
    town.out[0].letters.clear();
    town.pass(Duration::from_secs(3));
    let refused = Answer::Refused(Refusal::Unconfirmed);
    assert_eq!(town.answers(0), [(1, refused)]);
    town.bring(0, 2, request().span(span(trace, 1)));
    town.carry();
    assert_eq!(town.answers(0), [(2, Answer::Taken(Vec::new()))]);
    assert_eq!(town.shards[0].engine().counters().held.spans, 1);
    assert_eq!(town.shards[0].engine().counters().duplicates.spans, 1);
}

/// Scenario: what a member kept finds no room behind it. Meanwhile the second member does not confirm a part, and the time of a trace
/// comes.
/// Guarantees: the part is refused when its time is up, and the second member is reminded of it; the trace is decided once there is room.
#[test]
fn a_member_without_room_behind_it_answers_and_does_not_decide() {
    let mut town = Town::new(2, 2, usize::MAX);
    let traces = own(&town, 2);
    town.bring(0, 1, request().span(span(traces[0], 1).error()));
    town.carry();
    assert_eq!(town.answers(0), [(1, Answer::Taken(Vec::new()))]);
    town.bring(0, 2, request().span(span(traces[1], 1)));
    town.out[0].letters.clear();

    town.now = town.now + WAIT;
    town.shards[0].upkeep(town.now, &mut town.out[0]);
    let refused = Answer::Refused(Refusal::Unconfirmed);
    assert_eq!(town.answers(0), [(2, refused)]);
    town.carry();
    assert_eq!(town.shards[1].state().fragments, 2);
    assert!(town.out[0].rulings.is_empty());
    assert_eq!(town.shards[0].engine().counters().held.traces, 2);

    town.pass(Duration::ZERO);
    assert_eq!(town.out[0].rulings.len(), 2);
    assert_eq!(town.deliver(0), 1);
}

/// Scenario: the second member has no memory for a copy of a large trace; a small one comes for it soon after, and later.
/// Guarantees: the client of the large one is refused at once, and so is that of the small one, of which nothing is held; a
/// moment later there is room.
#[test]
fn an_owner_whose_second_member_has_no_room_refuses_at_once() {
    let mut town = Town::new(2, 2, usize::MAX);
    let traces = own(&town, 2);
    let large = span(traces[0], 1).attribute("text", "x".repeat(1 << 20));
    town.bring(0, 1, request().span(large));
    town.carry();
    let refused = Answer::Refused(Refusal::NoRoom);
    assert_eq!(town.answers(0), [(1, refused.clone())]);
    assert_eq!(town.shards[1].state().copies_refused, 1);
    let small = || request().span(span(traces[1], 1));
    town.bring(0, 2, small());
    assert_eq!(town.answers(0), [(2, refused)]);
    assert_eq!(town.shards[0].engine().counters().held.spans, 1);
    town.pass(Duration::from_millis(200));
    town.bring(0, 3, small());
    town.carry();
    assert_eq!(town.answers(0), [(3, Answer::Taken(Vec::new()))]);
}

/// Scenario: an owner has let a kept trace go, which waits for the backend; nobody hears the owner, others take over, and
/// it hears of it.
/// Guarantees: whoever still has the spans is told that they are somebody else's to deliver, and then: the new owner
/// lets them go.
#[test]
fn what_another_owner_delivers_may_be_left_out() {
    let mut town = Town::new(3, 2, usize::MAX);
    let trace = own(&town, 1)[0];
    town.bring(0, 1, request().span(span(trace, 1).error()));
    town.carry();
    town.pass(WAIT);
    let waiting = std::mem::take(&mut town.out[0].kept);
    assert_eq!(waiting.len(), 1);
    town.lost = Some(0);
    town.change(&Command::Expire(vec![Incarnation(1)]));
    assert!(!waiting[0].tie.is_cut(), "it does not know yet");
    town.lost = None;
    town.change(&Command::Renew(Incarnation(1)));
    assert!(waiting[0].tie.is_cut());
    // The fence of a member that was promoted is closed for a second.
    town.pass(Duration::from_millis(1_500));
    town.pass(Duration::from_millis(200));
    let heir = town.owner(trace);
    assert_eq!(town.deliver(heir), 1);
}

/// Scenario: one copy is enough; there is one member.
/// Guarantees: it serves all slots, and a trace is acknowledged, decided and let go without a letter.
#[test]
fn a_lone_member_needs_nobody() {
    let mut town = Town::new(1, 1, usize::MAX);
    assert_eq!(
        town.shards[0].state().tenures[&Standing::Serves],
        Slot::COUNT
    );
    town.bring(0, 1, request().span(span(trace_id(1), 1).error()));
    assert_eq!(town.answers(0), [(1, Answer::Taken(Vec::new()))]);
    town.pass(WAIT);
    assert_eq!(town.out[0].kept.len(), 1);
}

/// Scenario: more traces are decided than verdicts may be remembered.
/// Guarantees: after half of their life verdicts go until no more are left than may be, not before.
#[test]
fn verdicts_beyond_the_bound_live_half_as_long() {
    let sweep = Duration::from_millis(150);
    let mut town = Town::new(1, 1, 10);
    let spans = (1..=100).map(|n| span(trace_id(n), 1));
    town.bring(0, 1, request().spans(spans));
    town.pass(WAIT);
    let sweeps = |town: &mut Town, time: Duration| {
        for _ in 0..(time.as_millis() / sweep.as_millis()) {
            town.pass(sweep);
        }
        town.shards[0].state().verdicts
    };
    assert_eq!(sweeps(&mut town, Duration::from_secs(20)), 100);
    assert_eq!(sweeps(&mut town, Duration::from_secs(22)), 10);
}

/// Bytes of copies in letters.
fn copies(letters: &[(Incarnation, Message<Piece, Ruled>)]) -> usize {
    let bytes = letters.iter().map(|(_, message)| match message {
        Message::Record {
            record: Record::Copy { fragment, .. },
            ..
        } => match &fragment.value.data {
            Piece::Raw(bytes) | Piece::Marked { bytes, .. } => bytes.len(),
            Piece::Held => 0,
        },
        _ => 0,
    });
    bytes.sum()
}

/// Scenario: an owner holds sixteen megabytes when one of its second members is lost, and another becomes the candidate for all
/// that it had. Every letter with a copy is lost once.
/// Guarantees: no more than a window of copies is under way at any time, lost ones included; the others go when answers come, or when the
/// candidate is reminded. In the end all tenures have their copies again.
#[test]
fn a_candidate_gets_its_copies_a_window_at_a_time() {
    const WINDOW: usize = 2 << 20;
    const SPAN: usize = 128 << 10;
    let mut town = Town::with_room(3, 2, usize::MAX, 64 << 20);
    for (ticket, trace) in (1..).zip(own(&town, 128)) {
        let span = span(trace, 1).attribute("text", "x".repeat(SPAN));
        town.bring(0, ticket, request().span(span));
        town.carry();
    }
    let held: Vec<usize> = town
        .shards
        .iter()
        .map(|it| it.state().copied_bytes)
        .collect();
    let (lost, heir) = if held[1] > held[2] { (1, 2) } else { (2, 1) };
    town.lost = Some(lost);
    town.table
        .apply(&Command::Expire(vec![Incarnation(lost as u64 + 1)]));
    for member in [heir, 0] {
        town.shards[member].learn(town.now, &town.table, &mut town.out[member]);
    }
    let (mut most, mut is_first, mut rounds) = (0, true, 0);
    while town.shards[heir].state().copied_bytes < 128 * SPAN {
        rounds += 1;
        assert!(rounds < 10_000, "copies have stopped");
        let letters = std::mem::take(&mut town.out[0].letters);
        most = most.max(copies(&letters));
        let is_lost = std::mem::replace(&mut is_first, false) && copies(&letters) > 0;
        is_first |= copies(&letters) == 0;
        for (to, message) in letters {
            let is_copy = copies(&[(to, message.clone())]) > 0;
            if to.0 as usize == heir + 1 && !(is_lost && is_copy) {
                town.shards[heir].letter(
                    town.now,
                    Incarnation(1),
                    vec![message],
                    &mut town.out[heir],
                );
            }
        }
        for (_, message) in std::mem::take(&mut town.out[heir].letters) {
            town.shards[0].letter(
                town.now,
                Incarnation(heir as u64 + 1),
                vec![message],
                &mut town.out[0],
            );
        }
        if is_lost {
            town.shards[0].remind(town.now, Incarnation(heir as u64 + 1), &mut town.out[0]);
        }
    }
    assert!((WINDOW - SPAN..WINDOW + 2 * SPAN).contains(&most), "{most}");
    town.carry();
    assert!(town.out[0].reports.len() > 10, "tenures are in step");
}
