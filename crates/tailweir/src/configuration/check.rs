//! Compiles what the configuration only holds as text, so that `validate` reports it too.

use tailweir_config::{Cause, ComponentId, Diagnostic, Diagnostics, Location, Settings, Severity};
use tailweir_gateway::{Gateway, Mistake};
use tailweir_policy::{CompileError, PolicySet};

/// Compiles policies and edits, builds exporters, and adds what is wrong. A block that already has a
/// mistake in its form is left alone: what was read of it says little about what was meant.
pub(super) fn compile(settings: &Settings, diagnostics: &mut Diagnostics) {
    let mut found = Vec::new();
    for (id, sampling) in settings.tail_samplers() {
        let errors = PolicySet::compile(sampling).err().unwrap_or_default();
        found.extend(errors.into_iter().map(|error| of_policy(id, error)));
    }
    let mistakes = Gateway::check(settings);
    found.extend(
        mistakes
            .into_iter()
            .map(|mistake| of_mistake(settings, mistake)),
    );
    found.retain(|new| {
        let mut known = diagnostics.errors();
        !known.any(|known| is_told(known, new))
    });
    diagnostics.extend(found);
}

/// Whether a known mistake is the reason of a new one: for a policy one on its own line, for anything
/// else one in the same component, which was built of what is missing.
fn is_told(known: &Diagnostic, new: &Diagnostic) -> bool {
    match new.cause {
        Cause::BadPolicy => {
            known.location.source == new.location.source && known.location.line == new.location.line
        }
        _ => block(&known.path) == block(&new.path),
    }
}

/// The first two keys of a path: section and component.
fn block(path: &str) -> &str {
    let mut ends = path.match_indices("::").map(|(at, _)| at);
    ends.nth(1).map_or(path, |end| &path[..end])
}

fn of_policy(id: &ComponentId, error: CompileError) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        cause: Cause::BadPolicy,
        message: format!("policy `{}`: {}", error.policy, error.cause),
        location: error.at,
        length: 1,
        path: format!("processors::{id}::policies"),
        help: None,
    }
}

fn of_mistake(settings: &Settings, mistake: Mistake) -> Diagnostic {
    let path = match mistake.option.as_str() {
        "" => mistake.block,
        option => format!("{}::{option}", mistake.block),
    };
    Diagnostic {
        severity: Severity::Error,
        cause: match mistake.is_unreadable {
            true => Cause::Unreadable,
            false => Cause::NotAllowed,
        },
        message: mistake.message,
        location: nearest_location(settings, &path),
        length: 1,
        path,
        help: None,
    }
}

/// Where an option stands; where it is not written, what it belongs to.
fn nearest_location(settings: &Settings, path: &str) -> Location {
    let mut path = path;
    loop {
        if let Some(location) = settings.location(path) {
            return location.clone();
        }
        match path.rsplit_once("::") {
            Some((outer, _)) => path = outer,
            None => {
                return Location {
                    source: "configuration".into(),
                    line: 0,
                    column: 0,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::block;

    /// Scenario: paths of blocks and of options inside them.
    /// Guarantees: both belong to the same block.
    #[test]
    fn options_belong_to_their_block() {
        assert_eq!(
            block("processors::attributes::actions::1"),
            "processors::attributes"
        );
        assert_eq!(block("processors::attributes"), "processors::attributes");
        assert_eq!(block("service"), "service");
    }
}
