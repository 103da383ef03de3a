//! Which telemetry is edited: one `include` or `exclude` block.

use crate::error::CompileError;
use crate::literal::is_equal;
use tailweir_config::{InstrumentationLibrary, Literal};
use tailweir_config::{LogSeverity, MatchAttribute, MatchProperties, MatchType};
use tailweir_core::Signal;
use tailweir_otlp::{AnyValue, Attributes, Item, ItemPlace, ScopeFields};
use tailweir_ottl::GoRegex;
use tailweir_paths::value_of;

/// What stands for the name of a service whose resource has none.
const NO_SERVICE: &[u8] = b"<nil-service-name>";

const SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// A compiled block. Every list that is not empty must match, by one of its elements; of attributes and
/// libraries all must match.
#[derive(Debug)]
pub(crate) struct Matcher {
    services: Texts,
    span_names: Texts,
    span_kinds: Texts,
    log_bodies: Texts,
    severity_texts: Texts,
    severity_number: Option<LogSeverity>,
    metric_names: Texts,
    attributes: Vec<AttributeMatcher>,
    resources: Vec<AttributeMatcher>,
    libraries: Vec<(Texts, Texts)>,
}

impl Matcher {
    /// Compiles a block that stands at `path`; what is wrong goes to `errors`.
    pub(crate) fn compile(
        settings: &MatchProperties,
        path: &str,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let mut compiler = Compiler {
            is_regexp: settings.match_type == MatchType::Regexp,
            errors,
        };
        if settings.match_type == MatchType::Unset {
            let problem = "write `strict` or `regexp`";
            compiler
                .errors
                .push(CompileError::new(format!("{path}.match_type"), problem));
        }
        let mut texts =
            |name: &str, words: &[String]| compiler.texts(&format!("{path}.{name}"), words);
        let services = texts("services", &settings.services);
        let span_names = texts("span_names", &settings.span_names);
        let span_kinds = texts("span_kinds", &settings.span_kinds);
        let log_bodies = texts("log_bodies", &settings.log_bodies);
        let severity_texts = texts("log_severity_texts", &settings.log_severity_texts);
        let metric_names = texts("metric_names", &settings.metric_names);
        Self {
            services,
            span_names,
            span_kinds,
            log_bodies,
            severity_texts,
            severity_number: settings.log_severity_number.clone(),
            metric_names,
            attributes: compiler.attributes(&format!("{path}.attributes"), &settings.attributes),
            resources: compiler.attributes(&format!("{path}.resources"), &settings.resources),
            libraries: compiler.libraries(&format!("{path}.libraries"), &settings.libraries),
        }
    }

    /// Whether the block says something about this signal, and nothing that does not apply to it.
    pub(crate) fn check(&self, signal: Signal, path: &str) -> Result<(), CompileError> {
        let about_spans = [
            ("services", !self.services.is_empty()),
            ("span_names", !self.span_names.is_empty()),
        ];
        let about_logs = [
            ("log_bodies", !self.log_bodies.is_empty()),
            ("log_severity_texts", !self.severity_texts.is_empty()),
            ("log_severity_number", self.severity_number.is_some()),
        ];
        let about_any = !self.attributes.is_empty()
            || !self.resources.is_empty()
            || !self.libraries.is_empty()
            || !self.span_kinds.is_empty();
        let (own, foreign): (bool, &[(&str, bool)]) = match signal {
            Signal::Traces => (about_any || about_spans.iter().any(|it| it.1), &about_logs),
            Signal::Logs => (about_any || about_logs.iter().any(|it| it.1), &about_spans),
            Signal::Metrics => (true, &[]),
        };
        if let Some((name, _)) = foreign.iter().find(|it| it.1) {
            let problem = format!("does not apply to {signal}");
            return Err(CompileError::new(format!("{path}.{name}"), problem));
        }
        if !own {
            return Err(CompileError::new(
                path,
                format!("says nothing about {signal}"),
            ));
        }
        Ok(())
    }

    /// Whether an item matches, whose attributes are these.
    pub(crate) fn matches(&self, place: &ItemPlace<'_>, attributes: Attributes<'_>) -> bool {
        let own = match place.item {
            Item::Span(span) => {
                let kind = usize::try_from(span.kind())
                    .ok()
                    .and_then(|kind| SPAN_KINDS.get(kind));
                self.matches_service(place)
                    && self.span_names.allow(span.name())
                    && self
                        .span_kinds
                        .allow(kind.copied().unwrap_or_default().as_bytes())
            }
            Item::Log(record) => {
                self.matches_body(record.body())
                    && self.severity_texts.allow(record.severity_text())
                    && self.matches_severity(record.severity_number())
            }
            // Of metrics the Collector looks at nothing but the name, which must be there to match.
            Item::Point(metric, _) => {
                return !self.metric_names.is_empty() && self.metric_names.allow(metric.name());
            }
        };
        own && self
            .libraries
            .iter()
            .all(|library| matches_library(library, place.scope))
            && all_match(&self.resources, place.resource.resource().attributes())
            && all_match(&self.attributes, attributes)
    }

    fn matches_service(&self, place: &ItemPlace<'_>) -> bool {
        if self.services.is_empty() {
            return true;
        }
        match place.resource.resource().attributes().get(b"service.name") {
            Some(AnyValue::String(name)) => self.services.allow(name),
            Some(other) => self.services.allow(value_of(other).to_text().as_bytes()),
            None => self.services.allow(NO_SERVICE),
        }
    }

    /// A body that is no text matches no text.
    fn matches_body(&self, body: AnyValue<'_>) -> bool {
        let is_allowed = |text| self.log_bodies.allow(text);
        self.log_bodies.is_empty() || body.as_string().is_some_and(is_allowed)
    }

    fn matches_severity(&self, number: i32) -> bool {
        self.severity_number
            .as_ref()
            .is_none_or(|least| match number {
                0 => least.match_undefined,
                number => number >= least.min.0,
            })
    }
}

/// Texts that match, exactly or as patterns; an empty list allows everything.
#[derive(Debug)]
pub(crate) enum Texts {
    Strict(Vec<Vec<u8>>),
    Regexp(Vec<GoRegex>),
}

impl Texts {
    /// Compiles a list that stands at `path`; what is wrong goes to `errors`.
    pub(crate) fn compile(
        path: &str,
        words: &[String],
        is_regexp: bool,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        Compiler { is_regexp, errors }.texts(path, words)
    }

    /// Whether there is no text.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Strict(texts) => texts.is_empty(),
            Self::Regexp(patterns) => patterns.is_empty(),
        }
    }

    /// Whether a text matches.
    pub(crate) fn allow(&self, text: &[u8]) -> bool {
        self.is_empty()
            || match self {
                Self::Strict(texts) => texts.iter().any(|allowed| allowed == text),
                Self::Regexp(patterns) => patterns.iter().any(|pattern| pattern.is_match(text)),
            }
    }
}

/// An attribute that must be there.
#[derive(Debug)]
pub(crate) struct AttributeMatcher {
    key: Vec<u8>,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    Anything,
    Equal(Literal),
    Pattern(GoRegex),
}

impl AttributeMatcher {
    fn matches(&self, attributes: Attributes<'_>) -> bool {
        let Some(value) = attributes.get(&self.key) else {
            return false;
        };
        match (&self.expected, value) {
            (Expected::Anything, _) => true,
            (Expected::Equal(literal), value) => is_equal(value, literal),
            (Expected::Pattern(pattern), AnyValue::String(text)) => pattern.is_match(text),
            (
                Expected::Pattern(pattern),
                AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_),
            ) => pattern.is_match(value_of(value).to_text().as_bytes()),
            (Expected::Pattern(_), _) => false,
        }
    }
}

/// Whether all of them match.
pub(crate) fn all_match(matchers: &[AttributeMatcher], attributes: Attributes<'_>) -> bool {
    matchers.iter().all(|matcher| matcher.matches(attributes))
}

/// Compiles matchers that stand at `path`; what is wrong goes to `errors`.
pub(crate) fn attribute_matchers(
    path: &str,
    matchers: &[MatchAttribute],
    is_regexp: bool,
    errors: &mut Vec<CompileError>,
) -> Vec<AttributeMatcher> {
    Compiler { is_regexp, errors }.attributes(path, matchers)
}

fn matches_library((name, version): &(Texts, Texts), scope: ScopeFields<'_>) -> bool {
    name.allow(scope.scope().name()) && version.allow(scope.scope().version())
}

/// Compiles the parts of a block, gathering what is wrong.
struct Compiler<'e> {
    is_regexp: bool,
    errors: &'e mut Vec<CompileError>,
}

impl Compiler<'_> {
    fn texts(&mut self, path: &str, words: &[String]) -> Texts {
        if !self.is_regexp {
            return Texts::Strict(words.iter().map(|word| word.clone().into_bytes()).collect());
        }
        let words = words.iter().enumerate();
        Texts::Regexp(
            words
                .filter_map(|(index, word)| self.pattern(&format!("{path}[{index}]"), word))
                .collect(),
        )
    }

    fn pattern(&mut self, path: &str, pattern: &str) -> Option<GoRegex> {
        let compiled = GoRegex::new(pattern);
        compiled
            .map_err(|error| self.errors.push(CompileError::new(path, error)))
            .ok()
    }

    fn attributes(&mut self, path: &str, matchers: &[MatchAttribute]) -> Vec<AttributeMatcher> {
        let matchers = matchers.iter().enumerate();
        matchers
            .map(|(index, matcher)| AttributeMatcher {
                key: matcher.key.clone().into_bytes(),
                expected: self.expected(&format!("{path}[{index}].value"), matcher.value.as_ref()),
            })
            .collect()
    }

    fn expected(&mut self, path: &str, value: Option<&Literal>) -> Expected {
        match value {
            None | Some(Literal::Null) => Expected::Anything,
            Some(value) if !self.is_regexp => Expected::Equal(value.clone()),
            Some(Literal::Text(text)) => self
                .pattern(path, text)
                .map_or(Expected::Anything, Expected::Pattern),
            Some(_) => {
                let problem = "with `match_type: regexp` a value must be text";
                self.errors.push(CompileError::new(path, problem));
                Expected::Anything
            }
        }
    }

    fn libraries(
        &mut self,
        path: &str,
        libraries: &[InstrumentationLibrary],
    ) -> Vec<(Texts, Texts)> {
        let libraries = libraries.iter().enumerate();
        libraries
            .map(|(index, library)| {
                let name = std::slice::from_ref(&library.name);
                (
                    self.texts(&format!("{path}[{index}].name"), name),
                    self.texts(
                        &format!("{path}[{index}].version"),
                        library.version.as_slice(),
                    ),
                )
            })
            .collect()
    }
}
