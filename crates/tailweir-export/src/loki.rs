//! The `loki` exporter of old: log records as lines of labelled streams, pushed to Loki's own endpoint.
//!
//! ```text
//! record + resource -> labels (hints, defaults) + structured metadata + line (json, logfmt, raw)
//!     -> streams of a tenant (protobuf, json) -> POST
//! ```
//!
//! What the records become is what the Collector's exporter made of them (v0.130.0, its last), which knew
//! no structured metadata: that is taken only where the settings want it. Each tenant
//! has requests of its own; where one of them fails for a time, all are sent again, and Loki drops the lines
//! that it has.

mod form;
mod labels;
mod line;
mod logfmt;
mod metadata;
mod push;

use crate::BuildError;
use crate::authorization::Authorization;
use crate::compression::Packing;
use crate::destination::{Accepted, Advice, Attempt, Destination, Failure};
use crate::http_post::{HttpPost, Url};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use push::{Push, Pushes, Wanted};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tailweir_config::{LokiEncoding, LokiExporter};
use tailweir_core::{ClientContext, Signal};

/// Where `loki` sends to.
pub struct Loki {
    post: HttpPost,
    url: Url,
    wanted: Wanted,
}

impl Loki {
    /// Checks the settings and reads certificates; connects at the first request.
    ///
    /// `authorization` is what the settings' `auth` names.
    ///
    /// # Errors
    ///
    /// The option that cannot be used.
    pub fn new(
        settings: &LokiExporter,
        authorization: Option<Arc<Authorization>>,
    ) -> Result<Self, BuildError> {
        let url = Url::parse("endpoint", &settings.client.endpoint)?;
        let content_type = match settings.encoding {
            LokiEncoding::Protobuf => "application/x-protobuf",
            LokiEncoding::Json => "application/json",
        };
        Ok(Self {
            post: HttpPost::new(&settings.client, content_type, url.is_secure, authorization)?,
            url,
            wanted: Wanted {
                encoding: settings.encoding,
                labels: settings.default_labels_enabled.clone(),
                metadata: settings.structured_metadata.clone(),
            },
        })
    }

    /// Sends the request of each tenant, those of the others too when one is refused. What one refuses for good counts as
    /// rejected, unless all do. Where one is to come again, all come again: a store drops lines that it has.
    async fn push(&self, requests: Bytes, client: &ClientContext) -> Result<Accepted, Failure> {
        let mut accepted = Accepted::default();
        let (mut any_taken, mut refusal, mut deferred) = (false, None, None);
        for push in push::read(&requests) {
            match self.push_one(&push, client).await {
                Ok(()) => any_taken = true,
                Err(failure) if failure.advice == Advice::GiveUp => {
                    accepted.rejected_items += push.items;
                    accepted.message.clone_from(&failure.message);
                    refusal = Some(failure);
                }
                Err(failure) => {
                    deferred.get_or_insert(failure);
                }
            }
        }
        match (deferred, refusal) {
            (Some(failure), _) => Err(failure),
            (None, Some(failure)) if !any_taken => Err(failure),
            _ => Ok(accepted),
        }
    }

    async fn push_one(&self, push: &Push<'_>, client: &ClientContext) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        if !push.tenant.is_empty() {
            let tenant = HeaderValue::from_bytes(push.tenant).map_err(|_| {
                Failure::permanent(
                    "the name of a tenant holds characters that a header cannot carry",
                )
            })?;
            headers.insert("x-scope-orgid", tenant);
        }
        let answer = self
            .post
            .send(&self.url, headers, push.body.clone(), client)
            .await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(answer.failure(&answer.text(), |status| status == 429 || status >= 500))
    }
}

impl Destination for Loki {
    fn encode(&self, _: Signal, body: Bytes) -> Result<Bytes, Failure> {
        let pushes = Pushes::of(&body, &self.wanted, unix_nanos());
        pushes.write(|request| match self.wanted.encoding {
            LokiEncoding::Json => self.post.packed(request.into()),
            LokiEncoding::Protobuf => Packing::Snappy.packed(&request, 0).map_err(|error| {
                Failure::permanent(format!("a request of {} bytes: {error}", request.len()))
            }),
        })
    }

    fn send<'a>(&'a self, _: Signal, requests: Bytes, client: &'a ClientContext) -> Attempt<'a> {
        Box::pin(self.push(requests, client))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a record without a time gets the present one"
)]
fn unix_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}
