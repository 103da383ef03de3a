//! Who may leave: one at a time, and only while every tenure is whole.

use crate::{Command, Incarnation, MemberName, Phase, RoutingTable};
use std::collections::VecDeque;
use std::time::Duration;
use tailweir_core::Moment;

/// Whoever does not ask again for so long does not want to leave any more.
const INTEREST: Duration = Duration::from_secs(5);
/// Most that wait; more are told to ask again.
const WAITING_MAX: usize = RoutingTable::MEMBERS_MAX;

/// What a wish to leave came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The member drains, or that life of it is over.
    Granted,
    /// It waits, for this.
    Waits(String),
    /// There is no such member.
    Unknown,
}

/// Members that wait to leave, in the order in which they asked.
#[derive(Debug, Default)]
pub(super) struct Drains {
    waiting: VecDeque<(Incarnation, Moment)>,
    /// Why the first of them has to wait.
    reason: String,
}

impl Drains {
    /// A member that stops says which life it is: a later one may have its name by then, and is to stay.
    pub(super) fn wish(
        &mut self,
        table: &RoutingTable,
        name: &MemberName,
        life: Option<Incarnation>,
        now: Moment,
    ) -> Wish {
        let found = table.members().find(|(known, _)| *known == name);
        let Some((_, member)) = found else {
            return Wish::Unknown;
        };
        let member_life = member.incarnation;
        if life.is_some_and(|life| life != member_life) {
            return Wish::Granted;
        }
        match member.phase {
            Phase::Draining | Phase::Evacuating | Phase::Removed => return Wish::Granted,
            Phase::Joining | Phase::Active | Phase::Down => {}
        }
        let mut waiting = self.waiting.iter();
        let place = waiting.position(|(waiting, _)| *waiting == member_life);
        match place {
            Some(place) => self.waiting[place].1 = now,
            None if self.waiting.len() < WAITING_MAX => self.waiting.push_back((member_life, now)),
            None => {}
        }
        match place {
            None | Some(0) if !self.reason.is_empty() => Wish::Waits(self.reason.clone()),
            None | Some(0) => Wish::Waits("its turn".to_owned()),
            Some(place) => Wish::Waits(format!("{place} that asked before")),
        }
    }

    pub(super) fn due(
        &mut self,
        table: &RoutingTable,
        not_whole: usize,
        now: Moment,
    ) -> Option<Command> {
        self.waiting
            .retain(|(_, asked)| now.since(*asked) <= INTEREST);
        let leaving = table
            .members()
            .find(|(_, member)| matches!(member.phase, Phase::Draining | Phase::Evacuating));
        self.reason = match leaving {
            Some((name, _)) => format!("{name} to leave"),
            None if not_whole > 0 => format!("{not_whole} tenures to have their copy"),
            None => String::new(),
        };
        if !self.reason.is_empty() {
            return None;
        }
        let (member, _) = self.waiting.pop_front()?;
        Some(Command::Drain(member))
    }
}
