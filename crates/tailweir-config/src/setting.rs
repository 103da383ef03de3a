//! What a setting is: something with a shape that is read from a node and written back.
//!
//! One definition of each option serves the parser, the JSON Schema, the reference and
//! `print-config`, so that they cannot drift apart.

mod block;
mod list;
mod number;
mod record;
mod text;

pub(crate) use block::Block;
pub(crate) use number::read_duration;
pub(crate) use record::{block_name, choice, key, read_choice, read_record, settings};
pub(crate) use text::REDACTED;
pub use text::{Headers, Literal, Secret};

use crate::node::Node;
use crate::report::Report;
use serde_json::Value as Json;

/// Something that can stand as the value of an option.
pub(crate) trait Setting: Sized {
    /// Whether a text that stands for a list of these is split at commas, as the Collector does.
    const SPLITS_AT_COMMAS: bool = false;

    /// What may be written.
    fn shape() -> Shape;

    /// Reads a node over the value that is there (the default). Mistakes go to the report.
    fn read(&mut self, node: &Node, report: &mut Report);

    /// The value as `print-config` shows it.
    fn write(&self) -> Json;
}

/// A block of options.
pub(crate) trait Record: Default {
    /// What the block is called in the schema.
    const NAME: &'static str;
    /// Its documentation, a line each.
    const ABOUT: &'static [&'static str];
    /// Whether the block counts as written when its value is empty (`grpc:`).
    const PRESENT_WHEN_EMPTY: bool;

    /// Its options, with the defaults of this value.
    fn fields(defaults: &Self) -> Vec<Field>;

    /// Reads each option over the value that is there.
    fn read_fields(&mut self, block: &mut Block<'_>, report: &mut Report);

    /// Says what is wrong with keys that are no options: they are refused.
    fn report_unknown(block: &Block<'_>, report: &mut Report) {
        block.report_unknown(&Self::fields(&Self::default()), report);
    }

    /// Writes each option.
    fn write_fields(&self, out: &mut serde_json::Map<String, Json>);
}

/// One option of a block.
pub(crate) struct Field {
    /// Its key.
    pub(crate) key: &'static str,
    /// Its documentation, a line each.
    pub(crate) about: &'static [&'static str],
    /// What may be written.
    pub(crate) shape: Shape,
    /// What holds when nothing is written.
    pub(crate) default: Json,
    /// Whether it does something.
    pub(crate) standing: Standing,
}

impl Field {
    /// An option that does nothing here.
    pub(crate) fn idle(key: &'static str, shape: Shape, standing: Standing) -> Self {
        Self {
            key,
            about: &[],
            shape,
            default: Json::Null,
            standing,
        }
    }
}

/// Whether an option does something.
pub(crate) enum Standing {
    /// It does.
    Used,
    /// It is accepted and does nothing, for this reason.
    Ignored(&'static str),
    /// It is refused, for this reason.
    Refused(&'static str),
}

/// What may be written as a value.
#[derive(Clone)]
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// True or false.
    Flag,
    /// A whole number between bounds.
    Integer {
        /// Inclusive.
        min: i128,
        /// Inclusive.
        max: i128,
    },
    /// A number.
    Number,
    /// Text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A duration as Go writes it.
    Duration,
    /// A size in bytes, plain or with a unit.
    Size,
    /// The id of a component.
    Id,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list.
    List(Box<Shape>),
    /// A map with free keys.
    Map(Box<Shape>),
    /// Names with secret values, as a map or a list.
    Headers,
    /// A block of options. A function, because blocks may contain themselves.
    Record {
        /// Name in the schema.
        name: &'static str,
        /// Documentation, a line each.
        about: &'static [&'static str],
        /// Whether an empty value stands for the block with its defaults.
        present_when_empty: bool,
        /// Its options with their defaults.
        fields: fn() -> Vec<Field>,
    },
}
