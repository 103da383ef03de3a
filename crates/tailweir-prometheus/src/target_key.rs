//! Which streams belong together in a cluster.

use crate::naming::Sender;
use tailweir_otlp::ResourceFields;
use xxhash_rust::xxh3::xxh3_64;

/// A number for the target that sends this resource, the same in every process: a hash of `job` and `instance`.
///
/// Streams of one target share it, whatever their names, scopes and attributes, and so does its `target_info`. Two
/// streams that a page would show as one have the same target, because `job` and `instance` are labels of each series that
/// no attribute can bring: so who alone has a target shows each of its series once. Resources without
/// `service.name` and `service.instance.id` are one target, of no name.
#[must_use]
pub fn target_key(resource: ResourceFields<'_>) -> u64 {
    key_of(&Sender::of(resource.resource().attributes()))
}

pub(crate) fn key_of(sender: &Sender) -> u64 {
    let mut text = Vec::new();
    // What is missing is no label, and what is empty is none either.
    for part in [&sender.job, &sender.instance] {
        let part = part.as_deref().unwrap_or_default().as_bytes();
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    xxh3_64(&text)
}

#[cfg(test)]
mod tests {
    use super::key_of;
    use crate::naming::Sender;

    fn key(job: Option<&str>, instance: Option<&str>) -> u64 {
        let [job, instance] = [job, instance].map(|text| text.map(str::to_owned));
        key_of(&Sender { job, instance })
    }

    /// Scenario: targets with and without a name, some alike but for where one word ends.
    /// Guarantees: the keys are those that were published, so that members of two versions agree; what is shown alike is one.
    #[test]
    fn keys_are_pinned() {
        assert_eq!(key(None, None), PINNED[0]);
        assert_eq!(key(Some("shop/cart"), Some("1")), PINNED[1]);
        assert_eq!(key(None, Some("")), key(None, None));
        assert_ne!(key(Some("ab"), Some("c")), key(Some("a"), Some("bc")));
        assert_ne!(key(Some("a"), None), key(None, Some("a")));
    }

    const PINNED: [u64; 2] = [0xd0a6_6a65_c752_8968, 0x3304_493a_a14e_0874];
}
