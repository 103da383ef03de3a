//! All attribute policies of a set, answered by one walk over the attributes.
//!
//! ```text
//! AttributePlan   keys, sorted by length and bytes; tests, grouped by key     (compiled, shared)
//! AttributeWalk   which tests have passed, which span is next                 (one trace at a time)
//! ```
//!
//! The walk goes on from where it stopped whenever another answer is wanted, so a trace is walked at
//! most once, and no further than needed.

mod walk;

pub(crate) use walk::AttributeWalk;

use crate::matcher::{Bearer, ValueTest};
use std::ops::Range;
use tailweir_otlp::{AnyValue, KeyLengths};

/// Lengths from here on share one bucket.
const LENGTH_BUCKETS: usize = 64;

/// Number of an attribute test in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestIndex(pub(crate) u16);

/// The keys and tests of all attribute policies.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttributePlan {
    keys: Box<[Key]>,
    /// The keys of each length; the last range holds all longer ones.
    by_length: Box<[Range<u16>]>,
    /// Which lengths there are.
    lengths: KeyLengths,
    tests: Box<[ValueTest]>,
}

#[derive(Debug, Clone)]
struct Key {
    text: Box<[u8]>,
    tests: Box<[TestIndex]>,
}

impl AttributePlan {
    /// The plan for these tests, each under its key.
    pub(crate) fn new(tests: Vec<(String, ValueTest)>) -> Self {
        let mut texts: Vec<&str> = tests.iter().map(|(key, _)| key.as_str()).collect();
        texts.sort_unstable_by_key(|text| (text.len(), *text));
        texts.dedup();
        let tests_of = |text: &str| {
            let numbered = tests.iter().zip(0..);
            numbered
                .filter(|((key, _), _)| key == text)
                .map(|(_, index)| TestIndex(index))
                .collect()
        };
        let keys: Box<[Key]> = texts
            .into_iter()
            .map(|text| Key {
                text: text.as_bytes().into(),
                tests: tests_of(text),
            })
            .collect();
        Self {
            by_length: (0..=LENGTH_BUCKETS)
                .map(|length| keys_of_length(&keys, length))
                .collect(),
            lengths: KeyLengths::of(keys.iter().map(|key| &*key.text)),
            keys,
            tests: tests.into_iter().map(|(_, test)| test).collect(),
        }
    }

    /// The keys that are looked at.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| &*key.text)
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        let range = self.by_length.get(text.len().min(LENGTH_BUCKETS))?;
        let (start, end) = (usize::from(range.start), usize::from(range.end));
        let offset = self.keys[start..end]
            .iter()
            .position(|key| *key.text == *text)?;
        Some(start + offset)
    }

    fn passes(&self, test: TestIndex, value: AnyValue<'_>, bearer: Bearer) -> bool {
        self.tests[usize::from(test.0)].passes(value, bearer)
    }
}

fn keys_of_length(keys: &[Key], length: usize) -> Range<u16> {
    let bucket = |key: &Key| key.text.len().min(LENGTH_BUCKETS);
    let start = keys.partition_point(|key| bucket(key) < length);
    let end = keys.partition_point(|key| bucket(key) <= length);
    start as u16..end as u16
}
