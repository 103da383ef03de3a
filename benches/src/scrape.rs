//! A scraper asks for a page of many series.

use crate::component::{Addresses, COMPONENTS};
use crate::gateway::{Subject, path};
use crate::load::send_once;
use crate::process::{Server, free_address};
use crate::requests::series;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tailweir_core::Signal;

/// Scrapes of each kind and subject, in turns; the median counts.
const SCRAPES: usize = 7;

/// What a scraper accepts: a name for the table, and its headers.
const KINDS: &[(&str, &str)] = &[
    ("text", "Accept: text/plain;version=0.0.4\r\n"),
    (
        "text, gzip",
        "Accept: text/plain;version=0.0.4\r\nAccept-Encoding: gzip\r\n",
    ),
    (
        "OpenMetrics",
        "Accept: application/openmetrics-text;version=1.0.0\r\n",
    ),
    (
        "protobuf",
        "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n",
    ),
];

/// One scrape.
struct Scrape {
    time: Duration,
    processor: Duration,
    bytes: usize,
}

/// A subject that shows series.
struct Shown<'a> {
    subject: &'a Subject,
    server: Server,
    page: String,
}

/// Gives every subject the same series and prints a line for each kind of page and subject.
pub(crate) fn compare(subjects: &[Subject], count: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let mut shown = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        let (listen, page) = (free_address()?, free_address()?.to_string());
        let listening = listen.to_string();
        let addresses = Addresses {
            listen: &listening,
            page: &page,
            ..Addresses::NONE
        };
        let file = folder.path().join(format!("{number}.yaml"));
        let mut all = COMPONENTS.iter();
        let component = all.find(|component| component.name == "prometheus");
        let component = component.context("no page among the components")?;
        fs::write(&file, component.configuration(Signal::Metrics, addresses))?;
        let server = Server::start(&subject.program, &["--config", path(&file)?], listen)?;
        runtime.block_on(send_once(&listening, Signal::Metrics, series(count)))?;
        shown.push(Shown {
            subject,
            server,
            page,
        });
    }
    for (kind, headers) in KINDS {
        let mut scrapes: Vec<Vec<Scrape>> = shown.iter().map(|_| Vec::new()).collect();
        for _ in 0..SCRAPES {
            for (shown, scrapes) in shown.iter().zip(&mut scrapes) {
                scrapes.push(shown.scrape(headers)?);
            }
        }
        for (shown, scrapes) in shown.iter().zip(&mut scrapes) {
            scrapes.sort_by_key(|scrape| scrape.time);
            let Some(median) = scrapes.get(SCRAPES / 2) else {
                continue;
            };
            println!(
                "{kind:<12} {:<16} {:>8.1} ms, {:>8.1} ms of the server's processor, {:>7.2} MB",
                shown.subject.name,
                median.time.as_secs_f64() * 1e3,
                median.processor.as_secs_f64() * 1e3,
                median.bytes as f64 / 1e6
            );
        }
    }
    for shown in &shown {
        let resident = shown.server.resident_bytes()? as f64 / 1e6;
        println!("{}: {resident:.0} MB resident", shown.subject.name);
    }
    Ok(())
}

impl Shown<'_> {
    fn scrape(&self, headers: &str) -> Result<Scrape> {
        let before = self.server.processor_time()?;
        let began = Instant::now();
        let mut stream = TcpStream::connect(&self.page)?;
        let page = &self.page;
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {page}\r\n{headers}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let (mut bytes, mut start, mut buffer) = (0, Vec::new(), vec![0; 1 << 20]);
        loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            if start.len() < 12 {
                start.extend_from_slice(&buffer[..read.min(12)]);
            }
            bytes += read;
        }
        ensure!(
            start.starts_with(b"HTTP/1.1 200"),
            "{} refused a scrape",
            self.subject.name
        );
        Ok(Scrape {
            time: began.elapsed(),
            processor: self.server.processor_time()? - before,
            bytes,
        })
    }
}
