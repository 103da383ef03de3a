//! `print-config`: a configuration as YAML, secrets redacted.

use crate::Settings;
use crate::setting::REDACTED;
use crate::tail_sampling::MEMORY_BUDGET;
use crate::yaml::{blot_addresses, is_secret};
use serde_json::Value as Json;

/// The configuration with all defaults, as YAML that can be loaded again; keys in alphabetical order,
/// secrets as `[REDACTED]`. What is absent is left out.
#[must_use]
pub fn print_config(settings: &Settings) -> String {
    print_tree(settings.effective())
}

/// A tree, such as [`Loaded::resolved`](crate::Loaded::resolved), as YAML; values under keys that look
/// like secrets are redacted.
#[must_use]
pub fn print_tree(tree: &Json) -> String {
    let mut tree = tree.clone();
    redact(&mut tree, false);
    let mut out = String::new();
    block(&tree, 0, Absent::Left, &mut out);
    out
}

/// A tree of [`read_yaml`](crate::read_yaml) as YAML with everything in it, secrets and substitutions too, and keys without a
/// value, such as `batch:`: for what is written back to whom it came from.
#[must_use]
pub fn print_unredacted(tree: &Json) -> String {
    let mut out = String::new();
    block(tree, 0, Absent::Written, &mut out);
    // Texts were doubled to be no substitutions; here they may be.
    out.replace("$$", "$")
}

/// The `tail_sampling` processors of a resolved tree, as YAML of a `processors:` section that can be loaded over another
/// configuration; nothing redacted. The same text for the same policies, however they are written, and whatever
/// `memory_budget` their process has: that is left out. Empty when there are none.
#[must_use]
pub fn print_policies(resolved: &Json) -> String {
    let is_sampler = |name: &str| name.split('/').next() == Some("tail_sampling");
    let processors = resolved.get("processors").and_then(Json::as_object);
    let samplers = processors.into_iter().flatten();
    let samplers: serde_json::Map<String, Json> = samplers
        .filter(|(name, settings)| is_sampler(name.trim()) && !is_absent(settings))
        .map(|(name, settings)| (name.clone(), without_budget(settings)))
        .collect();
    let mut out = String::new();
    if !samplers.is_empty() {
        block(
            &serde_json::json!({ "processors": samplers }),
            0,
            Absent::Left,
            &mut out,
        );
    }
    out
}

fn without_budget(sampler: &Json) -> Json {
    let mut sampler = sampler.clone();
    if let Some(options) = sampler.as_object_mut() {
        options.remove(MEMORY_BUDGET);
    }
    sampler
}

fn redact(tree: &mut Json, secret: bool) {
    match tree {
        Json::Object(entries) => {
            entries
                .iter_mut()
                .for_each(|(key, value)| redact(value, secret || is_secret(key)));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| redact(item, secret)),
        Json::String(text) if secret && !text.is_empty() => REDACTED.clone_into(text),
        Json::String(text) => *text = blot_addresses(text),
        Json::Number(_) if secret => *tree = Json::from(REDACTED),
        _ => {}
    }
}

/// What becomes of keys without a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// They are left out.
    Left,
    /// They are written without one.
    Written,
}

fn is_absent(value: &Json) -> bool {
    value.is_null()
}

/// Writes a map or list as lines of their own.
fn block(value: &Json, indent: usize, absent: Absent, out: &mut String) {
    match value {
        Json::Object(entries) => {
            let is_written = |value| absent == Absent::Written || !is_absent(value);
            for (key, value) in entries.iter().filter(|(_, value)| is_written(value)) {
                out.push_str(&" ".repeat(indent));
                out.push_str(&text(key));
                out.push(':');
                inline_or_block(value, indent + 2, absent, out);
            }
        }
        Json::Array(items) => {
            for item in items {
                out.push_str(&" ".repeat(indent));
                out.push('-');
                if is_absent(item) {
                    out.push_str(" null\n");
                    continue;
                }
                let start = out.len();
                inline_or_block(item, indent + 2, absent, out);
                // A map starts on the line of its dash.
                if out[start..].starts_with('\n') {
                    out.replace_range(start..start + indent + 2, "");
                }
            }
        }
        _ => inline_or_block(value, indent, absent, out),
    }
}

fn inline_or_block(value: &Json, indent: usize, absent: Absent, out: &mut String) {
    match value {
        Json::Null if absent == Absent::Written => out.push('\n'),
        Json::Object(entries)
            if entries.is_empty() || absent == Absent::Left && entries.values().all(is_absent) =>
        {
            out.push_str(" {}\n");
        }
        Json::Array(items) if items.is_empty() => out.push_str(" []\n"),
        Json::Object(_) | Json::Array(_) => {
            out.push('\n');
            block(value, indent, absent, out);
        }
        Json::String(string) => {
            out.push(' ');
            out.push_str(&text(string));
            out.push('\n');
        }
        scalar => {
            out.push_str(&format!(" {scalar}\n"));
        }
    }
}

/// A text as YAML: bare where nothing could misread it, else in double quotes. `$` is doubled, so
/// that it is no substitution when read again.
fn text(text: &str) -> String {
    let escaped = text.replace('$', "$$");
    let bare = (is_word(&escaped) || is_unit(&escaped))
        && matches!(crate::yaml::resolve(&escaped), crate::node::Value::Text(_));
    // JSON's quotes and escapes are YAML's as well.
    if bare {
        escaped
    } else {
        Json::from(escaped).to_string()
    }
}

fn is_word(text: &str) -> bool {
    // What older readers of YAML take for truth values.
    const TRUTHS: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !TRUTHS.contains(&text.to_ascii_lowercase().as_str())
}

/// A number with a unit, such as a duration.
fn is_unit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}
