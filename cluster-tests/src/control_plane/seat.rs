//! A machine of a simulation, and the processes that run on it: the product's own.

use super::disk::SimulatedDisk;
use super::network::Simulated;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tailweir_control::{
    Client, ClientSettings, Controller, ControllerSettings, Pace, SamplerSettings,
};
use tailweir_core::Slot;
use tailweir_link::{Identity, Link, Roles, Security};
use tailweir_placement::{Incarnation, MemberName, Report, RoutingTable, Second, TenureId, Weight};
use tokio::sync::Notify;

/// Controllers of a cluster.
pub(super) const CONTROLLERS: usize = 3;
/// How long a sampler may be silent.
pub(super) const LEASE: Duration = Duration::from_secs(4);
const HEARTBEAT: Duration = Duration::from_millis(100);
const PORT: u16 = 4319;
/// A sampler that leaves drains for so long.
const DRAIN: Duration = Duration::from_secs(8);
pub(super) const CLUSTER: &str = "simulated";

/// A machine.
pub(super) struct Seat {
    pub(super) name: String,
    inner: Mutex<Inner>,
    /// Asks a sampler to leave.
    pub(super) leave: Notify,
}

struct Inner {
    disk: SimulatedDisk,
    /// After so much silence of the leader this controller wants to lead.
    election: Duration,
    running: Option<Running>,
    lives: u64,
}

/// What runs on a machine.
#[derive(Clone)]
pub(super) struct Running {
    /// Counts the lives of the machine's processes.
    pub(super) life: u64,
    pub(super) controller: Option<Arc<Controller>>,
    pub(super) client: Arc<Client>,
}

impl Seat {
    pub(super) fn new(name: String, disk: SimulatedDisk) -> Arc<Self> {
        Arc::new(Self {
            name,
            inner: Mutex::new(Inner {
                disk,
                election: Duration::ZERO,
                running: None,
                lives: 0,
            }),
            leave: Notify::new(),
        })
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics in it")
    }

    pub(super) fn running(&self) -> Option<Running> {
        self.inner().running.clone()
    }

    pub(super) fn disk(&self) -> SimulatedDisk {
        self.inner().disk.clone()
    }

    pub(super) fn put_disk(&self, disk: SimulatedDisk) {
        self.inner().disk = disk;
    }

    pub(super) fn set_election(&self, election: Duration) {
        self.inner().election = election;
    }

    /// Nothing runs here any more.
    pub(super) fn clear(&self) {
        self.inner().running = None;
    }

    fn put(&self, controller: Option<Arc<Controller>>, client: &Arc<Client>) {
        let mut inner = self.inner();
        inner.lives += 1;
        inner.running = Some(Running {
            life: inner.lives,
            controller,
            client: Arc::clone(client),
        });
    }

    fn link(&self, roles: Roles) -> turmoil::Result<Link> {
        let identity = Identity::new(CLUSTER, roles, &self.name)?;
        Ok(Link::over(
            Arc::new(Simulated),
            identity,
            &Security::Insecure,
        )?)
    }
}

/// Where a controller is reached.
fn address(controller: &str) -> String {
    format!("{controller}:{PORT}")
}

pub(super) fn controllers() -> impl Iterator<Item = String> {
    (0..CONTROLLERS).map(|number| format!("controller-{number}"))
}

pub(super) fn addresses() -> Vec<String> {
    controllers().map(|name| address(&name)).collect()
}

/// A controller, and beside it a client that follows this one alone: it shows what this controller has applied.
pub(super) async fn control(seat: Arc<Seat>) -> turmoil::Result {
    let link = seat.link(Roles::CONTROLLER)?;
    let server = link.listen(&format!("0.0.0.0:{PORT}")).await?;
    let election = seat.inner().election;
    let settings = ControllerSettings {
        cluster: CLUSTER.to_owned(),
        name: seat.name.clone(),
        address: address(&seat.name),
        seeds: addresses(),
        disk: Arc::new(seat.disk()),
        copies: 2,
        lease: LEASE,
        pace: Pace {
            heartbeat: HEARTBEAT,
            // A range of one value: what is drawn from it is not left to chance.
            election: election..election + Duration::from_millis(1),
            search: Duration::from_millis(100),
        },
    };
    let controller = Arc::new(Controller::start(settings, link.clone(), &server));
    let settings = ClientSettings {
        controllers: vec![address(&seat.name)],
        disk: None,
        sampler: None,
    };
    let witness = Arc::new(Client::start(settings, link));
    seat.put(Some(Arc::clone(&controller)), &witness);
    let error = controller.failed().await;
    // The product's process ends too.
    Err(format!("{} has failed: {error}", seat.name).into())
}

/// A process that only follows, and begins with the last controller.
pub(super) async fn follow(seat: Arc<Seat>) -> turmoil::Result {
    let settings = ClientSettings {
        controllers: addresses().into_iter().rev().collect(),
        disk: Some(Arc::new(seat.disk())),
        sampler: None,
    };
    let client = Arc::new(Client::start(settings, seat.link(Roles::GATEWAY)?));
    seat.put(None, &client);
    std::future::pending().await
}

/// A sampler without spans. It starts again when it is dismissed, as its process would.
pub(super) async fn sample(seat: Arc<Seat>) -> turmoil::Result {
    loop {
        let sampler = SamplerSettings {
            name: MemberName::new(&seat.name)?,
            // One that needs no looking up.
            address: format!("127.0.0.1:{PORT}"),
            zone: String::new(),
            weight: Weight::ONE,
        };
        let settings = ClientSettings {
            controllers: addresses(),
            disk: Some(Arc::new(seat.disk())),
            sampler: Some(sampler),
        };
        let client = Arc::new(Client::start(settings, seat.link(Roles::SAMPLER)?));
        seat.put(None, &client);
        let is_leaving = tokio::select! {
            biased;
            () = client.dismissed() => false,
            () = leave(&seat, &client) => true,
            () = obey(&client) => false,
        };
        client.stop().await;
        if is_leaving {
            seat.clear();
            return Ok(());
        }
    }
}

async fn leave(seat: &Seat, client: &Client) {
    seat.leave.notified().await;
    client.depart(DRAIN).await;
    // Nobody answers: its lease runs out.
    let _ = client.leave().await;
}

/// Does what the protocol asks of a sampler: a candidate is in step, and a closed tenure is cleared.
async fn obey(client: &Client) {
    let (mut table, mut incarnation) = (client.table(), client.incarnation());
    let reports = client.reports();
    // The sender lives as long as `client`.
    let registered = incarnation.wait_for(Option::is_some).await;
    let Some(own) = registered.ok().and_then(|own| *own) else {
        return;
    };
    loop {
        let newest = Arc::clone(&table.borrow_and_update());
        for report in due(&newest, own) {
            if reports.send(report).await.is_err() {
                return;
            }
        }
        if table.changed().await.is_err() {
            return;
        }
    }
}

fn due(table: &RoutingTable, own: Incarnation) -> Vec<Report> {
    let mut reports = Vec::new();
    for run in table.rows().runs() {
        let current = run.tenures.current();
        let slots = run.first.index()..run.first.index() + usize::from(run.slots);
        for tenure in run.tenures.all() {
            let is_candidate = tenure.owner == own && matches!(tenure.second, Second::Candidate(_));
            let is_closed = current.owner == own && tenure.created != current.created;
            for slot in slots.clone().filter_map(Slot::new) {
                let created = tenure.created;
                let tenure_id = TenureId { slot, created };
                if is_candidate {
                    let view = tenure.view;
                    reports.push(Report::InSync {
                        tenure: tenure_id,
                        view,
                    });
                }
                if is_closed {
                    let into = current.created;
                    reports.push(Report::Clear {
                        tenure: tenure_id,
                        into,
                    });
                }
            }
        }
    }
    reports
}
