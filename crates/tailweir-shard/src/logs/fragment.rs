//! The records of one trace in one request, and the key under which the protocol knows them.

use bytes::Bytes;
use tailweir_core::TraceId;
use tailweir_otlp::{LogRecordView, Outer, RequestView};
use tailweir_placement::{Epoch, Incarnation};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Records of one trace in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFragment {
    /// The trace.
    pub trace: TraceId,
    /// OTLP LogsData with records of this trace alone.
    pub body: Bytes,
    /// How many records.
    pub records: u64,
}

/// What a gateway brings of a request of logs, or a member of what it hands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// One fragment of each trace.
    pub fragments: Vec<LogFragment>,
    /// The epoch that created the tenure in which they waited before.
    pub handed_on: Option<Epoch>,
}

impl LogFragment {
    /// The same for the same records with the same resources and scopes, wherever they come by. What is handed on gets
    /// another one, because the one that it had belongs to its old tenure.
    ///
    /// A record without any time cannot be told from another that says the same: `timeless` makes its fragment one of its own.
    pub(super) fn key(
        &self,
        handed_on: Option<Epoch>,
        timeless: impl FnOnce() -> (Incarnation, u64),
    ) -> TraceId {
        let mut hash = Xxh3::with_seed(handed_on.map_or(0, |tenure| tenure.0));
        hash.update(&self.trace.0);
        let mut is_timed = true;
        let outers = Outer::all(&self.body);
        // A resource may be long, and have many scopes: it is read once.
        let mut resource: (Option<&[u8]>, u128) = (None, 0);
        for (outer, scope) in &outers {
            let fields = outer.resource().0;
            if !resource.0.is_some_and(|last| std::ptr::eq(last, fields)) {
                resource = (Some(fields), xxh3_128(fields));
            }
            let context = [resource.1, xxh3_128(outer.scope().0)];
            for record in scope.items() {
                for digest in context {
                    hash.update(&digest.to_le_bytes());
                }
                hash.update(&(record.len() as u64).to_le_bytes());
                hash.update(record);
                let record = LogRecordView(record);
                is_timed &= record.time() != 0 || record.observed_time() != 0;
            }
        }
        if !is_timed {
            let (member, count) = timeless();
            hash.update(&member.0.to_le_bytes());
            hash.update(&count.to_le_bytes());
        }
        TraceId(hash.digest128().to_be_bytes())
    }

    /// A fragment that another member kept; nothing when it is not one.
    pub(super) fn read(body: &Bytes) -> Option<Self> {
        let mut records = RequestView(body).scopes().flat_map(|scope| scope.items());
        let trace = LogRecordView(records.next()?).trace_id();
        let mut count = 1;
        for record in records {
            if LogRecordView(record).trace_id() != trace {
                return None;
            }
            count += 1;
        }
        (trace != TraceId::default()).then(|| Self {
            trace,
            body: body.clone(),
            records: count,
        })
    }
}
