//! Who sent telemetry, written beside its resource while somebody holds it.
//!
//! What a sampler holds is a mixture of many requests, and what it keeps leaves in others. So that who sent a
//! span goes all its way along, through the window, to other members of a cluster and back, it is a field
//! of the `ResourceSpans` or `ResourceLogs` that the span stands in, of a number that OTLP does not have. Whoever
//! does not know it passes it on, as every unknown field; whoever wrote it takes it out again.

use crate::field::{REQUEST_RESOURCES, RESOURCE_SENDER};
use crate::message_writer::MessageWriter;
use crate::splice::Positions;
use crate::view::{Messages, ResourceFields, ScopeFields};
use crate::wire::{last_bytes, put_bytes};
use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;
use tailweir_core::{AuthAttribute, ClientContext};

const ADDRESS: u32 = 1;
const METADATA: u32 = 2;
const AUTH: u32 = 3;
const NAME: u32 = 1;
const VALUES: u32 = 2;
/// What an authenticator found out as a list, which need not have several values.
const LIST: u32 = 3;

/// The request with this sender in each of its resources, in place of any that was there; without one where
/// the sender is nobody. Nothing where it would be longer than `length_max`.
#[must_use]
pub fn with_sender(request: &[u8], sender: &ClientContext, length_max: usize) -> Option<Vec<u8>> {
    let sender = encoded(sender);
    let mut out = Vec::with_capacity(request.len() + sender.len() + 16);
    let mut copied = 0;
    for (field, end) in Positions::new(request) {
        if let Some(content) = resource(field.number, field.content) {
            out.extend_from_slice(&request[copied..field.start]);
            let marked = if has_items(content) {
                RESOURCE_SENDER.with_bytes(content, &sender)
            } else {
                RESOURCE_SENDER.without(content)
            };
            if out.len() + marked.len() > length_max {
                return None;
            }
            put_bytes(&mut out, REQUEST_RESOURCES.number(), &marked);
            copied = end;
        }
    }
    // What makes no sense stays, for whoever judges that.
    out.extend_from_slice(&request[copied..]);
    (out.len() <= length_max).then_some(out)
}

/// What one sender has in a request.
#[derive(Debug, Clone, PartialEq)]
pub struct OfSender {
    /// Who.
    pub sender: ClientContext,
    /// A request of it, without the field that names the sender.
    pub body: Vec<u8>,
    /// Spans or log records in it.
    pub items: u64,
    /// Where it stands in the request that was divided.
    places: Vec<Range<usize>>,
}

/// A request divided by senders, each with what it sent in the order in which it stood.
#[must_use]
pub fn by_sender(request: &[u8]) -> Vec<OfSender> {
    let mut parts: Vec<OfSender> = Vec::new();
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    let mut last = 0;
    for (field, end) in Positions::new(request) {
        let Some(content) = resource(field.number, field.content) else {
            // Fields that nobody knows go with what stands before them.
            if let Some(part) = parts.get_mut(last) {
                part.body.extend_from_slice(&request[field.start..end]);
                part.places.push(field.start..end);
            }
            continue;
        };
        let items = ResourceFields(content)
            .scopes()
            .flat_map(ScopeFields::items)
            .count();
        if items == 0 {
            continue;
        }
        let sender = last_bytes(content, RESOURCE_SENDER.number()).unwrap_or_default();
        let place = *known.entry(sender).or_insert(parts.len());
        if place == parts.len() {
            parts.push(OfSender {
                sender: decoded(sender),
                body: Vec::new(),
                items: 0,
                places: Vec::new(),
            });
        }
        last = place;
        let part = &mut parts[place];
        let plain = RESOURCE_SENDER.without(content);
        put_bytes(&mut part.body, REQUEST_RESOURCES.number(), &plain);
        part.items += items as u64;
        part.places.push(field.start..end);
    }
    parts
}

/// A request of these parts as they stood in `request`, with their senders: what is left of it when others
/// have gone their way.
#[must_use]
pub fn as_they_stood<'p>(request: &[u8], parts: impl IntoIterator<Item = &'p OfSender>) -> Vec<u8> {
    let places = parts.into_iter().flat_map(|part| part.places.iter());
    let pieces: Vec<&[u8]> = places
        .filter_map(|place| request.get(place.clone()))
        .collect();
    pieces.concat()
}

fn resource(number: u32, content: Option<&[u8]>) -> Option<&[u8]> {
    content.filter(|_| number == REQUEST_RESOURCES.number())
}

fn has_items(resource: &[u8]) -> bool {
    let mut items = ResourceFields(resource)
        .scopes()
        .flat_map(ScopeFields::items);
    items.next().is_some()
}

fn encoded(client: &ClientContext) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = MessageWriter(&mut out);
    match client.address {
        Some(IpAddr::V4(address)) => message.bytes(ADDRESS, &address.octets()),
        Some(IpAddr::V6(address)) => message.bytes(ADDRESS, &address.octets()),
        None => {}
    }
    for (name, values) in &client.metadata {
        message.message(METADATA, |entry| {
            entry.bytes(NAME, name.as_bytes());
            for value in values {
                entry.bytes(VALUES, value.as_bytes());
            }
        });
    }
    for (name, attribute) in &client.auth {
        message.message(AUTH, |entry| {
            entry.bytes(NAME, name.as_bytes());
            match attribute {
                AuthAttribute::Text(text) => entry.bytes(VALUES, text.as_bytes()),
                AuthAttribute::Texts(texts) => {
                    for text in texts {
                        entry.bytes(LIST, text.as_bytes());
                    }
                }
            }
        });
    }
    out
}

/// What makes no sense is left out: these bytes may come from another member.
fn decoded(sender: &[u8]) -> ClientContext {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = |entry: &[u8]| text(last_bytes(entry, NAME).unwrap_or_default());
    let values = |entry, number| Messages::new(entry, number).map(text).collect();
    let address = last_bytes(sender, ADDRESS).and_then(|bytes| {
        let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
            .ok()
    });
    ClientContext {
        address,
        metadata: Messages::new(sender, METADATA)
            .map(|entry| (name(entry), values(entry, VALUES)))
            .collect(),
        auth: Messages::new(sender, AUTH)
            .map(|entry| {
                let attribute = match last_bytes(entry, VALUES) {
                    Some(value) => AuthAttribute::Text(text(value)),
                    None => AuthAttribute::Texts(values(entry, LIST)),
                };
                (name(entry), attribute)
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{as_they_stood, by_sender, decoded, encoded, with_sender};
    use crate::{
        Assembler, Part, RequestView, ResourceFields, Scan, ScanLimits, ScopeFields, field,
    };
    use tailweir_core::{AuthAttribute, ClientContext};

    fn request(resource: &[u8], names: &[&[u8]]) -> Vec<u8> {
        let spans: Vec<_> = names
            .iter()
            .map(|name| [&b"\x2a"[..], &[name.len() as u8], name].concat())
            .collect();
        let parts = spans.iter().map(|item| Part {
            resource: ResourceFields(resource),
            scope: ScopeFields(b""),
            item,
        });
        let mut out = Vec::new();
        Assembler::new().assemble(parts, &mut out);
        out
    }

    fn tenant(name: &str) -> ClientContext {
        ClientContext {
            metadata: vec![("tenant".to_owned(), vec![name.to_owned()])],
            ..ClientContext::NOBODY
        }
    }

    fn marked(request: &[u8], sender: &ClientContext) -> Vec<u8> {
        with_sender(request, sender, 1 << 20).unwrap()
    }

    /// Scenario: everything that can be known of a client, and nothing.
    /// Guarantees: it is read as it was written; bytes that are no client are none, without a panic.
    #[test]
    fn a_sender_is_read_as_it_was_written() {
        let whole = ClientContext {
            address: Some("2001:db8::1".parse().unwrap()),
            metadata: vec![
                ("a".into(), vec!["1".into(), String::new()]),
                ("b".into(), vec![]),
            ],
            auth: vec![
                ("subject".into(), AuthAttribute::Text(String::new())),
                ("groups".into(), AuthAttribute::Texts(vec!["g".into()])),
                ("none".into(), AuthAttribute::Texts(vec![])),
            ],
        };
        let v4 = ClientContext {
            address: Some([10, 0, 0, 1].into()),
            ..ClientContext::NOBODY
        };
        for client in [whole, v4, tenant("a"), ClientContext::NOBODY] {
            assert_eq!(decoded(&encoded(&client)), client);
        }
        for bytes in [&b"\x0a\x02xy"[..], b"\x12\xff", b"\xff\xff\xff"] {
            assert!(decoded(bytes).is_nobody());
        }
    }

    /// Scenario: requests of two senders are mixed, one of them with resources that repeat; one names
    /// itself somebody else; unknown fields stand in resources and beside them.
    /// Guarantees: each sender has what it sent, in order and to the byte; nobody is believed who says
    /// who he is; what is left when one has gone can be divided again.
    #[test]
    fn a_mixture_is_divided_by_who_sent_it() {
        let [one, two] = [
            request(b"\x0a\x00", &[b"a", b"b"]),
            request(b"\x0a\x00\xaa\x01\x01?", &[b"c"]),
        ];
        let forged = marked(&two, &tenant("red"));
        let mixture = [
            marked(&one, &tenant("red")),
            b"\xaa\x01\x01?".to_vec(),
            marked(&forged, &tenant("blue")),
            marked(&two, &tenant("red")),
            marked(&forged, &ClientContext::NOBODY),
        ]
        .concat();
        let mut scan = Scan::new();
        Scan::traces(&mixture, &ScanLimits::default(), &mut scan).unwrap();
        assert_eq!(scan.spans.len(), 5);
        let parts = by_sender(&mixture);
        let [red, blue, nobody] = &parts[..] else {
            panic!("{parts:?}");
        };
        assert_eq!((&red.sender, red.items), (&tenant("red"), 3));
        assert_eq!(red.body, [&one[..], b"\xaa\x01\x01?", &two].concat());
        assert_eq!((&blue.sender, blue.items), (&tenant("blue"), 1));
        assert_eq!(blue.body, two);
        assert!(nobody.sender.is_nobody());
        assert_eq!(nobody.body, two);
        let rest = by_sender(&as_they_stood(&mixture, &parts[1..]));
        assert_eq!(rest.len(), 2);
        assert_eq!((&rest[0].body, &rest[0].sender), (&blue.body, &blue.sender));
    }

    /// Scenario: a request of many resources would grow beyond the limit, one is cut off in the middle, one has a
    /// resource without spans that names a sender.
    /// Guarantees: the first is not written; what makes no sense still makes none; what is empty names nobody.
    #[test]
    fn growth_is_bounded_and_nonsense_stays() {
        let many = request(b"", &[b"a"]).repeat(100);
        let sender = tenant(&"x".repeat(100));
        assert_eq!(with_sender(&many, &sender, many.len() + 5_000), None);
        assert!(with_sender(&many, &sender, many.len() + 20_000).is_some());
        let whole = request(b"", &[b"abc"]);
        let cut = marked(&whole[..whole.len() - 1], &tenant("a"));
        let mut scan = Scan::new();
        assert!(Scan::traces(&cut, &ScanLimits::default(), &mut scan).is_err());
        let forged = with_sender(&whole, &tenant("a"), 1 << 20).unwrap();
        let resource = RequestView(&forged).resources().next().unwrap();
        let empty = field::REQUEST_RESOURCES.with_bytes(b"", &resource.without_scopes());
        assert!(empty.windows(6).any(|bytes| bytes == b"tenant"));
        let plain = marked(&empty, &tenant("b"));
        assert_eq!(plain, b"\x0a\x00");
        assert_eq!(by_sender(&plain), []);
    }
}
