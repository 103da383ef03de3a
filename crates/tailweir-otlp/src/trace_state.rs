//! The W3C tracestate, and the sampling threshold in it.
//!
//! ```
//! use tailweir_core::Threshold;
//! use tailweir_otlp::TraceState;
//!
//! let state = TraceState::parse(b"congo=t61,ot=th:8;rv:6e6d1a75832a2f").unwrap();
//! assert_eq!(state.get(b"congo"), Some(&b"t61"[..]));
//! assert_eq!(state.threshold(), Threshold::parse("8"));
//! ```

mod sampling;

pub use sampling::SamplingState;

use smallvec::SmallVec;
use tailweir_core::{Randomness, Threshold};

const MEMBERS_MAX: usize = 32;
const VALUE_LENGTH_MAX: usize = 256;
/// The member of OpenTelemetry.
const VENDOR: &[u8] = b"ot";
const THRESHOLD: &[u8] = b"th";
const RANDOMNESS: &[u8] = b"rv";

/// A tracestate that breaks the rules of W3C Trace Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TraceStateError {
    /// A member is not `key=value`, or has characters that are not allowed.
    #[error("tracestate member {index} is not valid")]
    Member {
        /// Its number, from 0.
        index: usize,
    },
    /// The member of OpenTelemetry is not `key:value`, separated by semicolons, or its threshold or
    /// randomness is none.
    #[error("tracestate member ot is not valid")]
    Vendor,
    /// A key occurs twice.
    #[error("tracestate member {index} has the key of another one")]
    Duplicate {
        /// Its number, from 0.
        index: usize,
    },
    /// There are too many members.
    #[error("tracestate has more than {MEMBERS_MAX} members")]
    TooMany,
    /// The threshold would make the member of OpenTelemetry longer than a value may be.
    #[error("tracestate member ot is longer than {VALUE_LENGTH_MAX} bytes")]
    TooLong,
}

/// A tracestate, taken apart but not copied.
#[derive(Debug, Clone, Default)]
pub struct TraceState<'a> {
    members: SmallVec<[(&'a [u8], &'a [u8]); 4]>,
}

impl<'a> TraceState<'a> {
    /// Reads the text of a tracestate. Empty text is an empty tracestate, and so are empty members.
    ///
    /// # Errors
    /// When a member, or how many there are, breaks the rules.
    pub fn parse(text: &'a [u8]) -> Result<Self, TraceStateError> {
        let mut state = Self::default();
        if text.is_empty() {
            return Ok(state);
        }
        for member in text
            .split(|&byte| byte == b',')
            .filter(|member| !member.is_empty())
        {
            let index = state.members.len();
            let (key, value) = parse_member(member).ok_or(TraceStateError::Member { index })?;
            if state.get(key).is_some() {
                return Err(TraceStateError::Duplicate { index });
            }
            if index == MEMBERS_MAX {
                return Err(TraceStateError::TooMany);
            }
            state.members.push((key, value));
        }
        Ok(state)
    }

    /// The value of a member.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.members
            .iter()
            .find(|member| member.0 == key)
            .map(|member| member.1)
    }

    /// Each member, key and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + '_ {
        self.members.iter().copied()
    }

    /// The share with which the span was sampled before, when that is said and well formed.
    #[must_use]
    pub fn threshold(&self) -> Option<Threshold> {
        Threshold::parse(std::str::from_utf8(self.sub_key(THRESHOLD)?).ok()?)
    }

    /// The randomness that was chosen for the trace, when that is said and well formed.
    #[must_use]
    pub fn randomness(&self) -> Option<Randomness> {
        Randomness::parse(std::str::from_utf8(self.sub_key(RANDOMNESS)?).ok()?)
    }

    fn sub_key(&self, key: &[u8]) -> Option<&'a [u8]> {
        sub_keys(self.get(VENDOR)?)
            .find(|entry| entry.0 == key)
            .map(|entry| entry.1)
    }

    /// Appends to `out` this tracestate with another threshold. The member of OpenTelemetry comes
    /// first, as W3C asks of one that was changed; what else it says is kept. A 33rd member falls off.
    ///
    /// # Errors
    /// When the member of OpenTelemetry would be too long. `out` is then as it was.
    pub fn write_with_threshold(
        &self,
        threshold: Threshold,
        out: &mut Vec<u8>,
    ) -> Result<(), TraceStateError> {
        let start = out.len();
        out.extend_from_slice(b"ot=th:");
        out.extend_from_slice(threshold.to_string().as_bytes());
        for (key, value) in sub_keys(self.get(VENDOR).unwrap_or_default()) {
            if key != THRESHOLD {
                out.push(b';');
                out.extend_from_slice(key);
                out.push(b':');
                out.extend_from_slice(value);
            }
        }
        if out.len() - start > VENDOR.len() + 1 + VALUE_LENGTH_MAX {
            out.truncate(start);
            return Err(TraceStateError::TooLong);
        }
        let others = self.iter().filter(|member| member.0 != VENDOR);
        for (key, value) in others.take(MEMBERS_MAX - 1) {
            out.push(b',');
            out.extend_from_slice(key);
            out.push(b'=');
            out.extend_from_slice(value);
        }
        Ok(())
    }
}

/// The parts of the member of OpenTelemetry: `key:value`, separated by semicolons.
fn sub_keys(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    value.split(|&byte| byte == b';').filter_map(|part| {
        let colon = part.iter().position(|&byte| byte == b':')?;
        Some((&part[..colon], &part[colon + 1..]))
    })
}

fn parse_member(member: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = member.iter().position(|&byte| byte == b'=')?;
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut key = &member[..equals];
    while let [first, rest @ ..] = key
        && is_blank(first)
    {
        key = rest;
    }
    let mut value = &member[equals + 1..];
    while let [rest @ .., last] = value
        && is_blank(last)
    {
        value = rest;
    }
    (is_key(key) && is_value(value)).then_some((key, value))
}

/// `simple`, beginning with a letter, or `tenant@system`, where a tenant may begin with a digit.
fn is_key(key: &[u8]) -> bool {
    let is_part = |part: &[u8], length_max: usize, may_begin_with_digit: bool| {
        let begins_well = part.first().is_some_and(|first| {
            first.is_ascii_lowercase() || (may_begin_with_digit && first.is_ascii_digit())
        });
        begins_well && part.len() <= length_max && part.iter().all(|&byte| is_key_byte(byte))
    };
    match key.iter().position(|&byte| byte == b'@') {
        None => is_part(key, 256, false),
        Some(at) => is_part(&key[..at], 241, true) && is_part(&key[at + 1..], 14, false),
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/')
}

/// 1 to 256 printable characters but comma and equals sign; the last one is no space.
fn is_value(value: &[u8]) -> bool {
    let printable = |&byte: &u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=VALUE_LENGTH_MAX).contains(&value.len()) && value.iter().all(printable)
}

#[cfg(test)]
mod tests {
    use super::{TraceState, TraceStateError};
    use tailweir_core::Threshold;

    fn with_threshold(text: &[u8], threshold: &str) -> Result<String, TraceStateError> {
        let mut out = Vec::new();
        let threshold = Threshold::parse(threshold).unwrap();
        TraceState::parse(text)?.write_with_threshold(threshold, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// Scenario: a threshold is set where there was none, another one, or other members.
    /// Guarantees: it replaces the old one, stands first, and nothing else is lost.
    #[test]
    fn a_threshold_replaces_only_the_old_threshold() {
        for (before, after) in [
            ("", "ot=th:c"),
            ("ot=th:8", "ot=th:c"),
            (
                "ot=rv:6e6d1a75832a2f;th:8;x:y",
                "ot=th:c;rv:6e6d1a75832a2f;x:y",
            ),
            ("a=1,\tot=th:0 ,b@c=2", "ot=th:c,a=1,b@c=2"),
        ] {
            assert_eq!(
                with_threshold(before.as_bytes(), "c").unwrap(),
                after,
                "{before}"
            );
        }
    }

    /// Scenario: a tracestate that is full already gets a threshold.
    /// Guarantees: it stays within 32 members and loses only the last one.
    #[test]
    fn a_full_tracestate_loses_its_last_member() {
        let members: Vec<_> = (0..32).map(|n| format!("k{n}=v")).collect();
        let after = with_threshold(members.join(",").as_bytes(), "8").unwrap();
        assert_eq!(after, format!("ot=th:8,{}", members[..31].join(",")));
        assert_eq!(
            TraceState::parse(after.as_bytes()).unwrap().iter().count(),
            32
        );
    }

    /// Scenario: a member of OpenTelemetry that is as long as it may be gets a threshold.
    /// Guarantees: it is refused, and nothing is written.
    #[test]
    fn a_threshold_that_does_not_fit_is_refused() {
        let text = format!("ot=x:{}", "y".repeat(254));
        let mut out = b"before".to_vec();
        let state = TraceState::parse(text.as_bytes()).unwrap();
        let result = state.write_with_threshold(Threshold::ALWAYS, &mut out);
        assert_eq!(
            (result, out.as_slice()),
            (Err(TraceStateError::TooLong), &b"before"[..])
        );
    }

    /// Scenario: text that breaks a rule of W3C Trace Context each.
    /// Guarantees: it is refused, for its reason.
    #[test]
    fn what_is_not_a_tracestate_is_refused() {
        let member = Err(TraceStateError::Member { index: 0 });
        for text in [
            "a", "=b", "A=b", "1=b", "a=", "a=b=c", "a@=b", "a@1=b", "a=\u{7f}", "é=b",
        ] {
            assert_eq!(
                TraceState::parse(text.as_bytes()).map(drop),
                member,
                "{text}"
            );
        }
        let duplicate = Err(TraceStateError::Duplicate { index: 1 });
        assert_eq!(TraceState::parse(b"a=1,a=2").map(drop), duplicate);
        let many: Vec<_> = (0..33).map(|n| format!("k{n}=v")).collect();
        assert_eq!(
            TraceState::parse(many.join(",").as_bytes()).map(drop),
            Err(TraceStateError::TooMany)
        );
        assert!(
            TraceState::parse(b"1a@b=c, ,d=e").is_err(),
            "a blank member is no empty one"
        );
        assert!(TraceState::parse(b"1a@b=c,,d=e").is_ok());
    }
}
