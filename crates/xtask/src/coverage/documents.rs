//! Configurations of the Collector in YAML files: as they are, or inside documents of Kubernetes, Helm and
//! compose.

use serde_json::Value as Json;
use std::path::Path;
use tailweir_config::read_yaml;

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) configurations: Vec<Configuration>,
    /// Why a document of it could not be read.
    pub(super) problem: Option<String>,
}

/// One configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Configuration {
    /// File, and the keys that lead to it where it is inside something else.
    pub(super) name: String,
    pub(super) text: String,
}

/// Looks for configurations in all documents of a file.
pub(super) fn find(name: &str, text: &str) -> Found {
    let mut found = Found::default();
    let documents = split(text);
    let is_stream = documents.len() > 1;
    for (index, document) in documents.into_iter().enumerate() {
        let name = match is_stream {
            true => format!("{name}, document {}", index + 1),
            false => name.to_owned(),
        };
        match read_yaml(&name, &document) {
            Ok(tree) if is_configuration(&tree) => found.configurations.push(Configuration {
                name,
                text: document,
            }),
            Ok(tree) => search(&name, &tree, &mut Vec::new(), &mut found.configurations),
            Err(_) if document.contains("{{") => {
                found.problem = Some("a template, no YAML yet: render it first".to_owned());
            }
            Err(said) => {
                found.problem = said.errors().next().map(|error| error.message.clone());
            }
        }
    }
    found
}

/// The documents of a stream. No line of a document starts with three dashes but inside a text that is not
/// indented, which is not seen.
fn split(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        let is_start = line == "---" || line.starts_with("--- ");
        if is_start && documents.last().is_some_and(|it| !it.trim().is_empty()) {
            documents.push(String::new());
        }
        if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents
}

/// Whether this is a whole configuration and no fragment: only a service with pipelines runs.
fn is_configuration(tree: &Json) -> bool {
    tree["service"]["pipelines"].is_object()
}

/// Looks further inside: a map (`config:` of a chart, `spec.config` of an `OpenTelemetryCollector`), or a text
/// that is YAML itself (an entry of a `ConfigMap`).
fn search(document: &str, tree: &Json, keys: &mut Vec<String>, found: &mut Vec<Configuration>) {
    let name = |keys: &[String]| format!("{document} ({})", keys.join("."));
    match tree {
        Json::Object(_) if is_configuration(tree) => found.push(Configuration {
            name: name(keys),
            // Every JSON text is YAML.
            text: tree.to_string(),
        }),
        Json::Object(entries) => {
            for (key, value) in entries {
                keys.push(key.clone());
                search(document, value, keys, found);
                keys.pop();
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                keys.push(index.to_string());
                search(document, value, keys, found);
                keys.pop();
            }
        }
        Json::String(text)
            if text.contains("pipelines")
                && read_yaml(document, text).is_ok_and(|inner| is_configuration(&inner)) =>
        {
            found.push(Configuration {
                name: name(keys),
                text: text.clone(),
            });
        }
        _ => {}
    }
}

/// The variable that stands for a file that is not there. Nobody has set it.
const ABSENT_FILE: &str = "${env:XTASK_COVERAGE_ABSENT_FILE}";

/// Replaces `${file:PATH}`, where there is no such file in or from this folder, by a variable that is not set,
/// because behind a file that it cannot read the product looks at nothing. Also tells how many there were.
pub(super) fn without_absent_files(text: &str, folder: &Path) -> (String, usize) {
    const START: &str = "${file:";
    let (mut done, mut rest, mut count) = (String::new(), text, 0);
    while let Some((before, after)) = rest.split_once(START) {
        done.push_str(before);
        match after.split_once('}') {
            // A dollar sign before it escapes it; what is nested is for the product to refuse.
            Some((path, behind))
                if !before.ends_with('$')
                    && !path.contains('$')
                    && !folder.join(path).is_file() =>
            {
                done.push_str(ABSENT_FILE);
                count += 1;
                rest = behind;
            }
            _ => {
                done.push_str(START);
                rest = after;
            }
        }
    }
    done.push_str(rest);
    (done, count)
}

#[cfg(test)]
mod tests {
    use super::{ABSENT_FILE, Found, find, without_absent_files};
    use std::path::Path;

    fn names(found: &Found) -> Vec<&str> {
        let names = found.configurations.iter().map(|it| it.name.as_str());
        names.collect()
    }

    /// Scenario: a configuration; a stream with a custom resource, a `ConfigMap` and a `Service`; values of a
    /// chart; a fragment.
    /// Guarantees: every whole configuration is found under the keys that lead to it, and nothing else is.
    #[test]
    fn configurations_are_found_inside_other_documents() {
        let plain = "service: {pipelines: {traces: {}}}\n";
        assert_eq!(find("a.yaml", plain).configurations[0].text, plain);
        let stream = "---
kind: OpenTelemetryCollector
spec: {config: {service: {pipelines: {traces: {}}}}}
--- # the next
kind: ConfigMap
data:
  relay: |
    service:
      pipelines: {logs: {}}
  other: the pipelines are elsewhere
---
kind: Service
spec: {ports: [{port: 4317}]}
";
        let found = find("b.yaml", stream);
        assert_eq!(
            names(&found),
            [
                "b.yaml, document 1 (spec.config)",
                "b.yaml, document 2 (data.relay)"
            ]
        );
        assert_eq!(
            found.configurations[1].text,
            "service:\n  pipelines: {logs: {}}\n"
        );
        let values = "collector: {config: {service: {pipelines: {traces: {}}}}}";
        assert_eq!(
            names(&find("c.yaml", values)),
            ["c.yaml (collector.config)"]
        );
        let fragment = "receivers: {otlp: }\nservice: {extensions: []}";
        assert_eq!(find("d.yaml", fragment), Found::default());
    }

    /// Scenario: a template of Helm, and a text that is no YAML.
    /// Guarantees: both are told as what they are, and hold no configuration.
    #[test]
    fn what_is_no_yaml_is_told() {
        let template = find("a.yaml", "a: {{ .Values.a }}\nb: {{- c }}\n: x");
        assert!(template.problem.is_some_and(|it| it.contains("template")));
        let broken = find("b.yaml", "a: [1\nb: 2");
        assert!(broken.problem.is_some_and(|it| it.contains("not YAML")));
        assert!(broken.configurations.is_empty());
    }

    /// Scenario: a file that is there, one that is not, and an escaped one.
    /// Guarantees: only the one that is not there is replaced.
    #[test]
    fn absent_files_become_unset_variables() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = "a: ${file:Cargo.toml}\nb: ${file:none}\nc: $${file:none}\nd: ${file:${env:X}}";
        let (done, count) = without_absent_files(text, folder);
        assert_eq!(done, text.replacen("${file:none}", ABSENT_FILE, 1));
        assert_eq!(count, 1);
    }
}
