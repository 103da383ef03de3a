//! Text that a match of a pattern must hold, found without compiling the pattern.

/// The longest such text that is easy to see; empty when there is none.
pub(super) fn of(pattern: &str) -> String {
    if pattern.contains("(?i") {
        return String::new();
    }
    let mut seeker = Seeker {
        characters: pattern.chars().collect(),
        position: 0,
    };
    seeker.alternatives().unwrap_or_default()
}

struct Seeker {
    characters: Vec<char>,
    position: usize,
}

impl Seeker {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.position).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.position += 1;
        next
    }

    /// Up to a closing parenthesis or the end: the longest text of a sequence, or nothing when there are
    /// alternatives.
    fn alternatives(&mut self) -> Option<String> {
        let mut longest = String::new();
        let mut run = String::new();
        let mut several = false;
        while let Some(character) = self.next() {
            let found = match character {
                ')' => break,
                '|' => {
                    several = true;
                    None
                }
                '(' => {
                    let inside = self.group();
                    if !self.is_optional() {
                        keep(&mut longest, inside.unwrap_or_default());
                    }
                    None
                }
                '[' => {
                    self.class();
                    None
                }
                '\\' => self.next().filter(|escaped| escaped.is_ascii_punctuation()),
                '.' | '^' | '$' | '*' | '+' | '?' | '{' | '}' => None,
                plain => Some(plain),
            };
            match found {
                Some(plain) if !self.is_optional() => run.push(plain),
                _ => keep(&mut longest, std::mem::take(&mut run)),
            }
            // What repeats once or more stands, but nothing is known to follow it.
            if matches!(self.peek(), Some('+')) {
                keep(&mut longest, std::mem::take(&mut run));
            }
        }
        keep(&mut longest, run);
        (!several).then_some(longest)
    }

    /// Whether what was just read may be missing.
    fn is_optional(&self) -> bool {
        matches!(self.peek(), Some('?' | '*' | '{'))
    }

    /// A group after its parenthesis.
    fn group(&mut self) -> Option<String> {
        if self.peek() == Some('?') {
            while let Some(character) = self.next() {
                if matches!(character, ':' | '>') {
                    break;
                }
            }
        }
        self.alternatives()
    }

    fn class(&mut self) {
        if self.peek() == Some('^') {
            self.position += 1;
        }
        let first = self.position;
        while let Some(character) = self.next() {
            match character {
                '\\' => self.position += 1,
                ']' if self.position > first + 1 => return,
                _ => {}
            }
        }
    }
}

fn keep(longest: &mut String, candidate: String) {
    if candidate.len() > longest.len() {
        *longest = candidate;
    }
}
