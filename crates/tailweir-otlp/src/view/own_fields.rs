//! A resource or scope without what is nested in it, for requests that are cut where no [`Scan`] is at
//! hand.
//!
//! [`Scan`]: crate::Scan

use super::{ResourceFields, ScopeFields};
use crate::splice::replace;

const NESTED: u32 = 2;

impl ResourceFields<'_> {
    /// Appends its fields to `out`, its scopes left out.
    pub fn put_own_fields(self, out: &mut Vec<u8>) {
        replace(self.0, NESTED, out, |_| {});
    }
}

impl ScopeFields<'_> {
    /// Appends its fields to `out`, its items left out.
    pub fn put_own_fields(self, out: &mut Vec<u8>) {
        replace(self.0, NESTED, out, |_| {});
    }
}

#[cfg(test)]
mod tests {
    use crate::ResourceFields;

    /// Scenario: a resource with a scope in the midst of known and unknown fields of each kind.
    /// Guarantees: all of them are there afterwards, byte for byte, the scope is not.
    #[test]
    fn a_resource_keeps_all_fields_but_its_scopes() {
        let before = b"\x0a\x02\x10\x05\x50\x07";
        let scope = b"\x12\x02\x12\x00";
        let after = b"\x1a\x03url\x59\x01\x02\x03\x04\x05\x06\x07\x08\x65\x01\x02\x03\x04";
        let fields = [&before[..], scope, after].concat();
        let mut out = Vec::new();
        ResourceFields(&fields).put_own_fields(&mut out);
        assert_eq!(out, [&before[..], after].concat());
    }
}
