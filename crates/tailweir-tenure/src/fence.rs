//! Keeps an owner that was replaced without knowing it from exporting beside its successor.

use std::time::Duration;
use tailweir_core::Moment;

/// When an owner may hand a batch to the socket.
///
/// An owner exports for one second after it *asked* the last record that its replica answered. A replica that was
/// promoted waits a little longer, from when it *gave* that answer, which is later. So what is sent twice after a
/// pause or a crash is what was under way then, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    opens: Moment,
    asked: Option<Moment>,
}

impl Fence {
    /// How long an answer lets the owner export.
    pub const OWNER: Duration = Duration::from_millis(1_000);
    /// How long a promoted owner waits after its last answer: 1 % for each of the two clocks on top.
    pub const SUCCESSOR: Duration = Duration::from_millis(1_020);

    /// For the first owner of a tenure.
    #[must_use]
    pub fn new() -> Self {
        Self {
            opens: Moment::ZERO,
            asked: None,
        }
    }

    /// For a member that was promoted, and answered its owner's records up to `answered`.
    #[must_use]
    pub fn after(answered: Moment) -> Self {
        Self {
            opens: answered + Self::SUCCESSOR,
            asked: None,
        }
    }

    /// The second member answered what was asked at this moment, in the view that holds now.
    pub fn answered(&mut self, asked: Moment) {
        self.asked = self.asked.max(Some(asked));
    }

    /// A new view began: answers in earlier ones mean nothing any more.
    pub fn new_view(&mut self) {
        self.asked = None;
    }

    /// Whether a batch may be handed to the socket. An owner without a second member answers to nobody.
    #[must_use]
    pub fn is_open(&self, now: Moment, has_second: bool) -> bool {
        let answered = |asked| now < asked + Self::OWNER;
        now >= self.opens && (!has_second || self.asked.is_some_and(answered))
    }
}

impl Default for Fence {
    fn default() -> Self {
        Self::new()
    }
}
