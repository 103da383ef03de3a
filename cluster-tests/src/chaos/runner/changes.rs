//! Changes that an operator makes: members come and go, restart, and read their files again.

use super::Runner;
use crate::chaos::admin;
use crate::chaos::configuration::Role;
use crate::chaos::event::{Event, Fault, FaultKind, Hit, Milestone, Millis, Recovery};
use crate::chaos::member::{CLEANLY, Member};
use crate::chaos::scenario::SHARES;
use crate::chaos::standing::Standing;
use anyhow::{Context, Result};
use rustix::process::Signal;
use std::time::Duration;

/// After a fault every slot has its copies again in this time.
const WHOLE_MAX: Millis = 15_000;
/// Something that must happen soon and does not is given up.
const PATIENCE: Duration = Duration::from_secs(20);

impl Runner {
    pub(super) async fn settle(&mut self) -> Result<()> {
        let took = self.cluster.settle().await?;
        let took = took.map(|took| took.as_millis() as Millis);
        self.history.note(format!("whole after {took:?} ms"));
        self.history.record(Event::Recovery(Recovery {
            milestone: Milestone::Whole,
            took,
            bound: WHOLE_MAX,
        }));
        Ok(())
    }

    pub(super) async fn roll(&mut self, role: Role) -> Result<()> {
        let members = 0..self.cluster.members.len();
        let of_role = members.filter(|index| self.cluster.members[*index].role == role);
        for index in of_role.collect::<Vec<_>>() {
            let standing = self.cluster.standing().await.unwrap_or_default();
            let hits = self.cluster.hits_of(index, &standing);
            let mut fault = self.fault(FaultKind::Restart, index, hits);
            fault.evidence = self.cluster.members[index].stop().await?;
            fault.worked = fault.evidence == CLEANLY;
            self.cluster.start_member(index)?;
            let settled = self.cluster.settle().await?;
            fault.worked &= settled.is_some();
            fault.healed = self.history.now();
            let (name, evidence) = (&fault.nodes[0], &fault.evidence);
            self.history
                .note(format!("{name} is back after {evidence}"));
            self.history.record(Event::Fault(fault));
        }
        Ok(())
    }

    pub(super) async fn join(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let index = self.cluster.add(Role::Sampler).await?;
            self.cluster.start_member(index)?;
            let mut fault = self.fault(FaultKind::Join, index, Vec::new());
            let standing = self.until_it_owns(index).await?;
            fault.hits = self.cluster.hits_of(index, &standing);
            let owned = standing
                .owned
                .get(&fault.nodes[0])
                .copied()
                .unwrap_or_default();
            fault.worked = owned > 0;
            fault.evidence = format!("it owns {owned} slots");
            fault.healed = self.history.now();
            self.history.record(Event::Fault(fault));
        }
        Ok(())
    }

    async fn until_it_owns(&mut self, index: usize) -> Result<Standing> {
        let name = self.cluster.members[index].name.clone();
        let end = self.history.now() + PATIENCE.as_millis() as Millis;
        loop {
            let standing = self.cluster.standing().await.unwrap_or_default();
            let owns = standing.hits(&name).contains(&Hit::Owner);
            if owns || self.history.now() > end {
                return Ok(standing);
            }
            self.wait(50, 50).await?;
        }
    }

    pub(super) async fn leave(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let samplers = self.cluster.members.iter().rposition(is_running_sampler);
            let index = samplers.context("no sampler runs")?;
            let standing = self.cluster.standing().await.unwrap_or_default();
            let hits = self.cluster.hits_of(index, &standing);
            let mut fault = self.fault(FaultKind::Leave, index, hits);
            fault.evidence = self.cluster.members[index].stop().await?;
            fault.worked = fault.evidence == CLEANLY;
            fault.healed = self.history.now();
            self.history.record(Event::Fault(fault));
        }
        Ok(())
    }

    pub(super) async fn drain(&mut self) -> Result<()> {
        let (index, _) = self.choose(Hit::Owner).await?;
        let member = &mut self.cluster.members[index];
        self.history
            .note(format!("{} is asked to leave", member.name));
        member.ask_to_stop()
    }

    pub(super) async fn reload(&mut self) -> Result<()> {
        let members = self
            .cluster
            .members
            .iter()
            .filter(|member| member.is_staying());
        let nodes: Vec<String> = members.map(|member| member.name.clone()).collect();
        let struck = self.history.now();
        self.cluster.pipeline.share_percent = SHARES.1;
        for member in self
            .cluster
            .members
            .iter()
            .filter(|member| member.is_staying())
        {
            member.configure(&self.cluster.pipeline)?;
        }
        for member in self
            .cluster
            .members
            .iter()
            .filter(|it| it.role != Role::Controller)
        {
            member.signal(Signal::HUP)?;
        }
        let end = struck + PATIENCE.as_millis() as Millis;
        let mut behind = self.behind().await;
        while !behind.is_empty() && self.history.now() < end {
            self.wait(100, 100).await?;
            behind = self.behind().await;
        }
        self.history.record(Event::Fault(Fault {
            kind: FaultKind::Reload,
            nodes,
            hits: vec![Hit::Everyone],
            struck,
            healed: self.history.now(),
            worked: behind.is_empty(),
            evidence: format!("without the new policies: {behind:?}"),
        }));
        Ok(())
    }

    /// Members that decide and do not have the second revision: of their file, or in a cluster of the policies of all.
    async fn behind(&self) -> Vec<String> {
        let mut behind = Vec::new();
        let decides = |it: &&Member| matches!(it.role, Role::Process | Role::Sampler);
        for member in self.cluster.members.iter().filter(decides) {
            let page = admin::page(member.admin(), "/status")
                .await
                .unwrap_or_default();
            let counts = match member.role {
                Role::Process => "revision",
                _ => "policies",
            };
            if page["process"][counts].as_u64() != Some(2) {
                behind.push(member.name.clone());
            }
        }
        behind
    }
}

fn is_running_sampler(member: &Member) -> bool {
    member.role == Role::Sampler && member.is_staying()
}
