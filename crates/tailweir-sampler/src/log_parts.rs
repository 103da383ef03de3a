//! Cuts requests of logs by what is to become of their records.

use std::borrow::Cow;
use std::collections::BTreeMap;
use tailweir_core::{Threshold, TraceId};
use tailweir_otlp::{Assembler, LogRecordView, Outer, Part, ScopeFields};
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
    /// It passes because a part of each trace would take too much.
    Overflow,
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

/// Records that share a fate, each with the place of its scope.
type Records<'a> = Vec<(usize, &'a [u8])>;

impl LogRule {
    /// Most bytes that the records of a client's request take when they are cut by trace: as many as of 8,192 traces
    /// with a resource of 4 KiB. Each part has the resource of its records again, so that few bytes may become very many.
    pub const OF_TRACES_MAX: usize = 32 << 20;

    /// The parts of a client's request. Records keep their bytes; a request without records has no parts.
    #[must_use]
    pub fn cut<'a>(&self, request: &'a [u8]) -> Vec<LogPart<'a>> {
        self.cut_within(request, Self::OF_TRACES_MAX)
    }

    /// The parts of a request, where those of traces take `of_traces_max` bytes at most, together: the records of those that
    /// find no room are one part of their own, [`LogFate::Overflow`]. A request whose records share a fate is its own part,
    /// whatever it takes.
    #[must_use]
    pub fn cut_within<'a>(&self, request: &'a [u8], of_traces_max: usize) -> Vec<LogPart<'a>> {
        let outers = Outer::all(request);
        let mut groups: BTreeMap<LogFate, Records<'a>> = BTreeMap::new();
        for (place, (_, scope)) in outers.iter().enumerate() {
            for record in scope.items() {
                let fate = self.fate(LogRecordView(record));
                groups.entry(fate).or_default().push((place, record));
            }
        }
        let is_whole = groups.len() == 1;
        let mut writer = PartWriter {
            outers: &outers,
            assembler: Assembler::new(),
            room: of_traces_max,
        };
        let mut overflow = Records::new();
        let mut parts = Vec::with_capacity(groups.len());
        for (fate, records) in groups {
            let body: Cow<'a, [u8]> = match fate {
                LogFate::UntracedLeftOut => Cow::Borrowed(&[]),
                _ if is_whole => Cow::Borrowed(request),
                LogFate::OfTrace(_) if !writer.has_room_for(&records) => {
                    overflow.extend(records);
                    continue;
                }
                _ => Cow::Owned(writer.write(&records)),
            };
            let items = records.len() as u64;
            parts.push(LogPart { fate, body, items });
        }
        parts.extend(writer.overflow(overflow));
        parts
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

/// Writes parts of a request.
struct PartWriter<'o, 'a> {
    outers: &'o [(Outer, ScopeFields<'a>)],
    assembler: Assembler,
    /// For the parts of traces that are still to come.
    room: usize,
}

impl PartWriter<'_, '_> {
    /// Takes the room that the part of a trace needs. Where one finds none, none does that comes after it, as even to measure it
    /// would take time.
    fn has_room_for(&mut self, records: &[(usize, &[u8])]) -> bool {
        if self.room == 0 {
            return false;
        }
        let length = self.assembler.length(parts(self.outers, records));
        let left = self.room.checked_sub(length);
        self.room = left.unwrap_or(0);
        left.is_some()
    }

    fn write(&mut self, records: &[(usize, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        let parts = parts(self.outers, records);
        self.assembler.assemble(parts, &mut body);
        body
    }

    /// The records that found no room, in the order of the request: in another they would have their resources again and again.
    fn overflow<'r>(mut self, mut records: Records<'_>) -> Option<LogPart<'r>> {
        records.sort_by_key(|(_, record)| record.as_ptr());
        (!records.is_empty()).then(|| LogPart {
            fate: LogFate::Overflow,
            body: Cow::Owned(self.write(&records)),
            items: records.len() as u64,
        })
    }
}

fn parts<'p>(
    outers: &'p [(Outer, ScopeFields<'p>)],
    records: &'p [(usize, &'p [u8])],
) -> impl Iterator<Item = Part<'p>> + Clone {
    let part = move |&(place, record): &(usize, &'p [u8])| outers[place].0.part(record);
    records.iter().map(part)
}
