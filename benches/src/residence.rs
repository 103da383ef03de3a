//! Memory for what is held, and what a large window costs beside a small one.

use crate::gateway::rounds;
use crate::window::{Window, five_policies};
use crate::workload::SPANS;
use anyhow::{Context, Result};
use std::time::{Duration, Instant};

const SMALL: u64 = 10_000;
const MILLION: u64 = 1 << 20;
const LARGE: u64 = 4 << 20;

/// Prints both.
pub(crate) fn print() -> Result<()> {
    let rounds = rounds();
    let before = resident_bytes()?;
    let mut window = Window::new(&rounds, &five_policies(), 2 * MILLION)?;
    (0..MILLION / SPANS as u64).try_for_each(|_| window.step())?;
    let wire = crate::gateway::bytes_per_span(&rounds) * MILLION as f64;
    let held = (resident_bytes()? - before) as f64;
    println!(
        "{MILLION} spans held: {:.3} resident bytes a wire byte",
        held / wire
    );
    let kept = window.empty();
    println!("all decided, {kept} spans kept");
    drop(window);

    let mut small = Window::new(&rounds, &five_policies(), SMALL)?;
    small.fill(SMALL)?;
    let mut large = Window::new(&rounds, &five_policies(), LARGE)?;
    large.fill(LARGE)?;
    // Interleaved, so that a slow moment of the machine hits both; the best of each counts.
    let (mut best_small, mut best_large) = (Duration::MAX, Duration::MAX);
    for _ in 0..9 {
        best_small = best_small.min(time(&mut small)?);
        best_large = best_large.min(time(&mut large)?);
    }
    let nanos = |time: Duration| time.as_nanos() as f64 / (200 * SPANS) as f64;
    println!(
        "{:.0} ns a span at {SMALL} held, {:.0} at {LARGE}",
        nanos(best_small),
        nanos(best_large)
    );
    println!("ratio {:.2}", nanos(best_large) / nanos(best_small));
    Ok(())
}

fn time(window: &mut Window) -> Result<Duration> {
    let began = Instant::now();
    (0..200).try_for_each(|_| window.step())?;
    Ok(began.elapsed())
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.context("an unreadable /proc/self/status")? << 10)
}
