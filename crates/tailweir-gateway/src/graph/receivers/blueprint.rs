//! From the settings of a receiver to one that is ready to listen.

use super::limits::{grpc_limits, http_limits, set};
use crate::error::StartError;
use crate::graph::Ground;
use crate::ingress::auth::Authenticator;
use crate::ingress::{
    ConnectionLimits, Cors, Door, Endpoint, Family, GrpcService, HttpOptions, HttpPaths,
    HttpService, Intake, Protocol, Reading, SizeLimit, Transport,
};
use crate::intake::ReceiverIntake;
use std::path::PathBuf;
use std::sync::Arc;
use tailweir_config::{
    ComponentId, Extension, GrpcServer, HttpServer, OtlpHttpServer, OtlpReceiver, Receiver,
    ServerTls, Settings,
};
use tailweir_export::tls::ServerConfigs;

const GRPC_MESSAGE_BYTES: usize = 4 << 20;
const HTTP_BODY_BYTES: usize = 20 << 20;
/// Compressions that are taken over HTTP where the settings do not say.
const COMPRESSIONS: [&str; 7] = [
    "gzip",
    "zstd",
    "zlib",
    "deflate",
    "snappy",
    "x-snappy-framed",
    "lz4",
];

/// Everything that a receiver depends on in the settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceiverBlueprint {
    settings: OtlpReceiver,
    grpc_auth: Option<(ComponentId, Extension)>,
    http_auth: Option<(ComponentId, Extension)>,
}

/// A receiver that is ready to listen.
pub(crate) struct ReceiverParts {
    pub(super) blueprint: ReceiverBlueprint,
    pub(super) intake: Arc<ReceiverIntake>,
    pub(super) doors: Vec<DoorParts>,
}

/// One protocol of it.
pub(super) struct DoorParts {
    pub(super) transport: Transport,
    pub(super) endpoint: Endpoint,
    pub(super) protocol: Protocol,
    pub(super) tls: Option<Arc<ServerConfigs>>,
    pub(super) limits: ConnectionLimits,
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
        let named = |authenticator: &Option<ComponentId>| {
            extension_of(id, authenticator.as_ref(), settings)
        };
        let grpc = protocols.grpc.as_ref().map(|grpc| &grpc.server);
        let grpc = grpc.and_then(|server| server.auth.as_ref());
        let http = protocols.http.as_ref().map(|http| &http.server);
        let http = http.and_then(|server| server.auth.as_ref());
        Ok(Some(Self {
            grpc_auth: grpc.map(|auth| named(&auth.authenticator)).transpose()?,
            http_auth: http.map(|auth| named(&auth.authenticator)).transpose()?,
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
                endpoint: endpoint(&grpc.server.endpoint, grpc.server.transport),
                protocol: Protocol::Grpc(GrpcService::new(door)),
                tls: tls(id, grpc.server.tls.as_ref(), &["h2"])?,
                limits: grpc_limits(&grpc.server),
            });
        }
        if let Some(http) = &self.settings.protocols.http {
            let authenticator = authenticator(self.http_auth.as_ref())?;
            let door = http_door(&http.server, authenticator, intake.clone(), ground);
            doors.push(DoorParts {
                transport: Transport::Http,
                endpoint: endpoint(&http.server.endpoint, http.server.transport),
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

fn endpoint(text: &str, transport: tailweir_config::Transport) -> Endpoint {
    match transport {
        tailweir_config::Transport::Unix => Endpoint::Unix(PathBuf::from(text)),
        tailweir_config::Transport::Tcp => Endpoint::Tcp(text.to_owned(), Family::Any),
        tailweir_config::Transport::Tcp4 => Endpoint::Tcp(text.to_owned(), Family::V4),
        tailweir_config::Transport::Tcp6 => Endpoint::Tcp(text.to_owned(), Family::V6),
    }
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
    let auth = server.auth.as_ref();
    let options = HttpOptions {
        paths,
        cors,
        compressions,
        headers: headers.collect(),
        request_params: auth.map_or(Vec::new(), |auth| auth.request_params.clone()),
        read_timeout: set(server.read_timeout),
    };
    HttpService::new(door, options)
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
    authenticator: Option<&ComponentId>,
    settings: &Settings,
) -> Result<(ComponentId, Extension), StartError> {
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
