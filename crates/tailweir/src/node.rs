//! A whole Tailweir: the gateway, the admin listener, the health checks and the pages, from start to end.

mod listeners;
mod sites;
mod view;

pub(crate) use sites::PageSources;
pub(crate) use view::{NodeView, Phase};

use crate::admin::{self, Admin, Waiting};
use crate::cluster::{self, Membership, limit_to_roles};
use crate::health;
use crate::kept::KeptTrace;
use crate::own_telemetry;
use crate::profile::SavedProfile;
use crate::terminal::Terminal;
use anyhow::Context;
use listeners::{BoundHealthCheck, admin_addresses, bind, bind_health_checks};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use sites::{BoundPages, bind_pages};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tailweir_config::{Cluster, Extension, HealthCheck, Settings, Telemetry};
use tailweir_control::PolicyRevision;
use tailweir_export::WaterfallOptions;
use tailweir_gateway::{Console, Gateway, Metric, Options, Shutdown, Stream};
use tailweir_telemetry::Figures;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often old values are let go of in histograms that nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);
/// Port of the Collector's own metrics.
const ADMIN_DEFAULT: &str = "localhost:8888";

/// What a node is told beside its configuration.
pub(crate) struct NodeOptions {
    /// Address of the admin listener; wins over the configuration.
    pub(crate) admin: Option<String>,
    /// Where the configuration came from, for the status page.
    pub(crate) sources: Vec<String>,
    /// Where exporters that show traces do so.
    pub(crate) terminal: Terminal,
    /// Whether the admin listener shows one of the kept traces, for the demo: telemetry is no business of it otherwise.
    pub(crate) shows_kept: bool,
    /// What becomes of own telemetry.
    pub(crate) own_telemetry: Figures,
    /// What pages tell beside what the node knows.
    pub(crate) pages: PageSources,
}

/// A running node.
pub(crate) struct Node {
    view: NodeView,
    admin: SocketAddr,
    /// What takes effect only at a start.
    fixed: Fixed,
    stop_servers: CancellationToken,
    /// Nothing is waited for any more.
    hurry: CancellationToken,
    /// The profile of the whole run.
    saved_profile: Mutex<Option<SavedProfile>>,
}

/// The part of the settings that a reload cannot change.
#[derive(PartialEq)]
struct Fixed {
    telemetry: Telemetry,
    health_checks: Vec<HealthCheck>,
    pages: Vec<(Extension, Option<Extension>)>,
    cluster: Option<Cluster>,
}

impl Fixed {
    fn of(settings: &Settings) -> Self {
        Self {
            telemetry: settings.telemetry.clone(),
            health_checks: listeners::health_checks(settings).cloned().collect(),
            pages: sites::pages(settings),
            cluster: settings.cluster.clone(),
        }
    }
}

impl Node {
    /// Binds every listener and starts to work.
    ///
    /// # Errors
    /// When an address cannot be bound or the gateway cannot start.
    pub(crate) async fn start(settings: Settings, options: NodeOptions) -> anyhow::Result<Self> {
        let metrics = metrics_handle()?;
        let mut admin_listeners = Vec::new();
        for address in admin_addresses(&settings, options.admin.as_deref()) {
            let bound = bind(&address).await;
            let bound = bound.with_context(|| {
                format!("the admin listener cannot have {address}; choose another by --admin")
            })?;
            admin_listeners.push(bound);
        }
        let admin = admin_listeners.first().context("no admin listener")?;
        let admin = admin.local_addr()?;
        let health_checks = bind_health_checks(&settings).await?;
        let sites = bind_pages(&settings).await?;
        let saved_profile = SavedProfile::start(&settings).await?;
        let fixed = Fixed::of(&settings);
        let membership = match &settings.cluster {
            Some(cluster) => Some(Arc::new(Membership::start(cluster.clone()).await?)),
            None => None,
        };
        let kept = options.shows_kept.then(KeptTrace::default);
        announce_admin(admin);
        let cluster = match &membership {
            Some(membership) => {
                let waiting = Waiting::serve(&admin_listeners, &metrics, membership)?;
                let stop = CancellationToken::new();
                let _stopped_then = stop.clone().drop_guard();
                tokio::spawn(cluster::publish_waiting(Arc::clone(membership), stop));
                let seat = membership.seat().await;
                waiting.end().await;
                Some(seat)
            }
            None => None,
        };
        let gateway_options = Options {
            console: console(&options.terminal, kept.clone()),
            cluster,
            ..Options::default()
        };
        let running = Gateway::start(limit_to_roles(settings), gateway_options).await?;
        if let Some(membership) = &membership {
            membership.open(&running).await;
        }
        let view = NodeView::of(running, membership, options.sources);
        let node = Self {
            admin,
            view: view.clone(),
            fixed,
            stop_servers: CancellationToken::new(),
            hurry: CancellationToken::new(),
            saved_profile: Mutex::new(saved_profile),
        };
        let checks = health_checks.iter().map(BoundHealthCheck::label);
        let beside: Vec<_> = checks
            .chain(sites.iter().filter_map(BoundPages::label))
            .collect();
        let pages = Admin {
            metrics,
            kept,
            view,
        };
        let published = own_telemetry::publish(options.own_telemetry, node.stop_servers.clone());
        tokio::spawn(published);
        node.serve(admin_listeners, health_checks, pages);
        node.announce(&beside);
        node.serve_sites(sites, options.pages, beside.into());
        Ok(node)
    }

    /// Logs where everything beside the receivers listens; these have said so themselves.
    fn announce(&self, beside: &[(String, SocketAddr)]) {
        for (name, address) in beside {
            tracing::info!(name, %address, "listening");
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
    }

    fn serve(&self, listeners: Vec<TcpListener>, checks: Vec<BoundHealthCheck>, admin: Admin) {
        tokio::spawn(keep_up(admin.metrics.clone(), self.stop_servers.clone()));
        if let Some(membership) = self.view.membership() {
            tokio::spawn(cluster::publish(
                Arc::clone(membership),
                self.stop_servers.clone(),
            ));
        }
        for listener in listeners {
            tokio::spawn(admin::serve(
                listener,
                admin.clone(),
                self.stop_servers.clone(),
            ));
        }
        for check in checks {
            let (view, stop) = (self.view.clone(), self.stop_servers.clone());
            tokio::spawn(health::serve(check.listener, check.settings, view, stop));
        }
    }

    fn serve_sites(
        &self,
        sites: Vec<BoundPages>,
        sources: PageSources,
        addresses: Arc<[(String, SocketAddr)]>,
    ) {
        let sources = Arc::new(sources);
        for site in sites {
            let (view, stop) = (self.view.clone(), self.stop_servers.clone());
            let (sources, addresses) = (Arc::clone(&sources), Arc::clone(&addresses));
            tokio::spawn(site.serve(view, sources, addresses, stop));
        }
    }

    /// Who can be asked how it stands.
    pub(crate) fn view(&self) -> &NodeView {
        &self.view
    }

    /// Where the admin listener is.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Where OTLP over gRPC is taken, if it is.
    pub(crate) async fn otlp_grpc_address(&self) -> Option<SocketAddr> {
        let addresses = self.view.running().addresses().await;
        let grpc = addresses.into_iter().find(|it| it.transport == "grpc");
        grpc.map(|bound| bound.address)
    }

    /// Gives the policies of the file to the cluster, if the node is in one.
    pub(crate) fn propose_policies(&self, text: &str) {
        if let Some(membership) = self.view.membership() {
            membership.propose_policies(text);
        }
    }

    /// Puts other settings into force, logs how that went, and says whether they are.
    pub(crate) async fn reload(&self, settings: Settings) -> bool {
        if Fixed::of(&settings) != self.fixed {
            tracing::warn!(
                "changes of telemetry, health checks, pages and the cluster need a restart"
            );
        }
        match self.view.running().reload(limit_to_roles(settings)).await {
            Ok(()) => {
                let revision = self.view.note_reloaded();
                tracing::info!(revision, "configuration reloaded");
                true
            }
            Err(error) => {
                tracing::error!(%error, "configuration refused, the one before stays in force");
                self.view.note_refused(error.to_string());
                false
            }
        }
    }

    /// Waits until a part of this process has ended without which it must not go on; says which.
    pub(crate) async fn failed(&self) -> anyhow::Error {
        match self.view.membership() {
            Some(membership) => membership.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the controllers give policies of a later revision than this one.
    pub(crate) async fn policies_after(&self, revision: u64) -> Arc<PolicyRevision> {
        match self.view.membership() {
            Some(membership) => membership.policies_after(revision).await,
            None => std::future::pending().await,
        }
    }

    /// Leaves the cluster, then drains within this time, then closes the admin listener too.
    pub(crate) async fn stop(&self, drain_time: Duration) -> Shutdown {
        self.view.note_draining();
        if let Some(membership) = self.view.membership() {
            self.hurry.run_until_cancelled(membership.depart()).await;
        }
        let shutdown = self.view.running().shutdown(drain_time).await;
        if let Some(membership) = self.view.membership() {
            membership.stop().await;
        }
        self.stop_servers.cancel();
        let saved_profile = self.saved_profile.lock().take();
        if let Some(saved) = saved_profile {
            self.hurry.run_until_cancelled(saved.finish()).await;
        }
        shutdown
    }

    /// Makes [`Node::stop`] return at once. What is held is lost.
    pub(crate) fn abort(&self) {
        self.hurry.cancel();
        self.view.running().abort();
    }
}

/// Logs where the admin listener is, at once: a process that waits for its cluster can be asked why.
fn announce_admin(address: SocketAddr) {
    tracing::info!(name = "admin", %address, "listening");
}

/// The recorder of this process. There is one, however many nodes there are.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// All metrics, as the admin listener shows them; nothing before there are any.
pub(crate) fn page_of_metrics() -> Option<String> {
    Some(HANDLE.get()?.render())
}

fn metrics_handle() -> anyhow::Result<PrometheusHandle> {
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let mut builder = PrometheusBuilder::new();
    for metric in Metric::ALL {
        let bounds: Vec<f64> = metric.bounds().iter().map(|&bound| bound as f64).collect();
        if !bounds.is_empty() {
            let name = Matcher::Full(metric.reference().name.to_owned());
            builder = builder.set_buckets_for_metric(name, &bounds)?;
        }
    }
    let handle = builder
        .install_recorder()
        .context("the metrics recorder cannot be installed")?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}

async fn keep_up(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut interval = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            _ = interval.tick() => metrics.run_upkeep(),
            () = stop.cancelled() => return,
        }
    }
}

/// Shows what exporters print above the status line, and remembers what they kept where that is asked for.
fn console(terminal: &Terminal, kept: Option<KeptTrace>) -> Console {
    let terminal = terminal.clone();
    let waterfall = WaterfallOptions {
        width: Terminal::width(),
        colours: Terminal::output_has_colours(),
        ..WaterfallOptions::default()
    };
    Console::new(waterfall, move |stream, text| match stream {
        Stream::Output => {
            if let Some(kept) = &kept {
                kept.remember(text);
            }
            terminal.print(text)
        }
        Stream::Error => terminal.note(text),
    })
}
