//! The edits of one processor.

use crate::action::Action;
use crate::error::{CompileError, CompileErrors, TransformError};
use crate::growth::{GROWTH_MAX, Growth};
use crate::matcher::Matcher;
use crate::transform::{Outcome, Request, Transform};
use bytes::Bytes;
use tailweir_config::{AttributeAction, AttributesProcessor, ResourceProcessor};
use tailweir_core::{ClientContext, Signal};
use tailweir_otlp::{
    AttributeList, Attributes, Item, ItemPlace, KeyLengths, rewrite_items, rewrite_resources,
};

/// Whose attributes are edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Those of resources.
    Resources,
    /// Those of spans, log records and data points.
    Items,
}

/// The compiled settings of a `resource` or `attributes` processor. Immutable; shared by all pipelines
/// that name the processor.
#[derive(Debug)]
pub struct Edits {
    target: Target,
    include: Option<Matcher>,
    exclude: Option<Matcher>,
    actions: Vec<Action>,
    /// Of the keys that the actions name: what has another one is passed over.
    keys: KeyLengths,
}

impl Transform for Edits {
    /// `include` and `exclude` may name what only spans or only logs have.
    fn check(&self, signal: Signal) -> Result<(), CompileError> {
        for (path, matcher) in [("include", &self.include), ("exclude", &self.exclude)] {
            if let Some(matcher) = matcher {
                matcher.check(signal, path)?;
            }
        }
        Ok(())
    }

    /// Fails when the request would grow by more than [`GROWTH_MAX`].
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let Request {
            signal,
            body,
            client,
        } = request;
        self.apply_within(signal, body, client, GROWTH_MAX)
            .map(Outcome::of)
    }
}

impl Edits {
    /// Compiles a `resource` processor.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn resource(settings: &ResourceProcessor) -> Result<Self, CompileErrors> {
        let mut errors = Vec::new();
        let actions = compile_actions("attributes", &settings.attributes, &mut errors);
        let edits = Self {
            target: Target::Resources,
            include: None,
            exclude: None,
            keys: key_lengths(&actions),
            actions,
        };
        finish(edits, errors)
    }

    /// Compiles an `attributes` processor.
    ///
    /// # Errors
    /// All that is wrong with it, whatever the signal. See also [`Self::check`].
    pub fn attributes(settings: &AttributesProcessor) -> Result<Self, CompileErrors> {
        let mut errors = Vec::new();
        let actions = compile_actions("actions", &settings.actions, &mut errors);
        let mut matcher = |path, block: &Option<_>| {
            block
                .as_ref()
                .map(|block| Matcher::compile(block, path, &mut errors))
        };
        let include = matcher("include", &settings.include);
        let exclude = matcher("exclude", &settings.exclude);
        finish(
            Self {
                target: Target::Items,
                include,
                exclude,
                keys: key_lengths(&actions),
                actions,
            },
            errors,
        )
    }

    fn apply_within(
        &self,
        signal: Signal,
        body: Bytes,
        client: &ClientContext,
        limit: usize,
    ) -> Result<Bytes, TransformError> {
        let mut growth = Growth::within(limit);
        let mut run = |list: &mut AttributeList<'_>| {
            growth.watch(list, |list| {
                for action in &self.actions {
                    action.run(list, client);
                }
            });
        };
        let edited = match self.target {
            Target::Resources => rewrite_resources(&body, self.keys, run),
            Target::Items => rewrite_items(signal, &body, self.keys, |place, list| {
                if self.is_selected(place) {
                    run(list);
                }
            }),
        };
        growth.finish(body.len())?;
        Ok(edited.map_or(body, Bytes::from))
    }

    fn is_selected(&self, place: &ItemPlace<'_>) -> bool {
        let attributes = attributes_of(place.item);
        let matches = |matcher: &Matcher| matcher.matches(place, attributes);
        self.include.as_ref().is_none_or(matches) && !self.exclude.as_ref().is_some_and(matches)
    }
}

fn attributes_of(item: Item<'_>) -> Attributes<'_> {
    match item {
        Item::Span(span) => span.attributes(),
        Item::Log(record) => record.attributes(),
        Item::Point(_, point) => point.attributes(),
    }
}

fn compile_actions(
    path: &str,
    settings: &[AttributeAction],
    errors: &mut Vec<CompileError>,
) -> Vec<Action> {
    if settings.is_empty() {
        errors.push(CompileError::new(path, "there are no actions"));
    }
    let mut actions = Vec::with_capacity(settings.len());
    for (index, settings) in settings.iter().enumerate() {
        match Action::compile(settings, &format!("{path}[{index}]")) {
            Ok(action) => actions.push(action),
            Err(error) => errors.push(error),
        }
    }
    actions
}

/// The lengths of the keys that actions name; any where one of them selects by a pattern.
fn key_lengths(actions: &[Action]) -> KeyLengths {
    let keys: Option<Vec<_>> = actions.iter().map(Action::keys).collect();
    keys.map_or(KeyLengths::ALL, |keys| {
        KeyLengths::of(keys.into_iter().flatten())
    })
}

fn finish(edits: Edits, errors: Vec<CompileError>) -> Result<Edits, CompileErrors> {
    if errors.is_empty() {
        Ok(edits)
    } else {
        Err(CompileErrors(errors))
    }
}

#[cfg(test)]
mod tests;
