//! The tree that the parser makes, with the offset of everything that can be wrong later.

use crate::Value;

/// Something that is true or false.
#[derive(Debug)]
pub(crate) enum Logic<'s> {
    Constant(bool),
    Comparison(Operand<'s>, Comparator, Operand<'s>),
    /// A converter that must give a bool.
    Converter(Operand<'s>),
    Not(Box<Logic<'s>>),
    All(Vec<Logic<'s>>),
    Any(Vec<Logic<'s>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    GreaterOrEqual,
    Greater,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Something that has a value.
#[derive(Debug)]
pub(crate) struct Operand<'s> {
    pub(crate) offset: usize,
    pub(crate) kind: OperandKind<'s>,
}

#[derive(Debug)]
pub(crate) enum OperandKind<'s> {
    Constant(Value<'static>),
    Symbol(&'s str),
    Path(Vec<Segment<'s>>),
    Converter(Call<'s>),
    List(Vec<Operand<'s>>),
    Map(Vec<(String, Operand<'s>)>),
    Arithmetic(Box<Operand<'s>>, Arithmetic, Box<Operand<'s>>),
    Negation(Box<Operand<'s>>),
    Lambda(Lambda<'s>),
    /// The name of a converter that is not called, for editors that call it.
    Function(&'s str),
}

/// One name of a path, with the keys behind it.
#[derive(Debug)]
pub(crate) struct Segment<'s> {
    pub(crate) name: &'s str,
    pub(crate) offset: usize,
    pub(crate) keys: Vec<Operand<'s>>,
}

#[derive(Debug)]
pub(crate) struct Call<'s> {
    pub(crate) name: &'s str,
    pub(crate) arguments: Vec<Argument<'s>>,
    pub(crate) keys: Vec<Operand<'s>>,
}

/// What changes something, and when it does.
#[derive(Debug)]
pub(crate) struct Statement<'s> {
    pub(crate) editor: Call<'s>,
    pub(crate) condition: Option<Logic<'s>>,
}

#[derive(Debug)]
pub(crate) struct Argument<'s> {
    pub(crate) name: Option<&'s str>,
    pub(crate) offset: usize,
    pub(crate) value: Operand<'s>,
}

#[derive(Debug)]
pub(crate) struct Lambda<'s> {
    /// Names and where they stand; `_` takes what is not needed.
    pub(crate) parameters: Vec<(&'s str, usize)>,
    pub(crate) body: Box<Body<'s>>,
}

#[derive(Debug)]
pub(crate) enum Body<'s> {
    Value(Operand<'s>),
    Logic(Logic<'s>),
}
