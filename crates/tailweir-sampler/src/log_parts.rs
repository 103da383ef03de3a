//! Cuts requests of logs by what is to become of their records.

use std::borrow::Cow;
use std::collections::BTreeMap;
use tailweir_core::{Threshold, TraceId};
use tailweir_otlp::{Assembler, LogRecordView, Outer, RequestView};
use xxhash_rust::xxh3::xxh3_64;

/// What is known of a record before its trace is decided.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRule {
    /// Records of this severity number and above pass whatever becomes of their trace. 0: none do.
    pub keep_severity: i32,
    /// The share of records without a trace id that pass. Nothing: none do.
    pub untraced: Option<Threshold>,
}

/// What is to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogFate {
    /// It passes because it is severe.
    Severe,
    /// It has no trace id and passes.
    Untraced,
    /// It has no trace id and is left out.
    UntracedLeftOut,
    /// What is decided about this trace.
    OfTrace(TraceId),
}

/// Records of one request that share a fate.
#[derive(Debug, PartialEq, Eq)]
pub struct LogPart<'a> {
    /// Their fate.
    pub fate: LogFate,
    /// A request of them, in their order; the one that was cut where all share a fate. Empty for those that
    /// are left out.
    pub body: Cow<'a, [u8]>,
    /// How many.
    pub items: u64,
}

impl LogRule {
    /// The parts of a request. Records keep their bytes; a request without records has no parts.
    #[must_use]
    pub fn cut<'a>(&self, request: &'a [u8]) -> Vec<LogPart<'a>> {
        let outers = Outer::all(request);
        let mut groups: BTreeMap<LogFate, Vec<(usize, &[u8])>> = BTreeMap::new();
        for (outer, scope) in RequestView(request).scopes().enumerate() {
            for record in scope.items() {
                let fate = self.fate(LogRecordView(record));
                groups.entry(fate).or_default().push((outer, record));
            }
        }
        let is_whole = groups.len() == 1;
        let mut assembler = Assembler::new();
        let parts = groups.into_iter().map(|(fate, records)| LogPart {
            fate,
            body: match fate {
                LogFate::UntracedLeftOut => Cow::Borrowed(&[]),
                _ if is_whole => Cow::Borrowed(request),
                _ => Cow::Owned(assembled(&mut assembler, &outers, &records)),
            },
            items: records.len() as u64,
        });
        parts.collect()
    }

    fn fate(&self, record: LogRecordView<'_>) -> LogFate {
        if self.keep_severity > 0 && record.severity_number() >= self.keep_severity {
            return LogFate::Severe;
        }
        let trace = record.trace_id();
        if trace != TraceId::default() {
            return LogFate::OfTrace(trace);
        }
        // Told by the record itself, so that a request that is sent again fares alike everywhere.
        let randomness = xxh3_64(record.0) >> 8;
        match self.untraced {
            Some(threshold) if threshold.value() <= randomness => LogFate::Untraced,
            _ => LogFate::UntracedLeftOut,
        }
    }
}

fn assembled(assembler: &mut Assembler, outers: &[Outer], records: &[(usize, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    let parts = records
        .iter()
        .map(|&(outer, record)| outers[outer].part(record));
    assembler.assemble(parts, &mut body);
    body
}
