//! Makes a tree of the tokens. Total: every text gives a tree or an error, in bounded time and depth.

mod operand;

use crate::CompileError;
use crate::lexer::{Mark, Token, TokenKind, tokens};
use crate::syntax::{Call, Comparator, Logic, Operand, OperandKind, Statement};

/// Parentheses, calls, lists and keys may be nested this deep.
const DEPTH_MAX: usize = 64;

/// Arithmetic operators in one condition. Each makes the tree one level deeper.
const OPERATORS_MAX: usize = 256;

/// Tokens looked at before a text counts as too complex. A lambda's body is tried as a value and then
/// as a condition, which doubles the work at every level.
const STEPS_MAX: usize = 1 << 20;

type Parsed<T> = Result<T, CompileError>;

pub(crate) use operand::not_a_value;

/// Parses a whole condition.
pub(crate) fn condition(text: &str) -> Parsed<Logic<'_>> {
    let mut parser = Parser::new(text)?;
    let logic = parser.logic()?;
    match parser.peek() {
        TokenKind::End => Ok(logic),
        TokenKind::Name("where") => {
            Err(parser.error("a condition has no `where`; it is what would follow one"))
        }
        _ => Err(parser.error("expected `and`, `or` or the end of the condition")),
    }
}

/// Parses a whole statement: an editor, and perhaps `where` and a condition.
pub(crate) fn statement(text: &str) -> Parsed<Statement<'_>> {
    let mut parser = Parser::new(text)?;
    let editor = parser.editor()?;
    let condition = match parser.take_word("where") {
        true => Some(parser.logic()?),
        false => None,
    };
    match (parser.peek(), &condition) {
        (TokenKind::End, _) => Ok(Statement { editor, condition }),
        (_, None) => Err(parser.error("expected `where` or the end of the statement")),
        (_, Some(_)) => Err(parser.error("expected `and`, `or` or the end of the statement")),
    }
}

struct Parser<'s> {
    text: &'s str,
    tokens: Vec<Token<'s>>,
    position: usize,
    depth: usize,
    steps: usize,
    operators: usize,
}

impl<'s> Parser<'s> {
    fn new(text: &'s str) -> Parsed<Self> {
        Ok(Self {
            text,
            tokens: tokens(text)?,
            position: 0,
            depth: 0,
            steps: 0,
            operators: 0,
        })
    }

    /// The call that a statement begins with.
    fn editor(&mut self) -> Parsed<Call<'s>> {
        let name = match *self.peek() {
            TokenKind::Name(name) if self.is_mark(1, Mark::LeftParenthesis) => name,
            _ => {
                let message = "a statement begins with an editor, such as set(span.name, \"x\")";
                return Err(self.error(message));
            }
        };
        if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            let message =
                format!("`{name}` changes nothing; editors start with a lower-case letter");
            return Err(self.error(message));
        }
        self.advance();
        let call = self.call(name)?;
        match call.keys.first() {
            Some(key) => {
                let message = "what an editor does cannot be indexed";
                Err(CompileError::new(self.text, key.offset, message))
            }
            None => Ok(call),
        }
    }

    fn token(&self, ahead: usize) -> &Token<'s> {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.position + ahead).min(last)]
    }

    fn peek(&self) -> &TokenKind<'s> {
        &self.token(0).kind
    }

    fn offset(&self) -> usize {
        self.token(0).offset
    }

    fn advance(&mut self) {
        self.steps += 1;
        self.position += 1;
    }

    fn error(&self, message: impl Into<String>) -> CompileError {
        CompileError::new(self.text, self.offset(), message)
    }

    fn is_mark(&self, ahead: usize, mark: Mark) -> bool {
        self.token(ahead).kind == TokenKind::Mark(mark)
    }

    fn take_mark(&mut self, mark: Mark) -> bool {
        let found = self.is_mark(0, mark);
        if found {
            self.advance();
        }
        found
    }

    fn expect_mark(&mut self, mark: Mark, message: &str) -> Parsed<()> {
        if self.take_mark(mark) {
            return Ok(());
        }
        Err(self.error(message))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = *self.peek() == TokenKind::Name(word);
        if found {
            self.advance();
        }
        found
    }

    /// Runs a part of the grammar one level deeper.
    fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(format!("nested too deeply; at most {DEPTH_MAX} levels")));
        }
        if self.steps > STEPS_MAX {
            return Err(self.error("too complex; write it as several conditions"));
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    /// `and` binds tighter than `or`.
    fn logic(&mut self) -> Parsed<Logic<'s>> {
        let mut alternatives = vec![self.conjunction()?];
        while self.take_word("or") {
            alternatives.push(self.conjunction()?);
        }
        Ok(one_or(alternatives, Logic::Any))
    }

    fn conjunction(&mut self) -> Parsed<Logic<'s>> {
        let mut parts = vec![self.proposition()?];
        while self.take_word("and") {
            parts.push(self.proposition()?);
        }
        Ok(one_or(parts, Logic::All))
    }

    /// `not` stands once, before a comparison, a constant, a converter or parentheses.
    fn proposition(&mut self) -> Parsed<Logic<'s>> {
        if self.take_word("not") {
            return Ok(Logic::Not(Box::new(self.nested(Self::affirmation)?)));
        }
        self.nested(Self::affirmation)
    }

    fn affirmation(&mut self) -> Parsed<Logic<'s>> {
        if self.opens_logic() {
            self.advance();
            let inside = self.logic()?;
            self.expect_mark(Mark::RightParenthesis, "expected `)`")?;
            return Ok(inside);
        }
        let left = self.operand()?;
        if let Some(comparator) = self.comparator() {
            self.advance();
            let right = self.operand()?;
            return Ok(Logic::Comparison(left, comparator, right));
        }
        match left.kind {
            OperandKind::Constant(crate::Value::Bool(value)) => Ok(Logic::Constant(value)),
            OperandKind::Converter(_) => Ok(Logic::Converter(left)),
            _ => Err(self.error("expected a comparison (==, !=, <, <=, >, >=) after a value")),
        }
    }

    /// Whether a condition stands between the parentheses that open here, not an operand: nothing that
    /// works on operands follows them.
    fn opens_logic(&self) -> bool {
        let Some(close) = self.token(0).closed_by else {
            return self.is_mark(0, Mark::LeftParenthesis);
        };
        let arithmetic = [Mark::Plus, Mark::Minus, Mark::Times, Mark::Divide].map(TokenKind::Mark);
        let follower = &self.tokens[close + 1].kind;
        let compared = matches!(follower, TokenKind::Mark(mark) if comparator_of(*mark).is_some());
        !compared && !arithmetic.contains(follower)
    }

    fn comparator(&self) -> Option<Comparator> {
        match self.peek() {
            TokenKind::Mark(mark) => comparator_of(*mark),
            _ => None,
        }
    }
}

fn comparator_of(mark: Mark) -> Option<Comparator> {
    Some(match mark {
        Mark::Equal => Comparator::Equal,
        Mark::NotEqual => Comparator::NotEqual,
        Mark::Less => Comparator::Less,
        Mark::LessOrEqual => Comparator::LessOrEqual,
        Mark::Greater => Comparator::Greater,
        Mark::GreaterOrEqual => Comparator::GreaterOrEqual,
        _ => return None,
    })
}

fn one_or<'s>(mut parts: Vec<Logic<'s>>, several: fn(Vec<Logic<'s>>) -> Logic<'s>) -> Logic<'s> {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}

impl<'s> Operand<'s> {
    fn at(offset: usize, kind: OperandKind<'s>) -> Self {
        Self { offset, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::condition;

    fn refusal(text: &str) -> (usize, String) {
        let error = condition(text).unwrap_err();
        (error.offset(), error.message().to_owned())
    }

    /// Scenario: conditions that break off, or go on after their end.
    /// Guarantees: the error points at the first token that cannot stand there.
    #[test]
    fn an_error_points_at_the_wrong_token() {
        assert_eq!(refusal("a == 1 and").0, 10);
        assert_eq!(refusal("a == 1 == 2").0, 7);
        assert_eq!(refusal("(a == 1").0, 7);
        assert_eq!(refusal("a == 1 where b").0, 7);
        assert_eq!(refusal("a").0, 1);
    }

    /// Scenario: thousands of brackets of each kind, and lambdas in lambdas.
    /// Guarantees: an error, soon, and no overflow of the stack.
    #[test]
    fn depth_and_work_are_bounded() {
        for opening in [
            "(",
            "not (",
            "F(",
            "[",
            "{\"a\":",
            "a[",
            "-(",
            "F(() => (",
            "1 +",
            "1 *",
            "F(() => 1 +",
        ] {
            let text = opening.repeat(5000);
            assert!(condition(&text).is_err(), "{opening}");
        }
        assert!(
            refusal(&format!("{} 1 == 1", "(".repeat(70)))
                .1
                .contains("nested too deeply")
        );
    }
}
