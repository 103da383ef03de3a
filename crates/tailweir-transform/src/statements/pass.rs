//! One group of statements over one request.

use super::group::Group;
use super::stage::Stage;
use std::borrow::Cow;
use tailweir_config::OttlErrorMode;
use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{Messages, MetricView, Revision};
use tailweir_ottl::{EvaluationError, Value};
use tailweir_paths::{ClientFacts, Draft, Scene};

/// Why nothing of a request may be handed on.
#[derive(Debug)]
pub(super) enum Stop {
    /// It would grow by more than it may.
    Full,
    /// A statement failed, and the error mode is to propagate that.
    Failed(String),
}

/// What becomes of a message.
type Revised = Result<Revision, Stop>;

/// One group on its way over a request.
pub(super) struct Pass<'r> {
    group: &'r Group,
    stage: Stage<'r>,
    failures: u64,
}

impl<'r> Pass<'r> {
    pub(super) fn new(group: &'r Group, client: &'r ClientFacts, room: usize) -> Self {
        Self {
            group,
            stage: Stage {
                draft: Draft::new(group.scene, client, room),
                added: Vec::new(),
            },
            failures: 0,
        }
    }

    /// Lets statements remember what others remembered before.
    pub(super) fn give_cache(&mut self, cache: Value<'static>) {
        self.stage.draft.cache = cache;
    }

    /// What statements remembered.
    pub(super) fn take_cache(&mut self) -> Value<'static> {
        std::mem::replace(&mut self.stage.draft.cache, Value::Nil)
    }

    /// By how much the request may still grow.
    pub(super) fn room(&self) -> usize {
        self.stage.draft.room
    }

    /// How many statements and conditions failed and were passed over.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    /// Goes over a request. Answers with the new one; nothing when it stays as it is.
    pub(super) fn run(&mut self, request: &'r [u8]) -> Result<Option<Vec<u8>>, Stop> {
        let resources = field::REQUEST_RESOURCES.messages(request);
        let new = resources.map(|resource| self.resource(resource));
        let new = new.collect::<Result<_, _>>()?;
        Ok(Revision::of_parts(field::REQUEST_RESOURCES, new).apply(request))
    }

    fn resource(&mut self, fields: &'r [u8]) -> Revised {
        self.stage.draft.resource = Cow::Borrowed(fields);
        let mut new = Vec::new();
        if self.group.scene == Scene::Resource {
            self.execute()?;
        } else {
            for scope in field::SCOPES.messages(fields) {
                new.push(self.scope(scope)?);
            }
        }
        let own = std::mem::take(&mut self.stage.draft.resource);
        Ok(rejoin(field::SCOPES, fields, &own, new))
    }

    fn scope(&mut self, fields: &'r [u8]) -> Revised {
        self.stage.draft.scope = Cow::Borrowed(fields);
        let items = field::ITEMS.messages(fields);
        let new = match self.group.scene {
            Scene::Resource => Vec::new(),
            Scene::Scope => {
                self.execute()?;
                Vec::new()
            }
            Scene::Span | Scene::Log => self.items(items)?,
            Scene::SpanEvent => items
                .map(|span| self.events(span))
                .collect::<Result<_, _>>()?,
            Scene::Metric | Scene::DataPoint => self.metrics(items)?,
        };
        let own = std::mem::take(&mut self.stage.draft.scope);
        Ok(rejoin(field::ITEMS, fields, &own, new))
    }

    fn items(&mut self, items: Messages<'r>) -> Result<Vec<Revision>, Stop> {
        items
            .map(|item| {
                self.stage.draft.whole = Cow::Borrowed(item);
                self.execute()?;
                Ok(revision(std::mem::take(&mut self.stage.draft.whole)))
            })
            .collect()
    }

    /// The events of a span.
    fn events(&mut self, span: &'r [u8]) -> Revised {
        let events = field::SPAN_EVENTS.messages(span);
        self.stage.draft.parts = events.map(Cow::Borrowed).collect();
        if self.stage.draft.parts.is_empty() {
            return Ok(Revision::Same);
        }
        self.stage.draft.whole = Cow::Owned(field::SPAN_EVENTS.without(span));
        let is_whole_changed = self.execute_on_parts()?;
        let whole = std::mem::take(&mut self.stage.draft.whole);
        let parts = std::mem::take(&mut self.stage.draft.parts);
        if is_whole_changed {
            let parts = parts.iter().map(AsRef::as_ref);
            let whole = field::SPAN_EVENTS.with_messages(&whole, parts);
            return Ok(Revision::New(whole));
        }
        let new = parts.into_iter().map(revision).collect();
        Ok(Revision::of_parts(field::SPAN_EVENTS, new))
    }

    /// Metrics, and those that statements add to them, which are gone over too.
    fn metrics(&mut self, items: Messages<'r>) -> Result<Vec<Revision>, Stop> {
        let mut new = Vec::new();
        for item in items {
            new.push(self.metric(Cow::Borrowed(item))?);
        }
        let mut at = 0;
        while let Some(added) = self.stage.added.get_mut(at) {
            let added = std::mem::take(added);
            let revised = self.metric(Cow::Owned(added.clone()))?;
            new.push(Revision::New(revised.apply(&added).unwrap_or(added)));
            at += 1;
        }
        self.stage.added.clear();
        Ok(new)
    }

    fn metric(&mut self, metric: Cow<'r, [u8]>) -> Revised {
        if self.group.scene == Scene::Metric {
            let before = metric.as_ptr();
            self.stage.draft.whole = metric;
            self.execute()?;
            let whole = std::mem::take(&mut self.stage.draft.whole);
            return Ok(match whole {
                Cow::Owned(whole) if whole.as_ptr() != before => Revision::New(whole),
                _ => Revision::Same,
            });
        }
        let data = MetricView(&metric).data();
        let Some(kind) = data.field() else {
            return Ok(Revision::Same);
        };
        let is_borrowed = matches!(metric, Cow::Borrowed(_));
        self.stage.draft.parts = match &metric {
            Cow::Borrowed(metric) => {
                let points = field::DATA_POINTS.messages(MetricView(metric).data().message());
                points.map(Cow::Borrowed).collect()
            }
            Cow::Owned(_) => {
                let points = field::DATA_POINTS.messages(data.message());
                points.map(|point| Cow::Owned(point.to_vec())).collect()
            }
        };
        let outline = field::DATA_POINTS.without(data.message());
        self.stage.draft.whole = Cow::Owned(kind.with_bytes(&metric, &outline));
        if self.execute_on_parts()? || !is_borrowed {
            let whole = self.stage.draft.whole_metric();
            self.stage.draft.parts.clear();
            return Ok(Revision::New(whole));
        }
        let parts = std::mem::take(&mut self.stage.draft.parts);
        let new = parts.into_iter().map(revision).collect();
        let new = Revision::of_parts(field::DATA_POINTS, new);
        // Of data that is there twice only the last counts.
        let earlier = kind.messages(&metric).skip(1).map(|_| Revision::Same);
        let data = earlier.chain([new]).collect();
        Ok(Revision::of_parts(kind, data))
    }

    /// Runs the statements for each part. Answers whether they changed what the parts are of.
    fn execute_on_parts(&mut self) -> Result<bool, Stop> {
        let before = self.stage.draft.whole.as_ptr();
        for index in 0..self.stage.draft.parts.len() {
            self.stage.draft.index = index;
            self.execute()?;
        }
        Ok(self.stage.draft.whole.as_ptr() != before)
    }

    /// Runs the statements, if a condition of the group holds.
    fn execute(&mut self) -> Result<(), Stop> {
        if !self.group.shares_cache {
            self.stage.draft.cache = Value::map(Vec::new());
        }
        if !self.is_wanted()? {
            return Ok(());
        }
        for statement in &self.group.statements {
            if let Err(error) = statement.execute(&mut self.stage) {
                self.failed(statement.text(), &error)?;
            }
        }
        Ok(())
    }

    fn is_wanted(&mut self) -> Result<bool, Stop> {
        for condition in &self.group.conditions {
            match condition.evaluate(&self.stage.draft) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => self.failed(condition.text(), &error)?,
            }
        }
        Ok(self.group.conditions.is_empty())
    }

    fn failed(&mut self, text: &str, error: &EvaluationError) -> Result<(), Stop> {
        if self.stage.draft.is_full {
            return Err(Stop::Full);
        }
        if self.group.error_mode == OttlErrorMode::Propagate {
            return Err(Stop::Failed(format!("`{text}` failed: {error}")));
        }
        self.failures += 1;
        Ok(())
    }
}

/// What becomes of a message with its own fields, which are owned when they were changed, and those that are
/// nested in it.
#[expect(
    clippy::ptr_arg,
    reason = "whether the bytes are borrowed tells whether they were written"
)]
fn rejoin(
    nested: WritableField,
    fields: &[u8],
    own: &Cow<'_, [u8]>,
    new: Vec<Revision>,
) -> Revision {
    let Cow::Owned(own) = own else {
        return Revision::of_parts(nested, new);
    };
    let mut new = new.into_iter();
    let mut contents: Vec<Cow<'_, [u8]>> = nested
        .messages(fields)
        .map(|content| {
            let new = new.next().unwrap_or_default().apply(content);
            new.map_or(Cow::Borrowed(content), Cow::Owned)
        })
        .collect();
    contents.extend(new.filter_map(|added| added.apply(&[]).map(Cow::Owned)));
    Revision::New(nested.with_messages(own, contents.iter().map(AsRef::as_ref)))
}

/// What becomes of a message whose bytes are owned when they were changed.
fn revision(bytes: Cow<'_, [u8]>) -> Revision {
    match bytes {
        Cow::Borrowed(_) => Revision::Same,
        Cow::Owned(bytes) => Revision::New(bytes),
    }
}
