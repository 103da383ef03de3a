//! What members say about spans, as protobuf: written, and read with everything checked.
//!
//! The rooms of the protocol have their own types and know no wire; `tailweir-proto` has the wire and no rules. Here one
//! becomes the other: [`Part`]s that gateways bring and what is [`Said`] about them, and the [`Letter`]s of samplers.
//! Whatever a peer sends is hostile: ids have 16 bytes, slots exist, lists are bounded, enumerations are known, and what is
//! not so is a [`WireError`] that names the field. Spans stay bytes, shared with the message in which they came.
//!
//! ```
//! use tailweir_core::Slot;
//! use tailweir_placement::{Epoch, TenureId};
//! use tailweir_tenure::Message;
//! use tailweir_wire::{read_message, write_message};
//!
//! let slot = Slot::new(7).unwrap();
//! let message = Message::AskManifest { tenure: TenureId { slot, created: Epoch(3) } };
//! let written = write_message(message.clone()).unwrap();
//! assert_eq!(read_message(written), Ok(message));
//! ```

mod delivered;
mod error;
mod ids;
mod letter;
mod message;
mod no_room;
mod part;
mod record;
mod said;
mod sequence;
mod verdict;

pub use error::WireError;
pub use letter::{Letter, MESSAGES_MAX, read_letter, write_letters};
pub use message::{read_message, write_message};
pub use part::{Part, read_part, write_part};
pub use said::{Roll, Said, read_said, write_said};

use verdict::{read_verdict, write_verdict};
