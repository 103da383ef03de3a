//! Verdicts that say who made them and on what.

use crate::span::Span;
use std::collections::BTreeSet;
use tailweir_placement::{Epoch, Incarnation};
use tailweir_tenure::Ruling;

/// A verdict. Two verdicts on one trace differ, because they differ in who made them or in what was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verdict {
    pub(crate) by: Incarnation,
    pub(crate) tenure: Epoch,
    pub(crate) keeps: bool,
    pub(crate) seen: BTreeSet<Span>,
}

impl Ruling for Verdict {
    fn keeps(&self) -> bool {
        self.keeps
    }
}
