//! JSON without its values, as MongoDB, OpenSearch and Elasticsearch are asked in it.
//!
//! Keys and brackets stay, blanks between them go, and each value is `"?"`. What is cut off or broken ends with `...`
//! where that begins.

use super::{CUT, Nature};

/// So many arrays and objects may stand in each other, as in the Collector.
const DEPTH_MAX: usize = 10_000;
/// So many words may stand in front of JSON, as `find users`.
const WORDS_MAX: usize = 2;

/// The text without values; nothing when it stays.
pub(super) fn without_values(text: &str, nature: Nature) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    let is_statement = match nature {
        Nature::Statement => true,
        Nature::Name => has_values(text),
        Nature::Text => false,
    };
    let walk = Walk::over(text);
    let is_document = walk.is_complete && (walk.documents == 1 || is_statement);
    if is_document || walk.has_key {
        return Some(walk.finished());
    }
    if !is_statement {
        return None;
    }
    let rest = behind_words(text);
    if rest.trim_ascii().is_empty() {
        return None;
    }
    let words = &text[..text.len() - rest.len()];
    Some(format!("{words}{}", Walk::over(rest).finished()))
}

/// Whether a name has something like JSON in it, and not a parameter only, as `GET /{id}`.
fn has_values(name: &str) -> bool {
    let has_text = name.contains(['"', '\'']);
    let is_json = name.trim_start().starts_with(['{', '[']);
    is_json && name.contains([':', ',']) || has_text && name.contains(['{', '['])
}

/// What is behind the words that stand in front of JSON.
fn behind_words(text: &str) -> &str {
    let is_part = |byte: &u8| byte.is_ascii_alphabetic() || b"_.$/-".contains(byte);
    let mut rest = text;
    for _ in 0..WORDS_MAX {
        let word = rest.trim_ascii_start();
        let length = word.bytes().take_while(|byte| is_part(byte)).count();
        rest = match word.as_bytes().get(length) {
            _ if length == 0 => break,
            None | Some(b' ') => &word[length..],
            Some(b'(') => return &word[length + 1..],
            Some(_) => break,
        };
    }
    rest.trim_ascii_start()
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// A document, or the end.
    Document,
    Value,
    /// A value, or the end of an array.
    Element,
    /// A key, or the end of an object.
    FirstKey,
    Key,
    Colon,
    /// A comma, or the end of what is open.
    Next,
}

/// Documents that are gone over, one behind the other.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    out: String,
    /// What is open, from the outside in: objects, or arrays.
    open: Vec<bool>,
    documents: usize,
    has_key: bool,
    /// Whether it is nothing but whole documents.
    is_complete: bool,
}

impl<'a> Walk<'a> {
    fn over(text: &'a str) -> Self {
        let mut walk = Self {
            text,
            at: 0,
            out: String::with_capacity(text.len()),
            open: Vec::new(),
            documents: 0,
            has_key: false,
            is_complete: false,
        };
        let mut expected = Expected::Document;
        while let Some(next) = walk.step(expected) {
            expected = next;
        }
        let is_between = expected == Expected::Document && walk.documents > 0;
        walk.is_complete = is_between && walk.at == text.len();
        walk
    }

    fn finished(mut self) -> String {
        if !self.is_complete {
            self.out.push_str(CUT);
        }
        self.out
    }

    /// What is expected behind the next sign; nothing when it is not what was expected, or nothing is left.
    fn step(&mut self, expected: Expected) -> Option<Expected> {
        self.skip_blanks(expected);
        let byte = *self.text.as_bytes().get(self.at)?;
        match (expected, byte, self.open.last()) {
            (Expected::Colon, b':', _) => Some(self.sign(byte, Expected::Value)),
            (Expected::Next, b',', Some(true)) => Some(self.sign(byte, Expected::Key)),
            (Expected::Next, b',', Some(false)) => Some(self.sign(byte, Expected::Value)),
            (Expected::Next | Expected::FirstKey, b'}', Some(true))
            | (Expected::Next | Expected::Element, b']', Some(false)) => {
                self.open.pop();
                let next = self.behind_value();
                Some(self.sign(byte, next))
            }
            (Expected::Key | Expected::FirstKey, b'"', _) => self.key(),
            (Expected::Document, ..) if self.documents > 0 && !self.is_apart(byte) => None,
            (Expected::Document | Expected::Value | Expected::Element, ..) => self.value(byte),
            _ => None,
        }
    }

    /// Blanks behind a document stay, as in the Collector.
    fn skip_blanks(&mut self, expected: Expected) {
        let rest = &self.text[self.at..];
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let length = rest.bytes().take_while(is_blank).count();
        if expected == Expected::Document && self.documents > 0 {
            self.out.push_str(&rest[..length]);
        }
        self.at += length;
    }

    /// Whether a document may begin here, behind another one.
    fn is_apart(&self, byte: u8) -> bool {
        let before = self.text.as_bytes()[self.at - 1];
        before.is_ascii_whitespace() || matches!(before, b'}' | b']') && matches!(byte, b'{' | b'[')
    }

    fn sign(&mut self, byte: u8, next: Expected) -> Expected {
        self.out.push(char::from(byte));
        self.at += 1;
        next
    }

    fn key(&mut self) -> Option<Expected> {
        let end = self.at + string(&self.text.as_bytes()[self.at..])?;
        self.out.push_str(&self.text[self.at..end]);
        self.at = end;
        self.has_key = true;
        Some(Expected::Colon)
    }

    fn value(&mut self, byte: u8) -> Option<Expected> {
        if matches!(byte, b'{' | b'[') {
            if self.open.len() == DEPTH_MAX {
                return None;
            }
            let is_object = byte == b'{';
            self.open.push(is_object);
            let next = if is_object {
                Expected::FirstKey
            } else {
                Expected::Element
            };
            return Some(self.sign(byte, next));
        }
        let length = scalar(&self.text.as_bytes()[self.at..])?;
        self.out.push_str("\"?\"");
        self.at += length;
        Some(self.behind_value())
    }

    fn behind_value(&mut self) -> Expected {
        if self.open.is_empty() {
            self.documents += 1;
            return Expected::Document;
        }
        Expected::Next
    }
}

/// The length of the text, number or word at the start; nothing when there is none, or it is broken.
fn scalar(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string(bytes),
        b't' => word(bytes, b"true"),
        b'f' => word(bytes, b"false"),
        b'n' => word(bytes, b"null"),
        _ => number(bytes),
    }
}

fn word(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.starts_with(word).then_some(word.len())
}

fn string(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'"', _) => return Some(at + 1),
            (b'\\', Some(b'u')) => {
                let digits = bytes.get(at + 2..at + 6)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                6
            }
            (b'\\', Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => 2,
            (b'\\' | 0..0x20, _) => return None,
            _ => 1,
        };
    }
}

fn number(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let count = bytes[from.min(bytes.len())..].iter();
        count.take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    at += match (bytes.get(at)?, digits(at)) {
        (_, 0) => return None,
        (b'0', _) => 1,
        (_, count) => count,
    };
    if bytes.get(at) == Some(&b'.') {
        let count = digits(at + 1);
        at = (count > 0).then_some(at + 1 + count)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let count = digits(at + 1 + sign);
        at = (count > 0).then_some(at + 1 + sign + count)?;
    }
    Some(at)
}
