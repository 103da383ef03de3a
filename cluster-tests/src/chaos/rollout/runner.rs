//! Does a change, waits until the release is as it was asked to be, and writes down what struck.

use super::changes::{Change, Step, hits_of};
use super::kubernetes::Pod;
use super::nodes::Nodes;
use super::release::{NAME, Release, Values};
use crate::chaos::configuration::Role;
use crate::chaos::event::{Event, Fault, FaultKind, Hit, Milestone, Millis, Recovery};
use crate::chaos::history::History;
use crate::chaos::standing::{self, Standing};
use crate::chaos::workload::Load;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// After a change every slot has its copies again in this time, the starts of pods and of a node counted.
const WHOLE_MAX: Duration = Duration::from_secs(90);
/// The release is given up after this.
pub(super) const PATIENCE: Duration = Duration::from_secs(240);
/// How long pods and nodes are struck at random.
const AT_RANDOM: Duration = Duration::from_secs(600);
/// A node is away for so long: longer than the lease, and than Kubernetes takes to notice.
pub(super) const AWAY: Duration = Duration::from_secs(30);
pub(super) const POLL: Duration = Duration::from_millis(250);

/// See the module.
pub(super) struct Runner<'a> {
    pub(super) history: Arc<History>,
    pub(super) release: &'a Release,
    pub(super) values: &'a mut Values,
    pub(super) nodes: &'a Nodes,
    pub(super) load: watch::Sender<Load>,
    pub(super) random: fastrand::Rng,
}

/// One of the faults that strike at random.
#[derive(Debug, Clone, Copy)]
enum Strike {
    Crash,
    Cut,
    Kill(Role),
}

impl Strike {
    const ALL: [Self; 5] = [
        Self::Crash,
        Self::Cut,
        Self::Kill(Role::Sampler),
        Self::Kill(Role::Gateway),
        Self::Kill(Role::Controller),
    ];
}

impl Runner<'_> {
    pub(super) async fn change(&mut self, change: &Change) -> Result<()> {
        self.history.note(change.name);
        match change.step {
            Step::Nothing => Ok(()),
            Step::Roll(role) => self.roll(role).await,
            Step::Upgrade => self.upgrade().await,
            Step::Policies => self.change_policies().await,
            Step::Scale(samplers) => self.scale(samplers).await,
            Step::Autoscale => self.autoscale().await,
            Step::RollBack => self.roll_back().await,
            Step::Drain => self.drain().await,
            Step::Cut => self.cut().await,
            Step::Crash => self.crash().await,
            Step::LoseDisk => self.lose_disk().await,
            Step::Kill => self.kill().await,
            Step::Random => self.strike_at_random().await,
            Step::LoseQuorum => self.lose_quorum().await,
            Step::LoseQuorumAndSampler => self.lose_quorum_and_sampler().await,
            Step::LoseSamplers => self.lose_samplers().await,
            Step::LoseVolumes => self.lose_volumes().await,
        }
    }

    pub(super) async fn pods(&self) -> Result<Vec<Pod>> {
        self.release.kubernetes.pods().await
    }

    pub(super) async fn begin(&self, kind: FaultKind, pods: &[Pod]) -> Result<Fault> {
        let standing = self.standing().await.unwrap_or_default();
        let mut hits: BTreeSet<Hit> = BTreeSet::new();
        let of_role = |role| pods.iter().filter(|pod| pod.role == role).count();
        for pod in pods {
            hits.extend(self.hits(pod, &standing));
        }
        if of_role(Role::Sampler) > 1 && of_role(Role::Controller) > 1 {
            hits.insert(Hit::Everyone);
        }
        if of_role(Role::Process) > 0 {
            hits.extend(hits_of(Role::Process));
        }
        Ok(Fault {
            kind,
            nodes: pods.iter().map(|pod| pod.name.clone()).collect(),
            hits: hits.into_iter().collect(),
            struck: self.history.now(),
            healed: 0,
            worked: false,
            evidence: String::new(),
        })
    }

    fn hits(&self, pod: &Pod, standing: &Standing) -> Vec<Hit> {
        match pod.role {
            Role::Sampler => standing.hits(&pod.name),
            Role::Controller if standing.leader.as_ref() == Some(&pod.name) => vec![Hit::Leader],
            Role::Controller => vec![Hit::Follower],
            Role::Gateway => vec![Hit::Gateway],
            Role::Process => Vec::new(),
        }
    }

    /// A fault is over and the release settles.
    pub(super) async fn end(&self, mut fault: Fault, worked: bool, evidence: String) -> Result<()> {
        fault.worked = worked;
        fault.evidence = evidence;
        let settled = self.settle().await?;
        fault.healed = self.history.now();
        self.history.note(format!("over: {}", fault.evidence));
        self.history.record(Event::Fault(fault));
        self.history.record(Event::Recovery(Recovery {
            milestone: Milestone::Whole,
            took: settled,
            bound: WHOLE_MAX.as_millis() as Millis,
        }));
        Ok(())
    }

    /// Whether every pod of these has been replaced.
    async fn were_replaced(&self, before: &[Pod]) -> Result<(bool, String)> {
        let now = self.pods().await?;
        let of_old = |pod: &&Pod| now.iter().any(|it| it.uid == pod.uid);
        let left: Vec<_> = before.iter().filter(of_old).map(|pod| &pod.name).collect();
        let replaced = before.len() - left.len();
        Ok((left.is_empty(), format!("{replaced} pods replaced")))
    }

    async fn roll(&self, role: Role) -> Result<()> {
        let before = self.release.kubernetes.pods_of(role).await?;
        let fault = self.begin(FaultKind::Restart, &before).await?;
        let workload = format!("statefulset/{NAME}-{}", role.name());
        let kubernetes = &self.release.kubernetes;
        kubernetes.run(&["rollout", "restart", &workload]).await?;
        kubernetes.rolled_out(&workload).await?;
        let (worked, evidence) = self.were_replaced(&before).await?;
        self.end(fault, worked, evidence).await
    }

    async fn upgrade(&mut self) -> Result<()> {
        let before = self.pods().await?;
        let fault = self.begin(FaultKind::Restart, &before).await?;
        self.values.generation += 1;
        self.release.upgrade(self.values).await?;
        let (worked, evidence) = self.were_replaced(&before).await?;
        self.end(fault, worked, evidence).await
    }

    async fn roll_back(&mut self) -> Result<()> {
        let before = self.pods().await?;
        let fault = self.begin(FaultKind::Restart, &before).await?;
        self.values.generation -= 1;
        self.release.roll_back().await?;
        let (worked, evidence) = self.were_replaced(&before).await?;
        self.end(fault, worked, evidence).await
    }

    async fn scale(&mut self, samplers: usize) -> Result<()> {
        let before = self.release.kubernetes.pods_of(Role::Sampler).await?;
        let kind = if samplers > before.len() {
            FaultKind::Join
        } else {
            FaultKind::Leave
        };
        let going = before.get(samplers..).unwrap_or(&before);
        let fault = self.begin(kind, going).await?;
        self.values.samplers = samplers;
        self.release.upgrade(self.values).await?;
        let workload = format!("statefulset/{NAME}-sampler");
        self.release.kubernetes.rolled_out(&workload).await?;
        self.until(|pods| of(pods, Role::Sampler).count() == samplers)
            .await?;
        self.end(fault, true, format!("{samplers} samplers")).await
    }

    /// One of the nodes that own slots and have a gateway.
    async fn a_node(&mut self) -> Result<(u32, Vec<Pod>)> {
        let standing = self.standing().await?;
        let pods = self.pods().await?;
        let mut found = Vec::new();
        for number in 1..=self.nodes.count() {
            let name = self.nodes.name(number);
            let here: Vec<Pod> = pods.iter().filter(|it| it.node == name).cloned().collect();
            let hits: Vec<Hit> = here
                .iter()
                .flat_map(|it| self.hits(it, &standing))
                .collect();
            if hits.contains(&Hit::Owner) && hits.contains(&Hit::Gateway) {
                found.push((number, here));
            }
        }
        ensure!(
            !found.is_empty(),
            "no node has both a gateway and a sampler that owns slots"
        );
        Ok(found.swap_remove(self.random.usize(..found.len())))
    }

    /// Kubernetes prefers samplers on nodes of their own, and does not insist: after a drain two may share one. With
    /// it a cluster of three would lose all but one, which has nobody to give a second copy to. So one of them moves
    /// before a node is struck.
    async fn spread(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let mut samplers = self.release.kubernetes.pods_of(Role::Sampler).await?;
            let share = samplers.len().div_ceil(self.nodes.count() as usize);
            samplers.sort_by(|one, other| one.node.cmp(&other.node));
            let mut crowds = samplers.windows(share + 1);
            let Some(crowd) = crowds.find(|crowd| crowd[0].node == crowd[share].node) else {
                return Ok(());
            };
            ensure!(start.elapsed() < PATIENCE, "{samplers:?} share nodes");
            let name = &crowd[share].name;
            self.history.note(format!("{name} moves to another node"));
            let kubernetes = &self.release.kubernetes;
            kubernetes.run(&["delete", "pod", name]).await?;
            self.settle()
                .await?
                .context("the release does not settle")?;
        }
    }

    async fn drain(&mut self) -> Result<()> {
        let (number, pods) = self.a_node().await?;
        let name = self.nodes.name(number);
        let fault = self.begin(FaultKind::Restart, &pods).await?;
        let kubernetes = &self.release.kubernetes;
        let drain = [
            "drain",
            &name,
            "--ignore-daemonsets",
            "--delete-emptydir-data",
        ];
        let drained = kubernetes
            .run(&[&drain[..], &["--timeout=240s"]].concat())
            .await;
        let (worked, evidence) = self.were_replaced(&pods).await?;
        kubernetes.run(&["uncordon", &name]).await?;
        drained?;
        self.end(fault, worked, format!("{name} drained, {evidence}"))
            .await
    }

    async fn cut(&mut self) -> Result<()> {
        self.spread().await?;
        let (number, pods) = self.a_node().await?;
        let fault = self.begin(FaultKind::Partition, &pods).await?;
        self.nodes.ask("cut", number).await?;
        tokio::time::sleep(AWAY).await;
        let noticed = self.nodes.is_ready(number).await.map(|ready| !ready);
        self.nodes.ask("heal", number).await?;
        self.nodes.until_ready(number).await?;
        let name = self.nodes.name(number);
        let evidence = format!("{name} was away for {} s", AWAY.as_secs());
        self.end(fault, noticed?, evidence).await
    }

    async fn crash(&mut self) -> Result<()> {
        self.spread().await?;
        let (number, pods) = self.a_node().await?;
        let fault = self.begin(FaultKind::Kill, &pods).await?;
        self.nodes.ask("crash", number).await?;
        tokio::time::sleep(AWAY).await;
        let noticed = self.nodes.is_ready(number).await.map(|ready| !ready);
        self.nodes.ask("boot", number).await?;
        self.nodes.until_ready(number).await?;
        let name = self.nodes.name(number);
        let evidence = format!("{name} was dead for {} s", AWAY.as_secs());
        self.end(fault, noticed?, evidence).await
    }

    async fn lose_disk(&self) -> Result<()> {
        let leader = self.standing().await?.leader.context("no leader")?;
        let mut pods = self.pods().await?;
        pods.retain(|pod| pod.name == leader);
        let fault = self.begin(FaultKind::Kill, &pods).await?;
        let kubernetes = &self.release.kubernetes;
        let claim = format!("data-{leader}");
        let old = kubernetes
            .object(&["persistentvolumeclaim", &claim])
            .await?;
        let claim = format!("persistentvolumeclaim/{claim}");
        kubernetes.run(&["delete", &claim, "--wait=false"]).await?;
        self.delete_by_force(&leader).await?;
        self.until(|pods| pods.iter().any(|pod| pod.name == leader && pod.is_ready))
            .await?;
        let new = kubernetes.object(&[&claim]).await?;
        let is_new = old["metadata"]["uid"] != new["metadata"]["uid"];
        let evidence = format!("{leader} is back with a new volume: {is_new}");
        self.end(fault, is_new, evidence).await
    }

    /// One pod of each role, each once the one before is replaced.
    async fn kill(&mut self) -> Result<()> {
        for role in [Role::Sampler, Role::Gateway, Role::Controller] {
            self.kill_one(role).await?;
        }
        Ok(())
    }

    async fn kill_one(&mut self, role: Role) -> Result<()> {
        let mut pods = self.release.kubernetes.pods_of(role).await?;
        ensure!(!pods.is_empty(), "there is no pod of the {}", role.name());
        let victim = pods.swap_remove(self.random.usize(..pods.len()));
        let fault = self
            .begin(FaultKind::Kill, std::slice::from_ref(&victim))
            .await?;
        self.delete_by_force(&victim.name).await?;
        self.until(|pods| {
            let is_back = |pod: &&Pod| pod.name == victim.name && pod.uid != victim.uid;
            pods.iter().find(is_back).is_some_and(|pod| pod.is_ready)
        })
        .await?;
        let evidence = format!("{} is another pod", victim.name);
        self.end(fault, true, evidence).await
    }

    async fn strike_at_random(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut strikes = Vec::new();
        while start.elapsed() < AT_RANDOM {
            if strikes.is_empty() {
                strikes.extend(Strike::ALL);
                self.random.shuffle(&mut strikes);
            }
            match strikes.pop() {
                Some(Strike::Crash) => self.crash().await?,
                Some(Strike::Cut) => self.cut().await?,
                Some(Strike::Kill(role)) => self.kill_one(role).await?,
                None => {}
            }
        }
        Ok(())
    }

    pub(super) async fn delete_by_force(&self, pod: &str) -> Result<()> {
        let delete = ["delete", "pod", pod, "--force", "--grace-period=0"];
        self.release.kubernetes.run(&delete).await.map(drop)
    }

    pub(super) async fn until(&self, is_so: impl Fn(&[Pod]) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            let pods = self.pods().await?;
            if is_so(&pods) {
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "the pods stay {pods:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until all pods are ready and every slot has its copies; returns how long that took, or nothing.
    pub(super) async fn settle(&self) -> Result<Option<Millis>> {
        let start = Instant::now();
        loop {
            match self.unsettled().await {
                None => return Ok(Some(start.elapsed().as_millis() as Millis)),
                Some(why) if start.elapsed() > PATIENCE => {
                    self.history.note(format!("not settled: {why}"));
                    return Ok(None);
                }
                Some(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn unsettled(&self) -> Option<String> {
        let pods = match self.pods().await {
            Ok(pods) => pods,
            Err(error) => return Some(format!("{error:#}")),
        };
        match self.release.kubernetes.replicas().await {
            Ok(asked) if asked == pods.len() => {}
            Ok(asked) => return Some(format!("{} pods of {asked}", pods.len())),
            Err(error) => return Some(format!("{error:#}")),
        }
        let mut unready = pods.iter().filter(|it| !it.is_ready || it.is_leaving);
        if let Some(pod) = unready.next() {
            return Some(format!("{} is not ready", pod.name));
        }
        if !self.values.is_cluster {
            return None;
        }
        let samplers = of(&pods, Role::Sampler).map(|pod| &pod.name);
        match self.standing().await {
            Err(error) => Some(format!("{error:#}")),
            Ok(standing) => standing.unsettled(samplers),
        }
    }

    /// What the newest of the controllers says.
    pub(super) async fn standing(&self) -> Result<Standing> {
        let mut found: Option<Standing> = None;
        for pod in self.release.kubernetes.pods_of(Role::Controller).await? {
            let Some(address) = pod.admin() else { continue };
            let Ok(standing) = standing::ask(address).await else {
                continue;
            };
            if found
                .as_ref()
                .is_none_or(|best| standing.epoch > best.epoch)
            {
                found = Some(standing);
            }
        }
        found.context("no controller says how the cluster stands")
    }
}

fn of(pods: &[Pod], role: Role) -> impl Iterator<Item = &Pod> {
    pods.iter().filter(move |pod| pod.role == role)
}
