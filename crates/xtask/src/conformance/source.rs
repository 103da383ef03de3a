//! Functions of a Rust source with their documentation, by its tokens: also those inside macros, such as `proptest!`.

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Something with documentation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Documented {
    /// Its name, if it is a function.
    pub(super) function: Option<String>,
    /// Whether it is a test that runs.
    pub(super) is_test: bool,
    /// Lines of documentation with their numbers, without what makes them comments.
    pub(super) lines: Vec<(usize, String)>,
}

/// Everything in a source that has documentation, in order.
pub(super) fn documented(source: &str) -> Result<Vec<Documented>> {
    let tokens: TokenStream = source
        .parse()
        .map_err(|error| anyhow!("{error}"))
        .context("it is no Rust")?;
    let mut reader = Reader {
        source: source.lines().collect(),
        found: Vec::new(),
    };
    reader.read(tokens);
    Ok(reader.found)
}

struct Reader<'a> {
    source: Vec<&'a str>,
    found: Vec<Documented>,
}

/// What stood before the item that comes next.
#[derive(Default)]
struct Before {
    item: Documented,
    is_ignored: bool,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream) {
        let mut before = Before::default();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if is_punctuation(&token, '#') {
                let is_inner = tokens.next_if(|token| is_punctuation(token, '!')).is_some();
                if let Some(TokenTree::Group(attribute)) = tokens.next_if(is_bracketed) {
                    if is_inner {
                        let mut around = Before::default();
                        self.attribute(&attribute, &mut around);
                        self.keep(around.item);
                    } else {
                        self.attribute(&attribute, &mut before);
                    }
                }
                continue;
            }
            match &token {
                TokenTree::Ident(word) if QUALIFIERS.contains(&word.to_string().as_str()) => {
                    continue;
                }
                // `pub(crate)`, `extern "C"`
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    self.read(group.stream());
                    continue;
                }
                TokenTree::Literal(_) => continue,
                _ => {}
            }
            let Before {
                mut item,
                is_ignored,
            } = std::mem::take(&mut before);
            match &token {
                TokenTree::Ident(word) if *word == "fn" => {
                    item.function = tokens.peek().map(ToString::to_string);
                    item.is_test &= !is_ignored;
                }
                _ => item.is_test = false,
            }
            self.keep(item);
            if let TokenTree::Group(group) = token {
                self.read(group.stream());
            }
        }
        before.item.is_test = false;
        self.keep(before.item);
    }

    fn keep(&mut self, item: Documented) {
        if !item.lines.is_empty() {
            self.found.push(item);
        }
    }

    /// Takes a line of documentation, or notes that a test follows.
    fn attribute(&self, attribute: &Group, before: &mut Before) {
        let mut tokens = attribute.stream().into_iter();
        let path: Vec<String> = tokens
            .by_ref()
            .map_while(|token| match token {
                TokenTree::Ident(word) => Some(word.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == ':' => Some(String::new()),
                _ => None,
            })
            .filter(|word| !word.is_empty())
            .collect();
        match path.last().map(String::as_str) {
            Some("doc") => {
                let start = attribute.span().start();
                let line = self.source.get(start.line.saturating_sub(1));
                let comment: String = line
                    .map_or("", |line| line)
                    .chars()
                    .skip(start.column)
                    .collect();
                let marks = ["///", "//!"];
                let text = marks.iter().find_map(|mark| comment.strip_prefix(mark));
                let text = text.unwrap_or(&comment).trim().to_owned();
                before.item.lines.push((start.line, text));
            }
            Some("test") => before.item.is_test = true,
            Some("ignore") => before.is_ignored = true,
            _ => {}
        }
    }
}

/// Words between documentation and `fn`.
const QUALIFIERS: &[&str] = &["pub", "async", "const", "unsafe", "extern"];

fn is_punctuation(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == mark)
}

fn is_bracketed(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket)
}
