//! The status of a span of version 1, which tags tell in several ways.

use tailweir_otlp::AnyValue;

const OK: i32 = 1;
const ERROR: i32 = 2;

/// What the tags of one span said.
#[derive(Debug, Default)]
pub(super) struct StatusTags {
    census: Said,
    status: Said,
    http: Said,
    is_error: bool,
}

#[derive(Debug, Default)]
struct Said {
    code: Option<i32>,
    message: String,
}

impl StatusTags {
    /// Looks at a tag. Says whether it is about the status alone, and no attribute.
    pub(super) fn take(&mut self, key: &str, value: AnyValue<'_>) -> bool {
        match key {
            "census.status_code" => {
                let code = code(value).map(|code| if code == 0 { OK } else { ERROR });
                self.census.code = code.or(self.census.code);
            }
            "census.status_description" | "opencensus.status_description" => {
                self.census.message = message(value);
            }
            "otel.status_code" => self.status.code = code(value).or(self.status.code),
            "otel.status_description" => self.status.message = message(value),
            "error" => self.is_error = true,
            "http.status_code" | "http.response.status_code" => {
                let code = code(value).map(|code| match code {
                    100..400 => 0,
                    _ => ERROR,
                });
                self.http.code = code.or(self.http.code);
                return false;
            }
            "http.status_message" => {
                self.http.message = message(value);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// The code and the message, of the source that is trusted most.
    pub(super) fn outcome(self) -> (i32, String) {
        let Self {
            census,
            status,
            http,
            is_error,
        } = self;
        if let Some(code) = census.code {
            return (code, census.message);
        }
        if let Some(code) = status.code {
            return (code, status.message);
        }
        if is_error {
            let message = match census.message.is_empty() {
                true => status.message,
                false => census.message,
            };
            return (ERROR, message);
        }
        http.code
            .map_or_else(Default::default, |code| (code, http.message))
    }
}

fn code(value: AnyValue<'_>) -> Option<i32> {
    match value {
        AnyValue::Int(value) => value.try_into().ok(),
        AnyValue::String(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

fn message(value: AnyValue<'_>) -> String {
    match value {
        AnyValue::String(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}
