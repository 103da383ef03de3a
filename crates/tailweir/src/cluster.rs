//! This process as a part of a cluster: one listener for the others, a controller if it is one, and a client that follows
//! the controllers.
//!
//! ```text
//! cluster.listen -- Server -- Control (controller), Peer (sampler)
//! Controller: agrees with the others          Client: registers, follows the table, leaves
//! ```

mod measures;
mod page;
mod pulse;
mod roles;

pub(crate) use measures::{measure_reference, publish, publish_waiting};
pub(crate) use page::{ClusterPage, MemberPage, PeerPage, SlotRun};
pub(crate) use roles::limit_to_roles;

use anyhow::{Context, anyhow};
use pulse::Pulse;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};
use tailweir_config::{Cluster, ClusterRole, ClusterTls, TlsFiles};
use tailweir_control::{
    Client, ClientSettings, ClusterInfo, Controller, ControllerSettings, Departure, Folder,
    Operator, Pace, PolicyRevision, SamplerSettings,
};
use tailweir_gateway::{Cluster as GatewayCluster, Post, Running};
use tailweir_link::{Identity, Link, Role, Roles, Security, Server};
use tailweir_peers::{Peers, PeersSettings};
use tailweir_placement::{Incarnation, MemberName, Phase, RoutingTable, Weight};
use tokio::sync::Mutex;

/// Where the system keeps the name of the host.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// How long calls of others may take that are open at the end.
const GRACE: Duration = Duration::from_secs(2);
/// How long controllers may take to say how they stand.
const INFO_PATIENCE: Duration = Duration::from_millis(500);
/// How long the controllers may take to hear that this sampler has gone.
const LEAVE_PATIENCE: Duration = Duration::from_secs(3);

/// A process in its cluster.
pub(crate) struct Membership {
    settings: Cluster,
    name: MemberName,
    link: Link,
    server: Mutex<Option<Server>>,
    controller: Option<Controller>,
    client: Client,
    peers: Arc<Peers>,
    /// What the client runs on.
    _pulse: Pulse,
}

impl Membership {
    /// Listens for the others, and starts what the roles ask for.
    ///
    /// # Errors
    /// When the certificates are not those of this process, or the address cannot be had.
    pub(crate) async fn start(settings: Cluster) -> anyhow::Result<Self> {
        let name = name_of(&settings)?;
        let link = link(&settings, &name)?;
        let server = link.listen(&settings.listen).await?;
        tracing::info!(name = "cluster", address = %server.address(), "listening");
        let address = settings.advertised(name.as_str());
        let controller = settings.has(ClusterRole::Controller).then(|| {
            let settings = controller_settings(&settings, &name, &address);
            Controller::start(settings, link.clone(), &server)
        });
        let pulse = Pulse::start().context("the thread that holds the lease cannot be started")?;
        let follows = client_settings(&settings, &name, &address);
        let client = pulse.run(|| Client::start(follows, link.clone()));
        Ok(Self {
            settings,
            name,
            peers: Peers::new(link.clone(), PeersSettings::default()),
            link,
            server: Mutex::new(Some(server)),
            controller,
            client,
            _pulse: pulse,
        })
    }

    /// What the gateway of this process is told of the cluster. Waits, as a sampler, until the controllers have given it
    /// a life of its own.
    pub(crate) async fn seat(&self) -> GatewayCluster {
        let mut incarnation = None;
        if self.settings.has(ClusterRole::Sampler) {
            let mut given = self.client.incarnation();
            if given.borrow().is_none() {
                tracing::info!("waiting for the controllers to register this sampler");
            }
            // The client lives as long as this does.
            incarnation = match given.wait_for(Option::is_some).await {
                Ok(given) => *given,
                Err(_) => None,
            };
        }
        GatewayCluster {
            incarnation,
            receives: self.settings.has(ClusterRole::Gateway),
            one_copy: self.settings.replication == 1,
            table: self.client.table(),
            reports: self.client.reports(),
            post: Arc::clone(&self.peers) as Arc<dyn Post>,
        }
    }

    /// Lets the other members reach the samplers of this process.
    pub(crate) async fn open(&self, running: &Running) {
        let server = self.server.lock().await;
        if let (Some(server), Some(members)) = (&*server, running.members()) {
            tailweir_peers::serve(server, &self.peers, members);
        }
    }

    /// Whether this process does all that its roles ask for: a controller hears a leader; a gateway knows where slots are;
    /// a sampler is registered, and each of its tenures has its copy.
    pub(crate) fn is_ready(&self) -> bool {
        let table = self.client.table();
        let table = table.borrow();
        let controls = match &self.controller {
            Some(controller) => controller.status().leader > 0,
            None => true,
        };
        let routes = !self.settings.has(ClusterRole::Gateway) || !table.rows().runs().is_empty();
        controls && routes && self.is_sampling(&table)
    }

    fn is_sampling(&self, table: &RoutingTable) -> bool {
        if !self.settings.has(ClusterRole::Sampler) {
            return true;
        }
        let Some(member) = self.incarnation() else {
            return false;
        };
        let known = table.member(member);
        known.is_some_and(|(_, member)| member.phase == Phase::Active)
            && page::out_of_step(table, Some(member)) == 0
    }

    /// Whether the process does not have to be restarted.
    pub(crate) fn is_alive(&self) -> bool {
        let controller = self.controller.as_ref();
        controller.is_none_or(|controller| !controller.has_failed())
    }

    /// Waits until the process has lost its place, so that only another start brings it back; says why.
    pub(crate) async fn failed(&self) -> anyhow::Error {
        let controller = async {
            match &self.controller {
                Some(controller) => controller.failed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = controller => error.into(),
            () = self.client.dismissed() => {
                anyhow!("the controllers no longer know this sampler; what it holds counts as lost")
            }
        }
    }

    /// Proposes the policies of this process's file, if it has any.
    pub(crate) fn propose_policies(&self, text: &str) {
        if !text.is_empty() {
            self.client.propose_policies(text);
        }
    }

    /// Waits for policies of a later revision than this one.
    pub(crate) async fn policies_after(&self, revision: u64) -> Arc<PolicyRevision> {
        let mut policies = self.client.policies();
        let is_later = |known: &Option<Arc<PolicyRevision>>| {
            known
                .as_ref()
                .is_some_and(|known| known.revision > revision)
        };
        match policies.wait_for(is_later).await.as_deref() {
            Ok(Some(policies)) => Arc::clone(policies),
            // The client lives as long as `self`.
            _ => std::future::pending().await,
        }
    }

    /// The life that the controllers gave this sampler.
    pub(crate) fn incarnation(&self) -> Option<Incarnation> {
        *self.client.incarnation().borrow()
    }

    /// What `/cluster` tells.
    pub(crate) async fn page(&self) -> ClusterPage {
        ClusterPage::of(self, self.info().await)
    }

    /// What `/cluster/slots` tells.
    pub(crate) fn slots(&self) -> Vec<SlotRun> {
        page::slots(&self.client.table().borrow())
    }

    /// How the controllers stand, if one of them answers.
    async fn info(&self) -> Option<ClusterInfo> {
        let controllers = self.settings.controllers.clone();
        let mut operator = Operator::new(self.link.clone(), controllers);
        let info = tokio::time::timeout(INFO_PATIENCE, operator.info()).await;
        info.ok()?.ok()
    }

    /// As a sampler that stops: waits until others have what it owned.
    pub(crate) async fn depart(&self) {
        let patience = self.settings.drain_timeout;
        match self.client.depart(patience).await {
            Departure::Alone => tracing::info!("nobody takes over; what is held is decided here"),
            Departure::Done => tracing::info!("no slot needs this sampler any more"),
            Departure::Dismissed => {
                tracing::warn!("nobody takes over from a sampler that the controllers do not know");
            }
            Departure::OutOfTime => {
                tracing::error!(
                    "slots still need this sampler; what only it holds is decided early"
                );
            }
        }
    }

    /// The end: tells the controllers, and closes everything.
    pub(crate) async fn stop(&self) {
        match tokio::time::timeout(LEAVE_PATIENCE, self.client.leave()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the controllers do not know that this sampler left");
            }
            Err(_) => tracing::warn!("the controllers do not know that this sampler left"),
        }
        self.client.stop().await;
        if let Some(controller) = &self.controller {
            controller.stop().await;
        }
        if let Some(server) = self.server.lock().await.take() {
            server.stop(GRACE).await;
        }
    }
}

/// What a process is called: as configured, or as its host.
///
/// # Errors
/// When it is not configured, and the host has no name that a member can have.
pub(crate) fn name_of(settings: &Cluster) -> anyhow::Result<MemberName> {
    let name = match settings.name.as_str() {
        "" => host_name().context("the name of the host cannot be read; set cluster.name")?,
        name => name.to_owned(),
    };
    MemberName::new(&name).context("the name of the host is no name of a member; set cluster.name")
}

fn host_name() -> io::Result<String> {
    Ok(fs::read_to_string(HOST_NAME)?.trim().to_owned())
}

/// A process as the others know it.
///
/// # Errors
/// When its certificates cannot be read, or are not its own.
pub(crate) fn link(settings: &Cluster, name: &MemberName) -> anyhow::Result<Link> {
    let role = |role: &ClusterRole| match role {
        ClusterRole::Gateway => Role::Gateway,
        ClusterRole::Sampler => Role::Sampler,
        ClusterRole::Controller => Role::Controller,
    };
    let roles: Roles = settings.roles.iter().map(role).collect();
    let identity = Identity::new(&settings.id, roles, name.as_str())?;
    let security = match &settings.tls {
        Some(tls) => Security::Tls(files(tls)),
        None => Security::Insecure,
    };
    Ok(Link::new(identity, &security)?)
}

fn files(tls: &ClusterTls) -> TlsFiles {
    TlsFiles {
        ca_file: tls.ca_file.clone(),
        cert_file: tls.cert_file.clone(),
        key_file: tls.key_file.clone(),
        ..TlsFiles::default()
    }
}

fn controller_settings(settings: &Cluster, name: &MemberName, address: &str) -> ControllerSettings {
    if !settings.controllers.iter().any(|seed| seed == address) {
        tracing::info!(
            address,
            "not among cluster.controllers, so this controller joins a cluster and founds none"
        );
    }
    ControllerSettings {
        cluster: settings.id.clone(),
        name: name.to_string(),
        address: address.to_owned(),
        seeds: settings.controllers.clone(),
        disk: Folder::at(&settings.data_dir),
        copies: settings.replication as u8,
        lease: settings.lease,
        pace: Pace::default(),
    }
}

fn client_settings(settings: &Cluster, name: &MemberName, address: &str) -> ClientSettings {
    let sampler = settings.has(ClusterRole::Sampler).then(|| SamplerSettings {
        name: name.clone(),
        address: address.to_owned(),
        zone: settings.zone.clone(),
        weight: Weight::new(settings.weight).unwrap_or(Weight::ONE),
    });
    ClientSettings {
        controllers: settings.controllers.clone(),
        disk: (!settings.data_dir.is_empty()).then(|| Folder::at(&settings.data_dir)),
        sampler,
    }
}
