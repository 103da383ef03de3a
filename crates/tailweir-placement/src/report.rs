//! What samplers report to the controllers.

use crate::{Epoch, RoutingTable, Second, TenureId};

/// What a sampler says of a tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Report {
    /// The candidate holds all that its owner, who reports, holds, in this view.
    InSync {
        /// The tenure.
        tenure: TenureId,
        /// Its view.
        view: Epoch,
    },
    /// The tenure is closed, and the slot's tenure of epoch `into` has its verdicts.
    Clear {
        /// The closed tenure.
        tenure: TenureId,
        /// Names the current tenure.
        into: Epoch,
    },
}

impl Report {
    /// Whether it would change this table.
    #[must_use]
    pub fn counts(&self, table: &RoutingTable) -> bool {
        let (Report::InSync { tenure, .. } | Report::Clear { tenure, .. }) = self;
        let Some(tenures) = table.tenures(tenure.slot) else {
            return false;
        };
        let Some(row) = tenures.get(tenure.created) else {
            return false;
        };
        match self {
            Report::InSync { view, .. } => {
                row.view == *view && matches!(row.second, Second::Candidate(_))
            }
            Report::Clear { into, .. } => {
                tenures.current().created == *into && tenure.created != *into
            }
        }
    }
}
