//! Receivers that run.

use super::wiring::Head;
use super::{Graph, Ground, Plan};
use crate::error::StartError;
use crate::ingress::auth::Authenticator;
use crate::ingress::{
    ConnectionLimits, Cors, Door, GrpcService, HttpPaths, HttpService, Intake, Listener, Protocol,
    Reading, Server, SizeLimit, Transport,
};
use crate::intake::{Entries, Entry, ReceiverIntake};
use crate::pipeline::{Way, Ways};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{
    ComponentId, Extension, GrpcServer, HttpServer, OtlpGrpcServer, OtlpHttpServer, OtlpReceiver,
    PipelineId, Receiver, ServerAuthenticator, ServerTls, Settings,
};
use tailweir_core::Signal;
use tailweir_export::tls::ServerConfigs;

const GRPC_MESSAGE_BYTES: usize = 4 << 20;
const HTTP_BODY_BYTES: usize = 20 << 20;
/// Compressions that are taken over HTTP where the settings do not say.
const COMPRESSIONS: [&str; 6] = [
    "gzip",
    "zstd",
    "zlib",
    "deflate",
    "snappy",
    "x-snappy-framed",
];
/// Open requests of a receiver that a reload changes get this long.
const CHANGE_GRACE: Duration = Duration::from_secs(5);

/// A receiver that listens.
pub(crate) struct RunningReceiver {
    pub(crate) blueprint: ReceiverBlueprint,
    pub(crate) intake: Arc<ReceiverIntake>,
    servers: Vec<(Transport, Server)>,
}

/// Everything that a receiver depends on in the settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceiverBlueprint {
    settings: OtlpReceiver,
    grpc_auth: Option<(ComponentId, Extension)>,
    http_auth: Option<(ComponentId, Extension)>,
}

/// A receiver that is ready to listen.
pub(crate) struct ReceiverParts {
    blueprint: ReceiverBlueprint,
    intake: Arc<ReceiverIntake>,
    doors: Vec<DoorParts>,
}

struct DoorParts {
    transport: Transport,
    endpoint: String,
    protocol: Protocol,
    tls: Option<Arc<ServerConfigs>>,
    limits: ConnectionLimits,
}

impl ReceiverBlueprint {
    /// That of a configured receiver; nothing for one that receives nothing, or a connector.
    ///
    /// # Errors
    ///
    /// When its authenticator does not run.
    pub(crate) fn of(id: &ComponentId, settings: &Settings) -> Result<Option<Self>, StartError> {
        let Some(Receiver::Otlp(receiver)) = settings.receivers.get(id) else {
            return Ok(None);
        };
        let protocols = &receiver.protocols;
        let auth = |auth: Option<&ServerAuthenticator>| {
            auth.map(|auth| extension_of(id, auth, settings))
                .transpose()
        };
        let grpc = protocols.grpc.as_ref();
        let http = protocols.http.as_ref();
        Ok(Some(Self {
            grpc_auth: auth(grpc.and_then(|grpc| grpc.server.auth.as_ref()))?,
            http_auth: auth(http.and_then(|http| http.server.auth.as_ref()))?,
            settings: receiver.as_ref().clone(),
        }))
    }

    /// Reads certificates and credentials.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub(crate) fn prepare(
        self,
        id: &ComponentId,
        ground: &Ground,
    ) -> Result<ReceiverParts, StartError> {
        let intake = ReceiverIntake::new(Arc::clone(&ground.ledger), Arc::clone(&ground.scans));
        let intake = Arc::new(intake);
        let mut doors = Vec::new();
        if let Some(grpc) = &self.settings.protocols.grpc {
            let authenticator = authenticator(self.grpc_auth.as_ref())?;
            let door = grpc_door(&grpc.server, authenticator, intake.clone(), ground);
            doors.push(DoorParts {
                transport: Transport::Grpc,
                endpoint: grpc.server.endpoint.clone(),
                protocol: Protocol::Grpc(GrpcService::new(door)),
                tls: tls(id, grpc.server.tls.as_ref(), &["h2"])?,
                limits: grpc_limits(grpc),
            });
        }
        if let Some(http) = &self.settings.protocols.http {
            let authenticator = authenticator(self.http_auth.as_ref())?;
            let door = http_door(&http.server, authenticator, intake.clone(), ground);
            doors.push(DoorParts {
                transport: Transport::Http,
                endpoint: http.server.endpoint.clone(),
                protocol: Protocol::Http(http_service(http, door)),
                tls: tls(id, http.server.tls.as_ref(), &["h2", "http/1.1"])?,
                limits: http_limits(&http.server),
            });
        }
        Ok(ReceiverParts {
            blueprint: self,
            intake,
            doors,
        })
    }
}

impl RunningReceiver {
    /// Where it listens.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (Transport, SocketAddr)> {
        self.servers
            .iter()
            .map(|(transport, server)| (*transport, server.address()))
    }

    /// Its servers.
    pub(crate) fn servers(&self) -> impl Iterator<Item = (Transport, &Server)> {
        self.servers
            .iter()
            .map(|(transport, server)| (*transport, server))
    }

    /// Stops listening, and lets open requests finish. Returns whether all did in time.
    pub(crate) async fn stop(self, grace: Duration) -> bool {
        let mut stopping = tokio::task::JoinSet::new();
        for (_, server) in self.servers {
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
                // Its port may be wanted again at once.
                running.intake.set_entries(entries(&id, settings, &heads));
                running.stop(CHANGE_GRACE).await;
            }
        }
        for (id, parts) in &plan.receivers {
            parts.intake.set_entries(entries(id, settings, &heads));
            let running = listen(id, parts, ground).await?;
            self.receivers.insert(id.clone(), running);
        }
        Ok(())
    }
}

async fn listen(
    id: &ComponentId,
    parts: &ReceiverParts,
    _ground: &Ground,
) -> Result<RunningReceiver, StartError> {
    let mut bound = Vec::new();
    for door in &parts.doors {
        let listener = Listener::bind(&door.endpoint).await;
        let listener = listener.map_err(|source| StartError::Bind {
            receiver: id.clone(),
            endpoint: door.endpoint.clone(),
            source,
        })?;
        bound.push((door, listener));
    }
    let serve = |(door, listener): (&DoorParts, Listener)| {
        tracing::info!(
            receiver = %id,
            transport = door.transport.name(),
            address = %listener.address(),
            "listening"
        );
        let server = listener.serve(door.protocol.clone(), door.tls.clone(), door.limits.clone());
        (door.transport, server)
    };
    Ok(RunningReceiver {
        blueprint: parts.blueprint.clone(),
        intake: Arc::clone(&parts.intake),
        servers: bound.into_iter().map(serve).collect(),
    })
}

/// Where each signal of a receiver goes.
fn entries(id: &ComponentId, settings: &Settings, heads: &BTreeMap<PipelineId, Head>) -> Entries {
    Signal::ALL.map(|signal| {
        let mut fed: Vec<Head> = settings
            .pipelines
            .iter()
            .filter(|pipeline| pipeline.id.signal == signal && pipeline.receivers.contains(id))
            .filter_map(|pipeline| heads.get(&pipeline.id).cloned())
            .collect();
        match fed.len() {
            0 => None,
            1 => fed.pop().map(|head| Entry {
                stage: head.stage,
                is_detached: !head.is_sampler,
            }),
            _ => {
                let ways = fed.into_iter().map(|head| Way::Pipeline(head.stage));
                Some(Entry {
                    stage: Arc::new(Ways::new(ways.collect())),
                    is_detached: true,
                })
            }
        }
    })
}

fn grpc_door(
    server: &GrpcServer,
    authenticator: Option<Arc<Authenticator>>,
    intake: Arc<ReceiverIntake>,
    ground: &Ground,
) -> Arc<Door> {
    let mib = usize::try_from(server.max_recv_msg_size_mib).unwrap_or(0);
    let limit = SizeLimit {
        bytes: if mib == 0 {
            GRPC_MESSAGE_BYTES
        } else {
            mib << 20
        },
        option: "max_recv_msg_size_mib",
    };
    door(
        Transport::Grpc,
        limit,
        server.include_metadata,
        authenticator,
        intake,
        ground,
    )
}

fn http_door(
    server: &HttpServer,
    authenticator: Option<Arc<Authenticator>>,
    intake: Arc<ReceiverIntake>,
    ground: &Ground,
) -> Arc<Door> {
    let bytes = usize::try_from(server.max_request_body_size).unwrap_or(0);
    let limit = SizeLimit {
        bytes: if bytes == 0 { HTTP_BODY_BYTES } else { bytes },
        option: "max_request_body_size",
    };
    door(
        Transport::Http,
        limit,
        server.include_metadata,
        authenticator,
        intake,
        ground,
    )
}

fn door(
    transport: Transport,
    limit: SizeLimit,
    include_metadata: bool,
    authenticator: Option<Arc<Authenticator>>,
    intake: Arc<dyn Intake>,
    ground: &Ground,
) -> Arc<Door> {
    Arc::new(Door {
        transport,
        reading: Reading {
            admission: Arc::clone(&ground.admission),
            buffers: Arc::clone(&ground.buffers),
            limit,
        },
        include_metadata,
        authenticator,
        intake,
    })
}

fn http_service(settings: &OtlpHttpServer, door: Arc<Door>) -> HttpService {
    let server = &settings.server;
    let paths = HttpPaths {
        paths: [
            settings.traces_url_path.clone(),
            settings.metrics_url_path.clone(),
            settings.logs_url_path.clone(),
        ],
    };
    let cors = server
        .cors
        .as_ref()
        .filter(|cors| !cors.allowed_origins.is_empty());
    let cors = cors.map(|cors| Cors {
        allowed_origins: cors.allowed_origins.clone(),
        allowed_headers: cors.allowed_headers.clone(),
        exposed_headers: cors.exposed_headers.clone(),
        max_age_seconds: u64::try_from(cors.max_age).unwrap_or(0),
    });
    let compressions = if server.compression_algorithms.is_empty() {
        COMPRESSIONS.map(str::to_owned).to_vec()
    } else {
        let named = server.compression_algorithms.iter();
        named
            .filter(|name| !name.is_empty() && *name != "none")
            .cloned()
            .collect()
    };
    let headers = server.response_headers.iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.expose().to_owned()));
    HttpService::new(door, paths, cors, compressions, headers.collect())
}

fn grpc_limits(settings: &OtlpGrpcServer) -> ConnectionLimits {
    let mut limits = ConnectionLimits::default();
    let server = &settings.server;
    if server.max_concurrent_streams > 0 {
        limits.concurrent_streams_max = server.max_concurrent_streams;
    }
    if let Some(keepalive) = &server.keepalive {
        let wanted = &keepalive.server_parameters;
        let set = |value: Duration, into: &mut Duration| {
            if !value.is_zero() {
                *into = value;
            }
        };
        set(wanted.time, &mut limits.keepalive_time);
        set(wanted.timeout, &mut limits.keepalive_timeout);
        set(
            wanted.max_connection_age_grace,
            &mut limits.connection_age_grace,
        );
        let age = wanted.max_connection_age;
        limits.connection_age_max = (!age.is_zero()).then_some(age);
    }
    limits
}

fn http_limits(server: &HttpServer) -> ConnectionLimits {
    let mut limits = ConnectionLimits::default();
    if !server.read_header_timeout.is_zero() {
        limits.handshake_timeout = server.read_header_timeout;
    }
    limits
}

fn tls(
    id: &ComponentId,
    settings: Option<&ServerTls>,
    protocols: &[&str],
) -> Result<Option<Arc<ServerConfigs>>, StartError> {
    let configs = settings.map(|settings| ServerConfigs::new(settings, protocols).map(Arc::new));
    configs.transpose().map_err(|source| StartError::Tls {
        receiver: id.clone(),
        source,
    })
}

fn authenticator(
    named: Option<&(ComponentId, Extension)>,
) -> Result<Option<Arc<Authenticator>>, StartError> {
    let Some((id, extension)) = named else {
        return Ok(None);
    };
    Authenticator::of(extension)
        .map(|authenticator| Some(Arc::new(authenticator)))
        .map_err(|source| StartError::Auth {
            authenticator: id.clone(),
            source,
        })
}

/// The extension that an `auth` block names, if it runs and checks credentials.
fn extension_of(
    id: &ComponentId,
    named: &ServerAuthenticator,
    settings: &Settings,
) -> Result<(ComponentId, Extension), StartError> {
    let authenticator = named.authenticator.as_ref();
    let running = authenticator.filter(|id| settings.service_extensions.contains(id));
    let found = running.and_then(|id| Some((id.clone(), settings.extensions.get(id)?.clone())));
    found
        .filter(|(_, extension)| {
            matches!(
                extension,
                Extension::BasicAuth(_) | Extension::BearerTokenAuth(_)
            )
        })
        .ok_or_else(|| StartError::NoAuthenticator {
            component: id.clone(),
            authenticator: authenticator.map(ToString::to_string).unwrap_or_default(),
        })
}
