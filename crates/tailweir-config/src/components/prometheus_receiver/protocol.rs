//! How pages are asked for, and which names they may hold.

use crate::setting::choice;

choice! {
    /// A format of pages.
    pub enum ScrapeProtocol = PrometheusText004 {
        /// Delimited protobuf: the one that has native histograms.
        PrometheusProto = "PrometheusProto",
        /// OpenMetrics 1.0.0.
        OpenMetricsText100 = "OpenMetricsText1.0.0",
        /// OpenMetrics 0.0.1.
        OpenMetricsText001 = "OpenMetricsText0.0.1",
        /// Text 1.0.0.
        PrometheusText100 = "PrometheusText1.0.0",
        /// Text 0.0.4.
        PrometheusText004 = "PrometheusText0.0.4",
    }
}

choice! {
    /// Which names metrics and labels may have.
    pub enum NameValidation = Unset {
        /// Not written: as in `global`; there, `utf8`.
        Unset = "",
        /// Any text.
        Utf8 = "utf8",
        /// Letters, digits, `_` and, for metrics, `:`.
        Legacy = "legacy",
    }
}

choice! {
    /// How targets are asked to write names that are none of old.
    pub enum NameEscaping = Unset {
        /// Not written: `allow-utf-8`, or `underscores` where names are `legacy`.
        Unset = "",
        /// As they are.
        AllowUtf8 = "allow-utf-8",
        /// Underscores for other characters.
        Underscores = "underscores",
        /// Dots as `_dot_`.
        Dots = "dots",
        /// Other characters by their numbers.
        Values = "values",
    }
}

impl ScrapeProtocol {
    /// What is asked for where nothing is written.
    pub(super) const DEFAULT: [Self; 4] = [
        Self::OpenMetricsText100,
        Self::OpenMetricsText001,
        Self::PrometheusText100,
        Self::PrometheusText004,
    ];
}

impl NameValidation {
    /// Whether a label may be called so.
    #[must_use]
    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            Self::Legacy => is_legacy(name, |byte| byte.is_ascii_alphabetic() || byte == b'_'),
            Self::Unset | Self::Utf8 => !name.is_empty(),
        }
    }

    /// Whether a metric may be called so.
    #[must_use]
    pub fn is_metric_name(self, name: &str) -> bool {
        match self {
            Self::Legacy => is_legacy(name, |byte| {
                byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':')
            }),
            Self::Unset | Self::Utf8 => !name.is_empty(),
        }
    }
}

fn is_legacy(name: &str, may_begin: impl Fn(u8) -> bool) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(&may_begin)
        && bytes.all(|byte| may_begin(byte) || byte.is_ascii_digit())
}
