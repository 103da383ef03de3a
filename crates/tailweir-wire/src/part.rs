//! Parts of requests, gateway to sampler.

use crate::WireError;
use crate::ids::write_duration;
use crate::sequence::{read_sequence, write_sequence};
use bytes::Bytes;
use std::time::Duration;
use tailweir_placement::Epoch;
use tailweir_proto::peer;
use tailweir_shard::Sequence;

/// Longest time that a gateway may ask a sampler to look for an answer.
const PATIENCE_MAX: Duration = Duration::from_secs(60);
/// Longest name of a sampler, in bytes.
const NAME_MAX: usize = 1024;

/// Spans, log records or streams of metrics of one request for the slots of one sampler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Names it in its stream.
    pub id: u64,
    /// Which `tail_sampling`: `pipeline/processor`; or which writer of streams: `exporters/ID`, `connectors/ID`; or
    /// who is asked what became of traces: `fates/pipeline/processor`; or whose targets are shared: `rolls/receivers/ID`.
    pub sampler: String,
    /// Of the table by which it was routed.
    pub epoch: Epoch,
    /// The tenure to which the gateway was sent with it.
    pub tenure: Option<Epoch>,
    /// OTLP TracesData, LogsData where the sampler is one of logs, MetricsData for writers of streams, ids of
    /// traces in a question.
    pub spans: Bytes,
    /// How long the gateway waits, up to 60 s.
    pub patience: Duration,
    /// Of records that waited at the member that brings them: the tenure in which they did.
    pub handed_on: Option<Epoch>,
    /// Of what a connector counted: whose it is, and which of theirs.
    pub sequence: Option<Sequence>,
}

/// A part as it is sent.
#[must_use]
pub fn write_part(part: Part) -> peer::Part {
    peer::Part {
        id: part.id,
        sampler: part.sampler,
        epoch: part.epoch.0,
        tenure: part.tenure.map(|tenure| tenure.0),
        spans: part.spans,
        patience: write_duration(part.patience.min(PATIENCE_MAX)) as u32,
        handed_on: part.handed_on.map(|tenure| tenure.0),
        sequence: part.sequence.map(write_sequence),
    }
}

/// A part as it came. Its spans are not looked at.
///
/// # Errors
///
/// The first thing in it that cannot be.
pub fn read_part(part: peer::Part) -> Result<Part, WireError> {
    let length = part.sampler.len();
    if length > NAME_MAX {
        return Err(WireError::TooMany {
            field: "part.sampler",
            length,
            limit: NAME_MAX,
        });
    }
    Ok(Part {
        id: part.id,
        sampler: part.sampler,
        epoch: Epoch(part.epoch),
        tenure: part.tenure.map(Epoch),
        spans: part.spans,
        patience: Duration::from_millis(part.patience.into()).min(PATIENCE_MAX),
        handed_on: part.handed_on.map(Epoch),
        sequence: part.sequence.map(read_sequence).transpose()?,
    })
}
