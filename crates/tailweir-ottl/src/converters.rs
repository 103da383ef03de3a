//! The standard converters: a table of names, parameters and functions.
//!
//! Every function gets its arguments already as the kinds that the table names, with nil for those left
//! out, and gives a value or a reason.

mod agent;
mod arguments;
mod digests;
mod encodings;
mod format;
mod grok;
mod kinds;
mod last_of_each;
mod lists;
mod network;
mod severity;
mod structured;
mod texts;
mod times;
mod url;
mod xml;

pub(crate) use arguments::{Arguments, Failure, Literals, Outcome, Refusal};
pub(crate) use texts::Pattern;

use crate::coerce::Kind;
use crate::expression::{LambdaForm, Outside, Prepared};

/// A converter of the table.
pub(crate) struct Converter {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) body: Body,
}

/// A parameter of a converter or editor: its name and what it takes.
#[derive(Debug)]
pub struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
    /// Whether an argument can name it. The Collector cannot be told names that hold an initialism.
    pub(crate) by_name: bool,
}

pub(crate) enum Body {
    Plain(for<'a> fn(Arguments<'a>) -> Outcome<'a>),
    /// Makes its function ready from the literals among its arguments.
    Prepared(fn(&Literals<'_>) -> Result<Prepared, Refusal>),
    Coalesce,
    Lambda(LambdaForm),
    Outside(Outside),
}

const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        optional: false,
        by_name: true,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        optional: true,
        by_name: true,
    }
}

const fn by_position(parameter: Parameter) -> Parameter {
    Parameter {
        by_name: false,
        ..parameter
    }
}

const fn converter(name: &'static str, parameters: &'static [Parameter], body: Body) -> Converter {
    Converter {
        name,
        parameters,
        body,
    }
}

/// The converter of this name.
pub(crate) fn find(name: &str) -> Option<&'static Converter> {
    tables().find(|converter| converter.name == name)
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    tables().map(|converter| converter.name)
}

fn tables() -> impl Iterator<Item = &'static Converter> {
    let tables = [
        agent::TABLE,
        digests::TABLE,
        encodings::TABLE,
        format::TABLE,
        grok::TABLE,
        kinds::TABLE,
        lists::TABLE,
        network::TABLE,
        severity::TABLE,
        structured::TABLE,
        texts::TABLE,
        times::TABLE,
        url::TABLE,
        xml::TABLE,
        SPECIAL,
    ];
    tables.into_iter().flatten()
}

const TARGET: &[Parameter] = &[required("target", Kind::String)];
const SOURCE_AND_PREDICATE: &[Parameter] = &[
    required("source", Kind::Any),
    required("predicate", Kind::Lambda(2)),
];

/// Converters that the evaluator knows: they take lambdas, stop early, or look outside.
const SPECIAL: &[Converter] = &[
    converter("All", SOURCE_AND_PREDICATE, Body::Lambda(LambdaForm::All)),
    converter("Any", SOURCE_AND_PREDICATE, Body::Lambda(LambdaForm::Any)),
    converter(
        "Coalesce",
        &[required("values", Kind::AnyList)],
        Body::Coalesce,
    ),
    converter(
        "Filter",
        SOURCE_AND_PREDICATE,
        Body::Lambda(LambdaForm::Filter),
    ),
    converter(
        "Find",
        &[
            required("source", Kind::Any),
            required("predicate", Kind::Lambda(2)),
            optional("mapper", Kind::Lambda(2)),
        ],
        Body::Lambda(LambdaForm::Find),
    ),
    converter(
        "MapEach",
        &[
            required("source", Kind::Any),
            required("mapper", Kind::Lambda(2)),
        ],
        Body::Lambda(LambdaForm::MapEach),
    ),
    converter(
        "MapKeys",
        &[
            required("source", Kind::Map),
            required("key_mapper", Kind::Lambda(2)),
        ],
        Body::Lambda(LambdaForm::MapKeys),
    ),
    converter("Now", &[], Body::Outside(Outside::Now)),
    converter(
        "Reduce",
        &[
            required("source", Kind::Any),
            required("seed", Kind::Any),
            required("accumulator", Kind::Lambda(3)),
        ],
        Body::Lambda(LambdaForm::Reduce),
    ),
    converter("UUID", &[], Body::Outside(Outside::Uuid)),
    converter("UUIDv7", &[], Body::Outside(Outside::UuidV7)),
    converter(
        "When",
        &[
            required("condition", Kind::Lambda(0)),
            required("true_value", Kind::Any),
            required("false_value", Kind::Any),
        ],
        Body::Lambda(LambdaForm::When),
    ),
];
