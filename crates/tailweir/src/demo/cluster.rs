//! `tailweir demo --cluster`: three members as processes of their own, one of which is killed in the middle.

mod account;
mod backend;
mod member;

use super::client::{self, Gateways, Pace, Sent};
use super::workload::Workload;
use super::{seed_of_the_moment, status};
use crate::cli::DemoArguments;
use crate::status::{Books, StatusPage};
use crate::terminal::Terminal;
use account::Account;
use anyhow::{Context, ensure};
use backend::Backend;
use member::{Addresses, Member};
use std::fmt::Write;
use std::time::Duration;
use tokio::time::Instant;

/// How many members there are.
const MEMBERS: usize = 3;
/// How long they may take to become a cluster, and to come to rest at the end.
const FORMING_MAX: Duration = Duration::from_secs(60);
const SETTLING_MAX: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long the killed member stays away.
const ABSENCE: Duration = Duration::from_secs(3);

/// Runs the demo to its account.
///
/// # Errors
/// When the members form no cluster, or spans are refused for good or lost.
pub(super) async fn run(arguments: &DemoArguments, terminal: &Terminal) -> anyhow::Result<()> {
    let place = tempfile::tempdir().context("no room for the members' files")?;
    let backend = Backend::start().await?;
    let addresses = Addresses::choose(MEMBERS)?;
    let mut members = (0..MEMBERS)
        .map(|number| {
            Member::new(
                number,
                &addresses,
                place.path(),
                backend.address(),
                arguments.decision_wait,
            )
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    for member in &mut members {
        member.start()?;
    }
    form(&members, terminal).await?;
    let seed = arguments.seed.unwrap_or_else(seed_of_the_moment);
    let pace = Pace {
        traces_per_second: arguments.rate,
        duration: arguments.duration,
    };
    terminal.print(&format!(
        "sending {} traces a second for {:?} to all three (seed {seed})\n",
        pace.traces_per_second, pace.duration
    ))?;
    let mut account = Account::default();
    let mut gateways = Gateways::of(members.iter().map(Member::otlp))?;
    let mut workload = Workload::new(seed, arguments.decision_wait * 3 / 2);
    let sending = client::send(
        &mut gateways,
        &mut workload,
        pace,
        |_| {},
        |span| account.acknowledged(span),
    );
    let (sent, struck) = tokio::join!(sending, strike(&mut members, pace.duration, terminal));
    struck?;
    let sent = sent?;
    let books = settle(&members).await?;
    backend
        .spans()
        .into_iter()
        .for_each(|span| account.arrived(span));
    terminal.print(&summary(sent, &account, &books))?;
    for member in &mut members {
        member.stop().await?;
    }
    judge(sent, &account)
}

/// Waits until each member is ready.
async fn form(members: &[Member], terminal: &Terminal) -> anyhow::Result<()> {
    let deadline = Instant::now() + FORMING_MAX;
    for member in members {
        while !member.is_ready().await {
            ensure!(
                Instant::now() < deadline,
                "the members did not become a cluster within {FORMING_MAX:?}; {} says:\n{}",
                member.name(),
                member.last_words()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        terminal.print(&format!(
            "{} is ready: OTLP/gRPC on {}, admin on {}\n",
            member.name(),
            member.otlp(),
            member.admin()
        ))?;
    }
    Ok(())
}

/// Kills a member half way, without a word, and starts it again.
async fn strike(
    members: &mut [Member],
    duration: Duration,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    tokio::time::sleep(duration / 2).await;
    let victim = members.last_mut().context("no member")?;
    let held = match status(victim.admin()).await {
        Ok(page) => page.traces().held.items,
        Err(_) => 0,
    };
    victim.kill().await?;
    terminal.print(&format!(
        "{} is killed, with {held} spans of undecided traces in its memory\n",
        victim.name()
    ))?;
    tokio::time::sleep(ABSENCE).await;
    victim.start()?;
    terminal.print(&format!("{} is started again\n", victim.name()))?;
    Ok(())
}

/// Waits until all is decided and sent on at every member.
async fn settle(members: &[Member]) -> anyhow::Result<Vec<Books>> {
    let deadline = Instant::now() + SETTLING_MAX;
    loop {
        let mut pages: Vec<StatusPage> = Vec::new();
        for member in members {
            pages.push(status(member.admin()).await?);
        }
        let books: Vec<Books> = pages.iter().map(StatusPage::traces).collect();
        let is_settled = books.iter().all(|books| books.held.items == 0);
        if is_settled || Instant::now() >= deadline {
            return Ok(books);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn summary(sent: Sent, account: &Account, books: &[Books]) -> String {
    let mut text = String::new();
    let mut row = |label: &str, traces: u64, spans: u64| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {label:<34} {traces:>8} {spans:>10}");
    };
    let found = account.judge();
    row("sent", sent.traces, sent.spans);
    row("acknowledged", account.traces(), account.spans());
    row("kept, whole at the backend", found.whole.0, found.whole.1);
    row(
        "dropped, none at the backend",
        found.absent.0,
        found.absent.1,
    );
    row("broken", found.broken.0, found.broken.1);
    row("refused for good", 0, sent.refused_spans);
    row("at the backend more than once", 0, account.repeated());
    let head = format!(
        "\nWhat became of the traces, by what clients were told and what the backend has\n  {:<34} {:>8} {:>10}\n",
        "", "traces", "spans"
    );
    let lost: u64 = books.iter().map(|books| books.lost_in_all().items).sum();
    let verdict = if found.broken.1 == 0 && lost == 0 {
        "\nNothing that was acknowledged is lost, and no trace is in pieces.\n".to_owned()
    } else {
        format!("\nThe members count {lost} spans as lost.\n")
    };
    head + &text + &verdict
}

fn judge(sent: Sent, account: &Account) -> anyhow::Result<()> {
    ensure!(
        sent.refused_spans == 0,
        "{} spans were refused for good",
        sent.refused_spans
    );
    let broken = account.judge().broken;
    ensure!(
        broken.0 == 0,
        "{} traces are in pieces at the backend: {} acknowledged spans are missing",
        broken.0,
        broken.1
    );
    Ok(())
}
