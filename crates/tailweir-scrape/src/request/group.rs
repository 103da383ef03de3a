//! Series that are one point.

use super::is_stale;
use crate::Labels;
use crate::native::Native;
use crate::page::Exemplar;
use std::sync::Arc;

/// What a series is for its point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// All of it.
    Value,
    Sum,
    Count,
    /// A bucket or a quantile, with its bound or share.
    Part(f64),
    /// When its time began, in seconds.
    Created,
    /// A native histogram, or its end.
    Native,
    /// It lacks a label.
    Unusable,
}

/// A point under construction.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) labels: Arc<Labels>,
    /// In milliseconds.
    pub(super) at: i64,
    pub(super) value: Option<f64>,
    pub(super) count: Option<f64>,
    pub(super) sum: Option<f64>,
    /// In seconds.
    pub(super) start: Option<f64>,
    /// Bounds and counts, or shares and values.
    pub(super) parts: Vec<(f64, f64)>,
    pub(super) native: Option<Box<Native>>,
    pub(super) exemplars: Vec<Exemplar>,
    /// Whether a native histogram has ended here.
    pub(super) native_ended: bool,
}

impl Group {
    pub(super) fn new(labels: Arc<Labels>, at: i64) -> Self {
        Self {
            labels,
            at,
            value: None,
            count: None,
            sum: None,
            start: None,
            parts: Vec::new(),
            native: None,
            exemplars: Vec::new(),
            native_ended: false,
        }
    }

    /// Takes a value. Whether it could be used.
    pub(super) fn take(&mut self, role: Role, value: f64) -> bool {
        match role {
            Role::Value => self.value = Some(value),
            Role::Sum => self.sum = Some(value),
            Role::Count => self.count = Some(value),
            Role::Part(bound) => self.parts.push((bound, value)),
            Role::Created => self.start = Some(value),
            Role::Native => self.native_ended |= is_stale(value),
            Role::Unusable => return false,
        }
        true
    }

    /// Whether what it counts has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.sum.is_some_and(is_stale) || self.count.is_some_and(is_stale)
    }

    /// When its time began, in nanoseconds of the Unix epoch; 0: not said.
    pub(super) fn start(&self) -> u64 {
        let start = self.start.filter(|start| start.is_finite() && *start > 0.0);
        start.map_or(0, |start| {
            let seconds = start.trunc();
            (seconds as u64)
                .saturating_mul(1_000_000_000)
                .saturating_add(((start - seconds) * 1e9) as u64)
        })
    }

    /// When it was measured, in nanoseconds of the Unix epoch; what is before it is its beginning.
    pub(super) fn time(&self) -> u64 {
        nanoseconds(self.at)
    }

    /// Bounds without the last, infinite one, and how many values are in each bucket.
    pub(super) fn buckets(&mut self) -> (Vec<f64>, Vec<u64>) {
        self.sort();
        let has_ended = self.has_ended();
        let mut parts = self.parts.as_slice();
        if let [rest @ .., (bound, _)] = parts
            && *bound == f64::INFINITY
        {
            parts = rest;
        }
        let mut before = 0.0;
        let mut of = |total: f64| {
            // Below zero there is nothing to count.
            let count = (total - before) as u64;
            before = total;
            if has_ended { 0 } else { count }
        };
        let mut counts: Vec<u64> = parts.iter().map(|(_, total)| of(*total)).collect();
        counts.push(of(self.count.unwrap_or(0.0)));
        (parts.iter().map(|(bound, _)| *bound).collect(), counts)
    }

    /// Shares and values.
    pub(super) fn quantiles(&mut self) -> Vec<(f64, f64)> {
        self.sort();
        let has_ended = self.has_ended();
        let value = |value| if has_ended { 0.0 } else { value };
        let parts = self.parts.iter();
        parts.map(|(share, it)| (*share, value(*it))).collect()
    }

    fn sort(&mut self) {
        self.parts.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
}

/// Milliseconds as nanoseconds.
pub(super) fn nanoseconds(millis: i64) -> u64 {
    let millis = u64::try_from(millis).unwrap_or(0);
    millis.saturating_mul(1_000_000)
}
