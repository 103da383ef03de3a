//! Changing the case of text, one character for one character.

/// All characters in lower case.
pub(super) fn lower(text: &str) -> String {
    text.chars().map(lower_character).collect()
}

/// All characters in upper case.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(upper_character).collect()
}

fn lower_character(character: char) -> char {
    match character {
        // The one character whose lower case is two in full and one in simple mapping.
        'İ' => 'i',
        other => single(other.to_lowercase(), other),
    }
}

/// Characters that become several in upper case, such as ß, stay; Greek ones with iota below have a
/// capital of their own.
fn upper_character(character: char) -> char {
    let greek = match character {
        '\u{1f80}'..='\u{1faf}' => char::from_u32(character as u32 | 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(character as u32 + 9),
        _ => None,
    };
    greek.unwrap_or_else(|| single(character.to_uppercase(), character))
}

fn single(mut mapped: impl Iterator<Item = char>, otherwise: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => otherwise,
    }
}

/// `HTTPRequestID2x` as `http_request_id_2_x`: words end where the case or the kind of character changes.
pub(super) fn snake(text: &str) -> String {
    let characters: Vec<char> = text.trim().chars().collect();
    let mut snake = String::with_capacity(text.len() + 8);
    for (position, current) in characters.iter().enumerate() {
        let next = characters.get(position + 1).copied().unwrap_or(' ');
        let previous_is_capital = position > 0 && characters[position - 1].is_ascii_uppercase();
        let (capital, small, digit) = (
            current.is_ascii_uppercase(),
            current.is_ascii_lowercase(),
            current.is_ascii_digit(),
        );
        let (next_capital, next_small, next_digit) = (
            next.is_ascii_uppercase(),
            next.is_ascii_lowercase(),
            next.is_ascii_digit(),
        );
        let changes = (capital && (next_small || next_digit))
            || (small && (next_capital || next_digit))
            || (digit && (next_capital || next_small));
        if changes {
            if capital && next_small && previous_is_capital {
                snake.push('_');
            }
            snake.push(current.to_ascii_lowercase());
            if small || digit || next_digit {
                snake.push('_');
            }
        } else if matches!(current, ' ' | '_' | '-' | '.') {
            snake.push('_');
        } else {
            snake.push(current.to_ascii_lowercase());
        }
    }
    snake
}

/// `some_name` as `SomeName`. Everything but ASCII letters and digits is left out.
pub(super) fn camel(text: &str) -> String {
    let text = text.trim();
    let acronym = text == "ID";
    let mut camel = String::with_capacity(text.len());
    let mut starts_word = true;
    let mut previous_is_capital = false;
    for current in if acronym { "id" } else { text }.chars() {
        let capital = current.is_ascii_uppercase();
        if current.is_ascii_alphabetic() {
            camel.push(if starts_word {
                current.to_ascii_uppercase()
            } else if previous_is_capital && capital && !acronym {
                current.to_ascii_lowercase()
            } else {
                current
            });
            starts_word = false;
        } else if current.is_ascii_digit() {
            camel.push(current);
            starts_word = true;
        } else {
            starts_word = matches!(current, '_' | ' ' | '-' | '.');
        }
        previous_is_capital = capital;
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::{camel, lower, snake, upper};

    /// Scenario: characters whose other case is several characters, or one of its own.
    /// Guarantees: one character stays one.
    #[test]
    fn one_character_stays_one() {
        assert_eq!(upper("straße ﬀ ᾳ ᾀ"), "STRAßE ﬀ ᾼ ᾈ");
        assert_eq!(lower("İSTANBUL Σ"), "istanbul σ");
    }

    /// Scenario: acronyms, digits and separators.
    /// Guarantees: words are found as the Collector finds them.
    #[test]
    fn words_are_found_as_in_the_collector() {
        assert_eq!(snake("HTTPRequestID2x"), "http_request_id_2_x");
        assert_eq!(snake("some.name-here"), "some_name_here");
        assert_eq!(camel("hello world-foo.bar"), "HelloWorldFooBar");
        assert_eq!(camel("SOME-NAME"), "SomeName");
        assert_eq!(camel("ID"), "Id");
    }
}
