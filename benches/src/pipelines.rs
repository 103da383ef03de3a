//! What components cost in a gateway: processor time of the whole process, beside that of a Collector.

use crate::component::{Addresses, Component, NOTHING, chosen};
use crate::drain::Drain;
use crate::gateway::{Subject, path};
use crate::load::{Plan as Sending, send_bodies};
use crate::process::{Server, free_address};
use crate::requests::requests;
use anyhow::{Result, ensure};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Signal;

/// Time for connections, caches and queues to settle before anything is measured.
const SETTLING: Duration = Duration::from_secs(2);
/// Time for what is queued to leave: it belongs to the records that were sent.
const DRAINING: Duration = Duration::from_millis(700);

/// What is measured.
pub(crate) struct Plan<'a> {
    /// Names of components; empty: all.
    pub(crate) only: &'a [String],
    /// One after the other, for each component and signal.
    pub(crate) subjects: &'a [Subject],
    /// Records a second; none: as fast as they are taken.
    pub(crate) rate: Option<u64>,
    /// For how long.
    pub(crate) length: Duration,
}

/// What one subject did in one run.
#[derive(Clone, Copy)]
struct Figures {
    nanos: f64,
    refused: u64,
}

/// Prints a line for each component and signal.
pub(crate) fn compare(plan: &Plan<'_>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    print!("{:<26} {:<8}", "ns a record", "signal");
    for subject in plan.subjects {
        print!(" {:>16} {:>7} {:>8}", subject.name, "above", "refused");
    }
    println!(" {:>7} {:>7}", "ratio", "above");
    let mut bare = BTreeMap::new();
    for component in chosen(plan.only)? {
        for &signal in component.signals {
            let measured = plan
                .subjects
                .iter()
                .map(|subject| runtime.block_on(measure(plan, subject, component, signal)))
                .collect::<Result<Vec<_>>>()?;
            print(component, signal, &measured, bare.get(&signal));
            if component.name == NOTHING {
                bare.insert(signal, measured);
            }
        }
    }
    Ok(())
}

async fn measure(
    plan: &Plan<'_>,
    subject: &Subject,
    component: &Component,
    signal: Signal,
) -> Result<Figures> {
    let drain = Drain::start().await?;
    let (listen, page) = (free_address()?, free_address()?);
    let [listening, page] = [listen, page].map(|address| address.to_string());
    let (sink, http_sink) = (drain.grpc.to_string(), drain.http.to_string());
    let addresses = Addresses {
        listen: &listening,
        page: &page,
        sink: &sink,
        http_sink: &http_sink,
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("gateway.yaml");
    fs::write(&file, component.configuration(signal, addresses))?;
    let server = Server::start(&subject.program, &["--config", path(&file)?], listen)?;
    let bodies = Arc::new(requests(signal).into_iter().map(Bytes::from).collect());
    let send = |length| {
        let sending = Sending::new(plan.rate, length);
        send_bodies(&listening, signal, &bodies, sending)
    };
    send(SETTLING).await?;
    let before = server.processor_time()?;
    let outcome = send(plan.length).await?;
    tokio::time::sleep(DRAINING).await;
    let used = server.processor_time()? - before;
    ensure!(
        drain.bytes() > 0 || component.keeps(),
        "{} delivered nothing of {}",
        subject.name,
        component.name
    );
    Ok(Figures {
        nanos: used.as_nanos() as f64 / outcome.spans() as f64,
        refused: outcome.refused,
    })
}

fn print(component: &Component, signal: Signal, all: &[Figures], bare: Option<&Vec<Figures>>) {
    print!("{:<26} {:<8}", component.name, signal.name());
    let above = |number: usize| Some(all.get(number)?.nanos - bare?.get(number)?.nanos);
    let dash = || "-".to_owned();
    for (number, figures) in all.iter().enumerate() {
        let above = above(number).map_or_else(dash, |nanos| format!("{nanos:.0}"));
        print!(" {:>16.0} {above:>7} {:>8}", figures.nanos, figures.refused);
    }
    if let [first, second] = all {
        print!(" {:>7.1}", second.nanos / first.nanos);
        let both = above(1).zip(above(0));
        let ratio = both.map_or_else(dash, |(second, first)| format!("{:.1}", second / first));
        print!(" {ratio:>7}");
    }
    println!();
}
