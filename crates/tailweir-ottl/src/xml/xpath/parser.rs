//! Makes an expression of the tokens.

use super::lexer::{Token, tokens};
use super::{Axis, Expression, Function, Operator, Step, Test};

/// Parentheses, predicates and calls may be nested this deep.
const DEPTH_MAX: usize = 32;

/// Expressions may have this many tokens, which bounds how deep operators nest.
const TOKENS_MAX: usize = 512;

type Parsed<T> = Result<T, String>;

pub(super) fn parse(text: &str) -> Parsed<Expression> {
    let tokens = tokens(text)?;
    if tokens.len() > TOKENS_MAX {
        return Err(format!("more than {TOKENS_MAX} tokens"));
    }
    let mut parser = Parser {
        tokens,
        position: 0,
        depth: 0,
    };
    let expression = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expression),
        other => Err(format!("unexpected {other:?}")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

/// Operators by how tightly they bind, loosest first.
const LEVELS: [&[(&str, Operator)]; 7] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[("=", Operator::Equal), ("!=", Operator::NotEqual)],
    &[
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[
        ("*", Operator::Times),
        ("div", Operator::Divide),
        ("mod", Operator::Modulo),
    ],
    &[("|", Operator::Union)],
];

impl Parser {
    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.position + count).min(last)]
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Token::Mark(found) if *found == mark);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        if self.take(mark) {
            Ok(())
        } else {
            Err(format!("expected {mark:?}"))
        }
    }

    fn expression(&mut self) -> Parsed<Expression> {
        if self.depth == DEPTH_MAX {
            return Err("nested too deeply".to_owned());
        }
        self.depth += 1;
        let expression = self.level(0);
        self.depth -= 1;
        expression
    }

    fn level(&mut self, level: usize) -> Parsed<Expression> {
        let Some(operators) = LEVELS.get(level) else {
            return self.path();
        };
        // The sign binds tighter than all but the union.
        if level == LEVELS.len() - 1 && self.take("-") {
            return Ok(Expression::Negation(Box::new(self.level(level)?)));
        }
        let mut left = self.level(level + 1)?;
        loop {
            let operator = operators.iter().find(|(spelling, _)| match self.peek() {
                Token::Mark(mark) => mark == spelling,
                Token::Name(name) => name == spelling,
                _ => false,
            });
            let Some((_, operator)) = operator else {
                return Ok(left);
            };
            self.position += 1;
            let right = self.level(level + 1)?;
            left = Expression::Binary(Box::new(left), *operator, Box::new(right));
        }
    }

    fn path(&mut self) -> Parsed<Expression> {
        if let Some(source) = self.primary()? {
            let predicates = self.predicates()?;
            let mut steps = Vec::new();
            if self.take("//") {
                steps.push(everything());
                self.steps(&mut steps)?;
            } else if self.take("/") {
                self.steps(&mut steps)?;
            }
            if predicates.is_empty() && steps.is_empty() {
                return Ok(source);
            }
            return Ok(Expression::Filter {
                source: Box::new(source),
                predicates,
                steps,
            });
        }
        let mut steps = Vec::new();
        let absolute = if self.take("//") {
            steps.push(everything());
            self.steps(&mut steps)?;
            true
        } else if self.take("/") {
            if self.starts_step() {
                self.steps(&mut steps)?;
            }
            true
        } else {
            self.steps(&mut steps)?;
            false
        };
        Ok(Expression::Path { absolute, steps })
    }

    fn primary(&mut self) -> Parsed<Option<Expression>> {
        let primary = match self.peek().clone() {
            Token::Number(number) => Expression::Number(number),
            Token::Text(text) => Expression::Text(text),
            Token::Mark("(") => {
                self.position += 1;
                let inside = self.expression()?;
                self.expect(")")?;
                return Ok(Some(inside));
            }
            Token::Name(name) if *self.ahead(1) == Token::Mark("(") && !is_node_type(&name) => {
                self.position += 2;
                return self.call(&name).map(Some);
            }
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some(primary))
    }

    fn call(&mut self, name: &str) -> Parsed<Expression> {
        let (function, arity) =
            Function::named(name).ok_or_else(|| format!("there is no function {name}()"))?;
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.expression()?);
                if self.take(")") {
                    break;
                }
                self.expect(",")?;
            }
        }
        if !arity.contains(&arguments.len()) {
            return Err(format!(
                "{name}() cannot take {} arguments",
                arguments.len()
            ));
        }
        Ok(Expression::Call(function, arguments))
    }

    fn starts_step(&self) -> bool {
        matches!(
            self.peek(),
            Token::Name(_) | Token::Mark("*" | "@" | "." | "..")
        )
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            steps.push(self.step()?);
            if self.take("//") {
                steps.push(everything());
            } else if !self.take("/") {
                return Ok(());
            }
        }
    }

    fn step(&mut self) -> Parsed<Step> {
        let abbreviated = |axis| Step {
            axis,
            test: Test::Node,
            predicates: Vec::new(),
        };
        if self.take("..") {
            return Ok(abbreviated(Axis::Parent));
        }
        if self.take(".") {
            return Ok(abbreviated(Axis::Itself));
        }
        let axis = if self.take("@") {
            Axis::Attribute
        } else if let (Token::Name(name), Token::Mark("::")) = (self.peek(), self.ahead(1)) {
            let axis = axis(name).ok_or_else(|| format!("there is no axis {name}"))?;
            self.position += 2;
            axis
        } else {
            Axis::Child
        };
        let test = self.test()?;
        let predicates = self.predicates()?;
        Ok(Step {
            axis,
            test,
            predicates,
        })
    }

    fn test(&mut self) -> Parsed<Test> {
        if self.take("*") {
            return Ok(Test::Any);
        }
        let Token::Name(name) = self.peek().clone() else {
            return Err("expected a name".to_owned());
        };
        self.position += 1;
        if is_node_type(&name) && self.take("(") {
            if name == "processing-instruction" && matches!(self.peek(), Token::Text(_)) {
                self.position += 1;
            }
            self.expect(")")?;
            return Ok(match name.as_str() {
                "text" => Test::Text,
                "comment" => Test::Comment,
                "processing-instruction" => Test::Instruction,
                _ => Test::Node,
            });
        }
        Ok(match name.strip_suffix(":*") {
            Some(prefix) => Test::Prefix(prefix.to_owned()),
            None => Test::Name(name),
        })
    }

    fn predicates(&mut self) -> Parsed<Vec<Expression>> {
        let mut predicates = Vec::new();
        while self.take("[") {
            predicates.push(self.expression()?);
            self.expect("]")?;
        }
        Ok(predicates)
    }
}

/// What `//` stands for.
fn everything() -> Step {
    Step {
        axis: Axis::DescendantOrSelf,
        test: Test::Node,
        predicates: Vec::new(),
    }
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "text" | "node" | "comment" | "processing-instruction")
}

fn axis(name: &str) -> Option<Axis> {
    Some(match name {
        "ancestor" => Axis::Ancestor,
        "ancestor-or-self" => Axis::AncestorOrSelf,
        "attribute" => Axis::Attribute,
        "child" => Axis::Child,
        "descendant" => Axis::Descendant,
        "descendant-or-self" => Axis::DescendantOrSelf,
        "following" => Axis::Following,
        "following-sibling" => Axis::FollowingSibling,
        "parent" => Axis::Parent,
        "preceding" => Axis::Preceding,
        "preceding-sibling" => Axis::PrecedingSibling,
        "self" => Axis::Itself,
        _ => return None,
    })
}
