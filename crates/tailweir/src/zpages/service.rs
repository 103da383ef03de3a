//! `/debug/servicez` and `/debug/featurez`: what runs, since when, and how.

use super::{PAGES, Shown};
use crate::pages::Page;
use std::time::Duration;
use tailweir_config::{ComponentId, Role};
use tailweir_core::ByteSize;

pub(super) fn page(shown: &Shown<'_>) -> Page {
    let process = shown.pages.view.process();
    let status = &shown.status;
    let mut page = Page::new("servicez", &PAGES);
    page.fact("version", &process.version);
    page.fact("phase", &process.phase);
    page.fact("started", &shown.pages.started);
    page.fact(
        "uptime",
        format!("{:?}", Duration::from_secs(status.uptime_seconds)),
    );
    page.fact("configuration", process.sources.join(", "));
    page.fact("revision", process.revision);
    page.fact("digest", &status.configuration);
    if let Some(refused) = &process.refused {
        page.fact("last reload refused", refused);
    }
    page.fact("in flight", super::in_flight(status));
    page.fact("held", ByteSize(status.admission.held_bytes));
    page.fact("parts started again", status.restarts);
    let addresses = status.addresses.iter();
    page.table(
        "receivers listen",
        &["receiver", "transport", "address"],
        addresses.map(|it| {
            let receiver = it.receiver.clone();
            [receiver, it.transport.to_owned(), it.address.to_string()]
        }),
    );
    components(&mut page, shown);
    let pages = PAGES.map(|(path, what)| [path.to_owned(), what.to_owned()]);
    page.table("pages", &["path", "what it shows"], pages);
    page
}

/// What is configured, used or not. Their settings are not shown: they may have come from the environment.
fn components(page: &mut Page, shown: &Shown<'_>) {
    let Some(settings) = shown.settings.as_deref() else {
        return;
    };
    for role in Role::ALL {
        let section = settings.effective()[role.section()].as_object();
        let ids = section.into_iter().flatten().map(|(id, _)| id);
        let rows = ids.filter_map(|id| ComponentId::parse(id).ok()).map(|id| {
            let kind = id.kind();
            let stability = stability(role, kind);
            [id.to_string(), kind.to_owned(), stability.to_owned()]
        });
        page.table(role.section(), &["id", "type", "stability"], rows);
    }
}

fn stability(role: Role, kind: &str) -> &'static str {
    let mut known = tailweir_config::components().filter(|known| known.role == role);
    let found = known.find(|known| known.name == kind || known.old_names.contains(&kind));
    found.map_or("", |known| known.stability.name())
}

/// The feature gates that are known.
pub(super) fn gates(shown: &Shown<'_>) -> Page {
    let mut page = Page::new("featurez", &PAGES);
    let gates = shown.pages.gates.iter();
    page.table(
        "feature gates of the Collector that mean something here",
        &["id", "on", "meaning"],
        gates.map(|gate| {
            let is_on = if gate.is_on { "yes" } else { "no" };
            [gate.id, is_on, gate.meaning].map(str::to_owned)
        }),
    );
    page
}
