//! Histories by chance against a model, crashes at every byte, damage at every bit, and the real file system.

mod memory;

use super::{Claimed, Entry, Settings, Spool};
use crate::frame::Head;
use crate::{AppendError, BODY_BYTES_MAX, Files, Folder, Place, ReadError, SpoolError, recover};
use memory::Memory;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Small, so that histories meet the bound and many reels.
const SMALL: Settings = Settings {
    bytes_max: 400 << 10,
    syncs: false,
};

fn synced() -> Settings {
    Settings {
        syncs: true,
        ..Settings::default()
    }
}

fn open(disk: &Memory) -> Arc<Spool> {
    Spool::open(Box::new(disk.clone()), SMALL).unwrap()
}

/// The bytes of the entry of this number: of many lengths, and all different.
fn body(number: u32) -> Vec<u8> {
    let length = (number as usize).wrapping_mul(7919) % 9000;
    let mut body = vec![number as u8; length];
    body.extend(number.to_le_bytes());
    body
}

fn number(claimed: &Claimed) -> u32 {
    u32::from_le_bytes(claimed.label.as_slice().try_into().unwrap())
}

/// What a client does, or what happens to it.
#[derive(Debug, Clone)]
enum Step {
    Append,
    /// The holder of one of the entries is done with it.
    Done(usize),
    /// The holder of one of the entries gives it back, and all that nobody has are claimed.
    GiveBack(usize),
    /// The process dies once so many further bytes have been written, maybe in the middle of a write.
    Crash(u64),
    /// The disk takes so many bytes more, then refuses until something is removed.
    Fill(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => Just(Step::Append),
        6 => any::<usize>().prop_map(Step::Done),
        1 => any::<usize>().prop_map(Step::GiveBack),
        1 => (0_u64..20_000).prop_map(Step::Crash),
        1 => (0_u64..20_000).prop_map(Step::Fill),
    ];
    prop::collection::vec(step, 0..120)
}

/// What must be there, and what may be.
#[derive(Default)]
struct Model {
    next: u32,
    held: BTreeMap<u32, Entry>,
    /// Written while the process died: on disk or not.
    unknown: BTreeMap<u32, ()>,
}

impl Model {
    fn step(&mut self, step: Step, disk: &Memory, spool: &Arc<Spool>) {
        match step {
            Step::Append => self.append(disk, spool),
            Step::Done(which) => {
                if let Some((number, entry)) = self.take(which) {
                    entry.done();
                    if disk.is_dead() {
                        self.unknown.insert(number, ());
                    }
                }
            }
            Step::GiveBack(which) => {
                if let Some((number, entry)) = self.take(which)
                    && !disk.is_dead()
                {
                    drop(entry);
                    let claimed = spool.claim().unwrap();
                    let numbers: Vec<u32> = claimed.iter().map(super::tests::number).collect();
                    assert_eq!(numbers, [number]);
                    self.hold(claimed);
                }
            }
            Step::Crash(bytes) => disk.die_after(bytes),
            Step::Fill(bytes) => disk.fill_after(bytes),
        }
    }

    fn append(&mut self, disk: &Memory, spool: &Arc<Spool>) {
        let number = self.next;
        self.next += 1;
        match spool.append(&number.to_le_bytes(), &body(number)) {
            Ok(entry) => drop(self.held.insert(number, entry)),
            Err(AppendError::Failed(_)) if disk.is_dead() => {
                self.unknown.insert(number, ());
            }
            Err(AppendError::Failed(_) | AppendError::Full) => {}
            Err(AppendError::TooLarge) => unreachable!("no body is that large"),
        }
        assert!(disk.bytes() <= SMALL.bytes_max);
    }

    fn take(&mut self, which: usize) -> Option<(u32, Entry)> {
        let number = *self.held.keys().nth(which % self.held.len().max(1))?;
        Some((number, self.held.remove(&number)?))
    }

    fn hold(&mut self, claimed: Vec<Claimed>) {
        for claimed in claimed {
            self.held.insert(number(&claimed), claimed.entry);
        }
    }

    /// The process has ended; another opens what it left.
    fn restart(&mut self, disk: &Memory) -> Arc<Spool> {
        let due: Vec<u32> = self.held.keys().copied().collect();
        self.held.clear();
        let spool = open(disk);
        let claimed = spool.claim().unwrap();
        let found: Vec<u32> = claimed.iter().map(number).collect();
        assert!(found.is_sorted(), "the oldest come first: {found:?}");
        for number in &due {
            assert!(found.contains(number), "{number} was acknowledged");
        }
        for number in &found {
            let may_be = due.contains(number) || self.unknown.contains_key(number);
            assert!(may_be, "{number} was done, or refused");
        }
        for claimed in &claimed {
            assert_eq!(claimed.entry.read().unwrap(), body(number(claimed)));
        }
        assert_eq!(spool.figures().entries, found.len() as u64);
        self.unknown.clear();
        self.hold(claimed);
        spool
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 192 } else { 4096 }))]

    /// Scenario: any history of appends, marks and entries given back, with crashes at any byte of any write and a disk
    /// that is full at any byte.
    /// Guarantees: every acknowledged entry that is not done is there after each restart, with its bytes, in order; what
    /// is done or was refused is not; the files never exceed their bound.
    #[test]
    fn what_is_acknowledged_survives_until_it_is_done(steps in steps()) {
        let disk = Memory::default();
        let mut model = Model::default();
        let mut spool = open(&disk);
        for step in steps {
            model.step(step, &disk, &spool);
            if disk.is_dead() {
                disk.revive();
                spool = model.restart(&disk);
            }
        }
        disk.revive();
        drop(spool);
        let spool = model.restart(&disk);
        for (_, entry) in std::mem::take(&mut model.held) {
            entry.done();
        }
        prop_assert_eq!(spool.figures().entries, 0);
        drop(spool);
        prop_assert!(open(&disk).claim().unwrap().is_empty());
        prop_assert_eq!(disk.bytes(), 0, "files of which nothing is open are removed");
    }

    /// Scenario: any bit of any reel of a spool is another.
    /// Guarantees: no panic, and no wrong bytes: each entry is whole, told to be damaged, or passed over with all behind it
    /// in its reel; those before it and in other reels are whole; what is done stays done.
    #[test]
    fn damage_costs_what_is_damaged(which in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (disk, wrote) = filled();
        let (reel, at) = disk.place(which);
        disk.flip(reel, at, bit);
        let Ok(spool) = Spool::open(Box::new(disk), SMALL) else {
            prop_assert!(at < 8, "only the first bytes say whose a reel is");
            return Ok(());
        };
        let claimed = spool.claim().unwrap();
        let found: BTreeMap<u32, _> = claimed.iter().map(|claimed| (number(claimed), claimed)).collect();
        for (number, place) in wrote {
            let is_before = place.reel != reel || place.at + 20 + 4 + (body(number).len() as u64) <= at;
            match found.get(&number) {
                _ if number % 3 == 0 => {
                    // The mark of an entry that is done may be what was damaged.
                    prop_assert!(!found.contains_key(&number) || !is_before);
                }
                Some(claimed) => match claimed.entry.read() {
                    Ok(bytes) => prop_assert_eq!(bytes, body(number)),
                    Err(ReadError::Damaged) => prop_assert!(!is_before),
                    Err(error) => panic!("{error}"),
                },
                None => prop_assert!(!is_before, "{number} at {place:?} is gone"),
            }
        }
    }

    /// Scenario: any bytes as a reel, some of them with the beginning of one.
    /// Guarantees: no panic, and what is found lies within the bytes.
    #[test]
    fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), real in any::<bool>()) {
        if real {
            bytes.splice(0..0, crate::frame::MAGIC);
        }
        if let Some(recovered) = recover(1, &bytes) {
            prop_assert!(recovered.ignored <= bytes.len() as u64);
        }
    }
}

/// A disk with entries in several reels, each third of them done.
fn filled() -> (Memory, Vec<(u32, Place)>) {
    let disk = Memory::default();
    let spool = open(&disk);
    let mut wrote = Vec::new();
    for number in 0..60 {
        let entry = spool
            .append(&u32::to_le_bytes(number), &body(number))
            .unwrap();
        wrote.push((number, entry.place()));
        if number % 3 == 0 {
            entry.done();
        }
    }
    assert!(disk.list().unwrap().len() > 2);
    (disk, wrote)
}

/// Scenario: a file ends at each of its bytes.
/// Guarantees: every entry that is whole before the cut is there, and the spool goes on behind it.
#[test]
fn a_torn_end_costs_the_entry_that_was_torn() {
    let disk = Memory::default();
    let spool = open(&disk);
    let mut ends = vec![8];
    for number in 0..4_u32 {
        drop(
            spool
                .append(&number.to_le_bytes(), &[number as u8; 40])
                .unwrap(),
        );
        ends.push(disk.length(1).unwrap());
    }
    for cut in 0..=disk.length(1).unwrap() {
        let torn = disk.copy();
        torn.cut(1, cut).unwrap();
        let spool = open(&torn);
        let whole = ends.iter().filter(|end| **end <= cut).count().max(1) - 1;
        assert_eq!(spool.claim().unwrap().len(), whole, "cut at {cut}");
        let last = ends.iter().rfind(|end| **end <= cut).copied();
        let ignored = last.map_or(0, |last| cut - last);
        assert_eq!(spool.figures().ignored_bytes, ignored, "cut at {cut}");
        drop(spool.append(&9_u32.to_le_bytes(), b"behind").unwrap());
        assert_eq!(open(&torn).claim().unwrap().len(), whole + 1);
    }
}

/// Scenario: a client writes a whole frame into its own data, and the head in front of it is damaged.
/// Guarantees: the frame within the data is not taken for an entry.
#[test]
fn data_that_looks_like_an_entry_is_none() {
    let disk = Memory::default();
    let spool = open(&disk);
    let forged = Place {
        reel: 1,
        at: 8 + 20 + 5,
    };
    let data = frame(forged, 666, b"forged");
    drop(spool.append(b"label", &data).unwrap());
    drop(spool);
    disk.flip(1, 8, 0);
    assert!(open(&disk).claim().unwrap().is_empty());
}

/// Scenario: more is appended than the spool may hold, then one entry after the other is done.
/// Guarantees: it is refused as full, and a reel goes with its last entry, which makes room; what is larger than the
/// whole spool is told so.
#[test]
fn a_full_spool_refuses_until_a_reel_goes() {
    let disk = Memory::default();
    let spool = open(&disk);
    let mut held = Vec::new();
    let body = vec![1; 10_000];
    let refusal = loop {
        match spool.append(b"label", &body) {
            Ok(entry) => held.push(entry),
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, AppendError::Full), "{refusal}");
    assert_eq!(spool.figures().bytes, disk.bytes());
    let reels = disk.list().unwrap().len();
    let first = held[0].place().reel;
    while held[0].place().reel == first {
        held.remove(0).done();
    }
    assert_eq!(disk.list().unwrap().len(), reels - 1);
    held.push(spool.append(b"label", &body).unwrap());
    let large = vec![1; SMALL.bytes_max as usize];
    let refusal = spool.append(b"label", &large).unwrap_err();
    assert!(matches!(refusal, AppendError::TooLarge), "{refusal}");
    assert_eq!(spool.figures().failures, 0);
    const { assert!(BODY_BYTES_MAX < u32::MAX as usize) };
}

/// Scenario: the disk refuses writes, also the cut of what it took half of; then it works again.
/// Guarantees: nothing is acknowledged meanwhile, failures are counted, and nothing that was refused is found later.
#[test]
fn a_disk_that_refuses_is_survived() {
    let disk = Memory::default();
    let spool = open(&disk);
    drop(spool.append(&1_u32.to_le_bytes(), b"before").unwrap());
    disk.fill_after(30);
    disk.refuse_cuts(true);
    for number in 2..5_u32 {
        let refusal = spool.append(&number.to_le_bytes(), &[0; 64]).unwrap_err();
        assert!(matches!(refusal, AppendError::Failed(_)), "{refusal}");
    }
    assert_eq!(spool.figures().failures, 3);
    disk.refuse_cuts(false);
    disk.revive();
    drop(spool.append(&5_u32.to_le_bytes(), b"behind").unwrap());
    drop(spool);
    let found: Vec<u32> = open(&disk).claim().unwrap().iter().map(number).collect();
    assert_eq!(found, [1, 5]);
}

/// Scenario: the disk takes a part of a request, in which a client wrote a whole frame just where the next request would end,
/// and refuses the rest, and to be cut; then it works again.
/// Guarantees: nothing is written over what was refused, so the client's frame is not taken for an entry.
#[test]
fn what_a_refused_write_leaves_is_no_entry() {
    let disk = Memory::default();
    let spool = open(&disk);
    drop(spool.append(&1_u32.to_le_bytes(), b"before").unwrap());
    let begin = disk.length(1).unwrap();
    let next = frame(Place { reel: 1, at: begin }, 2, b"behind");
    let forged = Place {
        reel: 1,
        at: begin + next.len() as u64,
    };
    let mut body = vec![0; 6];
    assert_eq!(begin + 24 + body.len() as u64, forged.at);
    body.extend(frame(forged, 666, b"evil"));
    disk.fill_after(24 + body.len() as u64);
    body.extend([0; 64]);
    disk.refuse_cuts(true);
    spool.append(&3_u32.to_le_bytes(), &body).unwrap_err();
    disk.revive();
    drop(spool.append(&2_u32.to_le_bytes(), b"behind").unwrap());
    drop(spool);
    let found: Vec<u32> = open(&disk).claim().unwrap().iter().map(number).collect();
    assert_eq!(found, [1, 2]);
}

fn frame(place: Place, number: u32, body: &[u8]) -> Vec<u8> {
    let label = number.to_le_bytes();
    let head = Head::new(place, &label, body).unwrap();
    [&head.bytes()[..], &label, body].concat()
}

/// Scenario: two processes are given one folder; the first ends; a file of another version lies in it.
/// Guarantees: the second is refused with what to do, and opens it once the first is gone; the file is not touched.
#[test]
fn a_folder_has_one_process_and_one_version() {
    let place = tempfile::tempdir().unwrap();
    let lock = || Folder::lock(place.path());
    let spool = Spool::open(lock().unwrap(), synced()).unwrap();
    drop(spool.append(b"label", b"body").unwrap());
    let refusal = lock().unwrap_err();
    assert!(matches!(refusal, SpoolError::InUse { .. }));
    assert!(refusal.to_string().contains("a directory of its own"));
    drop(spool);
    let spool = Spool::open(lock().unwrap(), synced()).unwrap();
    for claimed in spool.claim().unwrap() {
        assert_eq!(
            (
                claimed.label.as_slice(),
                claimed.entry.read().unwrap().as_slice()
            ),
            (&b"label"[..], &b"body"[..])
        );
        claimed.entry.done();
    }
    drop(spool);
    drop(Spool::open(lock().unwrap(), synced()).unwrap());
    assert_eq!(names(place.path()), ["lock"]);
    let file = place.path().join("00000000000000000007.spool");
    fs::write(&file, "TWSPOOL9 from the future").unwrap();
    let refusal = Spool::open(lock().unwrap(), synced()).unwrap_err();
    assert!(
        matches!(refusal, SpoolError::Foreign { reel: 7, .. }),
        "{refusal}"
    );
    assert!(file.exists());
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
