//! Requests of Loki's push protocol, one a tenant, and how they stand in the bytes of one export.

use super::labels::Labels;
use super::line::line;
use crate::destination::Failure;
use crate::protobuf::Message;
use bytes::{Buf, Bytes};
use std::collections::{BTreeMap, HashMap};
use tailweir_otlp::{LogRecordView, RequestView, ScopeFields};

const NANOS: u64 = 1_000_000_000;

/// The records of a request, by tenant and stream.
#[derive(Default)]
pub(super) struct Pushes {
    tenants: Vec<Tenant>,
}

struct Tenant {
    name: Vec<u8>,
    streams: Vec<Stream>,
    /// Places in `streams` by labels.
    places: HashMap<String, usize>,
    items: u64,
}

struct Stream {
    labels: String,
    entries: Vec<Message>,
}

impl Pushes {
    /// Takes the records of an OTLP request. `now` is the time, in nanoseconds of the Unix epoch, of
    /// records that have none.
    pub(super) fn of(request: &[u8], defaults: &BTreeMap<String, bool>, now: u64) -> Self {
        let mut pushes = Self::default();
        for resource in RequestView(request).resources() {
            let attributes = resource.resource().attributes();
            for scope in resource.scopes() {
                for record in scope.items().map(LogRecordView) {
                    let labels = Labels::of(attributes, record, defaults);
                    pushes.add(&labels, record, scope, now);
                }
            }
        }
        pushes
    }

    fn add(
        &mut self,
        labels: &Labels<'_>,
        record: LogRecordView<'_>,
        scope: ScopeFields<'_>,
        now: u64,
    ) {
        let times = [record.time(), record.observed_time(), now];
        let time = times
            .into_iter()
            .find(|&time| time != 0)
            .unwrap_or_default();
        let timestamp = Message::default()
            .number(1, time / NANOS)
            .number(2, time % NANOS);
        let entry = Message::default()
            .message(1, timestamp)
            .text(2, &line(labels, record, scope));
        self.tenant(labels.tenant()).add(labels.stream(), entry);
    }

    fn tenant(&mut self, name: &[u8]) -> &mut Tenant {
        let known = self.tenants.iter().position(|tenant| tenant.name == name);
        let place = known.unwrap_or_else(|| {
            self.tenants.push(Tenant {
                name: name.to_vec(),
                streams: Vec::new(),
                places: HashMap::new(),
                items: 0,
            });
            self.tenants.len() - 1
        });
        &mut self.tenants[place]
    }

    /// All of them in one: for each tenant its name, its number of items and its request, packed.
    pub(super) fn write(
        self,
        pack: impl Fn(&[u8]) -> Result<Bytes, Failure>,
    ) -> Result<Bytes, Failure> {
        let mut out = Vec::new();
        for tenant in self.tenants {
            let (name, items) = (tenant.name.clone(), tenant.items);
            let body = pack(&tenant.request())?;
            out.extend_from_slice(&(name.len() as u64).to_be_bytes());
            out.extend_from_slice(&name);
            out.extend_from_slice(&items.to_be_bytes());
            out.extend_from_slice(&(body.len() as u64).to_be_bytes());
            out.extend_from_slice(&body);
        }
        Ok(out.into())
    }
}

impl Tenant {
    fn add(&mut self, labels: String, entry: Message) {
        self.items += 1;
        let next = self.streams.len();
        let place = *self.places.entry(labels.clone()).or_insert(next);
        if place == next {
            let entries = Vec::new();
            self.streams.push(Stream { labels, entries });
        }
        self.streams[place].entries.push(entry);
    }

    fn request(self) -> Vec<u8> {
        let streams = self.streams.into_iter().map(|stream| {
            let labels = Message::default().text(1, stream.labels.as_bytes());
            let entries = stream.entries.into_iter();
            entries.fold(labels, |stream, entry| stream.message(2, entry))
        });
        let request = streams.fold(Message::default(), |request, stream| {
            request.message(1, stream)
        });
        request.finish()
    }
}

/// The request of one tenant.
pub(super) struct Push<'a> {
    pub(super) tenant: &'a [u8],
    pub(super) items: u64,
    pub(super) body: Bytes,
}

/// Reads what [`Pushes::write`] wrote.
pub(super) fn read(pushes: &Bytes) -> impl Iterator<Item = Push<'_>> {
    let mut rest = &pushes[..];
    std::iter::from_fn(move || {
        let tenant = take(&mut rest)?;
        let items = rest.try_get_u64().ok()?;
        let body = take(&mut rest)?;
        Some(Push {
            tenant,
            items,
            body: pushes.slice_ref(body),
        })
    })
}

/// A part that is preceded by its length.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(rest.try_get_u64().ok()?).ok()?;
    let (part, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(part)
}
