//! Does the steps of a scenario to a cluster, and writes down what struck.

use super::cluster::Cluster;
use super::configuration::Role;
use super::event::{Event, Fault, FaultKind, Hit, Milestone, Millis, Recovery};
use super::history::History;
use super::member::{CLEANLY, KILLED, Member};
use super::scenario::{SHARES, Step};
use super::sink::{Mood, Sink};
use super::standing::Standing;
use super::{admin, cut};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// After a fault every slot has its copies again in this time.
const WHOLE_MAX: Millis = 15_000;
/// Something that must happen soon and does not is given up.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
const BACKEND_DELAY: Duration = Duration::from_millis(700);

/// See the module.
pub(super) struct Runner {
    pub(super) history: Arc<History>,
    pub(super) cluster: Cluster,
    pub(super) sink: Sink,
    pub(super) random: fastrand::Rng,
    open: Vec<Open>,
}

/// A fault that lasts.
struct Open {
    fault: Fault,
    remedy: Remedy,
}

/// What ends a fault.
enum Remedy {
    Start(usize),
    Resume(usize),
    /// Rules in the places of these members.
    Mend(Vec<usize>),
    SpeedUp(usize),
    CheerUp,
}

impl Runner {
    pub(super) fn new(
        history: Arc<History>,
        cluster: Cluster,
        sink: Sink,
        random: fastrand::Rng,
    ) -> Self {
        Self {
            history,
            cluster,
            sink,
            random,
            open: Vec::new(),
        }
    }

    /// Does all steps, and ends what is still on.
    pub(super) async fn run(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps {
            self.step(*step)
                .await
                .with_context(|| format!("at step {step:?}"))?;
        }
        self.heal().await
    }

    async fn step(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Wait(least, most) => self.wait(least, most).await,
            Step::Kill(hit) => self.kill(hit).await,
            Step::Pause(hit) => self.pause(hit).await,
            Step::Isolate(hit) => self.isolate(hit).await,
            Step::IsolatePair => self.isolate_pair().await,
            Step::Deafen(hit) => self.deafen(hit).await,
            Step::Mute(hit) => self.mute(hit).await,
            Step::Slow(hit, kilobits) => self.slow_down(hit, kilobits).await,
            Step::Trouble(kind) => self.trouble(kind).await,
            Step::Heal => self.heal().await,
            Step::Settle => self.settle().await,
            Step::Roll(role) => self.roll(role).await,
            Step::Join(count) => self.join(count).await,
            Step::Leave(count) => self.leave(count).await,
            Step::Drain => self.drain().await,
            Step::Reload => self.reload().await,
            Step::Chance(count) => Box::pin(self.chance(count)).await,
        }
    }

    async fn wait(&mut self, least: Millis, most: Millis) -> Result<()> {
        let end = self.history.now() + self.random.u64(least..=most);
        while self.history.now() < end {
            tokio::time::sleep(POLL.min(Duration::from_millis(end - self.history.now()))).await;
            self.cluster.check_alive()?;
            self.cluster.weigh();
        }
        Ok(())
    }

    /// Chooses a member that is `hit` now; tells all that it is.
    async fn choose(&mut self, hit: Hit) -> Result<(usize, Vec<Hit>)> {
        let candidates = self.cluster.candidates(hit).await?;
        let index = candidates[self.random.usize(0..candidates.len())];
        let standing = self.cluster.standing().await.unwrap_or_default();
        Ok((index, self.cluster.hits_of(index, &standing)))
    }

    fn fault(&self, kind: FaultKind, index: usize, hits: Vec<Hit>) -> Fault {
        let name = self.cluster.members[index].name.clone();
        self.history.note(format!("{kind:?} of {name}, {hits:?}"));
        Fault {
            kind,
            nodes: vec![name],
            hits,
            struck: self.history.now(),
            healed: 0,
            worked: false,
            evidence: String::new(),
        }
    }

    async fn kill(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let mut fault = self.fault(FaultKind::Kill, index, hits);
        fault.evidence = self.cluster.members[index].kill().await?;
        fault.worked = fault.evidence == KILLED;
        self.open.push(Open {
            fault,
            remedy: Remedy::Start(index),
        });
        Ok(())
    }

    async fn pause(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::Pause, index, hits);
        let member = &mut self.cluster.members[index];
        member.signal(Signal::STOP)?;
        member.is_paused = true;
        self.open.push(Open {
            fault,
            remedy: Remedy::Resume(index),
        });
        Ok(())
    }

    async fn isolate(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::Partition, index, hits);
        self.cut_off(&[index], fault).await
    }

    async fn isolate_pair(&mut self) -> Result<()> {
        let mut candidates = self.cluster.candidates(Hit::Owner).await?;
        ensure!(
            candidates.len() > 2,
            "two samplers of {} are most",
            candidates.len()
        );
        self.random.shuffle(&mut candidates);
        candidates.truncate(2);
        let mut fault = self.fault(
            FaultKind::Partition,
            candidates[0],
            vec![Hit::Owner, Hit::Replica],
        );
        fault
            .nodes
            .push(self.cluster.members[candidates[1]].name.clone());
        self.cut_off(&candidates, fault).await
    }

    /// Drops what these and all others send each other.
    async fn cut_off(&mut self, inside: &[usize], fault: Fault) -> Result<()> {
        let members = &self.cluster.members;
        let address = |index: &usize| members[*index].place.address;
        let inner: Vec<IpAddr> = inside.iter().map(address).collect();
        let outside: Vec<usize> = (0..members.len())
            .filter(|it| !inside.contains(it))
            .collect();
        let mut outer: Vec<IpAddr> = outside.iter().map(address).collect();
        outer.push(self.cluster.network.backend());
        for index in inside {
            cut::deafen(&members[*index].place, &outer).await?;
        }
        for index in &outside {
            cut::deafen(&members[*index].place, &inner).await?;
        }
        let all = (0..members.len()).collect();
        self.open.push(Open {
            fault,
            remedy: Remedy::Mend(all),
        });
        Ok(())
    }

    async fn deafen(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::OneWay, index, hits);
        let others = self.cluster.others(index);
        cut::deafen(&self.cluster.members[index].place, &others).await?;
        self.open.push(Open {
            fault,
            remedy: Remedy::Mend(vec![index]),
        });
        Ok(())
    }

    async fn mute(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::OneWay, index, hits);
        let members = &self.cluster.members;
        let address = members[index].place.address;
        let others: Vec<usize> = (0..members.len()).filter(|other| *other != index).collect();
        for other in &others {
            cut::deafen(&members[*other].place, &[address]).await?;
        }
        self.open.push(Open {
            fault,
            remedy: Remedy::Mend(others),
        });
        Ok(())
    }

    async fn slow_down(&mut self, hit: Hit, kilobits: u32) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::SlowLink, index, hits);
        cut::slow_down(&self.cluster.members[index].place, kilobits).await?;
        self.open.push(Open {
            fault,
            remedy: Remedy::SpeedUp(index),
        });
        Ok(())
    }

    async fn trouble(&mut self, kind: FaultKind) -> Result<()> {
        let mood = match kind {
            FaultKind::SlowBackend => Mood::Slow(BACKEND_DELAY),
            FaultKind::FailingBackend => Mood::Failing,
            FaultKind::ThrottlingBackend => Mood::Throttling(BACKEND_DELAY),
            FaultKind::LostAnswers => Mood::LosingAnswers,
            FaultKind::BackendDown => Mood::Down,
            other => bail!("{other:?} is not of the backend"),
        };
        self.sink.set(mood).await?;
        self.history.note(format!("{kind:?}"));
        let fault = Fault {
            kind,
            nodes: vec!["backend".to_owned()],
            hits: vec![Hit::Backend],
            struck: self.history.now(),
            healed: 0,
            worked: false,
            evidence: format!("{} requests before", self.sink.requests()),
        };
        self.open.push(Open {
            fault,
            remedy: Remedy::CheerUp,
        });
        Ok(())
    }

    /// Ends every fault that is on, and writes it down.
    async fn heal(&mut self) -> Result<()> {
        for open in std::mem::take(&mut self.open) {
            let mut fault = open.fault;
            self.end(&mut fault, open.remedy).await?;
            fault.healed = self.history.now();
            let (kind, evidence) = (fault.kind, &fault.evidence);
            self.history.note(format!("{kind:?} is over: {evidence}"));
            self.history.record(Event::Fault(fault));
        }
        Ok(())
    }

    async fn end(&mut self, fault: &mut Fault, remedy: Remedy) -> Result<()> {
        match remedy {
            Remedy::Start(index) => self.cluster.start_member(index)?,
            Remedy::Resume(index) => {
                let member = &mut self.cluster.members[index];
                let state = member.state();
                let lasted = self.history.now() - fault.struck;
                fault.worked = state == Some('T');
                fault.evidence = format!("state {state:?} after {lasted} ms");
                member.signal(Signal::CONT)?;
                member.is_paused = false;
            }
            Remedy::Mend(places) => {
                let mut packets = 0;
                for index in places {
                    packets += cut::mend(&self.cluster.members[index].place).await?;
                }
                fault.worked = packets > 0;
                fault.evidence = format!("{packets} packets were dropped");
            }
            Remedy::SpeedUp(index) => {
                let waited = cut::speed_up(&self.cluster.members[index].place).await?;
                fault.worked = waited > 0;
                fault.evidence = format!("packets waited {waited} times");
            }
            Remedy::CheerUp => {
                let troubled = self.sink.set(Mood::Good).await?;
                // Nobody can count who finds no listener.
                fault.worked = troubled > 0 || fault.kind == FaultKind::BackendDown;
                fault.evidence = format!("{}, {troubled} met it", fault.evidence);
            }
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
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

    async fn roll(&mut self, role: Role) -> Result<()> {
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

    async fn join(&mut self, count: usize) -> Result<()> {
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

    async fn leave(&mut self, count: usize) -> Result<()> {
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

    async fn drain(&mut self) -> Result<()> {
        let (index, _) = self.choose(Hit::Owner).await?;
        let member = &mut self.cluster.members[index];
        self.history
            .note(format!("{} is asked to leave", member.name));
        member.ask_to_stop()
    }

    async fn reload(&mut self) -> Result<()> {
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

    /// Faults by chance. Two at once never touch two samplers, for then both copies of a slot could be lost.
    async fn chance(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let first = self.draw();
            self.step(first).await?;
            if self.random.u32(0..3) == 0 {
                self.wait(0, 2_000).await?;
                let second = self.draw();
                let both_samplers = touches_samplers(first) && touches_samplers(second);
                if !both_samplers && first != second {
                    self.step(second).await?;
                }
            }
            self.wait(500, 7_000).await?;
            self.heal().await?;
            self.settle().await?;
            self.wait(1_000, 3_000).await?;
        }
        Ok(())
    }

    fn draw(&mut self) -> Step {
        let faults = [
            Step::Kill(Hit::Owner),
            Step::Kill(Hit::Gateway),
            Step::Kill(Hit::Leader),
            Step::Kill(Hit::Follower),
            Step::Pause(Hit::Owner),
            Step::Pause(Hit::Leader),
            Step::Trouble(FaultKind::BackendDown),
            Step::Trouble(FaultKind::SlowBackend),
            Step::Isolate(Hit::Owner),
            Step::Isolate(Hit::Gateway),
            Step::Deafen(Hit::Owner),
            Step::Mute(Hit::Owner),
        ];
        let can_cut = cut::can_cut(&self.cluster.members[0].place).is_ok();
        let possible = faults
            .iter()
            .filter(|step| can_cut || !step.needs_namespaces());
        let possible: Vec<Step> = possible.copied().collect();
        possible[self.random.usize(0..possible.len())]
    }
}

fn is_running_sampler(member: &Member) -> bool {
    member.role == Role::Sampler && member.is_staying()
}

/// Two cuts cannot be on at once either: they would be one.
fn touches_samplers(step: Step) -> bool {
    step.needs_namespaces() || matches!(step, Step::Kill(Hit::Owner) | Step::Pause(Hit::Owner))
}
