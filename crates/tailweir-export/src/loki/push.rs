//! Requests of Loki's push protocol, one a tenant, and how they stand in the bytes of one export.

use super::form;
use super::labels::Labels;
use super::line::line;
use super::metadata::Metadata;
use crate::destination::Failure;
use bytes::{Buf, Bytes};
use std::collections::{BTreeMap, HashMap};
use tailweir_config::{LokiEncoding, LokiStructuredMetadata};
use tailweir_otlp::{LogRecordView, RequestView, ScopeFields};

/// What becomes of records, by the settings.
pub(super) struct Wanted {
    pub(super) encoding: LokiEncoding,
    /// Default labels, those that are off as false.
    pub(super) labels: BTreeMap<String, bool>,
    pub(super) metadata: LokiStructuredMetadata,
}

/// The records of a request, by tenant and stream.
pub(super) struct Pushes {
    encoding: LokiEncoding,
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
    /// As the form of the push has them.
    labels: String,
    /// As they stand in the stream, one after the other.
    entries: Vec<u8>,
}

impl Pushes {
    /// Takes the records of an OTLP request. `now` is the time, in nanoseconds of the Unix epoch, of
    /// records that have none.
    pub(super) fn of(request: &[u8], wanted: &Wanted, now: u64) -> Self {
        let mut pushes = Self {
            encoding: wanted.encoding,
            tenants: Vec::new(),
        };
        for resource in RequestView(request).resources() {
            let attributes = resource.resource().attributes();
            for scope in resource.scopes() {
                for record in scope.items().map(LogRecordView) {
                    let labels = Labels::of(attributes, record, &wanted.labels);
                    let metadata = Metadata::of(&labels, record, &wanted.metadata);
                    pushes.add(&labels, &metadata, record, scope, now);
                }
            }
        }
        pushes
    }

    fn add(
        &mut self,
        labels: &Labels<'_>,
        metadata: &Metadata<'_>,
        record: LogRecordView<'_>,
        scope: ScopeFields<'_>,
        now: u64,
    ) {
        let times = [record.time(), record.observed_time(), now];
        let time = times.into_iter().find(|&time| time != 0);
        let time = time.unwrap_or_default();
        let line = line(labels, metadata, record, scope);
        let encoding = self.encoding;
        let stream = form::stream(encoding, &labels.of_stream());
        let entries = self.tenant(labels.tenant()).entries(stream);
        form::put_entry(encoding, time, &line, metadata, entries);
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
        pack: impl Fn(Vec<u8>) -> Result<Bytes, Failure>,
    ) -> Result<Bytes, Failure> {
        let mut out = Vec::new();
        for tenant in self.tenants {
            let (name, items) = (tenant.name.clone(), tenant.items);
            let body = pack(tenant.request(self.encoding))?;
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
    /// Those of a stream, to which one is added.
    fn entries(&mut self, labels: String) -> &mut Vec<u8> {
        self.items += 1;
        let next = self.streams.len();
        let place = *self.places.entry(labels.clone()).or_insert(next);
        if place == next {
            let entries = Vec::new();
            self.streams.push(Stream { labels, entries });
        }
        &mut self.streams[place].entries
    }

    fn request(&self, encoding: LokiEncoding) -> Vec<u8> {
        let streams = self.streams.iter();
        form::request(
            encoding,
            streams.map(|stream| (stream.labels.as_str(), &stream.entries[..])),
        )
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
