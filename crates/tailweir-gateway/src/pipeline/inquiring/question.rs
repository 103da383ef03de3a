//! A question about traces, as it travels: a part for `fates/SAMPLER` whose body are ids.

use crate::refusal::Refusal;
use bytes::Bytes;
use std::sync::Arc;
use tailweir_core::{Signal, TraceId};

/// What names of questions begin with. No pipeline is called so, and so no sampler.
const PREFIX: &str = "fates/";

/// See the module.
pub(crate) struct Question;

impl Question {
    /// Most traces of one question.
    pub(crate) const TRACES_MAX: usize = 4096;

    /// What a question to this sampler is called.
    pub(super) fn name(sampler: &str) -> Arc<str> {
        format!("{PREFIX}{sampler}").into()
    }

    /// The sampler that a part of this name asks; nothing when it is no question.
    pub(crate) fn asked(name: &str) -> Option<&str> {
        name.strip_prefix(PREFIX)
    }

    /// Ids, one behind the other.
    pub(super) fn write(traces: &[TraceId]) -> Bytes {
        let ids = traces.iter().flat_map(|trace| trace.0);
        ids.collect()
    }

    /// The traces of a question.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] when these are no ids, or too many.
    pub(crate) fn read(body: &[u8]) -> Result<Vec<TraceId>, Refusal> {
        let (ids, rest) = body.as_chunks();
        if !rest.is_empty() || ids.len() > Self::TRACES_MAX {
            return Err(Refusal::Malformed {
                signal: Signal::Traces,
                detail: format!(
                    "a question has {} bytes; ids of traces have 16, and there are at most {}",
                    body.len(),
                    Self::TRACES_MAX
                ),
            });
        }
        Ok(ids.iter().map(|id| TraceId(*id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Question;
    use tailweir_core::TraceId;

    /// Scenario: a question about two traces; bytes that are no ids; more ids than a question may have.
    /// Guarantees: the first is read as it was written and names its sampler, the others are refused; a sampler is no question.
    #[test]
    fn questions_are_read_as_written() {
        let traces = [TraceId([1; 16]), TraceId([2; 16])];
        let written = Question::write(&traces);
        assert_eq!(Question::read(&written).unwrap(), traces);
        let name = Question::name("traces/tail_sampling");
        assert_eq!(Question::asked(&name), Some("traces/tail_sampling"));
        assert_eq!(Question::asked("traces/tail_sampling"), None);
        assert!(Question::read(&written[1..]).is_err());
        let many = vec![traces[0]; Question::TRACES_MAX + 1];
        assert!(Question::read(&Question::write(&many)).is_err());
        assert!(Question::read(&Question::write(&many[1..])).is_ok());
    }
}
