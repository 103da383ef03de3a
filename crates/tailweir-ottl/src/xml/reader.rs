//! Cuts XML into events.

/// What stands in a document, in order. A tag that closes itself is a start and an end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'t> {
    Start {
        name: &'t str,
        attributes: Vec<(&'t str, String)>,
    },
    End,
    Text(String),
    CharacterData(&'t str),
    Comment(&'t str),
    Instruction {
        target: &'t str,
        text: &'t str,
    },
    Directive(&'t str),
}

type Reason = &'static str;

pub(crate) struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
    open: Vec<&'t str>,
    /// Whether the last tag closed itself.
    closes: bool,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            rest: text,
            open: Vec::new(),
            closes: false,
        }
    }

    /// Whether all of the text was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty() && !self.closes
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next event, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Event<'t>>, Reason> {
        if std::mem::take(&mut self.closes) {
            self.open.pop();
            return Ok(Some(Event::End));
        }
        if self.rest.is_empty() {
            return if self.open.is_empty() {
                Ok(None)
            } else {
                Err("an element is not closed")
            };
        }
        if !self.rest.starts_with('<') {
            return self.characters().map(Some);
        }
        let behind = &self.rest[1..];
        if behind.starts_with('/') {
            return self.end_tag().map(Some);
        }
        if let Some(behind) = behind.strip_prefix('?') {
            return self.instruction(behind).map(Some);
        }
        if let Some(behind) = behind.strip_prefix("!--") {
            let comment = self.until(behind, "--")?;
            self.rest = self
                .rest
                .strip_prefix('>')
                .ok_or("a comment holds two hyphens")?;
            return Ok(Some(Event::Comment(comment)));
        }
        if let Some(behind) = behind.strip_prefix("![CDATA[") {
            return self
                .until(behind, "]]>")
                .map(Event::CharacterData)
                .map(Some);
        }
        if let Some(behind) = behind.strip_prefix('!') {
            return self.directive(behind).map(Some);
        }
        self.start_tag().map(Some)
    }

    /// What stands before an ending, which is read as well.
    fn until(&mut self, text: &'t str, ending: &str) -> Result<&'t str, Reason> {
        let (before, behind) = text.split_once(ending).ok_or("the text ends too early")?;
        self.rest = behind;
        Ok(before)
    }

    fn characters(&mut self) -> Result<Event<'t>, Reason> {
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let (text, behind) = self.rest.split_at(end);
        if text.contains("]]>") {
            return Err("]]> stands outside a CDATA section");
        }
        self.rest = behind;
        resolved(text).map(Event::Text)
    }

    fn name(&mut self) -> Result<&'t str, Reason> {
        let is_first = |c: char| c.is_alphabetic() || c == '_' || c == ':';
        let is_name = |c: char| is_first(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}');
        let end = self
            .rest
            .find(|c: char| !is_name(c))
            .unwrap_or(self.rest.len());
        let (name, behind) = self.rest.split_at(end);
        if !name.starts_with(is_first) {
            return Err("a name is missing");
        }
        self.rest = behind;
        Ok(name)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn start_tag(&mut self) -> Result<Event<'t>, Reason> {
        self.rest = &self.rest[1..];
        let name = self.name()?;
        let mut attributes = Vec::new();
        loop {
            self.space();
            if let Some(behind) = self.rest.strip_prefix("/>") {
                self.rest = behind;
                self.closes = true;
                break;
            }
            if let Some(behind) = self.rest.strip_prefix('>') {
                self.rest = behind;
                break;
            }
            attributes.push(self.attribute()?);
        }
        if self.open.len() == super::DEPTH_MAX {
            return Err("elements are nested too deeply");
        }
        self.open.push(name);
        Ok(Event::Start { name, attributes })
    }

    fn attribute(&mut self) -> Result<(&'t str, String), Reason> {
        let name = self.name()?;
        self.space();
        self.rest = self
            .rest
            .strip_prefix('=')
            .ok_or("an attribute has no value")?;
        self.space();
        let quote = if self.rest.starts_with('"') {
            "\""
        } else {
            "'"
        };
        let behind = self
            .rest
            .strip_prefix(quote)
            .ok_or("an attribute's value is not quoted")?;
        let value = self.until(behind, quote)?;
        if value.contains('<') {
            return Err("an attribute's value holds <");
        }
        Ok((name, resolved(value)?))
    }

    fn end_tag(&mut self) -> Result<Event<'t>, Reason> {
        self.rest = &self.rest[2..];
        let name = self.name()?;
        self.space();
        self.rest = self.rest.strip_prefix('>').ok_or("a closing tag goes on")?;
        match self.open.pop() {
            Some(open) if open == name => Ok(Event::End),
            _ => Err("a closing tag closes no open element"),
        }
    }

    fn instruction(&mut self, behind: &'t str) -> Result<Event<'t>, Reason> {
        self.rest = behind;
        let target = self.name()?;
        self.space();
        let text = self.until(self.rest, "?>")?;
        if target == "xml" && self.is_foreign(text) {
            return Err("only XML 1.0 in UTF-8 is read");
        }
        Ok(Event::Instruction { target, text })
    }

    /// Whether a declaration names another version or encoding.
    fn is_foreign(&self, declaration: &str) -> bool {
        let value = |name: &str| {
            let (_, behind) = declaration.split_once(name)?;
            let quoted = behind.trim_start().strip_prefix('=')?.trim_start();
            let quote = quoted
                .chars()
                .next()
                .filter(|quote| matches!(quote, '"' | '\''))?;
            quoted[1..].split(quote).next()
        };
        let version = value("version").is_some_and(|version| version != "1.0");
        version || value("encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("utf-8"))
    }

    /// `<!DOCTYPE ...>` with whatever is nested in it.
    fn directive(&mut self, behind: &'t str) -> Result<Event<'t>, Reason> {
        let mut depth = 1;
        let mut quote = None;
        for (at, character) in behind.char_indices() {
            match (quote, character) {
                (Some(open), character) if open == character => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, '<') => depth += 1,
                (None, '>') => depth -= 1,
                (None, _) => {}
            }
            if depth == 0 {
                self.rest = &behind[at + 1..];
                return Ok(Event::Directive(&behind[..at]));
            }
        }
        Err("the text ends too early")
    }

    /// Whether the text begins with an XML declaration.
    pub(crate) fn has_declaration(&self) -> bool {
        self.text.starts_with("<?xml")
    }
}

/// Text with its entities resolved and its line ends made one.
fn resolved(text: &str) -> Result<String, Reason> {
    let is_character = |c: char| c >= ' ' || matches!(c, '\t' | '\n' | '\r');
    if !text.chars().all(is_character) {
        return Err("a control character");
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let (entity, behind) = behind
            .split_once(';')
            .ok_or("an ampersand without an entity")?;
        plain.push(entity_of(entity).ok_or("an entity that is not known")?);
        rest = behind;
    }
    plain.push_str(rest);
    Ok(plain)
}

fn entity_of(name: &str) -> Option<char> {
    let coded = |digits: &str, radix| {
        let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        char::from_u32(plain.then(|| u32::from_str_radix(digits, radix).ok())??)
    };
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        other => match other.strip_prefix("#x") {
            Some(digits) => coded(digits, 16),
            None => coded(other.strip_prefix('#')?, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Reader};

    fn events(text: &str) -> Result<usize, &'static str> {
        let mut reader = Reader::new(text);
        let mut count = 0;
        while reader.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Scenario: documents with everything that may stand in them.
    /// Guarantees: they are read, with entities resolved.
    #[test]
    fn documents_are_read() {
        let text = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ELEMENT a (#PCDATA)>]><!-- c --><a b='1' c=\"&lt;\"><![CDATA[<x>]]>t&#65;&#x42;<b/></a>";
        assert_eq!(events(text), Ok(9));
        let mut reader = Reader::new("<a>x&amp;y</a>");
        reader.next().unwrap();
        assert_eq!(reader.next(), Ok(Some(Event::Text("x&y".to_owned()))));
    }

    /// Scenario: documents that are cut, crossed, unquoted or too deep.
    /// Guarantees: each is refused.
    #[test]
    fn wrong_documents_are_refused() {
        let deep = "<a>".repeat(300);
        for text in [
            "<a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a b=1/>",
            "<a b/>",
            "<a>&nbsp;</a>",
            "<a>& </a>",
            "<!-- -- -->",
            "<a>]]></a>",
            "<1/>",
            "<a b='<'/>",
            "<?xml version='1.1'?>",
            "<![CDATA[",
            "<!DOCTYPE",
            &deep,
            "<a>\u{1}</a>",
        ] {
            assert!(events(text).is_err(), "{text}");
        }
    }
}
