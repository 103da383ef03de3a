//! What a process tells about its cluster: `/cluster` and `/cluster/slots`. The commands read it again.

use super::Membership;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tailweir_control::{ClusterInfo, ControllerInfo, ControllerStatus, Proposal};
use tailweir_placement::{Incarnation, Member, Phase, RoutingTable, Run, Second, Tenure};

/// A cluster as one process knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ClusterPage {
    /// The cluster's id.
    pub(crate) cluster: String,
    /// Who tells this.
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    /// The life of this sampler; absent before the controllers gave it one, and when this is none.
    pub(crate) incarnation: Option<u64>,
    /// Whether a controller answers this process.
    pub(crate) connected: bool,
    /// Of the routing table.
    pub(crate) epoch: u64,
    /// How the controller of this process stands; absent when it has none.
    pub(crate) controller: Option<ControllerPage>,
    /// The controller that leads; absent when there is none, or nobody says so.
    pub(crate) leader: Option<String>,
    pub(crate) controllers: Vec<PeerPage>,
    pub(crate) members: Vec<MemberPage>,
    pub(crate) slots: SlotsPage,
    /// What the rows give to this sampler.
    pub(crate) own: TenuresPage,
    /// The newest revision of the policies that was heard of; 0 when they are those of the file.
    pub(crate) policies: u64,
    /// Why the policies of this process's file are in force nowhere; absent when they are, or nobody has said yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policies_refused: Option<String>,
}

/// A controller of this process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ControllerPage {
    pub(crate) id: u64,
    pub(crate) leader: u64,
    pub(crate) term: u64,
    pub(crate) last_log: u64,
    pub(crate) last_applied: u64,
    pub(crate) log_bytes: u64,
}

/// A controller of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct PeerPage {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) votes: bool,
    pub(crate) leads: bool,
}

/// A sampler of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct MemberPage {
    pub(crate) name: String,
    pub(crate) incarnation: u64,
    /// `joining`, `active`, `draining`, `evacuating`, `down` or `removed`.
    pub(crate) phase: String,
    pub(crate) address: String,
    pub(crate) zone: String,
    pub(crate) weight: u16,
    #[serde(flatten)]
    pub(crate) tenures: TenuresPage,
}

/// Tenures of one sampler, by what it does in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct TenuresPage {
    /// Slots that it owns.
    pub(crate) owned: usize,
    /// Tenures that it owns and that take no new traces.
    pub(crate) closing: usize,
    /// Tenures that it copies.
    pub(crate) copied: usize,
    /// Tenures that it is brought up to date to copy.
    pub(crate) catching_up: usize,
}

/// All slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct SlotsPage {
    /// Slots that have an owner: all, or none before the first sampler came.
    pub(crate) assigned: usize,
    /// Slots that are not owned by one tenure with all its copies in step.
    pub(crate) unsettled: usize,
    /// Tenures that have no copy in step, or wait for a member that does not answer.
    pub(crate) out_of_step: usize,
    /// Tenures that take no new traces, and are not done.
    pub(crate) closing: usize,
    /// Tenures that were given up with what they held, since the cluster began.
    pub(crate) lost: u64,
}

/// Neighbouring slots with the same tenures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotRun {
    pub(crate) first: usize,
    pub(crate) slots: usize,
    /// Oldest first; the last takes new traces.
    pub(crate) tenures: Vec<TenurePage>,
}

/// One tenure. Members are named; one that is gone by its incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TenurePage {
    pub(crate) created: u64,
    pub(crate) view: u64,
    pub(crate) owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replica: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) candidate: Option<String>,
}

impl ClusterPage {
    pub(super) fn of(membership: &Membership, info: Option<ClusterInfo>) -> Self {
        let table = membership.client.table().borrow().clone();
        let tenures = tenures_of_all(&table);
        let of = |member: Incarnation| tenures.get(&member).copied().unwrap_or_default();
        let incarnation = membership.incarnation();
        let policies = membership.client.policies();
        let peers = peers(info.unwrap_or_default());
        let copies = membership.settings.replication;
        let roles = membership.settings.roles.iter();
        Self {
            cluster: membership.settings.id.clone(),
            name: membership.name.to_string(),
            roles: roles.map(|role| role.word().to_owned()).collect(),
            incarnation: incarnation.map(|member| member.0),
            connected: *membership.client.connection().borrow(),
            epoch: table.epoch().0,
            controller: membership
                .controller
                .as_ref()
                .map(|controller| ControllerPage::of(&controller.status())),
            leader: peers.iter().find(|it| it.leads).map(PeerPage::name),
            controllers: peers,
            members: members(&table, of),
            slots: SlotsPage::of(&table, copies),
            own: incarnation.map(of).unwrap_or_default(),
            policies: policies.borrow().as_ref().map_or(0, |known| known.revision),
            policies_refused: match &*membership.client.proposal().borrow() {
                Proposal::Refused(reason) => Some(reason.clone()),
                Proposal::Open | Proposal::Taken(_) => None,
            },
        }
    }
}

impl ControllerPage {
    fn of(status: &ControllerStatus) -> Self {
        Self {
            id: status.id,
            leader: status.leader,
            term: status.term,
            last_log: status.last_log,
            last_applied: status.last_applied,
            log_bytes: status.log_bytes,
        }
    }
}

impl PeerPage {
    /// What it is called, or where it is as long as it has not said so.
    pub(crate) fn name(&self) -> String {
        match self.name.as_str() {
            "" => self.address.clone(),
            name => name.to_owned(),
        }
    }
}

impl SlotsPage {
    /// Of a cluster that keeps so many copies.
    pub(super) fn of(table: &RoutingTable, copies: u16) -> Self {
        let runs = table.rows().runs();
        let sum = |count: &dyn Fn(&Run) -> usize| {
            let counts = runs.iter().map(|run| usize::from(run.slots) * count(run));
            counts.sum()
        };
        let silent = silent(table);
        let can_copy =
            |(_, member): &(_, &Member)| matches!(member.phase, Phase::Joining | Phase::Active);
        let wants_copy = copies > 1 && table.members().filter(can_copy).count() > 1;
        let is_settled = |run: &Run| {
            let current = run.tenures.current();
            let is_whole = !wants_copy || current.second.replica().is_some();
            run.tenures.closing().is_empty() && is_whole && !is_out_of_step(current, &silent)
        };
        Self {
            assigned: sum(&|_| 1),
            unsettled: sum(&|run| usize::from(!is_settled(run))),
            out_of_step: out_of_step(table, None),
            closing: sum(&|run| run.tenures.closing().len()),
            lost: table.tenures_lost(),
        }
    }
}

fn peers(info: ClusterInfo) -> Vec<PeerPage> {
    let leader = info.leader;
    let peer = |it: ControllerInfo| PeerPage {
        leads: it.id == leader,
        id: it.id,
        name: it.name,
        address: it.address,
        votes: it.votes,
    };
    info.controllers.into_iter().map(peer).collect()
}

fn members(table: &RoutingTable, tenures: impl Fn(Incarnation) -> TenuresPage) -> Vec<MemberPage> {
    let members = table.members().map(|(name, member)| MemberPage {
        name: name.to_string(),
        incarnation: member.incarnation.0,
        phase: phase_word(member.phase).to_owned(),
        address: member.address.to_string(),
        zone: member.zone.to_string(),
        weight: member.weight.get(),
        tenures: tenures(member.incarnation),
    });
    members.collect()
}

/// The word of a phase, on pages and in labels of metrics.
pub(super) const fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Joining => "joining",
        Phase::Active => "active",
        Phase::Draining => "draining",
        Phase::Evacuating => "evacuating",
        Phase::Down => "down",
        Phase::Removed => "removed",
    }
}

/// What each member does in the tenures of all slots.
pub(super) fn tenures_of_all(table: &RoutingTable) -> HashMap<Incarnation, TenuresPage> {
    let mut all: HashMap<Incarnation, TenuresPage> = HashMap::new();
    for run in table.rows().runs() {
        let slots = usize::from(run.slots);
        let current = run.tenures.current().created;
        for tenure in run.tenures.all() {
            let owner = all.entry(tenure.owner).or_default();
            if tenure.created == current {
                owner.owned += slots;
            } else {
                owner.closing += slots;
            }
            match tenure.second {
                Second::None => {}
                Second::Replica(member) => all.entry(member).or_default().copied += slots,
                Second::Candidate(member) => all.entry(member).or_default().catching_up += slots,
            }
        }
    }
    all
}

/// How many tenures, of all or of one owner, have no copy in step although there could be one, or wait for a member that
/// does not answer.
pub(super) fn out_of_step(table: &RoutingTable, owner: Option<Incarnation>) -> usize {
    let silent = silent(table);
    let is_out = |tenure: &&Tenure| {
        let is_meant = owner.is_none_or(|owner| tenure.owner == owner);
        is_meant && is_out_of_step(tenure, &silent)
    };
    let runs = table.rows().runs().iter();
    runs.map(|run| usize::from(run.slots) * run.tenures.all().iter().filter(is_out).count())
        .sum()
}

/// Members that do not answer.
fn silent(table: &RoutingTable) -> Vec<Incarnation> {
    let silent = table
        .members()
        .filter(|(_, member)| matches!(member.phase, Phase::Down | Phase::Removed));
    silent.map(|(_, member)| member.incarnation).collect()
}

fn is_out_of_step(tenure: &Tenure, silent: &[Incarnation]) -> bool {
    let waits = silent.iter().any(|&member| tenure.names(member));
    waits || matches!(tenure.second, Second::Candidate(_))
}

/// The rows of a table.
pub(super) fn slots(table: &RoutingTable) -> Vec<SlotRun> {
    let names: HashMap<Incarnation, String> = table
        .members()
        .map(|(name, member)| (member.incarnation, name.to_string()))
        .collect();
    let name = |member: Incarnation| {
        let known = names.get(&member).cloned();
        known.unwrap_or_else(|| format!("incarnation {member}"))
    };
    let tenure = |tenure: &Tenure| TenurePage {
        created: tenure.created.0,
        view: tenure.view.0,
        owner: name(tenure.owner),
        replica: tenure.second.replica().map(name),
        candidate: match tenure.second {
            Second::Candidate(member) => Some(name(member)),
            Second::None | Second::Replica(_) => None,
        },
    };
    let run = |run: &Run| SlotRun {
        first: run.first.index(),
        slots: run.slots.into(),
        tenures: run.tenures.all().iter().map(tenure).collect(),
    };
    table.rows().runs().iter().map(run).collect()
}
