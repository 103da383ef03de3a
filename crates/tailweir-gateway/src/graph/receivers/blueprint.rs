//! From the settings of a receiver to one that is ready to listen.

use crate::error::StartError;
use crate::files::{FileReading, Patterns};
use crate::graph::Ground;
use crate::graph::server::{self, grpc_limits, http_limits, set};
use crate::ingress::auth::Authenticator;
use crate::ingress::{
    ConnectionLimits, Door, Endpoint, GrpcService, HttpOptions, HttpPaths, HttpService, Intake,
    Protocol, Reading, SizeLimit, Transport,
};
use crate::intake::ReceiverIntake;
use std::sync::Arc;
use tailweir_config::{
    ComponentId, Extension, GrpcServer, HttpServer, OtlpHttpServer, OtlpJsonFileReceiver,
    OtlpReceiver, Receiver, Settings,
};
use tailweir_tls::ServerConfigs;

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
pub(crate) enum ReceiverBlueprint {
    Otlp(Box<OtlpBlueprint>),
    Files(Box<OtlpJsonFileReceiver>),
}

/// Everything that an OTLP receiver depends on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OtlpBlueprint {
    settings: OtlpReceiver,
    grpc_auth: Option<(ComponentId, Extension)>,
    http_auth: Option<(ComponentId, Extension)>,
}

/// A receiver that is ready to listen.
pub(crate) struct ReceiverParts {
    pub(super) blueprint: ReceiverBlueprint,
    pub(super) intake: Arc<ReceiverIntake>,
    pub(super) doors: Vec<DoorParts>,
    pub(super) reading: Option<Arc<FileReading>>,
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
        Ok(match settings.receivers.get(id) {
            Some(Receiver::Otlp(receiver)) => {
                let blueprint = OtlpBlueprint::of(id, receiver, settings)?;
                Some(Self::Otlp(Box::new(blueprint)))
            }
            Some(Receiver::Files(receiver)) => Some(Self::Files(receiver.clone())),
            Some(Receiver::Nop) | None => None,
        })
    }

    /// Reads certificates and credentials; opens nothing.
    ///
    /// # Errors
    ///
    /// When one cannot be read, or a pattern is none.
    pub(crate) fn prepare(
        self,
        id: &ComponentId,
        ground: &Ground,
    ) -> Result<ReceiverParts, StartError> {
        let intake = ReceiverIntake::new(Arc::clone(&ground.ledger), Arc::clone(&ground.scans));
        let intake = Arc::new(intake);
        let (doors, reading) = match &self {
            Self::Otlp(otlp) => (otlp.doors(id, &intake, ground)?, None),
            Self::Files(settings) => {
                let patterns = patterns(id, settings)?;
                let (intake, admission) = (Arc::clone(&intake), Arc::clone(&ground.admission));
                let reading =
                    FileReading::new(id.to_string(), settings, patterns, intake, admission);
                (Vec::new(), Some(Arc::new(reading)))
            }
        };
        Ok(ReceiverParts {
            blueprint: self,
            intake,
            doors,
            reading,
        })
    }
}

/// The patterns of a receiver of files.
///
/// # Errors
///
/// [`StartError::Pattern`].
pub(crate) fn patterns(
    id: &ComponentId,
    settings: &OtlpJsonFileReceiver,
) -> Result<Patterns, StartError> {
    let compiled = Patterns::compile(&settings.include, &settings.exclude);
    compiled.map_err(|message| StartError::Pattern {
        receiver: id.clone(),
        message,
    })
}

impl OtlpBlueprint {
    fn of(
        id: &ComponentId,
        receiver: &OtlpReceiver,
        settings: &Settings,
    ) -> Result<Self, StartError> {
        let protocols = &receiver.protocols;
        let named = |authenticator: &Option<ComponentId>| {
            server::extension_of(id, authenticator.as_ref(), settings)
        };
        let grpc = protocols.grpc.as_ref().map(|grpc| &grpc.server);
        let grpc = grpc.and_then(|server| server.auth.as_ref());
        let http = protocols.http.as_ref().map(|http| &http.server);
        let http = http.and_then(|server| server.auth.as_ref());
        Ok(Self {
            grpc_auth: grpc.map(|auth| named(&auth.authenticator)).transpose()?,
            http_auth: http.map(|auth| named(&auth.authenticator)).transpose()?,
            settings: receiver.clone(),
        })
    }

    fn doors(
        &self,
        id: &ComponentId,
        intake: &Arc<ReceiverIntake>,
        ground: &Ground,
    ) -> Result<Vec<DoorParts>, StartError> {
        let mut doors = Vec::new();
        if let Some(grpc) = &self.settings.protocols.grpc {
            let authenticator = server::authenticator(self.grpc_auth.as_ref())?;
            let door = grpc_door(&grpc.server, authenticator, intake.clone(), ground);
            doors.push(DoorParts {
                transport: Transport::Grpc,
                endpoint: server::endpoint(&grpc.server.endpoint, grpc.server.transport),
                protocol: Protocol::Grpc(GrpcService::new(door)),
                tls: server::tls(id, grpc.server.tls.as_ref(), &["h2"])?,
                limits: grpc_limits(&grpc.server),
            });
        }
        if let Some(http) = &self.settings.protocols.http {
            let authenticator = server::authenticator(self.http_auth.as_ref())?;
            let door = http_door(&http.server, authenticator, intake.clone(), ground);
            doors.push(DoorParts {
                transport: Transport::Http,
                endpoint: server::endpoint(&http.server.endpoint, http.server.transport),
                protocol: Protocol::Http(http_service(http, door)),
                tls: server::tls(id, http.server.tls.as_ref(), &["h2", "http/1.1"])?,
                limits: http_limits(&http.server),
            });
        }
        Ok(doors)
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
    let http = &settings.server;
    let paths = HttpPaths {
        paths: [
            settings.traces_url_path.clone(),
            settings.metrics_url_path.clone(),
            settings.logs_url_path.clone(),
        ],
    };
    let compressions = if http.compression_algorithms.is_empty() {
        COMPRESSIONS.map(str::to_owned).to_vec()
    } else {
        let named = http.compression_algorithms.iter();
        named
            .filter(|name| !name.is_empty() && *name != "none")
            .cloned()
            .collect()
    };
    let options = HttpOptions {
        paths,
        cors: server::cors(http),
        compressions,
        headers: server::headers(http),
        request_params: server::request_params(http),
        read_timeout: set(http.read_timeout),
    };
    HttpService::new(door, options)
}
