//! The policies of a file for `policy simulate`: of a whole configuration, or of a file that holds
//! nothing but a `tail_sampling:` block.

use super::environment::ProcessEnvironment;
use super::{Configuration, Refused};
use crate::cli::{Compat, ConfigArguments};
use anyhow::{Context, bail};
use std::fs;
use tailweir_config::{LoadOptions, Settings, TailSampling};

/// The settings of the one `tail_sampling` processor, or of the one that is named.
///
/// # Errors
/// When the file cannot be read, is refused, or does not say which processor is meant.
pub(crate) fn tail_sampling(
    arguments: &ConfigArguments,
    processor: Option<&str>,
) -> anyhow::Result<TailSampling> {
    if let [path] = arguments.sources.as_slice() {
        let path = path.strip_prefix("file:").unwrap_or(path);
        let text = fs::read_to_string(path).unwrap_or_default();
        if is_only_a_block(&text) {
            return block(path, &text, arguments);
        }
    }
    let (loaded, _) = Configuration::of(arguments).load();
    choose(&loaded?.settings, processor).cloned()
}

fn block(path: &str, text: &str, arguments: &ConfigArguments) -> anyhow::Result<TailSampling> {
    let options = LoadOptions {
        strict: arguments.strict,
        compat: arguments.compat.map(Compat::rule),
    };
    let environment = ProcessEnvironment::default();
    let sources = Configuration::of(arguments).sources;
    let (sampling, diagnostics) =
        sources.load_tail_sampling_block(path, text, options, &environment);
    Ok(sampling.ok_or(Refused { diagnostics })?)
}

/// Whether `tail_sampling` stands at the top, where a whole configuration has `processors`.
fn is_only_a_block(text: &str) -> bool {
    text.lines()
        .any(|line| line.trim_end().starts_with("tail_sampling:"))
}

fn choose<'a>(settings: &'a Settings, wanted: Option<&str>) -> anyhow::Result<&'a TailSampling> {
    let all: Vec<_> = settings.tail_samplers().collect();
    let names: Vec<_> = all.iter().map(|(id, _)| id.to_string()).collect();
    match (wanted, all.as_slice()) {
        (Some(wanted), _) => {
            let found = names.iter().position(|name| name == wanted);
            let found = found.with_context(|| {
                format!("no processor {wanted:?}; there are: {}", names.join(", "))
            })?;
            Ok(all[found].1)
        }
        (None, [(_, only)]) => Ok(only),
        (None, []) => bail!("the configuration has no tail_sampling processor"),
        (None, _) => bail!("name one by --processor: {}", names.join(", ")),
    }
}
