//! How values are written, and what types there are.

use crate::TranslateError;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Numbers as they are.
    Binary,
    /// Numbers as varints.
    Compact,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Byte,
    Double,
    I16,
    I32,
    I64,
    /// Text or bytes.
    Binary,
    Struct,
    Map,
    /// List or set.
    List,
}

impl Protocol {
    /// The type of this number.
    pub(super) fn type_of(self, number: u8) -> Result<Type, TranslateError> {
        let found = match self {
            Self::Binary => match number {
                2 => Some(Type::Bool),
                3 => Some(Type::Byte),
                4 => Some(Type::Double),
                6 => Some(Type::I16),
                8 => Some(Type::I32),
                10 => Some(Type::I64),
                11 => Some(Type::Binary),
                12 => Some(Type::Struct),
                13 => Some(Type::Map),
                14 | 15 => Some(Type::List),
                _ => None,
            },
            Self::Compact => match number {
                1 | 2 => Some(Type::Bool),
                3 => Some(Type::Byte),
                4 => Some(Type::I16),
                5 => Some(Type::I32),
                6 => Some(Type::I64),
                7 => Some(Type::Double),
                8 => Some(Type::Binary),
                9 | 10 => Some(Type::List),
                11 => Some(Type::Map),
                12 => Some(Type::Struct),
                _ => None,
            },
        };
        found.ok_or(TranslateError::Thrift("a type is none"))
    }

    /// The fewest bytes that a value takes.
    pub(super) const fn length_min(self, kind: Type) -> usize {
        match (self, kind) {
            (_, Type::Double) => 8,
            (Self::Compact, _) | (_, Type::Bool | Type::Byte | Type::Struct) => 1,
            (Self::Binary, Type::I16) => 2,
            (Self::Binary, Type::I32 | Type::Binary) => 4,
            (Self::Binary, Type::List) => 5,
            (Self::Binary, Type::Map) => 6,
            (Self::Binary, Type::I64) => 8,
        }
    }
}
