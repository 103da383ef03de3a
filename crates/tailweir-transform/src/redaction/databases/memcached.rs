//! Commands of Memcached without their values.
//!
//! A command that stores has its value in the next line, so that the first line is all that stays. What does not
//! belong into a line becomes `?`.

use super::{HIDDEN, Nature, is_name};

/// The first command of a text without values; nothing when the text stays.
pub(super) fn without_values(text: &str, nature: Nature) -> Option<String> {
    if nature == Nature::Text {
        return up_to_value(text);
    }
    let line = first(text, "\r\n").trim();
    let line = first(first(line, "\n"), "\r");
    let mut words = line.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let kept = match arguments(name) {
        Some(arguments) => arguments.kept(words.clone()),
        None if nature == Nature::Name => words.clone().count(),
        None if !is_name(name) && !name.is_empty() => return Some(HIDDEN.to_owned()),
        None => 0,
    };
    Some(with_words(line, kept))
}

/// A text up to the first line that stores a value, which ends with that line.
fn up_to_value(text: &str) -> Option<String> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let mut words = line.split_ascii_whitespace();
        let numbers = arguments(words.next().unwrap_or_default()).and_then(Arguments::numbers);
        let mut behind_key = words.skip(1);
        if numbers.is_some_and(|count| (0..count).all(|_| behind_key.next().is_some_and(is_number)))
        {
            let command = without_values(line, Nature::Statement)?;
            return Some(format!("{}{command}", &text[..at]));
        }
        at += line.len();
    }
    None
}

fn first<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or(text, |(first, _)| first)
}

/// The name of a command with so many of its words, and a question mark for the others.
fn with_words(line: &str, kept: usize) -> String {
    let count = line.split_ascii_whitespace().count().saturating_sub(1);
    if kept >= count {
        return line.to_owned();
    }
    let words = line.split_ascii_whitespace().take(kept + 1);
    let words: Vec<_> = words.chain([HIDDEN]).collect();
    words.join(" ")
}

/// What stands behind the name of a command.
#[derive(Clone, Copy)]
enum Arguments {
    /// Keys and numbers only.
    Plain,
    /// A key, so many numbers and perhaps a word; the value is in the next line.
    Numbers(usize),
    /// A key, the length of the value in the next line, and flags.
    Flags,
}

fn arguments(name: &str) -> Option<Arguments> {
    match name {
        "set" | "add" | "replace" | "append" | "prepend" => Some(Arguments::Numbers(3)),
        "cas" => Some(Arguments::Numbers(4)),
        "ms" => Some(Arguments::Flags),
        "get" | "gets" | "gat" | "gats" | "delete" | "incr" | "decr" | "touch" | "stats"
        | "flush_all" | "version" | "verbosity" | "quit" | "shutdown" | "slabs" | "lru"
        | "lru_crawler" | "watch" | "cache_memlimit" | "mg" | "mn" | "ma" | "md" | "me" => {
            Some(Arguments::Plain)
        }
        _ => None,
    }
}

impl Arguments {
    /// How many numbers stand behind the key, if a value is in the next line.
    fn numbers(self) -> Option<usize> {
        match self {
            Self::Plain => None,
            Self::Numbers(count) => Some(count),
            Self::Flags => Some(1),
        }
    }

    /// How many of these words are no value.
    fn kept<'a>(self, mut words: impl Iterator<Item = &'a str> + Clone) -> usize {
        let behind_key = words.clone().skip(1);
        match self {
            Self::Plain => words.count(),
            Self::Numbers(count) => {
                let numbers = behind_key.take(count);
                let numbers = numbers.take_while(|word| is_number(word)).count();
                let has_last = words.nth(1 + numbers) == Some("noreply");
                1 + numbers + usize::from(has_last)
            }
            Self::Flags => {
                let is_plain = |word: &&str| is_number(word) || is_flag(word);
                1 + behind_key.take_while(is_plain).count()
            }
        }
    }
}

fn is_number(word: &str) -> bool {
    word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok()
}

/// A letter, and a number or a letter that belongs to it.
fn is_flag(word: &str) -> bool {
    let tail = word.strip_prefix(|first: char| first.is_ascii_alphabetic());
    tail.is_some_and(|tail| {
        let is_letter = tail.len() == 1 && tail.bytes().all(|byte| byte.is_ascii_alphabetic());
        tail.is_empty() || is_letter || is_number(tail)
    })
}
