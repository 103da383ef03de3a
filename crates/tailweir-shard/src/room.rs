//! Second members without memory for copies. What is brought for one is refused at once: nothing else would come of a wait
//! but a client that gives up, and the requests behind it.

use crate::take::Waiting;
use crate::{Answer, Piece, Refusal, Ruled};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_placement::{Incarnation, TenureId};
use tailweir_tenure::{Effect, Message, Number};

/// How long nothing is brought to a member that had no room.
const PAUSE: Duration = Duration::from_millis(200);

/// Members that have no room, for all that is known, and until when.
#[derive(Debug, Default)]
pub(crate) struct Crowded(BTreeMap<Incarnation, Moment>);

impl Crowded {
    /// Whether this member said within the pause that it has no room.
    pub(crate) fn has(&self, now: Moment, member: Option<Incarnation>) -> bool {
        let until = member.and_then(|member| self.0.get(&member));
        until.is_some_and(|until| now < *until)
    }

    /// Learns from a letter who has no room, and refuses what waits for it. The spans stay, and are known when they are sent
    /// again.
    pub(crate) fn learn<T>(
        &mut self,
        now: Moment,
        from: Incarnation,
        messages: &[Message<Piece, Ruled>],
        waiting: &mut Waiting<T>,
        answers: &mut Vec<(T, Answer)>,
    ) {
        for message in messages {
            let Message::NoRoom { tenure, numbers } = message else {
                continue;
            };
            self.0.retain(|_, until| now < *until);
            self.0.insert(from, now + PAUSE);
            for &number in numbers {
                answers.extend(waiting.refuse(*tenure, number, Refusal::NoRoom));
            }
        }
    }
}

/// Tells the owner of these fragments that there is no room for them.
pub(crate) fn no_room(
    owner: Incarnation,
    fragments: Vec<(TenureId, Number)>,
) -> impl Iterator<Item = Effect<Piece, Ruled>> {
    let mut by_tenure = BTreeMap::<TenureId, BTreeSet<Number>>::new();
    for (tenure, number) in fragments {
        by_tenure.entry(tenure).or_default().insert(number);
    }
    let messages = by_tenure
        .into_iter()
        .map(|(tenure, numbers)| Message::NoRoom { tenure, numbers });
    messages.map(move |message| Effect::Send { to: owner, message })
}
