//! XPath 1.0: location paths with predicates, operators and the core functions.

mod lexer;
mod parser;

/// A compiled XPath expression.
#[derive(Debug, Clone)]
pub(crate) struct XPath(pub(super) Expression);

impl XPath {
    /// Compiles an expression.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        parser::parse(text)
            .map(Self)
            .map_err(|reason| format!("invalid XPath {text:?}: {reason}"))
    }
}

#[derive(Debug, Clone)]
pub(super) enum Expression {
    Number(f64),
    Text(String),
    /// Operators `or`, `and`, comparisons, arithmetic and `|`.
    Binary(Box<Expression>, Operator, Box<Expression>),
    Negation(Box<Expression>),
    Call(Function, Vec<Expression>),
    /// From the document when it is absolute, else from the context node.
    Path {
        absolute: bool,
        steps: Vec<Step>,
    },
    /// Nodes that another expression gives, filtered, and steps from them.
    Filter {
        source: Box<Expression>,
        predicates: Vec<Expression>,
        steps: Vec<Step>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
    Union,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) axis: Axis,
    pub(super) test: Test,
    pub(super) predicates: Vec<Expression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    Itself,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// `*`
    Any,
    /// A name, with its prefix.
    Name(String),
    /// `prefix:*`
    Prefix(String),
    Node,
    Text,
    Comment,
    Instruction,
}

macro_rules! functions {
    ($($name:literal $variant:ident $least:literal..=$most:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function {
            $($variant,)*
        }

        impl Function {
            /// The function of a name, and how many arguments it takes at least and at most.
            pub(super) fn named(name: &str) -> Option<(Self, std::ops::RangeInclusive<usize>)> {
                match name {
                    $($name => Some((Self::$variant, $least..=$most)),)*
                    _ => None,
                }
            }
        }
    };
}

functions! {
    "boolean" Boolean 1..=1,
    "ceiling" Ceiling 1..=1,
    "concat" Concat 2..=64,
    "contains" Contains 2..=2,
    "count" Count 1..=1,
    "ends-with" EndsWith 2..=2,
    "false" False 0..=0,
    "floor" Floor 1..=1,
    "last" Last 0..=0,
    "local-name" LocalName 0..=1,
    "lower-case" LowerCase 1..=1,
    "name" Name 0..=1,
    "normalize-space" NormalizeSpace 0..=1,
    "not" Not 1..=1,
    "number" Number 0..=1,
    "position" Position 0..=0,
    "round" Round 1..=1,
    "starts-with" StartsWith 2..=2,
    "string" String 0..=1,
    "string-length" StringLength 0..=1,
    "substring" Substring 2..=3,
    "substring-after" SubstringAfter 2..=2,
    "substring-before" SubstringBefore 2..=2,
    "sum" Sum 1..=1,
    "translate" Translate 3..=3,
    "true" True 0..=0,
}
