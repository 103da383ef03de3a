//! A disk in memory that a crash leaves as a crash may leave a real one.

use fastrand::Rng;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tailweir_control::{Claim, Disk, Tail, Work};

/// Bytes of the head of a record in a file: its length, then a checksum.
const HEAD: usize = 8;
/// Behind the head stand the version of the form and what kind of record it is; this is that of a vote.
const VOTE: u8 = 0;

/// How often it is looked whether a disk still hangs.
const LOOK: Duration = Duration::from_millis(20);

/// A disk. Clones are the same one.
#[derive(Clone)]
pub(super) struct SimulatedDisk(Arc<Mutex<Files>>);

struct Files {
    files: BTreeMap<String, Content>,
    random: Rng,
    /// Whether somebody waits for what is done now; otherwise it is done at once.
    is_waited_for: bool,
    /// Whether nothing that is waited for gets done.
    hangs: bool,
}

impl Files {
    fn done(&mut self, name: &str) {
        let content = self.files.get_mut(name);
        if let Some(content) = content.filter(|_| !self.is_waited_for) {
            content.settle();
        }
    }
}

#[derive(Clone, Default)]
struct Content {
    /// What is read.
    bytes: Vec<u8>,
    /// What a crash leaves.
    safe: Vec<u8>,
    /// How much of `bytes` is to be safe once the disk is done; nothing: no more than there is.
    asked: Option<usize>,
    /// Whether `bytes` takes the place of all of `safe`, and does not go on behind it.
    is_other: bool,
}

impl Content {
    /// The disk is done.
    fn settle(&mut self) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        if self.is_other {
            self.safe.clear();
        }
        self.is_other = false;
        let from = self.safe.len().min(asked);
        self.safe.extend_from_slice(&self.bytes[from..asked]);
    }

    /// The machine stops. What is not safe is there, or not, or in part.
    fn crash(&mut self, random: &mut Rng) {
        if self.is_other {
            if random.bool() {
                self.safe.clone_from(&self.bytes);
            }
        } else {
            let unsafe_from = self.safe.len().min(self.bytes.len());
            let torn = random.usize(unsafe_from..=self.bytes.len());
            self.safe.extend_from_slice(&self.bytes[unsafe_from..torn]);
            if torn < self.bytes.len() && random.u8(..) < 64 {
                // The file has become longer, and what was to stand there has not come.
                self.safe.extend(vec![0; random.usize(1..64)]);
            }
        }
        self.bytes.clone_from(&self.safe);
        (self.asked, self.is_other) = (None, false);
    }
}

impl SimulatedDisk {
    pub(super) fn new(random: Rng) -> Self {
        Self::of(BTreeMap::new(), random)
    }

    fn of(files: BTreeMap<String, Content>, random: Rng) -> Self {
        Self(Arc::new(Mutex::new(Files {
            files,
            random,
            is_waited_for: false,
            hangs: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().expect("nothing panics in it")
    }

    /// The machine stops.
    pub(super) fn crash(&self) {
        let mut all = self.lock();
        let Files { files, random, .. } = &mut *all;
        files.values_mut().for_each(|content| content.crash(random));
    }

    /// From now on nothing that is waited for gets done; or all does again.
    pub(super) fn set_hanging(&self, hangs: bool) {
        self.lock().hangs = hangs;
    }

    /// What a backup of it holds.
    pub(super) fn copy(&self) -> Self {
        let mut all = self.lock();
        Self::of(all.files.clone(), all.random.fork())
    }

    /// Takes part of a file away, as no disk may: all behind `left` of its bytes.
    pub(super) fn cut(&self, name: &str, left: impl FnOnce(&mut Rng, usize) -> usize) {
        let mut all = self.lock();
        let Files { files, random, .. } = &mut *all;
        if let Some(content) = files.get_mut(name) {
            content.safe.truncate(left(random, content.safe.len()));
            content.bytes.clone_from(&content.safe);
        }
    }

    /// Takes the votes out of the log.
    pub(super) fn forget_votes(&self) {
        let mut all = self.lock();
        let Some(content) = all.files.get_mut("log") else {
            return;
        };
        let (mut rest, mut kept) = (&content.safe[..], Vec::new());
        while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
            let length = length.min(behind.len());
            if behind.get(1) != Some(&VOTE) {
                kept.extend_from_slice(&rest[..HEAD + length]);
            }
            rest = &behind[length..];
        }
        content.safe = kept;
        content.bytes.clone_from(&content.safe);
    }

    fn settle(&self) {
        self.lock().files.values_mut().for_each(Content::settle);
    }

    /// Does work for which somebody waits.
    fn work(&self, work: Work) {
        self.lock().is_waited_for = true;
        work();
        self.lock().is_waited_for = false;
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

#[derive(Debug)]
struct Alone;

impl Claim for Alone {}

impl Disk for SimulatedDisk {
    fn place(&self) -> PathBuf {
        PathBuf::from("disk")
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let all = self.lock();
        Ok(all.files.get(name).map(|content| content.bytes.clone()))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut all = self.lock();
        let content = all.files.entry(name.to_owned()).or_default();
        content.bytes = bytes.to_owned();
        (content.asked, content.is_other) = (Some(bytes.len()), true);
        all.done(name);
        Ok(())
    }

    fn open(&self, name: &str, length: u64) -> io::Result<Box<dyn Tail>> {
        let mut all = self.lock();
        let content = all.files.entry(name.to_owned()).or_default();
        content.bytes.truncate(length as usize);
        if !content.is_other {
            content.safe.truncate(length as usize);
        }
        let tail = SimulatedTail {
            disk: self.clone(),
            name: name.to_owned(),
        };
        Ok(Box::new(tail))
    }

    fn claim(&self) -> io::Result<Option<Box<dyn Claim>>> {
        // Of a process that has crashed nothing runs any more when the next one starts.
        Ok(Some(Box::new(Alone)))
    }

    fn beside(&self, work: Work) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let disk = self.clone();
        Box::pin(async move {
            disk.work(work);
            let time = {
                let random = &mut disk.lock().random;
                // Most are fast; one in fifty waits for a busy disk.
                if random.u8(..50) == 0 {
                    random.u64(50..300)
                } else {
                    random.u64(0..5)
                }
            };
            tokio::time::sleep(Duration::from_millis(time)).await;
            while disk.lock().hangs {
                tokio::time::sleep(LOOK).await;
            }
            disk.settle();
        })
    }
}

#[derive(Debug)]
struct SimulatedTail {
    disk: SimulatedDisk,
    name: String,
}

impl Tail for SimulatedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut all = self.disk.lock();
        let content = all.files.get_mut(&self.name);
        let content = content.ok_or(io::ErrorKind::NotFound)?;
        content.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut all = self.disk.lock();
        let content = all.files.get_mut(&self.name);
        let content = content.ok_or(io::ErrorKind::NotFound)?;
        content.asked = Some(content.bytes.len());
        all.done(&self.name);
        Ok(())
    }
}
