//! `/debug/extensionz`: the extensions that run.

use super::{PAGES, Shown};
use crate::pages::Page;

pub(super) fn page(shown: &Shown<'_>) -> Page {
    let mut page = Page::new("extensionz", &PAGES);
    let Some(settings) = shown.settings.as_deref() else {
        page.fact("state", "the process ends");
        return page;
    };
    let rows = settings.service_extensions.iter().map(|id| {
        let (id, kind) = (id.to_string(), id.kind().to_owned());
        let mut addresses = shown.pages.addresses.iter();
        let address = addresses.find(|(of, _)| *of == id);
        let address = address.map(|(_, address)| address.to_string());
        [id, kind, address.unwrap_or_default()]
    });
    page.table("extensions that run", &["id", "type", "address"], rows);
    page
}
