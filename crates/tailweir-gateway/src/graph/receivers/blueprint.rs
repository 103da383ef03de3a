//! From the settings of a receiver to one that is ready to listen.

use crate::error::StartError;
use crate::files::{FileReading, Patterns};
use crate::graph::Ground;
use crate::graph::server::{self, grpc_limits, http_limits, set};
use crate::ingress::auth::Authenticator;
use crate::ingress::{
    ConnectionLimits, Content, DatagramOptions, Door, Endpoint, GrpcApi, GrpcService, HttpApi,
    HttpOptions, HttpService, Intake, Protocol, Reading, SizeLimit, Transport,
};
use crate::intake::ReceiverIntake;
use crate::scraping::{ScrapeGround, Scraping};
use std::sync::Arc;
use tailweir_config::{
    ComponentId, DatagramServer, Extension, GrpcServer, HttpServer, OtlpJsonFileReceiver,
    PrometheusReceiver, Receiver, Settings,
};
use tailweir_tls::ServerConfigs;
use tailweir_translate::Jaeger;

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
    Served(Box<ServedBlueprint>),
    Files(Box<OtlpJsonFileReceiver>),
    Scraped(Box<PrometheusReceiver>),
}

/// Everything that a receiver with servers depends on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServedBlueprint {
    receiver: Receiver,
    grpc_auth: Option<(ComponentId, Extension)>,
    http_auth: Option<(ComponentId, Extension)>,
}

/// A receiver that is ready to listen.
pub(crate) struct ReceiverParts {
    pub(super) blueprint: ReceiverBlueprint,
    pub(super) intake: Arc<ReceiverIntake>,
    pub(super) doors: Vec<DoorParts>,
    pub(super) datagrams: Vec<DatagramParts>,
    pub(super) reading: Option<Arc<FileReading>>,
    pub(super) scraping: Option<Arc<Scraping>>,
}

/// One protocol of it.
pub(super) struct DoorParts {
    pub(super) transport: Transport,
    pub(super) endpoint: Endpoint,
    pub(super) protocol: Protocol,
    pub(super) tls: Option<Arc<ServerConfigs>>,
    pub(super) limits: ConnectionLimits,
}

/// One protocol of it that has no connections.
pub(super) struct DatagramParts {
    pub(super) endpoint: String,
    pub(super) options: DatagramOptions,
    pub(super) door: Arc<Door>,
}

impl ReceiverBlueprint {
    /// That of a configured receiver; nothing for one that receives nothing, or a connector.
    ///
    /// # Errors
    ///
    /// When its authenticator does not run.
    pub(crate) fn of(id: &ComponentId, settings: &Settings) -> Result<Option<Self>, StartError> {
        Ok(match settings.receivers.get(id) {
            Some(receiver @ (Receiver::Otlp(_) | Receiver::Zipkin(_) | Receiver::Jaeger(_))) => {
                let blueprint = ServedBlueprint::of(id, receiver, settings)?;
                Some(Self::Served(Box::new(blueprint)))
            }
            Some(Receiver::Files(receiver)) => Some(Self::Files(receiver.clone())),
            Some(Receiver::Prometheus(receiver)) => Some(Self::Scraped(receiver.clone())),
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
        let (ledger, scans) = (Arc::clone(&ground.ledger), Arc::clone(&ground.scans));
        let intake = ReceiverIntake::new(id.to_string(), ledger, scans);
        let intake = Arc::new(intake);
        let mut datagrams = Vec::new();
        let (mut doors, mut reading, mut scraped) = (Vec::new(), None, None);
        match &self {
            Self::Served(served) => {
                datagrams = served.datagrams(&intake, ground);
                doors = served.doors(id, &intake, ground)?;
            }
            Self::Files(settings) => {
                let patterns = patterns(id, settings)?;
                let (intake, admission) = (Arc::clone(&intake), Arc::clone(&ground.admission));
                let files = FileReading::new(id.to_string(), settings, patterns, intake, admission);
                reading = Some(Arc::new(files));
            }
            Self::Scraped(settings) => {
                scraped = Some(Arc::new(scraping(id, settings, &intake, ground)?));
            }
        }
        Ok(ReceiverParts {
            blueprint: self,
            intake,
            doors,
            datagrams,
            reading,
            scraping: scraped,
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

/// What scrapes for a receiver.
fn scraping(
    id: &ComponentId,
    settings: &PrometheusReceiver,
    intake: &Arc<ReceiverIntake>,
    ground: &Ground,
) -> Result<Scraping, StartError> {
    let ground = ScrapeGround {
        intake: Arc::clone(intake),
        admission: Arc::clone(&ground.admission),
        buffers: Arc::clone(&ground.buffers),
        surroundings: Arc::clone(&ground.surroundings),
        seed: ground.seed,
        membership: ground.membership.clone(),
    };
    Scraping::new(id, settings, ground)
}

impl ServedBlueprint {
    fn of(id: &ComponentId, receiver: &Receiver, settings: &Settings) -> Result<Self, StartError> {
        let named = |authenticator: &Option<ComponentId>| {
            server::extension_of(id, authenticator.as_ref(), settings)
        };
        let grpc = receiver.grpc_server();
        let grpc = grpc.and_then(|server| server.auth.as_ref());
        let http = receiver.http_server();
        let http = http.and_then(|server| server.auth.as_ref());
        Ok(Self {
            grpc_auth: grpc.map(|auth| named(&auth.authenticator)).transpose()?,
            http_auth: http.map(|auth| named(&auth.authenticator)).transpose()?,
            receiver: receiver.clone(),
        })
    }

    fn doors(
        &self,
        id: &ComponentId,
        intake: &Arc<ReceiverIntake>,
        ground: &Ground,
    ) -> Result<Vec<DoorParts>, StartError> {
        let mut doors = Vec::new();
        if let Some(server) = self.receiver.grpc_server() {
            let auth = self.grpc_auth.as_ref();
            let api = match self.receiver {
                Receiver::Jaeger(_) => GrpcApi::Jaeger,
                _ => GrpcApi::Otlp,
            };
            doors.push(grpc_parts(id, server, api, auth, intake, ground)?);
        }
        if let Some((server, api)) = http_api(&self.receiver, ground) {
            let auth = self.http_auth.as_ref();
            doors.push(http_parts(id, server, api, auth, intake, ground)?);
        }
        Ok(doors)
    }

    fn datagrams(&self, intake: &Arc<ReceiverIntake>, ground: &Ground) -> Vec<DatagramParts> {
        let Receiver::Jaeger(jaeger) = &self.receiver else {
            return Vec::new();
        };
        let protocols = &jaeger.protocols;
        let compact = protocols.thrift_compact.as_ref();
        let compact = compact.map(|it| (Jaeger::CompactCall, Transport::ThriftCompact, &it.server));
        let binary = protocols.thrift_binary.as_ref();
        let binary = binary.map(|it| (Jaeger::BinaryCall, Transport::ThriftBinary, &it.server));
        let served = compact.into_iter().chain(binary);
        served
            .map(|(jaeger, transport, server)| {
                datagram_parts(jaeger, transport, server, intake, ground)
            })
            .collect()
    }
}

/// What a receiver takes in datagrams.
fn datagram_parts(
    jaeger: Jaeger,
    transport: Transport,
    server: &DatagramServer,
    intake: &Arc<ReceiverIntake>,
    ground: &Ground,
) -> DatagramParts {
    let number = |value| usize::try_from(value).unwrap_or(0);
    let limit = SizeLimit {
        bytes: number(server.max_packet_size),
        option: "max_packet_size",
    };
    DatagramParts {
        endpoint: server.endpoint.clone(),
        options: DatagramOptions {
            content: Content::Jaeger(jaeger),
            length_max: limit.bytes,
            queue_max: number(server.queue_size),
            workers: number(server.workers),
            system_buffer: Some(number(server.socket_buffer_size)).filter(|bytes| *bytes > 0),
        },
        door: door(transport, limit, false, None, intake.clone(), ground),
    }
}

/// What a receiver serves over HTTP.
fn http_api<'a>(receiver: &'a Receiver, ground: &Ground) -> Option<(&'a HttpServer, HttpApi)> {
    let api = match receiver {
        Receiver::Otlp(otlp) => {
            let http = otlp.protocols.http.as_ref()?;
            HttpApi::Otlp([
                http.traces_url_path.clone(),
                http.metrics_url_path.clone(),
                http.logs_url_path.clone(),
            ])
        }
        Receiver::Zipkin(zipkin) => HttpApi::Zipkin {
            parse_string_tags: zipkin.parse_string_tags,
            surroundings: Arc::clone(&ground.surroundings),
        },
        Receiver::Jaeger(_) => HttpApi::Jaeger,
        Receiver::Files(_) | Receiver::Prometheus(_) | Receiver::Nop => return None,
    };
    Some((receiver.http_server()?, api))
}

fn grpc_parts(
    id: &ComponentId,
    settings: &GrpcServer,
    api: GrpcApi,
    auth: Option<&(ComponentId, Extension)>,
    intake: &Arc<ReceiverIntake>,
    ground: &Ground,
) -> Result<DoorParts, StartError> {
    let authenticator = server::authenticator(auth)?;
    let door = grpc_door(settings, authenticator, intake.clone(), ground);
    Ok(DoorParts {
        transport: Transport::Grpc,
        endpoint: server::endpoint(&settings.endpoint, settings.transport),
        protocol: Protocol::Grpc(GrpcService::new(api, door)),
        tls: server::tls(id, settings.tls.as_ref(), &["h2"])?,
        limits: grpc_limits(settings),
    })
}

fn http_parts(
    id: &ComponentId,
    settings: &HttpServer,
    api: HttpApi,
    auth: Option<&(ComponentId, Extension)>,
    intake: &Arc<ReceiverIntake>,
    ground: &Ground,
) -> Result<DoorParts, StartError> {
    let authenticator = server::authenticator(auth)?;
    let door = http_door(settings, authenticator, intake.clone(), ground);
    Ok(DoorParts {
        transport: Transport::Http,
        endpoint: server::endpoint(&settings.endpoint, settings.transport),
        protocol: Protocol::Http(http_service(settings, api, door)),
        tls: server::tls(id, settings.tls.as_ref(), &["h2", "http/1.1"])?,
        limits: http_limits(settings),
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

fn http_service(http: &HttpServer, api: HttpApi, door: Arc<Door>) -> HttpService {
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
        api,
        cors: server::cors(http),
        compressions,
        headers: server::headers(http),
        request_params: server::request_params(http),
        read_timeout: set(http.read_timeout),
    };
    HttpService::new(door, options)
}
