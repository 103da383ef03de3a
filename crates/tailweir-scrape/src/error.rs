//! Why a job, a target or a page is none.

/// Why a job cannot run.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// An expression of a rule does not compile.
    #[error("the expression of rule {rule} does not compile: {problem}")]
    Pattern {
        /// Its number among the rules, from 0.
        rule: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Why a target cannot be scraped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It has no address.
    #[error("a target has no address")]
    NoAddress,
    /// The address is a URL, or has characters that no address has.
    #[error("{0:?} is no address: write host:port")]
    BadAddress(String),
    /// A rule wrote an interval or a timeout that is none.
    #[error("{label} is {value:?}, which is no duration above zero")]
    BadDuration {
        /// The label.
        label: &'static str,
        /// What it holds.
        value: String,
    },
    /// A rule wrote a timeout that is longer than the interval.
    #[error("the timeout {timeout} is longer than the interval {interval}")]
    LateTimeout {
        /// The timeout.
        timeout: String,
        /// The interval.
        interval: String,
    },
    /// A rule wrote a switch that is neither `true` nor `false`.
    #[error("{label} is {value:?}, neither true nor false")]
    BadSwitch {
        /// The label.
        label: &'static str,
        /// What it holds.
        value: String,
    },
}

/// Why a scrape failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// The target could not be asked, or did not answer well.
    #[error("{0}")]
    Fetch(String),
    /// The page is longer than is allowed.
    #[error("the page is longer than {limit} bytes (body_size_limit, max_page_bytes)")]
    PageTooLong {
        /// The limit.
        limit: u64,
    },
    /// The page is not in the format that it says.
    #[error("the page is not well-formed at byte {at}: {problem}")]
    Malformed {
        /// Where, in bytes from the beginning.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A rule took the name of a series.
    #[error("a series has no name")]
    NoName,
    /// A name that is not allowed.
    #[error("{0:?} is a name that is not allowed (metric_name_validation_scheme)")]
    BadName(String),
    /// A series has a label twice.
    #[error("a series of {metric:?} has the label {label:?} twice")]
    LabelTwice {
        /// The metric.
        metric: String,
        /// The label.
        label: String,
    },
    /// More samples than are allowed.
    #[error("the page has more than {limit} samples (sample_limit, max_series)")]
    TooManySamples {
        /// The limit.
        limit: u64,
    },
    /// More series, dropped ones among them, than can be remembered.
    #[error("the page has more than {limit} series, dropped ones among them (max_series)")]
    SeriesOverflow {
        /// The limit.
        limit: u64,
    },
    /// A series has more labels than are allowed.
    #[error("a series of {metric:?} has {found} labels, more than {limit} (label_limit)")]
    TooManyLabels {
        /// The metric.
        metric: String,
        /// How many there are.
        found: usize,
        /// The limit.
        limit: u64,
    },
    /// A label is longer than is allowed.
    #[error("a series of {metric:?} has a label with {what} of {found} bytes, more than {limit}")]
    LabelTooLong {
        /// The metric.
        metric: String,
        /// Name or value.
        what: &'static str,
        /// How long it is.
        found: usize,
        /// The limit.
        limit: u64,
    },
    /// A histogram has more buckets than are allowed, and cannot be made coarser.
    #[error("a histogram has more than {limit} buckets (native_histogram_bucket_limit)")]
    TooManyBuckets {
        /// The limit.
        limit: u64,
    },
    /// A native histogram has a schema that is none.
    #[error("a native histogram has schema {schema}; it must be from {least} to {most}")]
    BadSchema {
        /// What it says.
        schema: i32,
        /// The coarsest.
        least: i32,
        /// The finest.
        most: i32,
    },
    /// The series of the page, with all their labels, are longer than is allowed.
    #[error(
        "the series of the page have more than {limit} bytes with all their labels (max_page_bytes)"
    )]
    SeriesTooLong {
        /// The limit.
        limit: u64,
    },
    /// What the page becomes is longer than is allowed.
    #[error("the page becomes a request of more than {limit} bytes (max_page_bytes)")]
    RequestTooLong {
        /// The limit.
        limit: u64,
    },
    /// The job has more targets than are allowed, so that none of them is scraped.
    #[error("the job has {found} targets, more than {limit} (target_limit, max_targets)")]
    TooManyTargets {
        /// How many there are.
        found: usize,
        /// The limit.
        limit: u64,
    },
}
