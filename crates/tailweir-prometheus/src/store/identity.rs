//! What makes a stream: hashes of 128 bits, under a seed, instead of the texts themselves.

use crate::attribute::put_text;
use crate::naming::{Kind, Sender};
use tailweir_otlp::{AnyValue, MetricData, ScopeFields};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// Hashes, with a buffer that is used again.
#[derive(Debug, Default)]
pub(super) struct Hasher {
    seed: u64,
    text: Vec<u8>,
}

impl Hasher {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            text: Vec::new(),
        }
    }

    /// Of parts, each with its length, so that no two lists of parts are one.
    fn of(&mut self, parts: &[&[u8]]) -> u128 {
        self.text.clear();
        for part in parts {
            self.text.extend_from_slice(&part.len().to_le_bytes());
            self.text.extend_from_slice(part);
        }
        xxh3_128_with_seed(&self.text, self.seed)
    }

    /// Of attributes, whatever their order: the sum of the hash of each.
    pub(super) fn attributes<'a>(
        &mut self,
        attributes: impl Iterator<Item = (&'a [u8], AnyValue<'a>)>,
    ) -> u128 {
        let mut sum = 0_u128;
        for (key, value) in attributes {
            self.text.clear();
            self.text.extend_from_slice(&key.len().to_le_bytes());
            self.text.extend_from_slice(key);
            put_text(value, &mut self.text);
            sum = sum.wrapping_add(xxh3_128_with_seed(&self.text, self.seed));
        }
        sum
    }

    pub(super) fn scope(&mut self, scope: ScopeFields<'_>) -> u128 {
        let view = scope.scope();
        let attributes = view.attributes().iter();
        let attributes = self.attributes(attributes.map(|entry| (entry.key, entry.value)));
        let parts: [&[u8]; 4] = [
            view.name(),
            view.version(),
            scope.schema_url(),
            &attributes.to_le_bytes(),
        ];
        self.of(&parts)
    }

    /// Of job and instance: other attributes of a resource make no other stream.
    pub(super) fn sender(&mut self, sender: &Sender) -> u128 {
        let part = |text: &Option<String>| match text {
            Some(text) => format!("={text}"),
            None => String::new(),
        };
        let (job, instance) = (part(&sender.job), part(&sender.instance));
        self.of(&[job.as_bytes(), instance.as_bytes()])
    }

    pub(super) fn metric(&mut self, name: &[u8], data: MetricData<'_>) -> u128 {
        self.of(&[name, data.name().as_bytes()])
    }

    /// Of what may change without making another stream.
    pub(super) fn metadata(&mut self, unit: &[u8], description: &[u8], kind: Kind) -> u64 {
        self.of(&[unit, description, &[kind as u8]]) as u64
    }

    pub(super) fn combined(&self, parts: [u128; 4]) -> u128 {
        let mut bytes = [0_u8; 64];
        for (place, part) in bytes.chunks_exact_mut(16).zip(parts) {
            place.copy_from_slice(&part.to_le_bytes());
        }
        xxh3_128_with_seed(&bytes, self.seed)
    }

    /// Of what a page shows: family and labels.
    pub(super) fn shown(&mut self, name: &str, kind: Kind, labels: &[u8]) -> u128 {
        self.of(&[name.as_bytes(), &[kind as u8], labels])
    }

    /// Of bytes that are looked at for a change alone.
    pub(super) fn bytes(&self, bytes: &[u8]) -> u64 {
        xxh3_64_with_seed(bytes, self.seed)
    }
}
