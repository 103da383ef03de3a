//! Compiles what the configuration only holds as text, so that `validate` reports it too.

use tailweir_config::{Cause, ComponentId, Diagnostic, Diagnostics, Settings, Severity};
use tailweir_policy::PolicySet;

/// Compiles the policies of every `tail_sampling` processor, used or not, and adds what does not
/// compile. A block that already has a mistake in its form is left alone: what was read of it says
/// little about what was meant.
pub(super) fn compile(settings: &Settings, diagnostics: &mut Diagnostics) {
    let mut found = Vec::new();
    for (id, sampling) in settings.tail_samplers() {
        let path = format!("processors::{id}");
        if diagnostics.errors().any(|error| is_within(&error.path, &path)) {
            continue;
        }
        let errors = PolicySet::compile(sampling).err().unwrap_or_default();
        found.extend(errors.into_iter().map(|error| diagnostic(id, error)));
    }
    diagnostics.extend(found);
}

fn is_within(path: &str, block: &str) -> bool {
    let rest = path.strip_prefix(block);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn diagnostic(id: &ComponentId, error: tailweir_policy::CompileError) -> Diagnostic {
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
