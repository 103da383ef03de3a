//! Time in which members could be heard.

use std::time::Duration;
use tailweir_core::Moment;

/// A leader that did not come to look for so long could not hear anybody either.
const STALL: Duration = Duration::from_secs(2);

/// A clock that goes while members are heard, and stands still when nobody is: that more likely shows that none of them can be
/// heard, and is no member's fault. Otherwise they would be taken for lost one after the other, in the order in which each
/// was last heard, until one is left; or all but the first that is heard again.
#[derive(Debug)]
pub(super) struct Hearing {
    /// How long it goes after somebody was heard.
    reach: Duration,
    time: Moment,
    /// Up to when by the leader's own clock `time` is counted.
    looked: Moment,
    /// Until when by the leader's own clock it goes.
    until: Moment,
}

impl Hearing {
    /// Of a leader that begins now.
    pub(super) fn new(reach: Duration, now: Moment) -> Self {
        Self {
            reach,
            time: Moment::ZERO,
            looked: now,
            until: now + reach,
        }
    }

    /// The time by this clock.
    pub(super) fn time(&mut self, now: Moment) -> Moment {
        if now.since(self.looked) <= STALL {
            self.time = self.time + now.min(self.until).since(self.looked);
        }
        self.looked = self.looked.max(now);
        self.time
    }

    /// A member is heard; says at what time by this clock.
    pub(super) fn hear(&mut self, now: Moment) -> Moment {
        let time = self.time(now);
        self.until = now + self.reach;
        time
    }
}
