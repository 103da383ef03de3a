//! Operands: literals, paths, calls, arithmetic, lists, maps and lambdas.

use super::{OPERATORS_MAX, Parsed, Parser};
use crate::Value;
use crate::lexer::{Mark, TokenKind};
use crate::syntax::{Argument, Arithmetic, Body, Call, Lambda, Operand, OperandKind, Segment};

/// Names that mean something and cannot start a path.
const WORDS: [&str; 6] = ["and", "or", "not", "nil", "true", "false"];

impl<'s> Parser<'s> {
    /// Any value. Only numbers, paths and converters take part in arithmetic.
    pub(super) fn operand(&mut self) -> Parsed<Operand<'s>> {
        self.nested(|parser| {
            let offset = parser.offset();
            if parser.opens_lambda() {
                return Ok(Operand::at(offset, OperandKind::Lambda(parser.lambda()?)));
            }
            if let Some(kind) = parser.plain()? {
                return Ok(Operand::at(offset, kind));
            }
            parser.sum()
        })
    }

    /// What arithmetic cannot touch; nothing when the next token starts no such thing.
    fn plain(&mut self) -> Parsed<Option<OperandKind<'s>>> {
        let constant = match self.peek().clone() {
            TokenKind::Bytes(bytes) => Value::Bytes(bytes.into()),
            TokenKind::String(text) => Value::String(text.into_bytes().into()),
            TokenKind::Name("nil") => Value::Nil,
            TokenKind::Name("true") => Value::Bool(true),
            TokenKind::Name("false") => Value::Bool(false),
            TokenKind::Name(name) if is_symbol(name) && !self.is_mark(1, Mark::LeftParenthesis) => {
                self.advance();
                return Ok(Some(OperandKind::Symbol(name)));
            }
            TokenKind::Mark(Mark::LeftBracket) => return self.list().map(Some),
            TokenKind::Mark(Mark::LeftBrace) => return self.map().map(Some),
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(OperandKind::Constant(constant)))
    }

    fn sum(&mut self) -> Parsed<Operand<'s>> {
        let mut left = self.product()?;
        loop {
            let operation = match self.peek() {
                TokenKind::Mark(Mark::Plus) => Arithmetic::Add,
                TokenKind::Mark(Mark::Minus) => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.product()?;
            left = self.combined(left, operation, right)?;
        }
    }

    fn product(&mut self) -> Parsed<Operand<'s>> {
        let mut left = self.factor()?;
        loop {
            let operation = match self.peek() {
                TokenKind::Mark(Mark::Times) => Arithmetic::Multiply,
                TokenKind::Mark(Mark::Divide) => Arithmetic::Divide,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.factor()?;
            left = self.combined(left, operation, right)?;
        }
    }

    fn combined(
        &mut self,
        left: Operand<'s>,
        operation: Arithmetic,
        right: Operand<'s>,
    ) -> Parsed<Operand<'s>> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(self.error(format!(
                "too many arithmetic operators; at most {OPERATORS_MAX}"
            )));
        }
        let offset = left.offset;
        let kind = OperandKind::Arithmetic(Box::new(left), operation, Box::new(right));
        Ok(Operand::at(offset, kind))
    }

    /// A number, a path, a converter or parentheses, with at most one sign before it.
    fn factor(&mut self) -> Parsed<Operand<'s>> {
        let offset = self.offset();
        let negative = self.is_mark(0, Mark::Minus);
        if negative || self.is_mark(0, Mark::Plus) {
            self.advance();
        }
        let inner = if self.take_mark(Mark::LeftParenthesis) {
            let inner = self.nested(Self::sum)?;
            self.expect_mark(
                Mark::RightParenthesis,
                "expected `)` or an arithmetic operator",
            )?;
            inner
        } else {
            self.atom()?
        };
        Ok(match (negative, inner.kind) {
            (false, kind) => Operand::at(inner.offset, kind),
            (true, OperandKind::Constant(Value::Int(value))) => Operand::at(
                offset,
                OperandKind::Constant(Value::Int(value.wrapping_neg())),
            ),
            (true, OperandKind::Constant(Value::Double(value))) => {
                Operand::at(offset, OperandKind::Constant(Value::Double(-value)))
            }
            (true, kind) => {
                let inner = Operand::at(inner.offset, kind);
                Operand::at(offset, OperandKind::Negation(Box::new(inner)))
            }
        })
    }

    fn atom(&mut self) -> Parsed<Operand<'s>> {
        let offset = self.offset();
        let kind = match self.peek().clone() {
            TokenKind::Int(value) => {
                self.advance();
                OperandKind::Constant(Value::Int(value))
            }
            TokenKind::Double(value) => {
                self.advance();
                OperandKind::Constant(Value::Double(value))
            }
            TokenKind::Name(name) if self.is_mark(1, Mark::LeftParenthesis) => {
                if !name.starts_with(|first: char| first.is_ascii_uppercase()) {
                    let message =
                        format!("converters start with an upper-case letter; `{name}` does not");
                    return Err(self.error(message));
                }
                self.advance();
                OperandKind::Converter(self.call(name)?)
            }
            TokenKind::Name(name) if is_lower(name) && !WORDS.contains(&name) => self.path()?,
            TokenKind::Name(name) if is_function(name) => {
                self.advance();
                OperandKind::Function(name)
            }
            TokenKind::Name(name) if !WORDS.contains(&name) => {
                return Err(self.error(not_a_value(name)));
            }
            _ => return Err(self.error("expected a value: a path, a literal or a converter")),
        };
        Ok(Operand::at(offset, kind))
    }

    fn path(&mut self) -> Parsed<OperandKind<'s>> {
        let mut segments = Vec::new();
        loop {
            let offset = self.offset();
            let TokenKind::Name(name) = *self.peek() else {
                return Err(self.error("expected a name after the dot"));
            };
            if !is_lower(name) {
                return Err(self.error(format!("names in paths are lower-case; `{name}` is not")));
            }
            self.advance();
            let keys = self.keys()?;
            segments.push(Segment { name, offset, keys });
            if !self.take_mark(Mark::Dot) {
                return Ok(OperandKind::Path(segments));
            }
        }
    }

    /// `["a"][0][span.kind]`. A key that begins with a plain number or text is nothing more than that.
    fn keys(&mut self) -> Parsed<Vec<Operand<'s>>> {
        let mut keys = Vec::new();
        while self.take_mark(Mark::LeftBracket) {
            let offset = self.offset();
            let key = match self.peek().clone() {
                TokenKind::String(text) => {
                    self.advance();
                    Operand::at(
                        offset,
                        OperandKind::Constant(Value::String(text.into_bytes().into())),
                    )
                }
                TokenKind::Int(index) => {
                    self.advance();
                    Operand::at(offset, OperandKind::Constant(Value::Int(index)))
                }
                _ => self.nested(Self::sum)?,
            };
            self.expect_mark(Mark::RightBracket, "expected `]` after the key")?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// The arguments and keys of a call, after its name.
    pub(super) fn call(&mut self, name: &'s str) -> Parsed<Call<'s>> {
        self.advance();
        let mut arguments = Vec::new();
        if !self.take_mark(Mark::RightParenthesis) {
            loop {
                arguments.push(self.argument()?);
                if self.take_mark(Mark::RightParenthesis) {
                    break;
                }
                self.expect_mark(Mark::Comma, "expected `,` or `)` after an argument")?;
            }
        }
        let keys = self.keys()?;
        Ok(Call {
            name,
            arguments,
            keys,
        })
    }

    fn argument(&mut self) -> Parsed<Argument<'s>> {
        let offset = self.offset();
        let mut name = None;
        if let (TokenKind::Name(word), true) = (self.peek(), self.is_mark(1, Mark::Assign)) {
            if !word.starts_with(|first: char| first.is_ascii_lowercase()) {
                return Err(self.error("names of arguments are lower-case"));
            }
            name = Some(*word);
            self.advance();
            self.advance();
        }
        let value = self.operand()?;
        Ok(Argument {
            name,
            offset,
            value,
        })
    }

    fn list(&mut self) -> Parsed<OperandKind<'s>> {
        self.advance();
        let mut items = Vec::new();
        if !self.take_mark(Mark::RightBracket) {
            loop {
                items.push(self.operand()?);
                if self.take_mark(Mark::RightBracket) {
                    break;
                }
                self.expect_mark(Mark::Comma, "expected `,` or `]` in a list")?;
            }
        }
        Ok(OperandKind::List(items))
    }

    /// Commas between entries may be missing, and one may follow the last.
    fn map(&mut self) -> Parsed<OperandKind<'s>> {
        self.advance();
        let mut entries: Vec<(String, Operand<'s>)> = Vec::new();
        while !self.take_mark(Mark::RightBrace) {
            let TokenKind::String(key) = self.peek().clone() else {
                return Err(self.error("expected text as key, or `}`"));
            };
            self.advance();
            self.expect_mark(Mark::Colon, "expected `:` after the key")?;
            let value = self.operand()?;
            self.take_mark(Mark::Comma);
            entries.retain(|(taken, _)| *taken != key);
            entries.push((key, value));
        }
        Ok(OperandKind::Map(entries))
    }

    /// Whether the parentheses that open here are followed by `=>`.
    fn opens_lambda(&self) -> bool {
        let close = self.token(0).closed_by;
        close.is_some_and(|close| self.tokens[close + 1].kind == TokenKind::Mark(Mark::Arrow))
    }

    fn lambda(&mut self) -> Parsed<Lambda<'s>> {
        self.advance();
        let mut parameters = Vec::new();
        while !self.take_mark(Mark::RightParenthesis) {
            if !parameters.is_empty() {
                self.expect_mark(Mark::Comma, "expected `,` or `)` after a parameter")?;
            }
            match *self.peek() {
                TokenKind::Name(name)
                    if (is_lower(name) || name == "_") && !WORDS.contains(&name) =>
                {
                    parameters.push((name, self.offset()));
                    self.advance();
                }
                _ => return Err(self.error("expected a lower-case name or `_` as parameter")),
            }
        }
        self.expect_mark(Mark::Arrow, "expected `=>`")?;
        let body = Box::new(self.body()?);
        Ok(Lambda { parameters, body })
    }

    /// A value, unless what follows makes it a condition.
    fn body(&mut self) -> Parsed<Body<'s>> {
        let (start, operators) = (self.position, self.operators);
        if let Ok(value) = self.operand() {
            let continues = ["and", "or"]
                .iter()
                .any(|word| *self.peek() == TokenKind::Name(word));
            if !continues && self.comparator().is_none() {
                return Ok(Body::Value(value));
            }
        }
        self.position = start;
        self.operators = operators;
        self.nested(Self::logic).map(Body::Logic)
    }
}

fn is_lower(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.contains(|c: char| c.is_ascii_uppercase())
}

/// `ToUpperCase`: a name that starts with an upper-case letter and is not called.
fn is_function(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Why a name stands for no value.
pub(crate) fn not_a_value(name: &str) -> String {
    format!("`{name}` is no path (they are lower-case), no symbol (upper-case) and no call")
}

/// `STATUS_CODE_ERROR`: an upper-case name that is not called.
fn is_symbol(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && !name.contains(|c: char| c.is_ascii_lowercase())
}
