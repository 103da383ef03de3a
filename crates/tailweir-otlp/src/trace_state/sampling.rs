//! What the member of OpenTelemetry says about sampling, read strictly and written anew.

use super::{
    MEMBERS_MAX, RANDOMNESS, THRESHOLD, TraceState, TraceStateError, VALUE_LENGTH_MAX, VENDOR,
};
use smallvec::SmallVec;
use std::str;
use tailweir_core::{Randomness, Threshold};

/// What the member of OpenTelemetry says: the threshold and the randomness of consistent probability
/// sampling, and whatever else.
#[derive(Debug, Clone, Default)]
pub struct SamplingState<'a> {
    threshold: Option<Threshold>,
    randomness: Option<Randomness>,
    /// As they were written, while they are what they were.
    written_threshold: Option<&'a [u8]>,
    written_randomness: Option<&'a [u8]>,
    others: SmallVec<[(&'a [u8], &'a [u8]); 2]>,
}

impl<'a> TraceState<'a> {
    /// Reads the member of OpenTelemetry; an absent one says nothing.
    ///
    /// # Errors
    /// [`TraceStateError::Vendor`] when any part of it breaks its rules.
    pub fn sampling(&self) -> Result<SamplingState<'a>, TraceStateError> {
        let Some(member) = self.get(VENDOR) else {
            return Ok(SamplingState::default());
        };
        SamplingState::parse(member).ok_or(TraceStateError::Vendor)
    }

    /// Appends to `out` this tracestate with another member of OpenTelemetry, which comes first, as W3C
    /// asks of one that was changed. A 33rd member falls off.
    ///
    /// # Errors
    /// When the member would be too long. `out` is then as it was.
    pub fn write_with_sampling(
        &self,
        sampling: &SamplingState<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), TraceStateError> {
        let start = out.len();
        sampling.write(out);
        if out.len() - start > VENDOR.len() + 1 + VALUE_LENGTH_MAX {
            out.truncate(start);
            return Err(TraceStateError::TooLong);
        }
        let others = self.iter().filter(|member| member.0 != VENDOR);
        for (key, value) in others.take(MEMBERS_MAX - 1) {
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(key);
            out.push(b'=');
            out.extend_from_slice(value);
        }
        Ok(())
    }
}

impl<'a> SamplingState<'a> {
    fn parse(member: &'a [u8]) -> Option<Self> {
        let mut state = Self::default();
        if member.len() > VALUE_LENGTH_MAX {
            return None;
        }
        for part in member.split(|&byte| byte == b';') {
            let colon = part.iter().position(|&byte| byte == b':')?;
            let (key, value) = (&part[..colon], &part[colon + 1..]);
            if !is_key(key) || !value.iter().all(|&byte| is_value_byte(byte)) {
                return None;
            }
            match key {
                THRESHOLD => {
                    state.threshold = Some(Threshold::parse(str::from_utf8(value).ok()?)?);
                    state.written_threshold = Some(value);
                }
                RANDOMNESS => {
                    state.randomness = Some(Randomness::parse(str::from_utf8(value).ok()?)?);
                    state.written_randomness = Some(value);
                }
                _ => state.others.push((key, value)),
            }
        }
        Some(state)
    }

    /// The share with which the span was sampled before.
    #[must_use]
    pub fn threshold(&self) -> Option<Threshold> {
        self.threshold
    }

    /// The randomness that was chosen for the trace.
    #[must_use]
    pub fn randomness(&self) -> Option<Randomness> {
        self.randomness
    }

    /// Says, or no longer says, with which share the span was sampled.
    pub fn set_threshold(&mut self, threshold: Option<Threshold>) {
        self.threshold = threshold;
        self.written_threshold = None;
    }

    /// Says which randomness was chosen for the trace.
    pub fn set_randomness(&mut self, randomness: Randomness) {
        self.randomness = Some(randomness);
        self.written_randomness = None;
    }

    /// `ot=rv:...;th:...;others`, or nothing.
    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut put = |key: &[u8], value: &[u8]| {
            if out.len() == start {
                out.extend_from_slice(VENDOR);
                out.push(b'=');
            } else {
                out.push(b';');
            }
            out.extend_from_slice(key);
            out.push(b':');
            out.extend_from_slice(value);
        };
        if let Some(randomness) = self.randomness {
            match self.written_randomness {
                Some(written) => put(RANDOMNESS, written),
                None => put(RANDOMNESS, randomness.to_string().as_bytes()),
            }
        }
        if let Some(threshold) = self.threshold {
            match self.written_threshold {
                Some(written) => put(THRESHOLD, written),
                None => put(THRESHOLD, threshold.to_string().as_bytes()),
            }
        }
        for (key, value) in &self.others {
            put(key, value);
        }
    }
}

/// A lower-case letter, then lower-case letters and digits.
fn is_key(key: &[u8]) -> bool {
    key.first().is_some_and(u8::is_ascii_lowercase)
        && key
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_value_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::TraceState;
    use tailweir_core::{Randomness, Threshold};

    /// Scenario: members of OpenTelemetry with each part present, absent and unknown are given a threshold.
    /// Guarantees: randomness comes first, as it was written, then the threshold, then the rest, and the
    /// other vendors follow.
    #[test]
    fn sampling_is_written_in_front_of_everything_else() {
        for (before, after) in [
            ("", "ot=th:c"),
            ("a=1,ot=th:4;xx:y,b=2", "ot=th:c;xx:y,a=1,b=2"),
            ("ot=th:8;rv:ABCDEF01234567", "ot=rv:ABCDEF01234567;th:c"),
        ] {
            let state = TraceState::parse(before.as_bytes()).unwrap();
            let mut sampling = state.sampling().unwrap();
            sampling.set_threshold(Threshold::parse("c"));
            let mut out = Vec::new();
            state.write_with_sampling(&sampling, &mut out).unwrap();
            assert_eq!(out, after.as_bytes());
        }
    }

    /// Scenario: a randomness is set and the threshold cleared, and then nothing is left to say.
    /// Guarantees: what is not said is not written, down to the member itself.
    #[test]
    fn what_is_not_said_is_not_written() {
        let state = TraceState::parse(b"ot=th:8,a=1").unwrap();
        let mut sampling = state.sampling().unwrap();
        sampling.set_threshold(None);
        let mut out = Vec::new();
        state.write_with_sampling(&sampling, &mut out).unwrap();
        assert_eq!(out, b"a=1");
        sampling.set_randomness(Randomness::new(7));
        out.clear();
        state.write_with_sampling(&sampling, &mut out).unwrap();
        assert_eq!(out, b"ot=rv:00000000000007,a=1");
    }

    /// Scenario: members of OpenTelemetry that break its rules.
    /// Guarantees: each is an error; an absent member is none.
    #[test]
    fn a_damaged_member_is_an_error() {
        for text in [
            "ot=th", "ot=th:x", "ot=th:8;", "ot=rv:12", "ot=TH:8", "ot=a:?",
        ] {
            let state = TraceState::parse(text.as_bytes()).unwrap();
            assert!(state.sampling().is_err(), "{text}");
        }
        assert!(TraceState::parse(b"a=1").unwrap().sampling().is_ok());
    }
}
