//! Exporters that run.

use super::page::{PageParts, RunningPage};
use super::{Ground, server};
use crate::actors::Child;
use crate::console::{Console, Stream};
use crate::error::StartError;
use crate::spools::{self, OpenQueue, Spools};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::Arc;
use tailweir_config::{
    ComponentId, DebugExporter, Extension, FileStorage, LoadBalancingExporter, Settings, Verbosity,
};
use tailweir_core::Signal;
use tailweir_export::{
    Authorization, BuildError, Debug, Destination, Exporter, ExporterSettings, File, Loki, Nop,
    OtlpGrpc, OtlpHttp, PrometheusRemoteWrite, Scraped, WrittenFiles, Zipkin,
};
use tokio::time::Instant;

/// An exporter for one signal and the worker that keeps it going.
pub(crate) struct RunningExporter {
    /// What it was built from, to tell whether a reload changes it.
    pub(crate) blueprint: Blueprint,
    /// The exporter.
    pub(crate) exporter: Exporter,
    /// Whether its callers wait for room even where others wait with them.
    pub(crate) waits: bool,
    /// Where it is scraped.
    pub(crate) page: Option<RunningPage>,
    /// What takes its place, and what waits for its endpoints, when it is closed.
    pub(crate) successor: Option<Exporter>,
    worker: Child,
}

/// Everything that an exporter depends on in the settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blueprint {
    settings: tailweir_config::Exporter,
    authenticator: Option<Extension>,
    /// What signs beside the authenticator.
    beside: Option<Extension>,
    /// Who checks scrapers.
    server_auth: Option<(ComponentId, Extension)>,
    /// What keeps its queues on disk.
    storage: Option<Box<FileStorage>>,
}

/// An exporter that was built and does not run yet.
pub(crate) struct Built {
    pub(crate) blueprint: Blueprint,
    kind: BuiltKind,
    waits: bool,
    page: Option<PageParts>,
    /// Its queues on disk, until they are started.
    queues: Mutex<BTreeMap<Signal, OpenQueue>>,
}

/// What is started for each signal.
enum BuiltKind {
    /// All signals go to one destination.
    Direct(Arc<dyn Destination>, ExporterSettings),
    /// Endpoints are spoken to for each signal by itself.
    Balanced(Box<LoadBalancingExporter>, Option<Arc<Authorization>>),
}

impl Blueprint {
    /// That of a configured exporter; nothing for those that export nothing.
    ///
    /// # Errors
    ///
    /// When its authenticator does not run.
    pub(crate) fn of(id: &ComponentId, settings: &Settings) -> Result<Option<Self>, StartError> {
        use tailweir_config::Exporter::{Nop, Prometheus};
        let mut server_auth = None;
        let Some(exporter) = settings.exporters.get(id) else {
            return Ok(None);
        };
        match exporter {
            Nop => return Ok(None),
            Prometheus(exporter) => {
                let auth = exporter.server.auth.as_ref();
                server_auth = auth
                    .map(|auth| server::extension_of(id, auth.authenticator.as_ref(), settings))
                    .transpose()?;
            }
            _ => {}
        }
        let named = exporter.authenticator().map(|(_, auth)| auth);
        let named = named.map(|named| extension_of(id, named.authenticator.as_ref(), settings));
        let authenticator = named.transpose()?;
        let beside = match &authenticator {
            Some(Extension::HeadersSetter(setter)) => setter.additional_auth.as_ref(),
            _ => None,
        };
        Ok(Some(Self {
            settings: exporter.clone(),
            beside: beside
                .map(|beside| extension_of(id, Some(beside), settings))
                .transpose()?,
            authenticator,
            server_auth,
            storage: spools::storage_of(id, exporter, settings)?,
        }))
    }

    /// Builds the exporter; connects to nothing, and changes nothing that those that run write to.
    ///
    /// # Errors
    ///
    /// When an option cannot be used.
    pub(crate) fn build(
        self,
        id: &ComponentId,
        console: &Console,
        files: &WrittenFiles,
        seed: u64,
    ) -> Result<Built, StartError> {
        let page = match &self.settings {
            tailweir_config::Exporter::Prometheus(exporter) => {
                let parts = PageParts::new(id, exporter, self.server_auth.as_ref(), seed)?;
                Some(parts)
            }
            _ => None,
        };
        let scraped = page.as_ref().map(|parts| Arc::clone(&parts.scraped));
        let kind = self.kind(id, console, files, scraped);
        let kind = kind.map_err(|source| StartError::Exporter {
            exporter: id.clone(),
            source,
        })?;
        Ok(Built {
            waits: kind.waits(),
            kind,
            blueprint: self,
            page,
            queues: Mutex::default(),
        })
    }

    /// `scraped` is there where the exporter has a page.
    fn kind(
        &self,
        id: &ComponentId,
        console: &Console,
        files: &WrittenFiles,
        scraped: Option<Arc<Scraped>>,
    ) -> Result<BuiltKind, BuildError> {
        use tailweir_config::Exporter as Kind;
        let authorization = self.authorization()?;
        let client_keys = Authorization::client_keys(authorization.as_deref());
        let direct = |destination: Arc<dyn Destination>, mut settings: ExporterSettings| {
            settings.client_keys.extend(&client_keys);
            BuiltKind::Direct(destination, settings)
        };
        Ok(match &self.settings {
            Kind::OtlpGrpc(exporter) => direct(
                Arc::new(OtlpGrpc::new(exporter, authorization)?),
                ExporterSettings::of_otlp_grpc(exporter),
            ),
            Kind::OtlpHttp(exporter) => direct(
                Arc::new(OtlpHttp::new(exporter, authorization)?),
                ExporterSettings::of_otlp_http(exporter),
            ),
            Kind::Loki(exporter) => direct(
                Arc::new(Loki::new(exporter, authorization)?),
                ExporterSettings::of_loki(exporter),
            ),
            Kind::Zipkin(exporter) => direct(
                Arc::new(Zipkin::new(exporter, authorization)?),
                ExporterSettings::of_zipkin(exporter),
            ),
            Kind::PrometheusRemoteWrite(exporter) => direct(
                Arc::new(PrometheusRemoteWrite::new(
                    &id.to_string(),
                    exporter,
                    authorization,
                )?),
                ExporterSettings::of_remote_write(exporter),
            ),
            Kind::Debug(exporter) => direct(
                Arc::new(debug(exporter, console)?),
                ExporterSettings::of_debug(exporter),
            ),
            Kind::File(exporter) => direct(
                Arc::new(File::new(exporter, files)?),
                ExporterSettings::of_local(),
            ),
            Kind::LoadBalancing(exporter) => {
                // What is wrong with it must be known before anything is touched.
                let signal = Signal::Traces;
                Exporter::balanced(id.kind(), signal, exporter, authorization.clone(), 0)?;
                BuiltKind::Balanced(exporter.clone(), authorization)
            }
            Kind::Prometheus(exporter) => match scraped {
                Some(scraped) => direct(scraped, ExporterSettings::of_prometheus(exporter)),
                None => {
                    return Err(BuildError {
                        option: "endpoint".to_owned(),
                        message: "there is no page to show".to_owned(),
                        is_unreadable: false,
                    });
                }
            },
            Kind::Nop => direct(Arc::new(Nop), ExporterSettings::of_local()),
        })
    }

    fn authorization(&self) -> Result<Option<Arc<Authorization>>, BuildError> {
        let authorization = match &self.authenticator {
            Some(Extension::HeadersSetter(setter)) => {
                let beside = self.beside.as_ref().map(credentials).transpose()?.flatten();
                Some(Authorization::headers(setter, beside)?)
            }
            Some(extension) => credentials(extension)?,
            None => None,
        };
        Ok(authorization.map(Arc::new))
    }
}

fn credentials(extension: &Extension) -> Result<Option<Authorization>, BuildError> {
    match extension {
        Extension::BasicAuth(auth) => Authorization::basic(auth).map(Some),
        Extension::BearerTokenAuth(auth) => Authorization::bearer(auth).map(Some),
        _ => Ok(None),
    }
}

impl BuiltKind {
    /// Whether callers wait for room even where others wait with them.
    fn waits(&self) -> bool {
        match self {
            Self::Direct(_, settings) => settings.block_on_overflow,
            Self::Balanced(exporter, _) => {
                ExporterSettings::of_otlp_grpc(&exporter.protocol.otlp).block_on_overflow
            }
        }
    }
}

impl Built {
    /// Opens its queues for these signals, where they are kept on disk.
    ///
    /// # Errors
    ///
    /// When one cannot be opened.
    pub(crate) fn open_queues(
        &self,
        id: &ComponentId,
        signals: impl Iterator<Item = Signal>,
        spools: &Spools,
    ) -> Result<(), StartError> {
        let Some(storage) = &self.blueprint.storage else {
            return Ok(());
        };
        for signal in signals {
            let queue = spools.open(storage, id, signal);
            let queue = queue.map_err(|source| StartError::Exporter {
                exporter: id.clone(),
                source,
            })?;
            self.queues.lock().insert(signal, queue);
        }
        Ok(())
    }

    /// Starts it for one signal.
    pub(crate) async fn start(
        &self,
        id: &ComponentId,
        signal: Signal,
        ground: &Ground,
    ) -> Option<RunningExporter> {
        let name = id.to_string();
        let exporter = match &self.kind {
            BuiltKind::Direct(destination, settings) => {
                let settings = ExporterSettings {
                    seed: ground.seed,
                    ..settings.clone()
                };
                let destination = Arc::clone(destination);
                destination.begin();
                match self.queues.lock().remove(&signal) {
                    Some(queue) => {
                        let receipts = ground.spools.receipts(&queue, &ground.ledger, signal);
                        let store = queue.store;
                        Exporter::stored(&name, signal, destination, &settings, store, receipts)
                    }
                    None => Exporter::new(&name, signal, destination, &settings),
                }
            }
            BuiltKind::Balanced(settings, authorization) => {
                let authorization = authorization.clone();
                let built = Exporter::balanced(&name, signal, settings, authorization, ground.seed);
                built
                    .inspect_err(
                        |error| tracing::error!(exporter = name, %error, "it does not start"),
                    )
                    .ok()?
            }
        };
        let worker = ground
            .nursery
            .start_worker(Arc::new(exporter.clone()))
            .await?;
        Some(RunningExporter {
            blueprint: self.blueprint.clone(),
            exporter,
            waits: self.waits,
            page: None,
            successor: None,
            worker,
        })
    }
}

impl RunningExporter {
    /// Begins to listen, where it is scraped.
    ///
    /// # Errors
    ///
    /// [`StartError::Bind`]; metrics are kept all the same.
    pub(crate) async fn show(&mut self, id: &ComponentId, built: &Built) -> Result<(), StartError> {
        if let Some(parts) = &built.page {
            self.page = Some(parts.listen(id).await?);
        }
        Ok(())
    }

    /// Stops listening, where it is scraped; open scrapes get a moment.
    pub(crate) async fn hide(&mut self) {
        if let Some(page) = self.page.take() {
            page.stop().await;
        }
    }

    /// Sends what is queued, until the deadline. Returns whether all of it was sent.
    pub(crate) async fn close(mut self, deadline: Instant) -> bool {
        if let Some(successor) = &self.successor {
            self.exporter.hand_over(successor, deadline).await;
        }
        let given_up = self.exporter.shutdown(deadline).await;
        self.hide().await;
        self.worker.stop();
        given_up == 0 && Instant::now() < deadline
    }
}

/// Where a `debug` exporter writes: the log of the process is standard error; waterfalls are no lines
/// of a log.
fn debug(settings: &DebugExporter, console: &Console) -> Result<Debug, BuildError> {
    let to_log = settings.use_internal_logger && settings.verbosity != Verbosity::Waterfall;
    let writer: Box<dyn Write + Send> = match settings.output_paths.as_slice() {
        _ if to_log => Box::new(console.writer(Stream::Error)),
        [] => Box::new(console.writer(Stream::Output)),
        [path] => output(path, console)?,
        paths => {
            let outputs = paths.iter().map(|path| output(path, console));
            Box::new(Outputs(outputs.collect::<Result<_, _>>()?))
        }
    };
    Ok(Debug::new(settings, console.waterfall, writer))
}

/// One of `output_paths`.
fn output(path: &str, console: &Console) -> Result<Box<dyn Write + Send>, BuildError> {
    match path {
        "stdout" => Ok(Box::new(console.writer(Stream::Output))),
        "stderr" => Ok(Box::new(console.writer(Stream::Error))),
        path => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.map_err(|error| BuildError {
                option: "output_paths".to_owned(),
                message: format!("{path}: {error}"),
                is_unreadable: false,
            })?;
            Ok(Box::new(file))
        }
    }
}

/// Several writers that all get everything.
struct Outputs(Vec<Box<dyn Write + Send>>);

impl Write for Outputs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for output in &mut self.0 {
            output.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.iter_mut().try_for_each(Write::flush)
    }
}

/// The extension that an `auth` block or another extension names, if it runs.
fn extension_of(
    id: &ComponentId,
    authenticator: Option<&ComponentId>,
    settings: &Settings,
) -> Result<Extension, StartError> {
    let running = authenticator.filter(|id| settings.service_extensions.contains(id));
    let extension = running.and_then(|id| settings.extensions.get(id));
    extension
        .cloned()
        .ok_or_else(|| StartError::NoAuthenticator {
            component: id.clone(),
            authenticator: authenticator.map(ToString::to_string).unwrap_or_default(),
        })
}
