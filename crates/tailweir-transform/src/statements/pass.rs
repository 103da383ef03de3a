//! One group of statements over one request.

use super::group::Group;
use super::stage::Stage;
use std::borrow::Cow;
use tailweir_config::OttlErrorMode;
use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{Messages, MetricView};
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

/// A message anew; nothing when it stays as it is.
type Rewritten = Result<Option<Vec<u8>>, Stop>;

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

    /// Goes over a request.
    pub(super) fn run(&mut self, request: &'r [u8]) -> Rewritten {
        let mut new = Vec::new();
        for resource in field::REQUEST_RESOURCES.messages(request) {
            new.push(self.resource(resource)?);
        }
        let is_changed = new.iter().any(Option::is_some);
        Ok(is_changed.then(|| field::REQUEST_RESOURCES.with_replaced(request, &new)))
    }

    fn resource(&mut self, fields: &'r [u8]) -> Rewritten {
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

    fn scope(&mut self, fields: &'r [u8]) -> Rewritten {
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

    fn items(&mut self, items: Messages<'r>) -> Result<Vec<Option<Vec<u8>>>, Stop> {
        items
            .map(|item| {
                self.stage.draft.whole = Cow::Borrowed(item);
                self.execute()?;
                Ok(owned(std::mem::take(&mut self.stage.draft.whole)))
            })
            .collect()
    }

    /// The events of a span.
    fn events(&mut self, span: &'r [u8]) -> Rewritten {
        let events = field::SPAN_EVENTS.messages(span);
        self.stage.draft.parts = events.map(Cow::Borrowed).collect();
        if self.stage.draft.parts.is_empty() {
            return Ok(None);
        }
        self.stage.draft.whole = Cow::Owned(field::SPAN_EVENTS.without(span));
        let is_whole_changed = self.execute_on_parts()?;
        let whole = std::mem::take(&mut self.stage.draft.whole);
        let parts = std::mem::take(&mut self.stage.draft.parts);
        if is_whole_changed {
            let parts = parts.iter().map(AsRef::as_ref);
            return Ok(Some(field::SPAN_EVENTS.with_messages(&whole, parts)));
        }
        let new: Vec<_> = parts.into_iter().map(owned).collect();
        let is_changed = new.iter().any(Option::is_some);
        Ok(is_changed.then(|| field::SPAN_EVENTS.with_replaced(span, &new)))
    }

    /// Metrics, and those that statements add to them, which are gone over too.
    fn metrics(&mut self, items: Messages<'r>) -> Result<Vec<Option<Vec<u8>>>, Stop> {
        let mut new = Vec::new();
        for item in items {
            new.push(self.metric(Cow::Borrowed(item))?);
        }
        let mut at = 0;
        while let Some(added) = self.stage.added.get_mut(at) {
            let added = std::mem::take(added);
            let rewritten = self.metric(Cow::Owned(added.clone()))?;
            new.push(Some(rewritten.unwrap_or(added)));
            at += 1;
        }
        self.stage.added.clear();
        Ok(new)
    }

    fn metric(&mut self, metric: Cow<'r, [u8]>) -> Rewritten {
        if self.group.scene == Scene::Metric {
            let before = metric.as_ptr();
            self.stage.draft.whole = metric;
            self.execute()?;
            let whole = std::mem::take(&mut self.stage.draft.whole);
            return Ok(owned(whole).filter(|whole| whole.as_ptr() != before));
        }
        let data = MetricView(&metric).data();
        let Some(kind) = data.field() else {
            return Ok(None);
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
            return Ok(Some(whole));
        }
        let parts = std::mem::take(&mut self.stage.draft.parts);
        let new: Vec<_> = parts.into_iter().map(owned).collect();
        let is_changed = new.iter().any(Option::is_some);
        Ok(is_changed.then(|| {
            let data = field::DATA_POINTS.with_replaced(data.message(), &new);
            kind.with_bytes(&metric, &data)
        }))
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

/// A message from its own fields, which are owned when they were changed, and from those nested in it.
#[expect(
    clippy::ptr_arg,
    reason = "whether the bytes are borrowed tells whether they were written"
)]
fn rejoin(
    nested: WritableField,
    fields: &[u8],
    own: &Cow<'_, [u8]>,
    new: Vec<Option<Vec<u8>>>,
) -> Option<Vec<u8>> {
    match own {
        Cow::Borrowed(_) => {
            let is_changed = new.iter().any(Option::is_some);
            is_changed.then(|| nested.with_replaced(fields, &new))
        }
        Cow::Owned(own) => {
            let mut new = new.into_iter();
            let mut contents: Vec<Cow<'_, [u8]>> = nested
                .messages(fields)
                .map(|content| match new.next() {
                    Some(Some(new)) => Cow::Owned(new),
                    _ => Cow::Borrowed(content),
                })
                .collect();
            contents.extend(new.flatten().map(Cow::Owned));
            Some(nested.with_messages(own, contents.iter().map(AsRef::as_ref)))
        }
    }
}

fn owned(bytes: Cow<'_, [u8]>) -> Option<Vec<u8>> {
    match bytes {
        Cow::Borrowed(_) => None,
        Cow::Owned(bytes) => Some(bytes),
    }
}
