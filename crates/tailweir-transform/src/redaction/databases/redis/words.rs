//! Words of commands.

/// Goes through a text of commands, one a line.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    text: &'a str,
    /// Where the line begins, and how far it is read.
    line: usize,
    at: usize,
    /// Quotes that are not closed any more.
    is_open: [bool; 2],
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            line: 0,
            at: 0,
            is_open: [false; 2],
        }
    }

    /// The first word of the next line, empty in a line of blanks; nothing at the end. It has no quotes.
    pub(super) fn command(&mut self) -> Option<&'a str> {
        self.line = self.at;
        if self.at == self.text.len() {
            return None;
        }
        self.skip_blanks();
        let bytes = self.text.as_bytes();
        let start = self.at;
        while self.at < bytes.len() && !bytes[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        Some(&self.text[start..self.at])
    }

    /// The whole line, with its end. The next line is next.
    pub(super) fn line(&mut self) -> &'a str {
        let rest = &self.text[self.line..];
        let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
        self.at = self.line + length;
        &rest[..length]
    }

    /// The words behind the command. The next line is next; words in quotes may have lines in them.
    pub(super) fn arguments(&mut self) -> Vec<&'a str> {
        std::iter::from_fn(|| self.argument()).collect()
    }

    /// The word behind the command, which is still to come.
    pub(super) fn peek(&self) -> Option<&'a str> {
        self.clone().argument()
    }

    fn argument(&mut self) -> Option<&'a str> {
        self.skip_blanks();
        let bytes = self.text.as_bytes();
        let start = self.at;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'\n' if self.at == start => {
                    self.at += 1;
                    return None;
                }
                b'\\' => self.at += self.escaped(),
                b'"' => self.at = self.behind_quote(byte),
                b'\'' if self.at == start => self.at = self.behind_quote(byte),
                _ if byte.is_ascii_whitespace() => break,
                _ => self.at += 1,
            }
        }
        (start < self.at).then(|| &self.text[start..self.at])
    }

    /// The length of a backslash with what it stands in front of, outside of quotes.
    fn escaped(&self) -> usize {
        let next = self.text.as_bytes().get(self.at + 1);
        1 + usize::from(next.is_some_and(|byte| !byte.is_ascii_whitespace()))
    }

    /// Where it goes on behind the quote that closes this one; behind this one when none does.
    fn behind_quote(&mut self, quote: u8) -> usize {
        let is_open = &mut self.is_open[usize::from(quote == b'"')];
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        while !*is_open && at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 2,
                byte if byte == quote => return at + 1,
                _ => at += 1,
            }
        }
        // The rest is not gone over again for each further quote.
        *is_open = true;
        self.at + 1
    }

    fn skip_blanks(&mut self) {
        let is_blank = |byte: &u8| byte.is_ascii_whitespace() && *byte != b'\n';
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| is_blank(byte)).count();
    }
}
