//! Who owns each slot, who copies it, and what moves when members change.
//!
//! The controllers agree on a [`RoutingTable`] by applying [`Command`]s to it, one epoch for each change;
//! samplers and gateways read it. Which command is due, and when, is decided by the [`Duties`] of the controller that
//! leads. This room is these two and nothing else: it opens no socket, reads no clock and knows nothing of Raft.
//!
//! ```text
//! members --> Ring (where a slot would like to be) --+
//!                                                    +--> plan: the fewest moves that give each member its share
//! rows    --> who has it now ------------------------+
//! ```
//!
//! A slot has a history of [`Tenure`]s: the current one and up to three that are closing. `docs/handover-protocol.md`
//! says what the members of a tenure may do; here is only how the rows change.
//!
//! ```
//! use tailweir_placement::{Command, MemberName, Outcome, RoutingTable, Weight};
//! use tailweir_core::Slot;
//!
//! let mut table = RoutingTable::new(2);
//! for name in ["sampler-0", "sampler-1"] {
//!     let name = MemberName::new(name).unwrap();
//!     table.apply(&Command::register(name, "10.0.0.1:4319", "zone-a", Weight::ONE));
//! }
//! assert!(matches!(table.apply(&Command::Rebalance), Outcome::Changed(_)));
//! let slot = Slot::new(7).unwrap();
//! assert!(table.tenures(slot).unwrap().current().second.replica().is_some());
//! ```

mod assignment;
mod candidates;
mod command;
mod duties;
mod epoch;
mod member;
mod plan;
mod report;
mod ring;
mod rows;
mod table;
mod tenure;
mod tenures;

pub use command::{Command, Outcome, Refusal};
pub use duties::{Duties, Presence, Wish};
pub use epoch::Epoch;
pub use member::{Incarnation, InvalidName, Member, MemberName, Phase, Weight};
pub use plan::{Move, Plan};
pub use report::Report;
pub use ring::Ring;
pub use rows::{InvalidRows, Rows, Run};
pub use table::{RoutingTable, TableParts};
pub use tenure::{Second, Tenure, TenureId};
pub use tenures::{Full, Repaired, Standing, Tenures};
