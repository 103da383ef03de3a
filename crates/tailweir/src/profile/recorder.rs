//! Records where the threads of the process spend processor time.

use super::format::{self, Timing};
use super::stacks::{Stack, Stacks};
use super::symbols::Symbols;
use bytes::Bytes;
use parking_lot::Mutex;
use pprof::{ProfilerGuard, ProfilerGuardBuilder};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tempfile::NamedTempFile;
use tokio::sync::oneshot;

/// How often it is looked for each second of processor time, where few processors are there. It is no divisor of
/// what timers like, so that it does not always find the same work.
const FREQUENCY_MAX: usize = 99;
/// Most looks in a second, over all processors.
const LOOKS_PER_SECOND_MAX: usize = 400;
/// The profiler has a table of its own, and a file for what finds no room in it, which grows. After this time
/// both are emptied into ours.
const LAP: Duration = Duration::from_secs(20);
/// Most different stacks of a profile.
const STACKS_MAX: usize = 16_384;
/// Where the profiler's file goes when there is no folder for temporary files, as in an image from scratch.
const MEMORY_FOLDER: &str = "/dev/shm";

/// What a recording is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Somebody asked for it.
    Asked,
    /// `save_to_file`.
    WholeRun,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    /// Another is being recorded.
    #[error(
        "another profile is being recorded, and there is one at a time; ask again when it is done"
    )]
    Busy,
    /// All the time is recorded.
    #[error(
        "`save_to_file` records the whole run of this process, and there is one profile at a time; remove it to ask for others"
    )]
    WholeRun,
    /// There is no room for what the profiler writes down.
    #[error(
        "the profiler needs a folder for temporary files, and neither $TMPDIR, /tmp nor {MEMORY_FOLDER} can be written"
    )]
    NoFolder,
    /// The profiler says no.
    #[error("the profiler failed: {0}")]
    Profiler(#[from] pprof::Error),
    /// There is nothing to show.
    #[error(
        "this program has no table of symbols, so no function has a name; profile a build that was not stripped"
    )]
    NoSymbols,
    /// Its thread is gone.
    #[error("the recording ended early")]
    Ended,
}

/// Whose turn it is, in the whole process.
static TURN: Mutex<Option<Purpose>> = Mutex::new(None);

/// The only recording there is. Dropped without an end, it is thrown away.
pub(super) struct Recording {
    end: SyncSender<()>,
    taken: oneshot::Receiver<Result<Bytes, ProfileError>>,
}

impl Recording {
    /// Starts to record, unless something else is recorded.
    pub(super) async fn start(purpose: Purpose) -> Result<Self, ProfileError> {
        let turn = Turn::take(purpose)?;
        let (end, ended) = sync_channel(1);
        let (is_ready, ready) = oneshot::channel();
        let (give, taken) = oneshot::channel();
        let thread = thread::Builder::new().name("profile".to_owned());
        let spawned = thread.spawn(move || {
            let profile = match Recorder::start() {
                Ok(recorder) => {
                    let _ = is_ready.send(Ok(()));
                    recorder.record(&ended)
                }
                Err(error) => {
                    drop(turn);
                    let _ = is_ready.send(Err(error));
                    return;
                }
            };
            // Who has the answer may ask for the next at once.
            drop(turn);
            if give.send(profile).is_err() {
                tracing::info!("a profile that nobody waits for was thrown away");
            }
        });
        spawned.map_err(|_| ProfileError::Ended)?;
        ready.await.map_err(|_| ProfileError::Ended)??;
        Ok(Self { end, taken })
    }

    /// Ends it and waits for what it found: a compressed profile.
    pub(super) async fn finish(self) -> Result<Bytes, ProfileError> {
        let Self { end, taken } = self;
        // Only a thread that is gone does not take it, and then there is no answer either.
        let _ = end.try_send(());
        taken.await.map_err(|_| ProfileError::Ended)?
    }
}

/// Gives the turn back when dropped.
struct Turn;

impl Turn {
    fn take(purpose: Purpose) -> Result<Self, ProfileError> {
        let mut turn = TURN.lock();
        match *turn {
            Some(Purpose::Asked) => Err(ProfileError::Busy),
            Some(Purpose::WholeRun) => Err(ProfileError::WholeRun),
            None => {
                *turn = Some(purpose);
                Ok(Self)
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TURN.lock() = None;
    }
}

/// On a thread of its own.
struct Recorder {
    frequency: usize,
    started: SystemTime,
    since: Instant,
    stacks: Stacks,
    guard: ProfilerGuard<'static>,
}

impl Recorder {
    #[expect(
        clippy::disallowed_methods,
        reason = "a profile tells the time of day at which it began"
    )]
    fn start() -> Result<Self, ProfileError> {
        choose_folder()?;
        let frequency = frequency(thread::available_parallelism().map_or(1, usize::from));
        let guard = look(frequency)?;
        Ok(Self {
            frequency,
            started: SystemTime::now(),
            since: Instant::now(),
            stacks: Stacks::with_room_for(STACKS_MAX),
            guard,
        })
    }

    fn record(mut self, ended: &Receiver<()>) -> Result<Bytes, ProfileError> {
        loop {
            let end = ended.recv_timeout(LAP);
            if end == Err(RecvTimeoutError::Disconnected) {
                return Err(ProfileError::Ended);
            }
            let report = self.guard.report().build_unresolved()?;
            for (seen, count) in report.data {
                let thread = &seen.thread_name[..seen.thread_name_length];
                let stack = Stack {
                    thread: String::from_utf8_lossy(thread).into_owned(),
                    addresses: seen.frames.iter().map(|it| it.ip() as usize).collect(),
                };
                self.stacks.add(stack, count.unsigned_abs() as u64);
            }
            match end {
                Ok(()) => return self.write(),
                Err(_) => self = self.next_lap()?,
            }
        }
    }

    /// The profiler begins anew.
    fn next_lap(self) -> Result<Self, ProfileError> {
        let Self {
            frequency,
            started,
            since,
            stacks,
            guard,
        } = self;
        drop(guard);
        Ok(Self {
            frequency,
            started,
            since,
            stacks,
            guard: look(frequency)?,
        })
    }

    fn write(self) -> Result<Bytes, ProfileError> {
        let timing = Timing {
            started: self.started,
            duration: self.since.elapsed(),
            frequency: self.frequency as u32,
        };
        // What follows is no work of the process.
        drop(self.guard);
        let symbols = Symbols::of(&self.stacks);
        let profile = format::write(&self.stacks, &symbols, timing);
        profile.map(Bytes::from).ok_or(ProfileError::NoSymbols)
    }
}

fn look(frequency: usize) -> Result<ProfilerGuard<'static>, ProfileError> {
    let builder = ProfilerGuardBuilder::default().frequency(frequency as i32);
    // A thread in the first may be walking up its stack itself, for a panic; how to leave the second is not always
    // told right.
    let builder = builder.blocklist(&["libgcc", "vdso"]);
    Ok(builder.build()?)
}

fn frequency(processors: usize) -> usize {
    (LOOKS_PER_SECOND_MAX / processors.max(1)).clamp(1, FREQUENCY_MAX)
}

/// The profiler remembers for ever that it could not have its file, so this is seen to before it is asked.
fn choose_folder() -> Result<(), ProfileError> {
    if NamedTempFile::new().is_ok() {
        return Ok(());
    }
    let memory = Path::new(MEMORY_FOLDER);
    NamedTempFile::new_in(memory).map_err(|_| ProfileError::NoFolder)?;
    tempfile::env::override_temp_dir(memory).map_err(|_| ProfileError::NoFolder)
}

#[cfg(test)]
mod tests {
    use super::{LOOKS_PER_SECOND_MAX, frequency};

    /// Scenario: machines with one processor and with hundreds.
    /// Guarantees: it is looked 99 times for a second of processor time, and on large machines so rarely that all
    /// processors together do not bring more than the limit.
    #[test]
    fn looks_are_bounded_however_many_processors_there_are() {
        assert_eq!([0, 1, 4].map(frequency), [99, 99, 99]);
        assert_eq!([8, 64, 400].map(frequency), [50, 6, 1]);
        for processors in 5..=LOOKS_PER_SECOND_MAX {
            assert!(processors * frequency(processors) <= LOOKS_PER_SECOND_MAX);
        }
    }
}
