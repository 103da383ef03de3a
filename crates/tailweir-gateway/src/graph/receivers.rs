//! Receivers that run.

mod blueprint;

pub(crate) use blueprint::{ReceiverBlueprint, ReceiverParts, patterns};

use super::wiring::Head;
use super::{Graph, Ground, Plan};
use crate::actors::Child;
use crate::error::StartError;
use crate::files::FileReading;
use crate::ingress::{DatagramServer, DatagramSocket, Listener, Server, Transport};
use crate::intake::{Entries, Entry, ReceiverIntake};
use crate::pipeline::{Way, Ways};
use crate::scraping::Scraping;
use blueprint::{DatagramParts, DoorParts};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ComponentId, PipelineId, Settings};
use tailweir_core::Signal;

/// Open requests of a receiver that a reload changes get this long.
const CHANGE_GRACE: Duration = Duration::from_secs(5);

/// A receiver that listens, reads or scrapes.
pub(crate) struct RunningReceiver {
    pub(crate) blueprint: ReceiverBlueprint,
    pub(crate) intake: Arc<ReceiverIntake>,
    servers: Vec<(Transport, Server)>,
    datagrams: Vec<(Transport, DatagramServer)>,
    reading: Option<(Arc<FileReading>, Child)>,
    scraping: Option<(Arc<Scraping>, Child)>,
}

impl RunningReceiver {
    /// Where it listens; Unix sockets are left out.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (Transport, SocketAddr)> {
        let servers = self.servers.iter();
        let servers = servers.map(|(transport, server)| (*transport, server.address()));
        let datagrams = self.datagrams.iter();
        let datagrams = datagrams.map(|(transport, server)| (*transport, server.address()));
        let all = servers.chain(datagrams);
        all.filter_map(|(transport, address)| Some((transport, address?)))
    }

    /// What reads files for it.
    pub(crate) fn reading(&self) -> Option<&FileReading> {
        self.reading.as_ref().map(|(reading, _)| reading.as_ref())
    }

    /// What scrapes for it.
    pub(crate) fn scraping(&self) -> Option<&Scraping> {
        self.scraping
            .as_ref()
            .map(|(scraping, _)| scraping.as_ref())
    }

    /// Its servers.
    pub(crate) fn servers(&self) -> impl Iterator<Item = (Transport, &Server)> {
        self.servers
            .iter()
            .map(|(transport, server)| (*transport, server))
    }

    /// Its servers of datagrams.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (Transport, &DatagramServer)> {
        self.datagrams
            .iter()
            .map(|(transport, server)| (*transport, server))
    }

    /// Stops reading, scraping and listening, and lets open requests finish. Returns whether all did in time.
    pub(crate) async fn stop(self, grace: Duration) -> bool {
        let mut stopping = tokio::task::JoinSet::new();
        if let Some((reading, worker)) = self.reading {
            stopping.spawn(async move {
                let in_time = reading.stop(grace).await;
                worker.stop();
                in_time
            });
        }
        if let Some((scraping, worker)) = self.scraping {
            stopping.spawn(async move {
                let in_time = scraping.stop(grace).await;
                worker.stop();
                in_time
            });
        }
        for (_, server) in self.servers {
            stopping.spawn(server.stop(grace));
        }
        for (_, server) in self.datagrams {
            stopping.spawn(server.stop(grace));
        }
        let mut in_time = true;
        while let Some(stopped) = stopping.join_next().await {
            in_time &= stopped.unwrap_or(false);
        }
        in_time
    }
}

impl Graph {
    /// Starts, stops and redirects receivers. One that did not change keeps its connections.
    pub(super) async fn change_receivers(
        &mut self,
        ground: &Ground,
        plan: &Plan,
        heads: BTreeMap<PipelineId, Head>,
    ) -> Result<(), StartError> {
        let settings = &plan.settings;
        let used = |id: &ComponentId| {
            let mut pipelines = settings.pipelines.iter();
            pipelines.any(|pipeline| pipeline.receivers.contains(id))
        };
        for (id, running) in std::mem::take(&mut self.receivers) {
            if used(&id) && !plan.receivers.contains_key(&id) {
                running.intake.set_entries(entries(&id, settings, &heads));
                self.receivers.insert(id, running);
            } else {
                // Its port may be wanted again at once. What is still being read goes the new way, or,
                // where there is none, the old one, which refuses retryably once it is closed.
                if used(&id) {
                    running.intake.set_entries(entries(&id, settings, &heads));
                }
                running.stop(CHANGE_GRACE).await;
            }
        }
        for (id, parts) in &plan.receivers {
            parts.intake.set_entries(entries(id, settings, &heads));
            let running = start(id, parts, ground).await?;
            self.receivers.insert(id.clone(), running);
        }
        Ok(())
    }
}

async fn start(
    id: &ComponentId,
    parts: &ReceiverParts,
    ground: &Ground,
) -> Result<RunningReceiver, StartError> {
    let mut bound_datagrams = Vec::new();
    for parts in &parts.datagrams {
        bound_datagrams.push((parts, bind_datagrams(id, parts).await?));
    }
    let mut bound = Vec::new();
    for door in &parts.doors {
        let listener = Listener::bind(&door.endpoint).await;
        let listener = listener.map_err(|source| StartError::Bind {
            component: id.clone(),
            endpoint: door.endpoint.to_string(),
            source,
        })?;
        bound.push((door, listener));
    }
    let serve = |(door, listener): (&DoorParts, Listener)| {
        tracing::info!(
            receiver = %id,
            transport = door.transport.name(),
            endpoint = %door.endpoint,
            address = listener.address().map(tracing::field::display),
            "listening"
        );
        let server = listener.serve(door.protocol.clone(), door.tls.clone(), door.limits.clone());
        (door.transport, server)
    };
    let mut reading = None;
    if let Some(files) = &parts.reading {
        let work: Arc<FileReading> = Arc::clone(files);
        let worker = ground.nursery.start_worker(work).await;
        // Only a node that is going down starts nothing.
        reading = worker.map(|worker| (Arc::clone(files), worker));
    }
    let mut scraping = None;
    if let Some(targets) = &parts.scraping {
        let work: Arc<Scraping> = Arc::clone(targets);
        let worker = ground.nursery.start_worker(work).await;
        scraping = worker.map(|worker| (Arc::clone(targets), worker));
    }
    Ok(RunningReceiver {
        blueprint: parts.blueprint.clone(),
        intake: Arc::clone(&parts.intake),
        servers: bound.into_iter().map(serve).collect(),
        datagrams: bound_datagrams
            .into_iter()
            .map(|(parts, socket)| (parts.door.transport, socket.serve(Arc::clone(&parts.door))))
            .collect(),
        reading,
        scraping,
    })
}

async fn bind_datagrams(
    id: &ComponentId,
    parts: &DatagramParts,
) -> Result<DatagramSocket, StartError> {
    let socket = DatagramSocket::bind(&parts.endpoint, parts.options).await;
    let socket = socket.map_err(|source| StartError::Bind {
        component: id.clone(),
        endpoint: parts.endpoint.clone(),
        source,
    })?;
    tracing::info!(
        receiver = %id,
        transport = parts.door.transport.name(),
        endpoint = %parts.endpoint,
        address = socket.address().map(tracing::field::display),
        "listening"
    );
    Ok(socket)
}

/// Where each signal of a receiver goes.
fn entries(id: &ComponentId, settings: &Settings, heads: &BTreeMap<PipelineId, Head>) -> Entries {
    Signal::ALL.map(|signal| {
        let mut fed: Vec<(String, Head)> = settings
            .pipelines
            .iter()
            .filter(|pipeline| pipeline.id.signal == signal && pipeline.receivers.contains(id))
            .filter_map(|pipeline| {
                let head = heads.get(&pipeline.id)?.clone();
                Some((pipeline.id.to_string(), head))
            })
            .collect();
        match fed.len() {
            0 => None,
            1 => fed.pop().map(|(_, head)| Entry {
                stage: head.stage,
                is_detached: !head.is_sampler,
            }),
            _ => {
                let fed = fed.into_iter();
                let ways = fed.map(|(name, head)| (name, Way::Pipeline(head.stage)));
                Some(Entry {
                    stage: Arc::new(Ways::new(ways.collect())),
                    is_detached: true,
                })
            }
        }
    })
}
