//! Text of strangers, made fit for terminals.

use std::fmt::Write;

/// Text without anything that a terminal obeys: control characters, and those that turn or hide
/// text, are written as escapes; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ if obeys(character) => {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Control characters, line and paragraph separators, marks that change the direction of text, and
/// those without width.
fn obeys(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// At most `width` characters; what is cut off leaves an ellipsis.
pub(crate) fn clipped(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) if width == 0 => String::new(),
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{clipped, printable};

    /// Scenario: a name with an escape sequence, a line feed, a turn of direction and a broken byte.
    /// Guarantees: nothing is left that a terminal would obey; ordinary letters of any script stay.
    #[test]
    fn names_cannot_command_a_terminal() {
        let name = b"\x1b[2Jgr\xc3\xbc\xc3\x9fe\n\xe2\x80\xae\xff\xc2\x9b";
        assert_eq!(
            printable(name),
            "\\u{1b}[2Jgrüße\\n\\u{202e}\u{fffd}\\u{9b}"
        );
    }

    /// Scenario: text longer than, as long as, and shorter than its place.
    /// Guarantees: it never takes more room than there is.
    #[test]
    fn text_is_clipped_to_its_place() {
        assert_eq!(clipped("grüße", 5), "grüße");
        assert_eq!(clipped("grüße", 4), "grü…");
        assert_eq!(clipped("grüße", 0), "");
    }
}
