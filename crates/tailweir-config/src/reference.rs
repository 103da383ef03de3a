//! The reference of all options in Markdown, from the same definitions as the parser.

use crate::assemble::ServiceDocument;
use crate::catalogue::{Component, PRESENT, Role};
use crate::cluster::Cluster;
use crate::schema::sentence;
use crate::setting::{Field, Setting, Shape, Standing};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Every component, option, type, default and meaning, as Markdown.
#[must_use]
pub fn reference_markdown() -> String {
    let mut reference = Reference::default();
    reference.out.push_str(PREFACE);
    for role in Role::ALL {
        let title = role.section();
        reference.line(format_args!(
            "\n## {}{}",
            title[..1].to_uppercase(),
            &title[1..]
        ));
        for kind in PRESENT.iter().filter(|kind| kind.component.role == role) {
            reference.component(&kind.component, &(kind.shape)());
        }
    }
    reference.line(format_args!("\n## Service"));
    reference.record(&ServiceDocument::shape());
    reference.line(format_args!("\n## Cluster"));
    reference.record(&Cluster::shape());
    reference.line(format_args!(
        "\n## Blocks\n\nBlocks that several components or options have."
    ));
    while let Some(shape) = reference.pending.pop() {
        if let Shape::Record { name, .. } = &shape {
            reference.line(format_args!("\n### {name}"));
        }
        reference.record(&shape);
    }
    reference.out
}

const PREFACE: &str = "# Configuration reference

<!-- Generated from the definitions that the parser uses; do not edit. -->

A configuration is the Collector's: `receivers`, `processors`, `exporters`, `connectors`, `extensions` and
`service`, and one section more, `cluster`. Durations are written as in Go (`200ms`, `1m30s`). Values may be substitutions: `${env:NAME}`,
`${env:NAME:-default}`, `${file:PATH}`; `$$` is a dollar sign. Options without a default are absent unless
written.
";

#[derive(Default)]
struct Reference {
    out: String,
    known: BTreeSet<&'static str>,
    pending: Vec<Shape>,
}

impl Reference {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{line}");
    }

    fn component(&mut self, component: &Component, shape: &Shape) {
        self.line(format_args!(
            "\n### {} {}\n",
            component.name, component.role
        ));
        let signals: Vec<&str> = component
            .signals
            .iter()
            .map(|signal| signal.name())
            .collect();
        let mut facts = vec![format!("Stability: {}.", component.stability.name())];
        if !signals.is_empty() {
            facts.push(format!("Signals: {}.", signals.join(", ")));
        }
        if !component.old_names.is_empty() {
            facts.push(format!(
                "Also written `{}`.",
                component.old_names.join("`, `")
            ));
        }
        self.line(format_args!("{}", facts.join(" ")));
        self.record(shape);
    }

    /// The text and table of a block.
    fn record(&mut self, shape: &Shape) {
        let Shape::Record { about, fields, .. } = shape else {
            return;
        };
        let fields = fields();
        self.line(format_args!("\n{}", sentence(about)));
        let used: Vec<&Field> = fields
            .iter()
            .filter(|field| matches!(field.standing, Standing::Used))
            .collect();
        if !used.is_empty() {
            self.line(format_args!(
                "\n| option | type | default | meaning |\n|---|---|---|---|"
            ));
        }
        for field in used {
            let kind = self.kind(&field.shape);
            let default = default(&field.default);
            let meaning = cell(&sentence(field.about));
            self.line(format_args!(
                "| `{}` | {kind} | {default} | {meaning} |",
                field.key
            ));
        }
        for field in &fields {
            match field.standing {
                Standing::Used => {}
                Standing::Ignored(reason) => {
                    self.line(format_args!(
                        "\n`{}` is accepted without effect: {reason}.",
                        field.key
                    ));
                }
                Standing::Refused(reason) => {
                    self.line(format_args!("\n`{}` is refused: {reason}.", field.key));
                }
            }
        }
    }

    fn kind(&mut self, shape: &Shape) -> String {
        match shape {
            Shape::Any => "any".to_owned(),
            Shape::Flag => "true or false".to_owned(),
            Shape::Integer { .. } => "whole number".to_owned(),
            Shape::Number => "number".to_owned(),
            Shape::Text => "text".to_owned(),
            Shape::Secret => "secret".to_owned(),
            Shape::Duration => "duration".to_owned(),
            Shape::Size => "size".to_owned(),
            Shape::Id => "component id".to_owned(),
            Shape::Headers => "headers".to_owned(),
            Shape::Choice(words) => {
                let words: Vec<String> = words
                    .iter()
                    .filter(|word| !word.is_empty())
                    .map(|word| format!("`{word}`"))
                    .collect();
                words.join(", ")
            }
            Shape::List(item) => format!("list of {}", self.kind(item)),
            Shape::Map(value) => format!("map of {}", self.kind(value)),
            Shape::Record { name, .. } => {
                if self.known.insert(name) {
                    self.pending.insert(0, shape.clone());
                }
                format!("[{name}](#{})", name.to_lowercase())
            }
        }
    }
}

fn default(value: &Json) -> String {
    match value {
        Json::Null | Json::Object(_) => String::new(),
        Json::Array(items) if items.iter().any(Json::is_object) => String::new(),
        Json::String(text) if text.is_empty() => "empty".to_owned(),
        Json::String(text) => format!("`{text}`"),
        Json::Array(items) if items.is_empty() => "empty".to_owned(),
        value => format!("`{value}`"),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
