//! The processes of a run.

use super::admin;
use super::configuration::{Pipeline, Role};
use super::event::Hit;
use super::history::History;
use super::member::Member;
use super::network::Network;
use super::scenario::Shape;
use super::standing::{self, Standing};
use anyhow::{Context, Result, bail, ensure};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a cluster may take to form, or to be whole again before a run goes on without.
const PATIENCE: Duration = Duration::from_secs(45);
/// Two members of three are in different zones, so that the copies are.
const ZONES: [&str; 3] = ["a", "b", "c"];
const POLL: Duration = Duration::from_millis(50);

/// See the module.
#[derive(Debug)]
pub(super) struct Cluster {
    binary: PathBuf,
    folder: PathBuf,
    pub(super) network: Network,
    pub(super) members: Vec<Member>,
    pub(super) pipeline: Pipeline,
    history: Arc<History>,
}

impl Cluster {
    /// Makes a place for each member and starts it.
    pub(super) async fn start(
        binary: &Path,
        folder: &Path,
        network: Network,
        shape: Shape,
        pipeline: Pipeline,
        history: Arc<History>,
    ) -> Result<Self> {
        let mut cluster = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            network,
            members: Vec::new(),
            pipeline,
            history,
        };
        for role in shape.roles() {
            cluster.add(role).await?;
        }
        cluster.pipeline.controllers = cluster.of(Role::Controller).map(Member::peer).collect();
        for index in 0..cluster.members.len() {
            cluster.start_member(index)?;
        }
        Ok(cluster)
    }

    /// Makes a place for one more; it does not run yet. Returns its index.
    pub(super) async fn add(&mut self, role: Role) -> Result<usize> {
        let number = self.of(role).count();
        let place = self.network.place().await?;
        let name = match role {
            Role::Process => role.name().to_owned(),
            _ => format!("{}-{number}", role.name()),
        };
        let zone = ZONES[number % ZONES.len()];
        let member = Member::new(name, role, place, zone, &self.folder)?;
        self.members.push(member);
        Ok(self.members.len() - 1)
    }

    pub(super) fn start_member(&mut self, index: usize) -> Result<()> {
        let member = &mut self.members[index];
        member.configure(&self.pipeline)?;
        member.start(&self.binary)
    }

    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .filter(move |member| member.role == role)
    }

    pub(super) fn is_single(&self) -> bool {
        self.of(Role::Process).next().is_some()
    }

    /// Where clients send.
    pub(super) fn gateways(&self) -> Vec<SocketAddr> {
        let takes = |member: &&Member| matches!(member.role, Role::Process | Role::Gateway);
        self.members
            .iter()
            .filter(takes)
            .map(Member::otlp)
            .collect()
    }

    /// The addresses of all members but one, and of the backend.
    pub(super) fn others(&self, index: usize) -> Vec<IpAddr> {
        let others = self.members.iter().enumerate();
        let others = others.filter(|(other, _)| *other != index);
        let mut addresses: Vec<_> = others.map(|(_, member)| member.place.address).collect();
        addresses.push(self.network.backend());
        addresses
    }

    /// What the cluster says of itself, by a controller that answers and knows a leader.
    pub(super) async fn standing(&self) -> Result<Standing> {
        let mut found: Option<Standing> = None;
        for member in self
            .of(Role::Controller)
            .filter(|it| it.is_running() && !it.is_paused)
        {
            let Ok(standing) = standing::ask(member.admin()).await else {
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

    /// Waits until all that run are ready and every slot has its copies. Returns how long that took, or nothing.
    pub(super) async fn settle(&mut self) -> Result<Option<Duration>> {
        let start = Instant::now();
        loop {
            self.check_alive()?;
            match self.unsettled().await {
                None => return Ok(Some(start.elapsed())),
                Some(why) if start.elapsed() > PATIENCE => {
                    self.history.note(format!("not settled: {why}"));
                    return Ok(None);
                }
                Some(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Why the cluster is not settled; nothing when it is.
    async fn unsettled(&self) -> Option<String> {
        for member in self.members.iter().filter(|member| member.is_staying()) {
            if let Err(error) = admin::get(member.admin(), "/readyz").await {
                return Some(format!("{}: {error:#}", member.name));
            }
        }
        if self.is_single() {
            return None;
        }
        let samplers = self.of(Role::Sampler).filter(|it| it.is_staying());
        match self.standing().await {
            Err(error) => Some(format!("{error:#}")),
            Ok(standing) => standing.unsettled(samplers.map(|it| &it.name)),
        }
    }

    /// Waits until the cluster has formed.
    pub(super) async fn form(&mut self) -> Result<()> {
        let took = self.settle().await?;
        let took = took.with_context(|| {
            format!(
                "the cluster does not form; see the logs in {}",
                self.folder.display()
            )
        })?;
        self.history
            .note(format!("ready after {} ms", took.as_millis()));
        Ok(())
    }

    /// Fails when a member has ended that nobody stopped.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        for member in &mut self.members {
            if let Some(ending) = member.has_died() {
                let log = member.log();
                bail!("{} died: {ending}; see {}", member.name, log.display());
            }
        }
        Ok(())
    }

    /// The members that may be taken for a target.
    pub(super) async fn candidates(&self, hit: Hit) -> Result<Vec<usize>> {
        let running = |index: &usize| {
            let member = &self.members[*index];
            member.is_running() && !member.is_paused
        };
        let standing = if self.is_single() {
            Standing::default()
        } else {
            self.standing().await?
        };
        let is_hit = |index: &usize| self.hits_of(*index, &standing).contains(&hit);
        let members = (0..self.members.len()).filter(running);
        let found: Vec<usize> = members.filter(is_hit).collect();
        ensure!(!found.is_empty(), "no member is {hit:?} by {standing:?}");
        Ok(found)
    }

    /// What a member is.
    pub(super) fn hits_of(&self, index: usize, standing: &Standing) -> Vec<Hit> {
        let member = &self.members[index];
        match member.role {
            Role::Process => vec![Hit::Process],
            Role::Gateway => vec![Hit::Gateway],
            Role::Controller if standing.leader.as_ref() == Some(&member.name) => vec![Hit::Leader],
            Role::Controller => vec![Hit::Follower],
            Role::Sampler if member.is_leaving => {
                let mut hits = standing.hits(&member.name);
                hits.push(Hit::Draining);
                hits
            }
            Role::Sampler => standing.hits(&member.name),
        }
    }

    pub(super) fn weigh(&mut self) {
        self.members.iter_mut().for_each(Member::weigh);
    }
}
