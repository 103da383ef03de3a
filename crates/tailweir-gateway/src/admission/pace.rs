//! How many bytes samplers may have in hand for requests to be answered in time.
//!
//! The budget of bytes is about memory. Where processors are too slow for what comes, a budget that is full takes longer than
//! clients wait: everything is worked on, nothing is in time, and clients send all of it again. So what is in hand is held
//! to what can be answered within a few seconds, and the rest is refused at once, while its client may still go elsewhere.
//! Only what waits for a sampler is measured: other pipelines answer when a backend has answered, which may be slow as long as
//! it likes.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Answers that take so long on average are late: exporters of OTLP give up after 10 s, and a sampler that is lost is
/// replaced within less.
const LATE: Duration = Duration::from_secs(4);
/// What is in flight is to be answered in this time after answers were late.
const AIM: Duration = Duration::from_secs(2);
/// Answers that take less on average say that there is time to spare.
const SWIFT: Duration = Duration::from_secs(1);
/// How often it is looked at.
const TURN: Duration = Duration::from_millis(500);
/// In so many turns, one after the other, answers are late where there is too much to do. After a stop everything that waited is
/// answered in one or two.
const LATE_TURNS: u32 = 3;
/// The best turn of this time is what can be done in a turn: longer than a lost sampler holds answers up.
const REMEMBERED: Duration = Duration::from_secs(10);
/// What may always be in flight.
const WINDOW_MIN: u64 = 128 << 10;

/// Answers since the last turn, and requests whose clients gave up.
#[derive(Debug, Clone, Copy, Default)]
struct Answers {
    count: u64,
    /// What they took together, in nanoseconds.
    time: u64,
    /// Bytes of those that were taken.
    bytes: u64,
}

/// The bound of the bytes in flight, as answers say.
#[derive(Debug)]
struct Window {
    bytes: u64,
    /// Bytes a second of the turns that are remembered, and when each was.
    rates: VecDeque<(Duration, u64)>,
    last: Duration,
    /// Turns so far, without one between them, in which answers were late.
    late: u32,
}

impl Window {
    /// No bound.
    fn new() -> Self {
        Self {
            bytes: u64::MAX,
            rates: VecDeque::new(),
            last: Duration::ZERO,
            late: 0,
        }
    }

    /// Follows what was answered since the last turn.
    fn turn(&mut self, now: Duration, answers: Answers) {
        let since = now.saturating_sub(self.last).max(TURN);
        self.last = now;
        let rate = (answers.bytes as f64 / since.as_secs_f64()) as u64;
        self.rates.push_back((now, rate));
        let is_old = |(then, _): &(Duration, u64)| now.saturating_sub(*then) > REMEMBERED;
        while self.rates.front().is_some_and(is_old) {
            self.rates.pop_front();
        }
        let mean = Duration::from_nanos(answers.time / answers.count.max(1));
        self.late = if mean < LATE { 0 } else { self.late + 1 };
        if mean < SWIFT {
            // Until it shows in the answers the window has grown twice again.
            self.bytes = self.bytes.saturating_add(self.bytes / 2);
        } else if self.late >= LATE_TURNS {
            let rates = self.rates.iter().map(|(_, rate)| *rate);
            let best = rates.max().unwrap_or_default();
            let in_time = best.saturating_mul(AIM.as_secs());
            self.bytes = self.bytes.min(in_time).max(WINDOW_MIN);
        }
    }
}

/// A [`Window`] that many follow at once.
#[derive(Debug)]
pub(super) struct Pace {
    count: AtomicU64,
    time: AtomicU64,
    bytes: AtomicU64,
    /// When the next turn is due, in nanoseconds.
    due: AtomicU64,
    window: Mutex<Window>,
    bound: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            time: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            due: AtomicU64::new(nanos(TURN)),
            window: Mutex::new(Window::new()),
            bound: AtomicU64::new(u64::MAX),
        }
    }

    /// Most bytes that may be in flight.
    pub(super) fn bound(&self) -> u64 {
        self.bound.load(Relaxed)
    }

    /// A request was answered after this time, or its client gave up; so many bytes of it were taken.
    pub(super) fn over(&self, now: Duration, took: Duration, bytes: u64) {
        self.count.fetch_add(1, Relaxed);
        self.time.fetch_add(nanos(took), Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        let due = self.due.load(Relaxed);
        let next = nanos(now + TURN);
        let is_due = nanos(now) >= due;
        // One of those who see that it is due sees to it.
        if is_due
            && self
                .due
                .compare_exchange(due, next, Relaxed, Relaxed)
                .is_ok()
        {
            self.turn(now);
        }
    }

    fn turn(&self, now: Duration) {
        let answers = Answers {
            count: self.count.swap(0, Relaxed),
            time: self.time.swap(0, Relaxed),
            bytes: self.bytes.swap(0, Relaxed),
        };
        let mut window = self.window.lock();
        window.turn(now, answers);
        self.bound.store(window.bytes, Relaxed);
    }
}

/// 584 years at most.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{LATE, Pace, WINDOW_MIN};
    use std::collections::VecDeque;
    use std::time::Duration;

    /// Bytes of each request.
    const REQUEST: u64 = 10_000;
    /// How long clients wait.
    const PATIENCE: Duration = Duration::from_secs(10);
    const STEP: Duration = Duration::from_millis(10);

    /// A gateway that works on one request after the other.
    struct Model {
        pace: Pace,
        now: Duration,
        queue: VecDeque<Duration>,
        /// Bytes that it can work on beyond those that it did.
        credit: u64,
        /// Requests since the last look.
        seen: Seen,
    }

    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        came: u64,
        refused: u64,
        in_time: u64,
        late: u64,
        slowest: Duration,
    }

    impl Model {
        fn new() -> Self {
            Self {
                pace: Pace::new(),
                now: Duration::ZERO,
                queue: VecDeque::new(),
                credit: 0,
                seen: Seen::default(),
            }
        }

        /// Runs for this time: so many requests come in each step, and so many bytes are worked on.
        fn run(&mut self, time: Duration, coming: u64, worked_on: u64) -> Seen {
            let until = self.now + time;
            while self.now < until {
                self.now += STEP;
                for _ in 0..coming {
                    self.come();
                }
                self.credit += worked_on;
                while self.credit >= REQUEST && !self.queue.is_empty() {
                    self.answer();
                }
                self.credit = self.credit.min(REQUEST);
            }
            std::mem::take(&mut self.seen)
        }

        fn come(&mut self) {
            self.seen.came += 1;
            let flying = (self.queue.len() as u64 + 1) * REQUEST;
            if flying > self.pace.bound() {
                self.seen.refused += 1;
            } else {
                self.queue.push_back(self.now);
            }
        }

        fn answer(&mut self) {
            let Some(came) = self.queue.pop_front() else {
                return;
            };
            self.credit -= REQUEST;
            let took = self.now - came;
            self.pace.over(self.now, took, REQUEST);
            self.seen.slowest = self.seen.slowest.max(took);
            if took <= PATIENCE {
                self.seen.in_time += 1;
            } else {
                self.seen.late += 1;
            }
        }
    }

    /// Scenario: three times what can be worked on comes for two minutes, then half of it.
    /// Guarantees: once it has worked off what came in the first seconds the gateway does what it can, in time, and refuses the
    /// rest; when less comes, it soon refuses nothing.
    #[test]
    fn what_is_too_much_is_refused_and_the_rest_is_in_time() {
        let mut model = Model::new();
        model.run(Duration::from_secs(25), 3, REQUEST);
        let seen = model.run(Duration::from_secs(100), 3, REQUEST);
        assert_eq!((seen.late, seen.came), (0, 30_000), "{seen:?}");
        assert!(seen.in_time >= 9_900, "{seen:?}");
        assert!(seen.slowest < 2 * LATE, "{seen:?}");
        model.run(Duration::from_secs(10), 1, 2 * REQUEST);
        let seen = model.run(Duration::from_secs(10), 1, 2 * REQUEST);
        assert_eq!((seen.refused, seen.late), (0, 0));
    }

    /// Scenario: nothing is answered for six seconds, as when a sampler is lost, and what came meanwhile at once thereafter.
    /// Guarantees: nothing is refused, then or after it.
    #[test]
    fn a_stop_is_no_overload() {
        let mut model = Model::new();
        model.run(Duration::from_secs(30), 1, 4 * REQUEST);
        let seen = model.run(Duration::from_secs(6), 1, 0);
        assert_eq!(seen.refused, 0);
        let seen = model.run(Duration::from_secs(2), 1, 1_000 * REQUEST);
        assert_eq!(seen.refused, 0);
        let seen = model.run(Duration::from_secs(10), 1, 4 * REQUEST);
        assert_eq!(seen.refused, 0);
    }

    /// Scenario: nothing is answered any more, and clients give up after ten seconds.
    /// Guarantees: in twelve next to nothing may be in flight; when answers are fast again, as much as ever is soon.
    #[test]
    fn clients_that_give_up_are_late_answers() {
        let pace = Pace::new();
        pace.over(Duration::from_secs(1), Duration::from_millis(10), 1 << 30);
        for step in 0..200 {
            let now = Duration::from_secs(11) + step * STEP;
            pace.over(now, PATIENCE, 0);
        }
        assert_eq!(pace.bound(), WINDOW_MIN);
        for step in 0..1_000 {
            let now = Duration::from_secs(13) + step * STEP;
            pace.over(now, STEP, REQUEST);
        }
        assert!(pace.bound() > 100 << 20);
    }

    /// Scenario: answers take as long as they may for an hour, a second less than late.
    /// Guarantees: nothing is refused.
    #[test]
    fn slow_answers_are_no_reason() {
        let pace = Pace::new();
        for second in 0..3_600 {
            let now = Duration::from_secs(second);
            pace.over(now, LATE - Duration::from_secs(1), 1);
        }
        assert_eq!(pace.bound(), u64::MAX);
    }
}
