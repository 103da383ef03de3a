//! A table taken apart, for whoever stores or sends it.

use super::RoutingTable;
use crate::{Epoch, Incarnation, Member, MemberName, Rows};
use std::collections::BTreeMap;

/// All that a table is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableParts {
    /// How often it changed.
    pub epoch: Epoch,
    /// The last incarnation that was given.
    pub incarnation: Incarnation,
    /// Copies of what is not decided yet: 1 or 2.
    pub copies: u8,
    /// All members.
    pub members: BTreeMap<MemberName, Member>,
    /// The tenures of all slots.
    pub rows: Rows,
    /// Tenures that were forgotten.
    pub lost: u64,
}

impl From<RoutingTable> for TableParts {
    fn from(table: RoutingTable) -> Self {
        Self {
            epoch: table.epoch,
            incarnation: table.incarnation,
            copies: table.copies,
            members: table.members,
            rows: table.rows,
            lost: table.lost,
        }
    }
}

impl From<TableParts> for RoutingTable {
    fn from(parts: TableParts) -> Self {
        Self {
            epoch: parts.epoch,
            incarnation: parts.incarnation,
            copies: parts.copies.clamp(1, 2),
            members: parts.members,
            rows: parts.rows,
            lost: parts.lost,
        }
    }
}
