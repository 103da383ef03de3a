//! The `span` processor.

use crate::error::{CompileError, CompileErrors, TransformError};
use crate::growth::Growth;
use crate::matcher::Matcher;
use crate::transform::{Outcome, Request, Transform};
use tailweir_config::{SpanProcessor, SpanStatus, SpanStatusCode};
use tailweir_core::Signal;
use tailweir_otlp::{
    AnyValue, AttributeList, Attributes, Change, EncodedValue, Item, ItemPlace, KeyLengths, Part,
    SpanView, change_items, field,
};
use tailweir_ottl::{GoRegex, GroupPlaces};

/// What stands in a name for a value that is no text, truth value or number.
const UNKNOWN: &[u8] = b"<unknown-attribute-type>";

/// The compiled settings of a `span` processor.
#[derive(Debug)]
pub(crate) struct SpanNames {
    include: Option<Matcher>,
    exclude: Option<Matcher>,
    from_attributes: Vec<Vec<u8>>,
    separator: Vec<u8>,
    rules: Vec<GoRegex>,
    /// Of the names of the rules' groups: attributes with other keys are passed over.
    group_names: KeyLengths,
    breaks_after_match: bool,
    keeps_name: bool,
    status: Option<Status>,
}

#[derive(Debug)]
struct Status {
    code: u64,
    message: Vec<u8>,
}

impl SpanNames {
    /// Compiles a `span` processor.
    pub(crate) fn new(settings: &SpanProcessor) -> Result<Self, CompileErrors> {
        let mut errors = Vec::new();
        let mut matcher = |path, block: &Option<_>| {
            block
                .as_ref()
                .map(|block| Matcher::compile(block, path, &mut errors))
        };
        let include = matcher("include", &settings.include);
        let exclude = matcher("exclude", &settings.exclude);
        let name = &settings.name;
        let to_attributes = name.to_attributes.clone().unwrap_or_default();
        let mut rules = Vec::new();
        for (index, rule) in to_attributes.rules.iter().enumerate() {
            match GoRegex::new(rule) {
                Ok(rule) => rules.push(rule),
                Err(error) => {
                    let path = format!("name.to_attributes.rules[{index}]");
                    errors.push(CompileError::new(path, error));
                }
            }
        }
        if !errors.is_empty() {
            return Err(CompileErrors(errors));
        }
        let keys = name.from_attributes.iter();
        Ok(Self {
            include,
            exclude,
            from_attributes: keys.map(|key| key.clone().into_bytes()).collect(),
            separator: name.separator.clone().into_bytes(),
            group_names: KeyLengths::of(
                rules
                    .iter()
                    .flat_map(GoRegex::group_names)
                    .map(|name| name.unwrap_or_default().as_bytes()),
            ),
            rules,
            breaks_after_match: to_attributes.break_after_match,
            keeps_name: to_attributes.keep_original_name,
            status: settings.status.as_ref().map(Status::new),
        })
    }

    fn is_selected(&self, part: Part<'_>) -> bool {
        let span = SpanView(part.item);
        let place = ItemPlace {
            resource: part.resource,
            scope: part.scope,
            item: Item::Span(span),
        };
        let matches = |matcher: &Matcher| matcher.matches(&place, span.attributes());
        self.include.as_ref().is_none_or(matches) && !self.exclude.as_ref().is_some_and(matches)
    }

    /// The span as it is to be; nothing when it is so already.
    fn edit(&self, span: SpanView<'_>) -> Option<Vec<u8>> {
        let held = span.name();
        let mut name = self.name_of(span.attributes());
        let attributed = if self.rules.is_empty() {
            None
        } else {
            let edit = |list: &mut AttributeList<'_>| self.take_apart(held, &mut name, list);
            field::SPAN_ATTRIBUTES.edit_attributes(span.0, self.group_names, edit)
        };
        let content = attributed.as_deref().unwrap_or(span.0);
        let name = name.filter(|name| name != held);
        let renamed = name.map(|name| field::SPAN_NAME.with_bytes(content, &name));
        let content = renamed.as_deref().unwrap_or(content);
        let status = self.status.as_ref();
        let stated = status.and_then(|status| status.put(content));
        stated.or(renamed).or(attributed)
    }

    /// Applies the rules to the name that a span has, or to the one that it was given before.
    fn take_apart(&self, held: &[u8], name: &mut Option<Vec<u8>>, list: &mut AttributeList<'_>) {
        for rule in &self.rules {
            let before = name.as_deref().unwrap_or(held);
            let Some(after) = take_out(rule, before, list) else {
                continue;
            };
            if !self.keeps_name {
                *name = Some(after);
            }
            if self.breaks_after_match {
                break;
            }
        }
    }

    /// The name that attributes make up, when all of them are there.
    fn name_of(&self, attributes: Attributes<'_>) -> Option<Vec<u8>> {
        if self.from_attributes.is_empty() {
            return None;
        }
        let mut name = Vec::new();
        for (index, key) in self.from_attributes.iter().enumerate() {
            let value = attributes.get(key)?;
            if index > 0 {
                name.extend_from_slice(&self.separator);
            }
            match value {
                AnyValue::String(text) => name.extend_from_slice(text),
                AnyValue::Bool(flag) => name.extend_from_slice(flag.to_string().as_bytes()),
                AnyValue::Int(number) => name.extend_from_slice(number.to_string().as_bytes()),
                AnyValue::Double(number) => name.extend_from_slice(plain_digits(number).as_bytes()),
                _ => name.extend_from_slice(UNKNOWN),
            }
        }
        Some(name)
    }
}

/// A number in digits, without an exponent, as Go writes it.
fn plain_digits(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    number.to_string()
}

/// Puts what the groups of a rule found in a name into the list. Answers with the name in which their
/// names have taken its place, or nothing when the rule does not match.
fn take_out(rule: &GoRegex, name: &[u8], list: &mut AttributeList<'_>) -> Option<Vec<u8>> {
    if name.is_empty() {
        return None;
    }
    let GroupPlaces { text, groups } = rule.locate_groups(name)?;
    let mut after = Vec::with_capacity(text.len());
    let mut copied = 0;
    for (group, range) in rule.group_names().zip(groups) {
        let group = group.unwrap_or_default();
        let found = range.clone().map_or(&[][..], |range| &text[range]);
        list.put(group.as_bytes(), &EncodedValue::string(found));
        // A group within another one, or one that took no part, has no place of its own.
        if let Some(range) = range.filter(|range| range.start >= copied) {
            after.extend_from_slice(&text[copied..range.start]);
            after.push(b'{');
            after.extend_from_slice(group.as_bytes());
            after.push(b'}');
            copied = range.end;
        }
    }
    after.extend_from_slice(&text[copied..]);
    Some(after)
}

impl Status {
    fn new(settings: &SpanStatus) -> Self {
        let (code, message) = match settings.code {
            SpanStatusCode::Unset => (0, ""),
            SpanStatusCode::Ok => (1, ""),
            SpanStatusCode::Error => (2, settings.description.as_str()),
        };
        Self {
            code,
            message: message.as_bytes().to_vec(),
        }
    }

    /// A span with this status; nothing when it has it.
    fn put(&self, span: &[u8]) -> Option<Vec<u8>> {
        let status = field::SPAN_STATUS.nested(span);
        let coded = field::STATUS_CODE.with_number(&status, self.code);
        let stated = field::STATUS_MESSAGE.with_bytes(&coded, &self.message);
        (*status != *stated).then(|| field::SPAN_STATUS.with_bytes(span, &stated))
    }
}

impl Transform for SpanNames {
    fn check(&self, signal: Signal) -> Result<(), CompileError> {
        if signal != Signal::Traces {
            return Err(CompileError::new(
                "",
                format!("there are no spans in {signal}"),
            ));
        }
        for (path, matcher) in [("include", &self.include), ("exclude", &self.exclude)] {
            if let Some(matcher) = matcher {
                matcher.check(signal, path)?;
            }
        }
        Ok(())
    }

    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let body = request.body;
        let mut growth = Growth::default();
        let changed = change_items(&body, |part| {
            if growth.is_exceeded() || !self.is_selected(part) {
                return Change::Keep;
            }
            match self.edit(SpanView(part.item)) {
                Some(content) => growth.replace(part.item.len(), content),
                None => Change::Keep,
            }
        });
        growth.finish(body.len())?;
        Ok(Outcome::of(changed.map_or(body, Into::into)))
    }
}
