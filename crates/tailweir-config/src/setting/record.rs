//! The macros that define blocks of options and closed sets of words.

use super::{Block, Record};
use crate::node::{Node, Value};
use crate::report::{Cause, Report};

/// Defines a block of options: the struct with its documentation, the defaults, how it is read and
/// written, and its part of the schema.
///
/// `inlines` holds blocks whose options stand in this block; `ignored` and `refused` are options of
/// the Collector that do nothing here or cannot be had, with the reason. `rules` names a function
/// that checks what no single option can; `unknown` one that judges keys that are no options.
macro_rules! settings {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident
        $( inlines { $($(#[doc = $inline_doc:literal])* $inline:ident: $inline_type:ty = $inline_default:expr,)* } )?
        {
            $($(#[doc = $field_doc:literal])* $field:ident: $type:ty = $default:expr,)*
        }
        $( ignored { $($ignored:literal: $ignored_type:ty = $ignored_reason:literal,)* } )?
        $( refused { $($refused:literal = $refused_reason:literal,)* } )?
        $( present_when_empty $present:literal; )?
        $( unknown $unknown:path; )?
        $( rules $rules:path; )?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($( $(#[doc = $inline_doc])* $vis $inline: $inline_type, )*)?
            $( $(#[doc = $field_doc])* $vis $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($( $inline: $inline_default, )*)?
                    $( $field: $default, )*
                }
            }
        }

        impl $crate::setting::Record for $name {
            const NAME: &'static str = $crate::setting::block_name(stringify!($name));
            const ABOUT: &'static [&'static str] = &[$($doc),*];
            const PRESENT_WHEN_EMPTY: bool = false $( || $present )?;

            fn fields(defaults: &Self) -> Vec<$crate::setting::Field> {
                // A block may have no option of one sort, or none at all.
                let _ = defaults;
                let parts: Vec<Vec<$crate::setting::Field>> = vec![
                    $($( <$inline_type as $crate::setting::Record>::fields(&defaults.$inline), )*)?
                    vec![$( $crate::setting::Field {
                        key: $crate::setting::key(stringify!($field)),
                        about: &[$($field_doc),*],
                        shape: <$type as $crate::setting::Setting>::shape(),
                        default: $crate::setting::Setting::write(&defaults.$field),
                        standing: $crate::setting::Standing::Used,
                    }, )*],
                    vec![$($( $crate::setting::Field::idle(
                        $ignored,
                        <$ignored_type as $crate::setting::Setting>::shape(),
                        $crate::setting::Standing::Ignored($ignored_reason),
                    ), )*)?],
                    vec![$($( $crate::setting::Field::idle(
                        $refused,
                        $crate::setting::Shape::Any,
                        $crate::setting::Standing::Refused($refused_reason),
                    ), )*)?],
                ];
                parts.into_iter().flatten().collect()
            }

            fn read_fields(
                &mut self,
                block: &mut $crate::setting::Block<'_>,
                report: &mut $crate::report::Report,
            ) {
                $($( $crate::setting::Record::read_fields(&mut self.$inline, block, report); )*)?
                $( block.read($crate::setting::key(stringify!($field)), &mut self.$field, report); )*
                $($( block.ignore::<$ignored_type>($ignored, $ignored_reason, report); )*)?
                $($( block.refuse($refused, $refused_reason, report); )*)?
                $( $rules(self, block, report); )?
                let _ = (block, report);
            }

            $(
                fn report_unknown(
                    block: &$crate::setting::Block<'_>,
                    report: &mut $crate::report::Report,
                ) {
                    $unknown(block, report);
                }
            )?

            fn write_fields(&self, out: &mut serde_json::Map<String, serde_json::Value>) {
                let _ = &out;
                $($( $crate::setting::Record::write_fields(&self.$inline, out); )*)?
                $( out.insert(
                    $crate::setting::key(stringify!($field)).to_owned(),
                    $crate::setting::Setting::write(&self.$field),
                ); )*
            }
        }

        impl $crate::setting::Setting for $name {
            fn shape() -> $crate::setting::Shape {
                use $crate::setting::Record;
                $crate::setting::Shape::Record {
                    name: <Self as Record>::NAME,
                    about: <Self as Record>::ABOUT,
                    present_when_empty: <Self as Record>::PRESENT_WHEN_EMPTY,
                    fields: || <Self as Record>::fields(&Self::default()),
                }
            }

            fn read(&mut self, node: &$crate::node::Node, report: &mut $crate::report::Report) {
                $crate::setting::read_record(self, node, report);
            }

            fn write(&self) -> serde_json::Value {
                let mut out = serde_json::Map::new();
                $crate::setting::Record::write_fields(self, &mut out);
                serde_json::Value::Object(out)
            }
        }
    };
}
pub(crate) use settings;

/// Defines a closed set of words and its default. With `any case`, the case of letters is nothing.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident $(($any:ident case))? = $default:ident {
            $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal $(| $other:literal)*,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl $name {
            /// The word of the configuration.
            #[must_use]
            $vis const fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )*
                }
            }
        }

        impl $crate::setting::Setting for $name {
            fn shape() -> $crate::setting::Shape {
                $crate::setting::Shape::Choice(&[$($word),*])
            }

            fn read(&mut self, node: &$crate::node::Node, report: &mut $crate::report::Report) {
                let any_case = false $( || stringify!($any) == "any" )?;
                let words: &[(&str, Self)] =
                    &[$( ($word, Self::$variant), $( ($other, Self::$variant), )* )*];
                if let Some(found) = $crate::setting::read_choice(node, words, any_case, report) {
                    *self = found;
                }
            }

            fn write(&self) -> serde_json::Value {
                serde_json::Value::from(self.word())
            }
        }
    };
}
pub(crate) use choice;

/// Reads a block over its defaults; unknown options are reported.
pub(crate) fn read_record<T: Record>(record: &mut T, node: &Node, report: &mut Report) {
    if matches!(node.value, Value::Null) {
        node_rules(record, node, report);
        return;
    }
    if !matches!(node.value, Value::Map(_)) {
        report.wrong_type(node, "a block of options");
        return;
    }
    node_rules(record, node, report);
}

fn node_rules<T: Record>(record: &mut T, node: &Node, report: &mut Report) {
    let mut block = Block::new(node);
    record.read_fields(&mut block, report);
    T::report_unknown(&block, report);
}

/// The word that stands here, if it is one of these.
pub(crate) fn read_choice<T: Copy>(
    node: &Node,
    words: &[(&str, T)],
    any_case: bool,
    report: &mut Report,
) -> Option<T> {
    let text = match node.text() {
        Some(text) => text,
        None if matches!(node.value, Value::Null) => return None,
        None => {
            report.wrong_type(node, "a word");
            return None;
        }
    };
    let same = |word: &str| word == text || (any_case && word.eq_ignore_ascii_case(text));
    if let Some((_, value)) = words.iter().find(|(word, _)| same(word)) {
        return Some(*value);
    }
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    report.unknown_word(node, Cause::NotAllowed, "value", &names);
    None
}

/// The name of a block in schema and reference: documents are what they are read into.
pub(crate) const fn block_name(name: &'static str) -> &'static str {
    const SUFFIX: usize = "Document".len();
    match name.as_bytes() {
        [_, .., b'D', b'o', b'c', b'u', b'm', b'e', b'n', b't'] => {
            name.split_at(name.len() - SUFFIX).0
        }
        _ => name,
    }
}

/// The key of an option, from the name of its field.
pub(crate) const fn key(field: &'static str) -> &'static str {
    // `r#type` and the like.
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}
