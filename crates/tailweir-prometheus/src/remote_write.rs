//! Requests of remote write, from OTLP bytes.

mod batch;
mod gather;
mod samples;

use crate::naming::Naming;
use crate::selection::Selection;
use crate::translation::Translation;
use crate::trouble::{Ledger, Notice, Trouble};
use std::collections::BTreeMap;
use tailweir_config::{PrometheusRemoteWriteExporter, RemoteWriteProtocol};

/// Bytes of a request where the settings say 0.
const BATCH_BYTES: usize = 3_000_000;

/// Turns metrics into requests of remote write, 1.0 or 2.0. It remembers nothing of streams: every point
/// becomes samples of its time.
#[derive(Debug)]
pub struct RemoteWrite {
    naming: Naming,
    selection: Selection,
    external_labels: BTreeMap<String, String>,
    with_targets: bool,
    with_metadata: bool,
    protocol: RemoteWriteProtocol,
    batch_bytes: usize,
    troubles: Ledger,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Requests of remote write, in order, not packed.
    pub batches: Vec<WrittenBatch>,
    /// Points that are in none: Prometheus has nothing for them.
    pub rejected: u64,
    /// What happened for the first time.
    pub notices: Vec<Notice>,
}

/// One request of remote write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBatch {
    /// Points of OTLP that begin in it.
    pub points: u64,
    /// The message.
    pub body: Vec<u8>,
}

impl RemoteWrite {
    /// As the settings say.
    #[must_use]
    pub fn of(settings: &PrometheusRemoteWriteExporter) -> Self {
        let translation = Translation::new(&settings.namespace, settings.strategy());
        let external = settings.external_labels.iter();
        let external_labels = external
            .filter_map(|(name, value)| Some((translation.label(name)?, value.clone())))
            .collect();
        Self {
            naming: Naming {
                translation,
                const_labels: BTreeMap::new(),
                without_scope: settings.disable_scope_info,
                keeps_bucket_label: false,
            },
            selection: Selection::of(
                &settings.resource_constant_labels,
                &settings.resource_to_telemetry_conversion,
            ),
            external_labels,
            with_targets: settings.target_info.enabled,
            with_metadata: settings.send_metadata,
            protocol: settings.protobuf_message,
            batch_bytes: match usize::try_from(settings.max_batch_size_bytes) {
                Ok(0) | Err(_) => BATCH_BYTES,
                Ok(bytes) => bytes,
            },
            troubles: Ledger::default(),
        }
    }

    /// Turns an `ExportMetricsServiceRequest` into requests of remote write. What is malformed in it is
    /// absent.
    pub fn write(&mut self, request: &[u8]) -> Written {
        let mut gathered = gather::gather(self, request);
        let mut written = Written {
            rejected: gathered.rejected,
            ..Written::default()
        };
        for (trouble, metric) in gathered.troubles.drain(..) {
            written.notices.extend(self.troubles.note(trouble, &metric));
        }
        written.batches = match self.protocol {
            RemoteWriteProtocol::V1 => {
                batch::version_1(&gathered, self.with_metadata, self.batch_bytes)
            }
            RemoteWriteProtocol::V2 => batch::version_2(&gathered, self.batch_bytes),
        };
        written
    }

    /// How many points had this trouble.
    #[must_use]
    pub fn troubles(&self, trouble: Trouble) -> u64 {
        self.troubles.count(trouble)
    }
}
