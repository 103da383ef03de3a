//! The routing table as it is sent and stored: the messages of `control.proto`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tailweir_core::Slot;
use tailweir_placement::{
    Epoch, Incarnation, InvalidName, InvalidRows, Member, MemberName, Phase, RoutingTable, Rows,
    Run, Second, TableParts, Tenure, Tenures, Weight,
};
use tailweir_proto::control as wire;
use wire::member::Phase as WirePhase;

/// A message that is no routing table.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTable {
    /// Too many members.
    #[error("{0} members; a table has at most {max}", max = RoutingTable::MEMBERS_MAX)]
    TooManyMembers(usize),
    /// A member has a name that none can have.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A member has a weight or phase that none can have, or that this version does not know.
    #[error("member {0} has an unknown weight or phase")]
    Member(MemberName),
    /// The tenures of a slot contradict each other.
    #[error("tenures {0} are not those of a slot")]
    Tenures(usize),
    /// A run refers to tenures that are not there.
    #[error("run {0} has no such tenures")]
    Run(usize),
    /// The runs do not cover the slots.
    #[error(transparent)]
    Rows(#[from] InvalidRows),
}

/// The message of a table.
pub(crate) fn to_wire(table: &RoutingTable) -> wire::RoutingTable {
    let parts = TableParts::from(table.clone());
    let mut message = wire::RoutingTable {
        epoch: parts.epoch.0,
        incarnation: parts.incarnation.0,
        copies: parts.copies.into(),
        lost: parts.lost,
        members: parts.members.iter().map(member_to_wire).collect(),
        ..wire::RoutingTable::default()
    };
    let mut known: HashMap<&Tenures, u32> = HashMap::new();
    for run in parts.rows.runs() {
        let next = known.len() as u32;
        let index = *known.entry(&run.tenures).or_insert(next);
        if index == next {
            message.tenures.push(tenures_to_wire(&run.tenures));
        }
        message.runs.extend([u32::from(run.slots), index]);
    }
    message
}

/// The table of a message.
///
/// # Errors
/// When the message is none of a table.
pub(crate) fn from_wire(message: &wire::RoutingTable) -> Result<RoutingTable, InvalidTable> {
    if message.members.len() > RoutingTable::MEMBERS_MAX {
        return Err(InvalidTable::TooManyMembers(message.members.len()));
    }
    let members: BTreeMap<_, _> = message
        .members
        .iter()
        .map(member_from_wire)
        .collect::<Result<_, _>>()?;
    let parts = TableParts {
        epoch: Epoch(message.epoch),
        incarnation: Incarnation(message.incarnation),
        copies: message.copies.clamp(1, 2) as u8,
        members,
        rows: rows_from_wire(message)?,
        lost: message.lost,
    };
    Ok(parts.into())
}

fn rows_from_wire(message: &wire::RoutingTable) -> Result<Rows, InvalidTable> {
    let tenures: Vec<Tenures> = message
        .tenures
        .iter()
        .enumerate()
        .map(|(number, tenures)| tenures_from_wire(tenures).ok_or(InvalidTable::Tenures(number)))
        .collect::<Result<_, _>>()?;
    let mut runs = Vec::new();
    let mut first = 0;
    for (number, pair) in message.runs.chunks(2).enumerate() {
        let run = match *pair {
            [slots, index] => run(first, slots, tenures.get(index as usize)),
            _ => None,
        };
        let run = run.ok_or(InvalidTable::Run(number))?;
        first += usize::from(run.slots);
        runs.push(run);
    }
    Ok(Rows::from_runs(runs)?)
}

fn run(first: usize, slots: u32, tenures: Option<&Tenures>) -> Option<Run> {
    Some(Run {
        first: Slot::new(first)?,
        slots: u16::try_from(slots).ok().filter(|&slots| slots > 0)?,
        tenures: tenures?.clone(),
    })
}

fn member_to_wire((name, member): (&MemberName, &Member)) -> wire::Member {
    let phase = match member.phase {
        Phase::Joining => WirePhase::Joining,
        Phase::Active => WirePhase::Active,
        Phase::Draining => WirePhase::Draining,
        Phase::Evacuating => WirePhase::Evacuating,
        Phase::Down => WirePhase::Down,
        Phase::Removed => WirePhase::Removed,
    };
    wire::Member {
        name: name.to_string(),
        incarnation: member.incarnation.0,
        address: member.address.to_string(),
        zone: member.zone.to_string(),
        weight: member.weight.get().into(),
        phase: phase.into(),
    }
}

fn member_from_wire(message: &wire::Member) -> Result<(MemberName, Member), InvalidTable> {
    let name = MemberName::new(&message.name)?;
    let weight = u16::try_from(message.weight).ok().and_then(Weight::new);
    let phase = match message.phase() {
        WirePhase::Unspecified => None,
        WirePhase::Joining => Some(Phase::Joining),
        WirePhase::Active => Some(Phase::Active),
        WirePhase::Draining => Some(Phase::Draining),
        WirePhase::Evacuating => Some(Phase::Evacuating),
        WirePhase::Down => Some(Phase::Down),
        WirePhase::Removed => Some(Phase::Removed),
    };
    let (Some(weight), Some(phase)) = (weight, phase) else {
        return Err(InvalidTable::Member(name));
    };
    let member = Member {
        incarnation: Incarnation(message.incarnation),
        address: Arc::from(message.address.as_str()),
        zone: Arc::from(message.zone.as_str()),
        weight,
        phase,
    };
    Ok((name, member))
}

fn tenures_to_wire(tenures: &Tenures) -> wire::Tenures {
    let tenure = |tenure: &Tenure| {
        let (replica, candidate) = match tenure.second {
            Second::None => (None, None),
            Second::Replica(member) => (Some(member.0), None),
            Second::Candidate(member) => (None, Some(member.0)),
        };
        wire::Tenure {
            created: tenure.created.0,
            view: tenure.view.0,
            owner: tenure.owner.0,
            replica,
            candidate,
        }
    };
    wire::Tenures {
        tenures: tenures.all().iter().map(tenure).collect(),
    }
}

fn tenures_from_wire(message: &wire::Tenures) -> Option<Tenures> {
    let tenure = |message: &wire::Tenure| {
        let second = match (message.replica, message.candidate) {
            (None, None) => Second::None,
            (Some(member), None) => Second::Replica(Incarnation(member)),
            (None, Some(member)) => Second::Candidate(Incarnation(member)),
            (Some(_), Some(_)) => return None,
        };
        Some(Tenure {
            created: Epoch(message.created),
            view: Epoch(message.view),
            owner: Incarnation(message.owner),
            second,
        })
    };
    let rows: Option<Vec<Tenure>> = message.tenures.iter().map(tenure).collect();
    Tenures::from_rows(rows?)
}
