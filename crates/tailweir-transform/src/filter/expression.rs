//! Expressions over the name and the labels of a metric: what `match_type: expr` takes.
//!
//! Of the expression language that the Collector embeds this is the part that says something about the
//! four things it is given: `MetricName`, `MetricType`, `HasLabel("x")` and `Label("x")`.
//!
//! ```text
//! HasLabel("host") && (Label("host") in ["h1", "h2"] || MetricName startsWith "jvm.")
//! ```

use tailweir_otlp::{Attributes, MetricView};
use tailweir_ottl::GoRegex;

/// Expressions are at most this deep.
const DEPTH_MAX: usize = 64;

/// A parsed expression that is true or false.
#[derive(Debug)]
pub(super) enum Expression {
    Flag(bool),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    HasLabel(String),
    Compare(Text, Comparison),
}

/// What a text is compared with.
#[derive(Debug)]
pub(super) enum Comparison {
    Equal(Text),
    Unequal(Text),
    Contains(Text),
    StartsWith(Text),
    EndsWith(Text),
    Matches(GoRegex),
    In(Vec<Text>),
}

/// Something that is a text.
#[derive(Debug)]
pub(super) enum Text {
    Literal(String),
    MetricName,
    MetricType,
    /// Empty when there is no such label, or it is no text.
    Label(String),
}

impl Expression {
    /// Reads an expression. The error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
        };
        let expression = parser.either(0)?;
        match parser.peek() {
            None => Ok(expression),
            Some(token) => Err(format!("`{token}` is not expected here")),
        }
    }

    /// Whether it holds for a point with these attributes.
    pub(super) fn holds(&self, metric: MetricView<'_>, attributes: Attributes<'_>) -> bool {
        match self {
            Self::Flag(flag) => *flag,
            Self::Not(inner) => !inner.holds(metric, attributes),
            Self::And(left, right) => {
                left.holds(metric, attributes) && right.holds(metric, attributes)
            }
            Self::Or(left, right) => {
                left.holds(metric, attributes) || right.holds(metric, attributes)
            }
            Self::HasLabel(key) => attributes.get(key.as_bytes()).is_some(),
            Self::Compare(text, comparison) => {
                let read = |text: &Text| text.read(metric, attributes).to_vec();
                let left = text.read(metric, attributes);
                match comparison {
                    Comparison::Equal(right) => left == read(right),
                    Comparison::Unequal(right) => left != read(right),
                    Comparison::Contains(right) => contains(left, &read(right)),
                    Comparison::StartsWith(right) => left.starts_with(&read(right)),
                    Comparison::EndsWith(right) => left.ends_with(&read(right)),
                    Comparison::Matches(pattern) => pattern.is_match(left),
                    Comparison::In(list) => list.iter().any(|right| left == read(right)),
                }
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

impl Text {
    fn read<'a>(&'a self, metric: MetricView<'a>, attributes: Attributes<'a>) -> &'a [u8] {
        match self {
            Self::Literal(text) => text.as_bytes(),
            Self::MetricName => metric.name(),
            Self::MetricType => metric.data().name().as_bytes(),
            Self::Label(key) => {
                let value = attributes.get(key.as_bytes());
                value
                    .and_then(|value| value.as_string())
                    .unwrap_or_default()
            }
        }
    }
}

/// A word, a sign, or a text in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(&'static str),
    Quoted(String),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Sign(sign) => f.write_str(sign),
            Self::Quoted(text) => write!(f, "{text:?}"),
        }
    }
}

const SIGNS: [&str; 10] = ["&&", "||", "==", "!=", "!", "(", ")", "[", "]", ","];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if matches!(first, '"' | '\'') {
            let (quoted, after) = quoted(rest, first)?;
            tokens.push(Token::Quoted(quoted));
            rest = after;
        } else if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            return Err(format!("`{first}` is not supported in expressions here"));
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// A text in quotes at the start, and what follows it.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut rest = text[quote.len_utf8()..].chars();
    while let Some(c) = rest.next() {
        match c {
            c if c == quote => return Ok((out, rest.as_str())),
            '\\' => out.push(match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(c) if matches!(c, '\\' | '"' | '\'') => c,
                _ => return Err("an escape that is not supported in expressions here".to_owned()),
            }),
            c => out.push(c),
        }
    }
    Err("a text has no end".to_owned())
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, wanted: &[&str]) -> bool {
        let found = match self.peek() {
            Some(Token::Word(word)) => wanted.contains(&word.as_str()),
            Some(Token::Sign(sign)) => wanted.contains(sign),
            _ => false,
        };
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(&[sign]) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(token) => format!("`{sign}` is expected instead of `{token}`"),
            None => format!("`{sign}` is missing at the end"),
        })
    }

    fn either(&mut self, depth: usize) -> Result<Expression, String> {
        let mut left = self.both(depth)?;
        while self.take(&["||", "or"]) {
            left = Expression::Or(Box::new(left), Box::new(self.both(depth)?));
        }
        Ok(left)
    }

    fn both(&mut self, depth: usize) -> Result<Expression, String> {
        let mut left = self.unary(depth)?;
        while self.take(&["&&", "and"]) {
            left = Expression::And(Box::new(left), Box::new(self.unary(depth)?));
        }
        Ok(left)
    }

    fn unary(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > DEPTH_MAX {
            return Err(format!("the expression is more than {DEPTH_MAX} deep"));
        }
        if self.take(&["!", "not"]) {
            return Ok(Expression::Not(Box::new(self.unary(depth + 1)?)));
        }
        if self.take(&["("]) {
            let inner = self.either(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.take(&["true"]) {
            return Ok(Expression::Flag(true));
        }
        if self.take(&["false"]) {
            return Ok(Expression::Flag(false));
        }
        if self.take(&["HasLabel"]) {
            return self.argument().map(Expression::HasLabel);
        }
        let text = self.text()?;
        self.comparison()
            .map(|comparison| Expression::Compare(text, comparison))
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        Ok(match () {
            () if self.take(&["=="]) => Comparison::Equal(self.text()?),
            () if self.take(&["!="]) => Comparison::Unequal(self.text()?),
            () if self.take(&["contains"]) => Comparison::Contains(self.text()?),
            () if self.take(&["startsWith"]) => Comparison::StartsWith(self.text()?),
            () if self.take(&["endsWith"]) => Comparison::EndsWith(self.text()?),
            () if self.take(&["matches"]) => match self.text()? {
                Text::Literal(pattern) => {
                    let pattern = GoRegex::new(&pattern).map_err(|error| error.to_string())?;
                    Comparison::Matches(pattern)
                }
                _ => return Err("`matches` takes a text in quotes".to_owned()),
            },
            () if self.take(&["in"]) => Comparison::In(self.list()?),
            () => {
                return Err(
                    "a text must be compared by ==, !=, in, contains, startsWith, endsWith or matches"
                        .to_owned(),
                );
            }
        })
    }

    fn list(&mut self) -> Result<Vec<Text>, String> {
        self.expect("[")?;
        let mut list = Vec::new();
        while !self.take(&["]"]) {
            if !list.is_empty() {
                self.expect(",")?;
            }
            list.push(self.text()?);
        }
        Ok(list)
    }

    fn text(&mut self) -> Result<Text, String> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        match token {
            Some(Token::Quoted(text)) => Ok(Text::Literal(text)),
            Some(Token::Word(word)) => match word.as_str() {
                "MetricName" => Ok(Text::MetricName),
                "MetricType" => Ok(Text::MetricType),
                "Label" => self.argument().map(Text::Label),
                _ => Err(format!(
                    "unknown name `{word}`, use MetricName, MetricType, HasLabel or Label"
                )),
            },
            Some(token) => Err(format!("`{token}` is not expected here")),
            None => Err("the expression ends too early".to_owned()),
        }
    }

    /// `("x")`
    fn argument(&mut self) -> Result<String, String> {
        self.expect("(")?;
        let Text::Literal(key) = self.text()? else {
            return Err("a label is named by a text in quotes".to_owned());
        };
        self.expect(")")?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::Expression;
    use tailweir_otlp::{MetricView, NumberPoint};

    /// The gauge `jvm.heap` with one point, whose label `host` is `h1`.
    const METRIC: &[u8] =
        b"\x0a\x08jvm.heap\x2a\x12\x0a\x10\x3a\x0e\x0a\x04host\x12\x06\x0a\x02h1\x32\x00";

    fn holds(text: &str) -> bool {
        let point = NumberPoint(b"\x3a\x0c\x0a\x04host\x12\x04\x0a\x02h1");
        let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        expression.holds(MetricView(METRIC), point.attributes())
    }

    /// Scenario: expressions of each operator, true and false.
    /// Guarantees: the operators bind as in the Collector, and an absent label is an empty text.
    ///
    /// Conforms: processor `filter` | metrics | `match_type: expr` with `MetricName`, `MetricType`, `HasLabel`,
    /// `Label` | same
    #[test]
    fn expressions_hold_for_names_and_labels() {
        for text in [
            r#"HasLabel("host") && Label("host") == "h1""#,
            r#"MetricName == 'jvm.heap'"#,
            r#"MetricType == "Gauge" and not HasLabel("zone")"#,
            r#"Label("host") in ["h0", "h1"]"#,
            r#"MetricName startsWith "jvm." and MetricName endsWith "heap""#,
            r#"MetricName contains "m.h" && MetricName matches "^jvm\\.[a-z]+$""#,
            r#"Label("zone") == """#,
            r#"false && false || true"#,
            r#"!(true && false)"#,
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            r#"Label("host") != "h1""#,
            r#"Label("host") in []"#,
            r#"false && (false || true)"#,
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    /// Scenario: expressions that are broken, or of the part of the language that is not here.
    /// Guarantees: each is refused with a sentence, and depth is bounded.
    ///
    /// Conforms: processor `filter` | metrics | `match_type: expr` with anything else | not offered: it is refused;
    /// write conditions
    #[test]
    fn what_is_not_supported_is_refused() {
        for text in [
            "",
            "MetricName",
            "1 + 1 == 2",
            "Label(MetricName) == \"a\"",
            "Label(\"a\"",
            "'a",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
        let deep = format!("{}true", "!".repeat(100_000));
        assert!(Expression::parse(&deep).unwrap_err().contains("deep"));
    }
}
