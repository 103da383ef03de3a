//! Commands of Redis and Valkey without their values.
//!
//! What is stored, and what lets somebody in, becomes `?`; keys, fields, numbers and options stay. Arguments of
//! commands that nobody knows all go.

mod commands;
mod words;

use super::{HIDDEN, Nature, is_name};
use commands::{Rule, is_telling, rule};
use words::Words;

/// The text with a question mark for the values of each command; nothing when it has no command.
pub(super) fn without_values(text: &str, nature: Nature) -> Option<String> {
    let is_statement = nature == Nature::Statement || is_wire(text);
    let mut words = Words::new(if is_statement { text.trim() } else { text });
    let mut lines = Lines::new(text.len());
    let mut has_commands = is_statement;
    while let Some(command) = words.command() {
        let name = command.trim_matches('"');
        // A log record has its level in front, as `INFO`.
        let is_telling =
            |rule: &Rule| nature == Nature::Name || *rule != Rule::Keep && is_telling(name);
        match rule(name, &words).filter(|rule| is_statement || is_telling(rule)) {
            Some(rule) => {
                has_commands = true;
                lines.begin(command);
                put_arguments(rule, &words.arguments(), &mut lines);
            }
            None if !is_statement => lines.copy(words.line()),
            None if command.is_empty() => {
                words.line();
            }
            None if lines.out.is_empty() => {
                lines.begin(if is_name(command) { command } else { HIDDEN });
                put_arguments(Rule::First(0), &words.arguments(), &mut lines);
            }
            None => {
                // Perhaps a value goes on here.
                words.line();
                lines.hide_line();
            }
        }
    }
    has_commands.then_some(lines.out)
}

/// Whether it is what a client sends: the number of words, and each with its length.
fn is_wire(text: &str) -> bool {
    let Some((count, rest)) = text.split_once("\r\n") else {
        return false;
    };
    let is_count = count.strip_prefix('*').map(str::parse::<u32>);
    matches!(is_count, Some(Ok(_))) && rest.starts_with('$')
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('(').unwrap_or(word);
    digits.parse::<f64>().is_ok()
}

fn put_arguments(rule: Rule, arguments: &[&str], lines: &mut Lines) {
    match rule {
        Rule::Keep => lines.keep_all(arguments),
        Rule::First(count) => {
            let (kept, hidden) = arguments.split_at(count.min(arguments.len()));
            lines.keep_all(kept);
            lines.hide_all(hidden);
        }
        Rule::Value(count, options) => {
            let (kept, rest) = arguments.split_at(count.min(arguments.len()));
            lines.keep_all(kept);
            let (value, rest) = rest.split_at(rest.len().min(1));
            lines.hide_all(value);
            put_options(options, rest, lines);
        }
        Rule::Options(count, options) => {
            let (kept, rest) = arguments.split_at(count.min(arguments.len()));
            lines.keep_all(kept);
            put_options(options, rest, lines);
        }
        Rule::Groups(count, options, group) => {
            let (kept, mut rest) = arguments.split_at(count.min(arguments.len()));
            lines.keep_all(kept);
            while let Some((option, behind)) = rest.split_first()
                && tail_of(options, option).is_some()
            {
                lines.keep(option);
                rest = behind;
            }
            put_groups(group, rest, lines);
        }
        Rule::Call { is_script_kept } => put_call(is_script_kept, arguments, lines),
    }
}

/// Keeps options with what belongs to them, and hides all other words.
fn put_options(options: &'static str, words: &[&str], lines: &mut Lines) {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(tail) = tail_of(options, word) else {
            lines.hide();
            continue;
        };
        lines.keep(word);
        for (kind, word) in tail.bytes().zip(words.by_ref()) {
            match kind {
                b'_' => lines.keep(word),
                b'#' if is_number(word) => lines.keep(word),
                _ => lines.hide(),
            }
        }
    }
}

/// What is behind an option, if the word is one.
fn tail_of(options: &'static str, word: &str) -> Option<&'static str> {
    let mut options = options.split_ascii_whitespace().map(|option| {
        let end = option.find(['#', '_', '?']).unwrap_or(option.len());
        option.split_at(end)
    });
    options.find_map(|(name, tail)| match name {
        // A number alone.
        "" => is_number(word).then_some(""),
        _ => name.eq_ignore_ascii_case(word).then_some(tail),
    })
}

fn put_groups(group: &str, words: &[&str], lines: &mut Lines) {
    // Texts without quotes show blanks in values as more words: where the groups do not come out even, nobody can
    // tell what is a value.
    let is_even = group.contains('#') || words.len().is_multiple_of(group.len());
    let whole = if is_even {
        words.len()
    } else {
        group.len() - 1
    };
    let (whole, rest) = words.split_at(whole.min(words.len()));
    for (index, word) in whole.iter().enumerate() {
        match group.as_bytes()[index % group.len()] {
            b'_' => lines.keep(word),
            b'#' if is_number(word) => lines.keep(word),
            b'?' => lines.hide(),
            _ => return lines.hide(),
        }
    }
    lines.hide_all(rest);
}

/// A script, the number of its keys, the keys and other arguments.
fn put_call(is_script_kept: bool, arguments: &[&str], lines: &mut Lines) {
    let Some((script, rest)) = arguments.split_first() else {
        return;
    };
    if is_script_kept {
        lines.keep(script);
    } else {
        lines.hide();
    }
    let count = rest.first().and_then(|count| count.parse::<usize>().ok());
    match count.filter(|count| *count < rest.len()) {
        Some(count) => {
            lines.keep_all(&rest[..=count]);
            lines.hide_all(&rest[count + 1..]);
        }
        None => lines.hide_all(rest),
    }
}

/// What is written, a line for each command.
struct Lines {
    out: String,
    /// Whether a question mark stands for what was there before.
    is_hidden: bool,
}

impl Lines {
    fn new(capacity: usize) -> Self {
        Self {
            out: String::with_capacity(capacity),
            is_hidden: false,
        }
    }

    fn begin(&mut self, word: &str) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.push_str(word);
        self.is_hidden = false;
    }

    fn copy(&mut self, line: &str) {
        self.begin(line);
    }

    fn hide_line(&mut self) {
        if !self.is_hidden {
            self.begin(HIDDEN);
            self.is_hidden = true;
        }
    }

    fn keep_all(&mut self, words: &[&str]) {
        for word in words {
            self.keep(word);
        }
    }

    fn keep(&mut self, word: &str) {
        // A word with several lines is a quote that is open by mistake, and has commands in it.
        if word.contains('\n') {
            return self.hide();
        }
        self.out.push(' ');
        self.out.push_str(word);
        self.is_hidden = false;
    }

    /// One question mark for all of them.
    fn hide_all(&mut self, words: &[&str]) {
        if !words.is_empty() {
            self.hide();
        }
    }

    fn hide(&mut self) {
        if !self.is_hidden {
            self.out.push(' ');
            self.out.push_str(HIDDEN);
            self.is_hidden = true;
        }
    }
}
