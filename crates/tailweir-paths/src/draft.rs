//! What statements change: a piece of a request, its surroundings, and what they remember.

mod client;
mod encode;
mod event;
mod log;
mod metric;
mod point;
mod resource;
mod span;
mod write;

pub use client::{ClientFacts, WithClient};
pub use encode::encode_value;

use crate::log::LogField;
use crate::path::{Path, Place};
use crate::point::{PointField, point_value};
use crate::resource::surroundings;
use crate::span::{EventField, SpanField, event_value, part, span_value};
use crate::{Scene, metric::MetricField};
use std::borrow::Cow;
use tailweir_otlp::field::WritableField;
use tailweir_otlp::{
    LogRecordView, MetricData, MetricView, ResourceFields, ScopeFields, SpanEventView, SpanView,
    field,
};
use tailweir_ottl::{EvaluationError, Key, Subject, Value};

/// A piece of a request while statements go over it. The bytes are those of the request until something
/// writes them, and every write makes them anew; so a path always reads what was written before.
///
/// Of messages that hold others only their own fields are needed: a resource without its scopes, a scope
/// without its items. Where statements are about the events of a span or the points of a metric, these are
/// the [`Self::parts`], and [`Self::whole`] is the span or metric without them.
#[derive(Debug)]
pub struct Draft<'b> {
    /// What the statements are about.
    pub scene: Scene,
    /// Fields of the `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
    pub resource: Cow<'b, [u8]>,
    /// Fields of the `ScopeSpans`, `ScopeMetrics` or `ScopeLogs`.
    pub scope: Cow<'b, [u8]>,
    /// The span, log record or metric that the statements are about, or whose parts they are about.
    pub whole: Cow<'b, [u8]>,
    /// The events or points, where statements are about them.
    pub parts: Vec<Cow<'b, [u8]>>,
    /// Which of the parts it is now.
    pub index: usize,
    /// What statements remember: a map.
    pub cache: Value<'static>,
    /// Who sent the request.
    pub client: &'b ClientFacts,
    /// By how many bytes all may still grow.
    pub room: usize,
    /// Whether something was refused because there was no room for it.
    pub is_full: bool,
}

/// A change that was worked out and not made yet.
#[derive(Debug)]
pub struct Change(Slot);

#[derive(Debug)]
enum Slot {
    Resource(Vec<u8>),
    Scope(Vec<u8>),
    Whole(Vec<u8>),
    Part(Vec<u8>),
    Cache(Value<'static>),
}

/// What a change is refused with when there is no room for it.
const NO_ROOM: EvaluationError =
    EvaluationError::Unavailable("the request would grow by more than it may");

impl<'b> Draft<'b> {
    /// A draft of nothing, for statements about this scene.
    #[must_use]
    pub fn new(scene: Scene, client: &'b ClientFacts, room: usize) -> Self {
        Self {
            scene,
            resource: Cow::Borrowed(&[]),
            scope: Cow::Borrowed(&[]),
            whole: Cow::Borrowed(&[]),
            parts: Vec::new(),
            index: 0,
            cache: Value::map(Vec::new()),
            client,
            room,
            is_full: false,
        }
    }

    /// The event or point that it is now.
    #[must_use]
    pub fn part(&self) -> &[u8] {
        self.parts.get(self.index).map_or(&[], AsRef::as_ref)
    }

    /// Works out what setting a path to a value changes; nothing when it changes nothing.
    ///
    /// # Errors
    /// When the path cannot be written, a key does not fit, or the value does not.
    pub fn change(
        &self,
        path: &Path,
        keys: &[Key<'_>],
        value: Value<'_>,
    ) -> Result<Option<Change>, EvaluationError> {
        let slot = match path.0 {
            Place::Resource(field) => {
                let fields = own_fields(&self.resource, field::SCOPES);
                resource::set_resource(&fields, field, keys, value)?.map(Slot::Resource)
            }
            Place::Scope(field) => {
                let fields = own_fields(&self.scope, field::ITEMS);
                resource::set_scope(&fields, field, keys, value)?.map(Slot::Scope)
            }
            Place::Span(field) => {
                let has_parts = self.scene == Scene::SpanEvent;
                span::set(&self.whole, field, has_parts, keys, value)?.map(Slot::Whole)
            }
            Place::SpanEvent(field) => event::set(self.part(), field, keys, value)?.map(Slot::Part),
            Place::Log(field) => log::set(&self.whole, field, keys, value)?.map(Slot::Whole),
            Place::Metric(field) => {
                let has_parts = self.scene == Scene::DataPoint;
                metric::set(&self.whole, field, has_parts, keys, value)?.map(Slot::Whole)
            }
            Place::DataPoint(field) => {
                let point = MetricView(&self.whole).data().point(self.part());
                point::set(point, field, keys, value)?.map(Slot::Part)
            }
            Place::Cache => self.remember(keys, value)?.map(Slot::Cache),
            Place::ClientAddress | Place::ClientMetadata | Place::ClientAuth => {
                return Err(EvaluationError::Unavailable(
                    "what a client sent cannot be changed",
                ));
            }
        };
        Ok(slot.map(Change))
    }

    /// The same for taking the first entry of a name out of the map in a path, where that is an attribute of
    /// what the statements are about: nobody reads the others for it. Nothing for other maps.
    #[must_use]
    pub fn removal(&self, path: &Path, keys: &[Key<'_>], name: &[u8]) -> Option<Option<Change>> {
        if !keys.is_empty() {
            return None;
        }
        let (field, message, slot): (_, &[u8], fn(_) -> _) = match path.0 {
            Place::Span(SpanField::Attributes) => {
                (field::SPAN_ATTRIBUTES, &self.whole, Slot::Whole)
            }
            Place::Log(LogField::Attributes) => (field::LOG_ATTRIBUTES, &self.whole, Slot::Whole),
            Place::SpanEvent(EventField::Attributes) => {
                (field::EVENT_ATTRIBUTES, self.part(), Slot::Part)
            }
            Place::DataPoint(PointField::Attributes) => {
                let point = MetricView(&self.whole).data().point(self.part());
                (point::attributes_of(point), self.part(), Slot::Part)
            }
            _ => return None,
        };
        let removed = field.without_attribute(message, name);
        Some(removed.map(|bytes| Change(slot(bytes))))
    }

    fn remember(
        &self,
        keys: &[Key<'_>],
        value: Value<'_>,
    ) -> Result<Option<Value<'static>>, EvaluationError> {
        let is_map = matches!(value, Value::Map(_));
        if keys.is_empty() && !is_map {
            return Ok(None);
        }
        let changed = if keys.is_empty() {
            value
        } else {
            write::set_within(self.cache.borrowed(), keys, value)?
        };
        if encode::depth(&changed) > encode::DEPTH_MAX {
            return Err(EvaluationError::Unavailable(
                "the cache is nested too deeply",
            ));
        }
        Ok(Some(changed.into_owned()))
    }

    /// Makes a change.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn apply(&mut self, change: Change) -> Result<(), EvaluationError> {
        let index = self.index;
        let (target, bytes) = match change.0 {
            Slot::Resource(bytes) => (Some(&mut self.resource), bytes),
            Slot::Scope(bytes) => (Some(&mut self.scope), bytes),
            Slot::Whole(bytes) => (Some(&mut self.whole), bytes),
            Slot::Part(bytes) => (self.parts.get_mut(index), bytes),
            Slot::Cache(cache) => {
                let (before, after) = (encode::weight(&self.cache), encode::weight(&cache));
                self.take_room(after.saturating_sub(before))?;
                self.cache = cache;
                return Ok(());
            }
        };
        let Some(target) = target else {
            return Ok(());
        };
        let grown = bytes.len().saturating_sub(target.len());
        if grown <= self.room {
            *target = Cow::Owned(bytes);
        }
        self.take_room(grown)
    }

    /// Takes so many bytes of what is left to grow by.
    ///
    /// # Errors
    /// When less is left; [`Self::is_full`] then says so.
    pub fn take_room(&mut self, grown: usize) -> Result<(), EvaluationError> {
        match self.room.checked_sub(grown) {
            Some(room) => {
                self.room = room;
                Ok(())
            }
            None => {
                self.is_full = true;
                Err(NO_ROOM)
            }
        }
    }

    /// The metric with the points that are its parts now.
    #[must_use]
    pub fn whole_metric(&self) -> Vec<u8> {
        let data = MetricView(&self.whole).data();
        let points = self.parts.iter().map(AsRef::as_ref);
        match data.field() {
            Some(kind) => {
                let data = field::DATA_POINTS.with_messages(data.message(), points);
                kind.with_bytes(&self.whole, &data)
            }
            None => self.whole.to_vec(),
        }
    }
}

impl Subject<Path> for Draft<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Result<Value<'a>, EvaluationError> {
        match path.0 {
            Place::Span(SpanField::Events) if self.scene == Scene::SpanEvent => {
                Ok(part("list of events", &self.whole, Some(self.parts.len())))
            }
            Place::Span(field) => span_value(SpanView(&self.whole), field, keys),
            Place::SpanEvent(field) => event_value(SpanEventView(self.part()), field, keys),
            Place::Log(field) => crate::log::log_value(LogRecordView(&self.whole), field, keys),
            Place::Metric(MetricField::DataPoints) if self.scene == Scene::DataPoint => {
                Ok(match MetricView(&self.whole).data() {
                    MetricData::Empty => Value::Nil,
                    _ => part("list of data points", &self.whole, Some(self.parts.len())),
                })
            }
            Place::Metric(field) => {
                crate::metric::metric_value(MetricView(&self.whole), field, keys)
            }
            Place::DataPoint(field) => {
                let point = MetricView(&self.whole).data().point(self.part());
                point_value(point, field, keys)
            }
            Place::Cache => read_map(&self.cache, keys),
            Place::ClientAddress => Ok(self.client.address()),
            Place::ClientMetadata => self.client.metadata(keys),
            Place::ClientAuth => read_map(self.client.auth(), keys),
            place @ (Place::Resource(_) | Place::Scope(_)) => surroundings(
                ResourceFields(&self.resource),
                Some(ScopeFields(&self.scope)),
                place,
                keys,
            ),
        }
    }
}

/// A message without those that it holds. What was written before holds none.
#[expect(
    clippy::ptr_arg,
    reason = "whether the bytes are borrowed tells whether they were written"
)]
fn own_fields<'m>(fields: &'m Cow<'_, [u8]>, nested: WritableField) -> Cow<'m, [u8]> {
    match fields {
        Cow::Borrowed(fields) => Cow::Owned(nested.without(fields)),
        Cow::Owned(fields) => Cow::Borrowed(fields),
    }
}

/// What the keys lead to in a map that is no part of a message. A name that is not there is nil.
fn read_map<'a>(map: &'a Value<'_>, keys: &[Key<'_>]) -> Result<Value<'a>, EvaluationError> {
    let mut value = map;
    for key in keys {
        value = match value {
            Value::Map(map) => match map.get(key.name()?) {
                Some(value) => value,
                None => return Ok(Value::Nil),
            },
            Value::List(list) => {
                let position = key.index(list.items().len())?;
                &list.items()[position]
            }
            other => {
                return Err(EvaluationError::Type {
                    expected: "a map or list to index",
                    found: other.kind(),
                });
            }
        };
    }
    Ok(value.borrowed())
}
