//! A cluster in one process: controllers with a listener and a directory each, and samplers that do what the protocol asks
//! of them at once.

use crate::hanging::HangingDisk;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tailweir_control::{
    Client, ClientSettings, ClusterInfo, Controller, ControllerSettings, Disk, Folder, Operator,
    Pace, SamplerSettings,
};
use tailweir_core::Slot;
use tailweir_link::{Channel, Identity, Link, Peer, Role, Roles, Security, Server};
use tailweir_placement::{
    Incarnation, MemberName, Phase, Report, RoutingTable, Second, TenureId, Weight,
};
use tailweir_proto::control::control_client::ControlClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What `future` comes to, unless it takes too long.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, future).await;
    done.unwrap_or_else(|_| panic!("{what} takes longer than {DEADLINE:?}"))
}

/// Looks again and again until `look` finds something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    within(what, looking).await
}

/// A controller, and what survives it.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) folder: TempDir,
    pub(crate) disk: HangingDisk,
    running: Option<(Controller, Server)>,
}

impl Node {
    pub(crate) fn controller(&self) -> &Controller {
        &self.running.as_ref().unwrap().0
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends the controller and its listener. What is in the folder stays.
    pub(crate) async fn stop(&mut self) {
        let (controller, server) = self.running.take().unwrap();
        controller.stop().await;
        server.stop(Duration::ZERO).await;
    }

    /// Empties the folder.
    pub(crate) fn wipe(&mut self) {
        assert!(self.running.is_none());
        (self.folder, self.disk) = empty();
    }
}

/// An empty folder, and a disk there.
fn empty() -> (TempDir, HangingDisk) {
    let folder = TempDir::new().unwrap();
    let disk = HangingDisk::over(Folder::at(folder.path()));
    (folder, disk)
}

/// Controllers of one cluster.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    seeds: Vec<String>,
    lease: Duration,
    /// Whether samplers do what the protocol asks of them.
    obedience: watch::Sender<bool>,
}

impl Cluster {
    /// Controllers that do not run yet.
    pub(crate) async fn new(controllers: usize) -> Self {
        let mut nodes = Vec::new();
        for number in 0..controllers {
            // The listener goes, and its port is taken again at the start.
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (folder, disk) = empty();
            nodes.push(Node {
                name: format!("controller-{number}"),
                address: listener.local_addr().unwrap().to_string(),
                folder,
                disk,
                running: None,
            });
        }
        Self {
            seeds: nodes.iter().map(|node| node.address.clone()).collect(),
            nodes,
            lease: Duration::from_secs(30),
            obedience: watch::Sender::new(true),
        }
    }

    /// Adds a controller that no configuration names, and that does not run yet.
    pub(crate) async fn add(&mut self, name: &str) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (folder, disk) = empty();
        self.nodes.push(Node {
            name: name.to_owned(),
            address: listener.local_addr().unwrap().to_string(),
            folder,
            disk,
            running: None,
        });
        self.nodes.len() - 1
    }

    /// Controllers that belong to one cluster.
    pub(crate) async fn formed(controllers: usize) -> Self {
        let mut cluster = Self::new(controllers).await;
        cluster.start_all().await;
        cluster
    }

    /// With another lease, before the start.
    pub(crate) fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Starts one, without waiting for anything.
    pub(crate) async fn start(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let settings = ControllerSettings {
            cluster: "test".to_owned(),
            name: node.name.clone(),
            address: node.address.clone(),
            seeds: self.seeds.clone(),
            disk: Arc::new(node.disk.clone()),
            copies: 2,
            lease: self.lease,
            pace: Pace {
                heartbeat: Duration::from_millis(100),
                election: Duration::from_millis(400)..Duration::from_millis(800),
                search: Duration::from_millis(50),
            },
        };
        let link = link(&settings.name);
        // Connections to the one before may still be closing.
        let server = until("binding", async || {
            link.listen(&settings.address).await.ok()
        })
        .await;
        let controller = Controller::start(settings, link, &server);
        node.running = Some((controller, server));
    }

    /// Starts all that do not run, and waits until all hear a leader.
    pub(crate) async fn start_all(&mut self) {
        for number in 0..self.nodes.len() {
            if !self.nodes[number].is_running() {
                self.start(number).await;
            }
        }
        for node in &self.nodes {
            within("forming", node.controller().ready()).await;
        }
    }

    pub(crate) async fn stop_all(&mut self) {
        for node in self.nodes.iter_mut().filter(|node| node.is_running()) {
            node.stop().await;
        }
    }

    /// Which one leads, as soon as those that run agree on one of them.
    pub(crate) async fn leader(&self) -> usize {
        let running = || self.nodes.iter().filter(|node| node.is_running());
        until("electing a leader", async || {
            let mut leaders: Vec<u64> = running()
                .map(|node| node.controller().status().leader)
                .collect();
            leaders.dedup();
            let [leader] = leaders[..] else { return None };
            let leads = |node: &Node| node.is_running() && node.controller().status().id == leader;
            self.nodes.iter().position(leads)
        })
        .await
    }

    /// Calls to one of them, as another controller makes them.
    pub(crate) fn caller(&self, number: usize) -> ControlClient<Channel> {
        self.caller_as(number, "controller")
    }

    /// Calls to one of them, as the process of this name makes them.
    pub(crate) fn caller_as(&self, number: usize, name: &str) -> ControlClient<Channel> {
        let peer = Peer {
            address: Arc::from(self.nodes[number].address.as_str()),
            role: Role::Controller,
            name: None,
            incarnation: None,
        };
        ControlClient::new(link(name).channel(&peer).unwrap())
    }

    pub(crate) fn operator(&self) -> Operator {
        self.operator_as("operator")
    }

    /// What asks the controllers as the process of this name.
    pub(crate) fn operator_as(&self, name: &str) -> Operator {
        Operator::new(link(name), self.seeds.clone())
    }

    /// What the controllers say about themselves, once it is as wanted.
    pub(crate) async fn info(&self, is_wanted: impl Fn(&ClusterInfo) -> bool) -> ClusterInfo {
        let mut operator = self.operator();
        until("the controllers becoming what is wanted", async || {
            operator.info().await.ok().filter(&is_wanted)
        })
        .await
    }

    /// A process that only watches.
    pub(crate) fn watcher(&self, data_dir: Option<PathBuf>) -> Client {
        self.watcher_with(data_dir.map(Folder::at))
    }

    /// A process that only watches, with this disk.
    pub(crate) fn watcher_with(&self, disk: Option<Arc<dyn Disk>>) -> Client {
        let settings = ClientSettings {
            controllers: self.seeds.clone(),
            disk,
            sampler: None,
        };
        Client::start(settings, link("watcher"))
    }

    /// A sampler.
    pub(crate) fn sampler(&self, name: &str) -> Arc<Client> {
        let sampler = SamplerSettings {
            name: MemberName::new(name).unwrap(),
            // One that needs no looking up.
            address: "127.0.0.1:4319".to_owned(),
            zone: String::new(),
            weight: Weight::ONE,
        };
        let settings = ClientSettings {
            controllers: self.seeds.clone(),
            disk: None,
            sampler: Some(sampler),
        };
        let client = Arc::new(Client::start(settings, link(name)));
        let obedience = self.obedience.subscribe();
        tokio::spawn(obey(Arc::clone(&client), obedience));
        client
    }

    /// From now on samplers do what the protocol asks of them, or nothing.
    pub(crate) fn set_obedience(&self, obey: bool) {
        self.obedience.send_replace(obey);
    }

    /// Samplers that have their slots.
    pub(crate) async fn samplers(&self, names: &[&str]) -> Vec<Arc<Client>> {
        let samplers: Vec<_> = names.iter().map(|name| self.sampler(name)).collect();
        for sampler in &samplers {
            table(sampler, |table| is_settled(table, names.len())).await;
        }
        samplers
    }
}

/// A process of the cluster.
fn link(name: &str) -> Link {
    let identity = Identity::new("test", Roles::ALL, name).unwrap();
    Link::new(identity, &Security::Insecure).unwrap()
}

/// The table of a client once it is as wanted.
pub(crate) async fn table(
    client: &Client,
    is_wanted: impl Fn(&RoutingTable) -> bool,
) -> Arc<RoutingTable> {
    let mut table = client.table();
    let wanted = table.wait_for(|table| is_wanted(table));
    let wanted = within("the table becoming what is wanted", wanted).await;
    Arc::clone(&wanted.unwrap())
}

/// Whether so many members are active, all have slots, and every slot has one whole tenure.
pub(crate) fn is_settled(table: &RoutingTable, active: usize) -> bool {
    let members: Vec<Incarnation> = table
        .members()
        .filter(|(_, member)| member.phase == Phase::Active)
        .map(|(_, member)| member.incarnation)
        .collect();
    let runs = table.rows().runs();
    members.len() == active
        && !runs.is_empty()
        && members.iter().all(|&member| table.names(member))
        && runs.iter().all(|run| {
            let is_whole = active == 1 || run.tenures.current().second.replica().is_some();
            run.tenures.closing().is_empty() && is_whole
        })
}

/// Does at once what a sampler without spans has to do, when it is to: a candidate is in step, a closed tenure is cleared.
async fn obey(client: Arc<Client>, mut obedience: watch::Receiver<bool>) {
    let (mut table, incarnation) = (client.table(), client.incarnation());
    let reports = client.reports();
    drop(client);
    while table.changed().await.is_ok() {
        if obedience.wait_for(|obeys| *obeys).await.is_err() {
            return;
        }
        let newest = Arc::clone(&table.borrow_and_update());
        let Some(own) = *incarnation.borrow() else {
            continue;
        };
        for report in due(&newest, own) {
            if reports.send(report).await.is_err() {
                return;
            }
        }
    }
}

fn due(table: &RoutingTable, own: Incarnation) -> Vec<Report> {
    let mut reports = Vec::new();
    for slot in (0..Slot::COUNT).filter_map(Slot::new) {
        let Some(tenures) = table.tenures(slot) else {
            continue;
        };
        let current = tenures.current();
        for tenure in tenures.all() {
            let id = TenureId {
                slot,
                created: tenure.created,
            };
            if tenure.owner == own && matches!(tenure.second, Second::Candidate(_)) {
                let view = tenure.view;
                reports.push(Report::InSync { tenure: id, view });
            }
            if current.owner == own && tenure.created != current.created {
                let into = current.created;
                reports.push(Report::Clear { tenure: id, into });
            }
        }
    }
    reports
}
