//! Requests of logs on their way between members: cut by trace, put together, and handed on.

use super::{LogFragment, OnwardLogs};
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::BTreeSet;
use tailweir_core::Signal;
use tailweir_otlp::{ScanError, count_items};
use tailweir_sampler::{LogFate, LogPart, LogRule};

/// Bytes of records that are handed on at a time.
const ONWARD_BYTES: usize = 4 << 20;
/// What the fragments of any part may take.
const SLACK: usize = 64 << 10;
/// What others bring waits, whatever else it is.
const OF_PARTS: LogRule = LogRule {
    keep_severity: 0,
    untraced: None,
};

/// Why a part of logs cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum MalformedLogs {
    /// It is no request of logs.
    #[error(transparent)]
    Request(#[from] ScanError),
    /// Nobody would ever decide about it.
    #[error("a record without a trace id in a part")]
    Untraced,
    /// Whoever brings a part has cut it by trace before, so that its fragments are as long as it.
    #[error("the fragments of a part of {length} bytes take more than {most}")]
    TooLong {
        /// Its length.
        length: usize,
        /// The most that its fragments may take.
        most: usize,
    },
}

impl LogFragment {
    /// The records of a client's request that wait for decisions, and what goes on without.
    #[must_use]
    pub fn divide<'a>(rule: &LogRule, request: &'a Bytes) -> (Vec<Self>, Vec<LogPart<'a>>) {
        Self::sorted(rule.cut(request), request)
    }

    fn sorted<'a>(parts: Vec<LogPart<'a>>, request: &'a Bytes) -> (Vec<Self>, Vec<LogPart<'a>>) {
        let (mut fragments, mut staying) = (Vec::new(), Vec::new());
        for part in parts {
            match part.fate {
                LogFate::OfTrace(trace) => fragments.push(Self {
                    trace,
                    body: body_of(part.body, request),
                    records: part.items,
                }),
                LogFate::Severe
                | LogFate::Untraced
                | LogFate::UntracedLeftOut
                | LogFate::Overflow => staying.push(part),
            }
        }
        (fragments, staying)
    }

    /// The fragments of a part. They have memory of their own: what a stream brought is a share of a larger buffer.
    ///
    /// # Errors
    /// When it is malformed, has a record of no trace, or records of many traces share a resource.
    pub fn of_part(part: &Bytes) -> Result<Vec<Self>, MalformedLogs> {
        count_items(Signal::Logs, part)?;
        let length = part.len();
        let most = length.saturating_mul(4).saturating_add(SLACK);
        let (mut fragments, others) = Self::sorted(OF_PARTS.cut_within(part, most), part);
        match others.first().map(|other| other.fate) {
            Some(LogFate::Overflow) => return Err(MalformedLogs::TooLong { length, most }),
            Some(_) => return Err(MalformedLogs::Untraced),
            None => {}
        }
        if let [only] = fragments.as_mut_slice() {
            only.body = Bytes::copy_from_slice(&only.body);
        }
        Ok(fragments)
    }

    /// Fragments as a part. Requests one after the other are one request.
    #[must_use]
    pub fn pack(fragments: &[&Self]) -> Bytes {
        if let [only] = fragments {
            return only.body.clone();
        }
        let bodies = fragments.iter().map(|fragment| &*fragment.body);
        bodies.collect::<Vec<_>>().concat().into()
    }
}

impl OnwardLogs {
    /// Takes out what is handed on together: of one tenure's epoch, at most one fragment of a trace, and not too much.
    pub fn take_batch(onward: &mut Vec<Self>) -> Vec<Self> {
        let created = onward.first().map(|logs| logs.tenure.created);
        let (mut traces, mut bytes) = (BTreeSet::new(), 0);
        let taken = onward.extract_if(.., |logs| {
            let fits = Some(logs.tenure.created) == created && bytes < ONWARD_BYTES;
            let is_taken = fits && traces.insert(logs.fragment.trace);
            if is_taken {
                bytes += logs.fragment.body.len();
            }
            is_taken
        });
        taken.collect()
    }
}

/// The bytes of a part of a request: the request's own where it is all of it.
#[must_use]
pub fn body_of(part: Cow<'_, [u8]>, request: &Bytes) -> Bytes {
    match part {
        Cow::Borrowed([]) => Bytes::new(),
        Cow::Borrowed(_) => request.clone(),
        Cow::Owned(body) => body.into(),
    }
}
