//! Tokens of JSON.

use super::JsonError;

/// Nesting of values that are stepped over.
const SKIP_DEPTH_MAX: usize = 10_000;

/// Reads JSON left to right.
pub(super) struct Reader<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(json: &'a [u8]) -> Self {
        Self { json, at: 0 }
    }

    #[cold]
    pub(super) fn error(&self, problem: &'static str) -> JsonError {
        JsonError {
            at: self.at,
            problem,
        }
    }

    /// The next byte that is not white space, if any. It is not consumed.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.json.get(self.at) {
            self.at += 1;
        }
        self.json.get(self.at).copied()
    }

    /// Consumes this byte, or says what is missing.
    pub(super) fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.error(problem));
        }
        self.at += 1;
        Ok(())
    }

    /// Consumes this byte if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Consumes `null` if it is next.
    pub(super) fn take_null(&mut self) -> Result<bool, JsonError> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        self.word(b"null").map(|()| true)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, JsonError> {
        match self.peek() {
            Some(b't') => self.word(b"true").map(|()| true),
            Some(b'f') => self.word(b"false").map(|()| false),
            _ => Err(self.error("expected true or false")),
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), JsonError> {
        if !self.json[self.at..].starts_with(word) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Consumes a string and appends its text to `out`.
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        self.expect(b'"', "expected a string")?;
        loop {
            let rest = &self.json[self.at..];
            let plain = rest
                .iter()
                .position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                .ok_or_else(|| self.error("string without an end"))?;
            out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match rest[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape(out)?,
                _ => return Err(self.error("control character in a string")),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let Some(&kind) = self.json.get(self.at + 1) else {
            return Err(self.error("string without an end"));
        };
        let byte = match kind {
            b'u' => return self.unicode(out),
            b'"' | b'\\' | b'/' => kind,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(self.error("unknown escape in a string")),
        };
        out.push(byte);
        self.at += 2;
        Ok(())
    }

    /// `\uXXXX`, two of them when they are a surrogate pair. Half a pair becomes U+FFFD.
    fn unicode(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let first = self.code_unit()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) && self.json[self.at..].starts_with(b"\\u") {
            let before = self.at;
            let second = self.code_unit()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            } else {
                self.at = before;
            }
        }
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.json.get(self.at + 2..self.at + 6).unwrap_or_default();
        let mut unit = 0;
        for &digit in digits {
            let value = char::from(digit).to_digit(16);
            unit = unit << 4 | value.ok_or_else(|| self.error("wrong digit after \\u"))?;
        }
        if digits.is_empty() {
            return Err(self.error("string without an end"));
        }
        self.at += 6;
        Ok(unit)
    }

    /// Consumes the text of a number that stands without quotes, checking its form.
    pub(super) fn number(&mut self) -> Result<&'a [u8], JsonError> {
        self.peek();
        let start = self.at;
        self.at += usize::from(self.json.get(self.at) == Some(&b'-'));
        let integer = self.digits();
        if integer.is_empty() {
            return Err(self.error("expected a number"));
        }
        if integer.len() > 1 && integer[0] == b'0' {
            return Err(self.error("number with a leading zero"));
        }
        if self.json.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits().is_empty() {
                return Err(self.error("number that ends in a dot"));
            }
        }
        if let Some(b'e' | b'E') = self.json.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.json.get(self.at), Some(b'+' | b'-')));
            if self.digits().is_empty() {
                return Err(self.error("number without an exponent"));
            }
        }
        Ok(&self.json[start..self.at])
    }

    fn digits(&mut self) -> &'a [u8] {
        let rest = &self.json[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        &rest[..count]
    }

    /// Consumes any value. Iterative, so that nesting costs no stack.
    pub(super) fn skip(&mut self, text: &mut Vec<u8>) -> Result<(), JsonError> {
        let mut open = Vec::new();
        loop {
            let opened = self.skip_start(&mut open, text)?;
            if opened {
                continue;
            }
            if !self.skip_ends(&mut open, text)? {
                return Ok(());
            }
        }
    }

    /// Consumes a scalar, or the start of a list or object that is not empty: then the answer is yes.
    fn skip_start(&mut self, open: &mut Vec<u8>, text: &mut Vec<u8>) -> Result<bool, JsonError> {
        match self.peek() {
            Some(start @ (b'{' | b'[')) => {
                self.at += 1;
                let end = start + 2;
                if self.take(end) {
                    return Ok(false);
                }
                if open.len() >= SKIP_DEPTH_MAX {
                    return Err(self.error("nested more than 10,000 levels deep"));
                }
                open.push(end);
                if start == b'{' {
                    self.skip_key(text)?;
                }
                return Ok(true);
            }
            Some(b'"') => {
                text.clear();
                self.string(text)?;
            }
            Some(b't' | b'f') => {
                self.boolean()?;
            }
            Some(b'n') => self.word(b"null")?,
            _ => {
                self.number()?;
            }
        }
        Ok(false)
    }

    /// After a value: closes what ends here. Answers whether another value follows.
    fn skip_ends(&mut self, open: &mut Vec<u8>, text: &mut Vec<u8>) -> Result<bool, JsonError> {
        while let Some(&end) = open.last() {
            if self.take(b',') {
                if end == b'}' {
                    self.skip_key(text)?;
                }
                return Ok(true);
            }
            self.expect(end, "expected a comma or the end of a list or object")?;
            open.pop();
        }
        Ok(false)
    }

    fn skip_key(&mut self, text: &mut Vec<u8>) -> Result<(), JsonError> {
        text.clear();
        self.string(text)?;
        self.expect(b':', "expected a colon")
    }
}
