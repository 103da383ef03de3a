//! Messages without what is nested in them, and with other marks: what a request is cut up and put
//! together again with.

use crate::assemble::Part;
use crate::attribute_list::AttributeList;
use crate::splice::replace;
use crate::trace_state::TraceState;
use crate::view::{Messages, RequestView, ResourceFields, ScopeFields};
use crate::wire::put_bytes;
use std::sync::Arc;

const SCOPE: u32 = 1;
const SCOPE_ATTRIBUTES: u32 = 3;

impl ResourceFields<'_> {
    /// The fields without the scopes: resource, schema URL, and fields that nobody knows yet.
    #[must_use]
    pub fn without_scopes(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_own_fields(&mut out);
        out
    }
}

impl ScopeFields<'_> {
    /// The fields without the items: scope, schema URL, and fields that nobody knows yet.
    #[must_use]
    pub fn without_items(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_own_fields(&mut out);
        out
    }

    /// The fields with the scope's attributes as `edit` leaves them. Several scopes, which are one,
    /// become one.
    #[must_use]
    pub fn with_attributes(self, edit: impl FnOnce(&mut AttributeList<'_>)) -> Vec<u8> {
        let scope: Vec<u8> = Messages::new(self.0, SCOPE).collect::<Vec<_>>().concat();
        let mut list = AttributeList::new(&scope, SCOPE_ATTRIBUTES);
        edit(&mut list);
        let mut changed = Vec::with_capacity(scope.len() + 64);
        replace(&scope, SCOPE_ATTRIBUTES, &mut changed, |out| {
            list.write(SCOPE_ATTRIBUTES, out);
        });
        let mut out = Vec::with_capacity(self.0.len() + changed.len());
        replace(self.0, SCOPE, &mut out, |out| {
            put_bytes(out, SCOPE, &changed);
        });
        out
    }
}

/// The fields of a scope and of its resource, what is nested in them taken out: what the items of a scope
/// are put together with again.
///
/// The scopes of a resource share its fields: those of a request are no longer than the request, however many
/// scopes it has, and an assembler tells at a glance which are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outer {
    resource: Arc<[u8]>,
    scope: Vec<u8>,
}

impl Outer {
    /// Those of each scope of a request that has items, in order, each with the scope itself.
    #[must_use]
    pub fn all(request: &[u8]) -> Vec<(Self, ScopeFields<'_>)> {
        let mut outers = Vec::new();
        for resource in RequestView(request).resources() {
            let has_items = |scope: &ScopeFields<'_>| scope.items().next().is_some();
            let mut shared: Option<Arc<[u8]>> = None;
            for scope in resource.scopes().filter(has_items) {
                let shared = shared.get_or_insert_with(|| resource.without_scopes().into());
                let outer = Self {
                    resource: Arc::clone(shared),
                    scope: scope.without_items(),
                };
                outers.push((outer, scope));
            }
        }
        outers
    }

    /// The fields of the resource.
    #[must_use]
    pub fn resource(&self) -> ResourceFields<'_> {
        ResourceFields(&self.resource)
    }

    /// The fields of the scope.
    #[must_use]
    pub fn scope(&self) -> ScopeFields<'_> {
        ScopeFields(&self.scope)
    }

    /// How many bytes they are.
    #[must_use]
    pub fn length(&self) -> usize {
        self.resource.len() + self.scope.len()
    }

    /// An item of this scope, to be put into a request.
    #[must_use]
    pub fn part<'a>(&'a self, item: &'a [u8]) -> Part<'a> {
        Part {
            resource: self.resource(),
            scope: self.scope(),
            item,
        }
    }
}

impl TraceState<'_> {
    /// Appends to `out` this tracestate without a threshold: what is left when nobody can say how many
    /// spans this one stands for. What else the member of OpenTelemetry says is kept.
    pub fn write_without_threshold(&self, out: &mut Vec<u8>) {
        let mut separator: &[u8] = b"";
        for (key, value) in self.iter() {
            let kept: Vec<u8> = if key == b"ot" {
                let parts = value.split(|&byte| byte == b';');
                let others = parts.filter(|part| !part.starts_with(b"th:"));
                others.collect::<Vec<_>>().join(&b';')
            } else {
                value.to_vec()
            };
            if kept.is_empty() {
                continue;
            }
            out.extend_from_slice(separator);
            out.extend_from_slice(key);
            out.push(b'=');
            out.extend_from_slice(&kept);
            separator = b",";
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Assembler, EncodedValue, Outer, RequestView, ScopeFields, TraceState, field};

    /// Scenario: a request with a resource, a schema URL and a span is taken apart.
    /// Guarantees: exactly the nested fields are left out.
    #[test]
    fn only_what_is_nested_is_left_out() {
        // resource_spans { resource {} scope_spans { scope { name: "s" } spans {} } schema_url: "u" }
        let request = b"\x0a\x0e\x0a\x00\x12\x07\x0a\x03\x0a\x01s\x12\x00\x1a\x01u";
        let resource = RequestView(request).resources().next().unwrap();
        assert_eq!(resource.without_scopes(), b"\x0a\x00\x1a\x01u");
        let scope = resource.scopes().next().unwrap();
        assert_eq!(scope.without_items(), b"\x0a\x03\x0a\x01s");
    }

    /// Scenario: a request of two resources, the first with three scopes, of which one has no items.
    /// Guarantees: each scope with items has an outline, in order, and an item goes back into a request with it.
    #[test]
    fn each_scope_with_items_has_an_outline() {
        // resource_spans { schema_url: "u" scope_spans { spans { name: "a" } } scope_spans { schema_url: "v" }
        //                  scope_spans { schema_url: "w" spans {} } }
        // resource_spans { scope_spans { spans {} } }
        let first = b"\x1a\x01u\x12\x05\x12\x03\x2a\x01a\x12\x03\x1a\x01v\x12\x05\x1a\x01w\x12\x00";
        let second = b"\x0a\x04\x12\x02\x12\x00";
        let request = [&b"\x0a\x16"[..], first, second].concat();
        let outers = Outer::all(&request);
        let own = |(outer, scope): &(Outer, ScopeFields<'_>)| {
            let items = scope.items().count();
            (outer.resource.to_vec(), outer.scope.clone(), items)
        };
        let wanted = |resource: &[u8], scope: &[u8]| (resource.to_vec(), scope.to_vec(), 1);
        assert_eq!(
            outers.iter().map(own).collect::<Vec<_>>(),
            [
                wanted(b"\x1a\x01u", b""),
                wanted(b"\x1a\x01u", b"\x1a\x01w"),
                wanted(b"", b"")
            ]
        );
        let mut out = Vec::new();
        Assembler::new().assemble([outers[0].0.part(b"\x2a\x01a")].into_iter(), &mut out);
        assert_eq!(out, b"\x0a\x0a\x1a\x01u\x12\x05\x12\x03\x2a\x01a");
    }

    /// Scenario: a resource of 50 kB with a thousand scopes that have an item, and as many that have none.
    /// Guarantees: its fields are in memory once, and nothing is there for scopes that have nothing.
    #[test]
    fn scopes_share_the_fields_of_their_resource() {
        let schema_url = field::SCHEMA_URL.with_bytes(b"", &b"u".repeat(50_000));
        let scopes = b"\x12\x02\x12\x00\x12\x00".repeat(1000);
        let request =
            field::REQUEST_RESOURCES.with_bytes(b"", &[schema_url.clone(), scopes].concat());
        let outers = Outer::all(&request);
        assert_eq!(outers.len(), 1000);
        let shared = outers[0].0.resource().0;
        assert_eq!(shared, schema_url);
        let is_shared = |(outer, _): &(Outer, _)| std::ptr::eq(outer.resource().0, shared);
        assert!(outers.iter().all(is_shared));
    }

    /// Scenario: an attribute is put into a scope that has a name, and into one that is not there.
    /// Guarantees: it is there, and the name still is.
    #[test]
    fn a_scope_gets_an_attribute() {
        for (fields, name) in [(&b"\x0a\x03\x0a\x01s"[..], &b"s"[..]), (b"", b"")] {
            let changed = ScopeFields(fields).with_attributes(|list| {
                list.put(b"policy", &EncodedValue::string(b"errors"));
            });
            let scope = ScopeFields(&changed).scope();
            assert_eq!(scope.name(), name);
            let value = scope.attributes().get(b"policy").unwrap();
            assert_eq!(value, crate::AnyValue::String(b"errors"));
        }
    }

    /// Scenario: thresholds are taken out of tracestates, alone and beside others.
    /// Guarantees: nothing but the threshold is gone.
    #[test]
    fn only_the_threshold_is_taken_out() {
        for (before, after) in [
            ("ot=th:8", ""),
            (
                "a=1,ot=th:8;rv:6e6d1a75832a2f,b=2",
                "a=1,ot=rv:6e6d1a75832a2f,b=2",
            ),
            ("a=1,ot=th:8", "a=1"),
            ("a=1", "a=1"),
        ] {
            let mut out = Vec::new();
            TraceState::parse(before.as_bytes())
                .unwrap()
                .write_without_threshold(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), after);
        }
    }
}
