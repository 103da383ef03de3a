//! `Format`: text made from a template in the manner of Go's `Sprintf`.

use super::{Body, Converter, Literals, Refusal, converter, required};
use crate::Value;
use crate::coerce::Kind;
use crate::expression::Prepared;

mod verb;

use verb::{Directive, render};

pub(super) const TABLE: &[Converter] = &[converter(
    "Format",
    &[
        required("format", Kind::LiteralString),
        required("vals", Kind::AnyList),
    ],
    Body::Prepared(format),
)];

/// Widths and precisions beyond this are wrong, as in Go.
const WIDTH_MAX: usize = 1_000_000;

fn format(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let template = literals.text(0).unwrap_or_default().to_owned();
    Ok(Box::new(move |mut arguments| {
        let text = filled(&template, &arguments.items(1));
        if text.len() > WIDTH_MAX {
            return Err("the text is too long".into());
        }
        Ok(Value::text(text))
    }))
}

/// The template with every directive replaced. Wrong ones say so in the text, as Go has it.
fn filled(template: &str, values: &[Value<'_>]) -> String {
    let mut text = String::new();
    let mut rest = template;
    let mut next = 0;
    let mut reordered = false;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut reader = Reader {
            rest,
            values,
            next,
            reordered: false,
            wrong_index: false,
        };
        let directive = reader.directive(&mut text);
        (rest, next) = (reader.rest, reader.next);
        reordered |= reader.reordered;
        let wrong_index = reader.wrong_index;
        let Some(verb) = rest.chars().next() else {
            text.push_str("%!(NOVERB)");
            break;
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            text.push('%');
        } else if wrong_index {
            text += &format!("%!{verb}(BADINDEX)");
        } else if let Some(value) = values.get(next) {
            render(&mut text, verb, &directive, value);
            next += 1;
        } else {
            text += &format!("%!{verb}(MISSING)");
        }
        if text.len() > WIDTH_MAX {
            return text;
        }
    }
    text.push_str(rest);
    if !reordered && next < values.len() {
        let extra = values[next..].iter().map(|value| verb::with_type(value));
        let extra: Vec<_> = extra.collect();
        text += &format!("%!(EXTRA {})", extra.join(", "));
    }
    text
}

struct Reader<'t, 'v> {
    rest: &'t str,
    values: &'v [Value<'v>],
    next: usize,
    reordered: bool,
    wrong_index: bool,
}

impl Reader<'_, '_> {
    /// Flags, width and precision, up to the verb.
    fn directive(&mut self, text: &mut String) -> Directive {
        let mut directive = Directive::default();
        while let Some(flag) = self.rest.chars().next() {
            match flag {
                '#' => directive.alternate = true,
                '0' => directive.zero = true,
                '+' => directive.plus = true,
                '-' => directive.left = true,
                ' ' => directive.space = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        self.index();
        directive.width = self.number(text, "%!(BADWIDTH)", &mut directive.left);
        if let Some(behind) = self.rest.strip_prefix('.') {
            self.rest = behind;
            self.index();
            let mut negative = false;
            let precision = self.number(text, "%!(BADPREC)", &mut negative);
            directive.precision = if negative {
                None
            } else {
                Some(precision.unwrap_or(0))
            };
        }
        self.index();
        directive
    }

    /// `[3]` takes the third value next.
    fn index(&mut self) {
        let Some(inside) = self.rest.strip_prefix('[') else {
            return;
        };
        self.reordered = true;
        let Some(end) = inside.find(']') else {
            self.wrong_index = true;
            self.rest = inside;
            return;
        };
        self.rest = &inside[end + 1..];
        match inside[..end].parse::<usize>() {
            Ok(index @ 1..) if index <= self.values.len() => self.next = index - 1,
            _ => self.wrong_index = true,
        }
    }

    /// A number, or `*` for one of the values.
    fn number(&mut self, text: &mut String, wrong: &str, negative: &mut bool) -> Option<usize> {
        if let Some(behind) = self.rest.strip_prefix('*') {
            self.rest = behind;
            let value = self.values.get(self.next);
            self.next += usize::from(value.is_some());
            return match value {
                Some(Value::Int(number)) if number.unsigned_abs() <= WIDTH_MAX as u64 => {
                    *negative |= *number < 0;
                    Some(number.unsigned_abs() as usize)
                }
                _ => {
                    text.push_str(wrong);
                    None
                }
            };
        }
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest[..length]
            .parse()
            .ok()
            .filter(|number| *number <= WIDTH_MAX);
        self.rest = &self.rest[length..];
        number
    }
}

#[cfg(test)]
mod tests {
    use super::filled;
    use crate::Value;

    /// Scenario: templates with every verb, flag and width for every kind of value.
    /// Guarantees: the text is what Go's `Sprintf` makes of it.
    #[test]
    fn values_are_written_as_in_go() {
        let all = [
            Value::Int(255),
            Value::Double(2.5),
            Value::text("a\"b"),
            Value::Bool(true),
            Value::Nil,
        ];
        let write = |template: &str| filled(template, &all);
        assert_eq!(write("%d|%v|%s|%t|%v"), "255|2.5|a\"b|true|<nil>");
        assert_eq!(
            write("%5d|%-7.2f|%q|%5t|%[1]x"),
            "  255|2.50   |\"a\\\"b\"| true|ff"
        );
        assert_eq!(
            write("%05d|%e|%x|%v|%s"),
            "00255|2.500000e+00|612262|true|%!s(<nil>)"
        );
        assert_eq!(
            write("%+d|%g|%10s|%T|%T"),
            "+255|2.5|       a\"b|bool|<nil>"
        );
        assert_eq!(
            write("%#x|%08.3f|%-5s|%v|%%%v"),
            "0xff|0002.500|a\"b  |true|%<nil>"
        );
        assert_eq!(
            write("%o %b %c %U"),
            "377 5629499534213120p-51 %!c(string=a\"b) %!U(bool=true)%!(EXTRA <nil>)"
        );
        assert_eq!(write("%[3]*d"), "%!(BADWIDTH)%!d(bool=true)");
    }

    /// Scenario: templates with too few and too many values, without a verb, and with a wrong verb.
    /// Guarantees: the text says so where Go's does.
    #[test]
    fn mistakes_are_written_into_the_text() {
        let one = [Value::Int(1)];
        assert_eq!(filled("%d %d", &one), "1 %!d(MISSING)");
        assert_eq!(filled("none", &one), "none%!(EXTRA int64=1)");
        assert_eq!(filled("%", &one), "%!(NOVERB)%!(EXTRA int64=1)");
        assert_eq!(filled("%s", &one), "%!s(int64=1)");
        assert_eq!(filled("%[5]d", &one), "%!d(BADINDEX)");
        assert_eq!(filled("%y", &[]), "%!y(MISSING)");
    }

    /// Scenario: lists, maps, bytes, times and durations.
    /// Guarantees: they are written so that people can read them.
    #[test]
    fn composites_are_written() {
        let list = Value::list(vec![Value::Int(1), Value::text("x")]);
        let second = Value::Duration(crate::Duration::from_nanoseconds(1_500_000_000));
        assert_eq!(filled("%v %v", &[list, second]), "[1 x] 1.5s");
        let time = crate::Time::from_unix(1_700_000_000, 500_000_000);
        assert_eq!(
            filled("%v", &[Value::Time(time)]),
            "2023-11-14 22:13:20.5 +0000 UTC"
        );
        let west = Value::Time(time.at_offset(-3600));
        assert_eq!(filled("%v", &[west]), "2023-11-14 21:13:20.5 -0100 -0100");
        assert_eq!(
            filled(
                "%x %s",
                &[
                    Value::Bytes(b"\x01\xab".as_slice().into()),
                    Value::Bytes(b"hi".as_slice().into())
                ]
            ),
            "01ab hi"
        );
    }
}
