//! What is below `/debug/pprof/`.

use super::recorder::{ProfileError, Purpose, Recording};
use crate::command_line::shown_command_line;
use crate::pages::{Form, answer};
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tailweir_gateway::Pages;

const ROOT: &str = "/debug/pprof";
const SECONDS_DEFAULT: u64 = 30;
/// Longest profile that is taken for somebody who asks.
const SECONDS_MAX: u64 = 300;
/// With it `go tool pprof` shows why there is no profile.
const TELLS_WHY: &str = "x-go-pprof";

const INDEX: &str = "profiles of this process

profile  processor time by functions, for `go tool pprof`; ?seconds= is how long it takes, 30 unless said, 300 at most
cmdline  the command line, without settings
";

/// Profiles of the Collector that are not there, and why.
const ABSENT: [(&str, &str); 8] = [
    (
        "heap",
        "the allocator notes no stacks; /metrics of the admin listener tells what each part holds",
    ),
    (
        "allocs",
        "the allocator notes no stacks; /debug/pprof/profile has the time that it takes",
    ),
    ("goroutine", "there are no goroutines"),
    ("threadcreate", "nothing notes what creates threads"),
    ("block", "nothing notes what tasks wait for"),
    ("mutex", "nothing notes what waits for mutexes"),
    (
        "trace",
        "execution traces are Go's; the extension zpages tells what is done",
    ),
    ("symbol", "profiles have the names of functions in them"),
];

/// The pages of one extension.
pub(crate) struct ProfilePages;

impl ProfilePages {
    async fn respond(request: &Request<()>) -> Response<Bytes> {
        let path = request.uri().path().trim_end_matches('/');
        match path.strip_prefix(ROOT).map(|it| it.trim_start_matches('/')) {
            Some("") => text(StatusCode::OK, INDEX.to_owned()),
            Some("cmdline") => text(StatusCode::OK, shown_command_line().join("\0")),
            Some("profile") => match seconds(request.uri().query()) {
                Ok(seconds) => Self::profile(Duration::from_secs(seconds)).await,
                Err(why) => text(StatusCode::BAD_REQUEST, why),
            },
            Some(name) => text(StatusCode::NOT_FOUND, absent(name)),
            None => text(
                StatusCode::NOT_FOUND,
                format!("everything is below {ROOT}/\n"),
            ),
        }
    }

    /// Records for this time. Whoever goes away meanwhile ends that.
    async fn profile(time: Duration) -> Response<Bytes> {
        let recorded = async {
            let recording = Recording::start(Purpose::Asked).await?;
            tracing::info!(seconds = time.as_secs(), "a profile is recorded");
            tokio::time::sleep(time).await;
            recording.finish().await
        };
        match recorded.await {
            Ok(profile) => packed(profile),
            Err(error) => text(status(&error), format!("{error}\n")),
        }
    }
}

impl Pages for ProfilePages {
    fn answer(
        self: Arc<Self>,
        request: Request<()>,
    ) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> {
        Box::pin(async move { Self::respond(&request).await })
    }
}

/// How long to record.
fn seconds(query: Option<&str>) -> Result<u64, String> {
    let mut pairs = query.unwrap_or("").split('&');
    let Some(asked) = pairs.find_map(|pair| pair.strip_prefix("seconds=")) else {
        return Ok(SECONDS_DEFAULT);
    };
    match asked.parse() {
        Ok(seconds) if (1..=SECONDS_MAX).contains(&seconds) => Ok(seconds),
        _ => Err(format!(
            "seconds has to be a whole number from 1 to {SECONDS_MAX}\n"
        )),
    }
}

fn absent(name: &str) -> String {
    let known = ABSENT.iter().find(|(absent, _)| *absent == name);
    match known {
        Some((name, why)) => format!("there is no {name} profile: {why}\n"),
        None => format!("there is no such profile; there are\n\n{INDEX}"),
    }
}

const fn status(error: &ProfileError) -> StatusCode {
    match error {
        ProfileError::Busy | ProfileError::WholeRun => StatusCode::SERVICE_UNAVAILABLE,
        ProfileError::NoSymbols => StatusCode::NOT_IMPLEMENTED,
        ProfileError::NoFolder | ProfileError::Profiler(_) | ProfileError::Ended => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn text(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = answer(status, Form::Text, text);
    let one = HeaderValue::from_static("1");
    response.headers_mut().insert(TELLS_WHY, one);
    response
}

fn packed(profile: Bytes) -> Response<Bytes> {
    let mut response = Response::new(profile);
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"profile\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{absent, seconds};

    /// Scenario: times as clients write them, and as they should not.
    /// Guarantees: without one it is 30 s; none takes longer than the limit or no time.
    #[test]
    fn a_profile_takes_a_bounded_time() {
        assert_eq!(seconds(None), Ok(30));
        assert_eq!(seconds(Some("debug=1&seconds=300")), Ok(300));
        for wrong in ["0", "301", "-1", "1.5", "", "99999999999999999999"] {
            let said = seconds(Some(&format!("seconds={wrong}"))).unwrap_err();
            assert!(said.contains("from 1 to 300"), "{said}");
        }
    }

    /// Scenario: profiles that the Collector has, and one that nobody has.
    /// Guarantees: each is answered with the reason, or with what there is.
    #[test]
    fn what_is_not_there_is_told_why() {
        assert_eq!(
            absent("goroutine"),
            "there is no goroutine profile: there are no goroutines\n"
        );
        assert!(absent("heap").contains("the allocator notes no stacks"));
        assert!(absent("none").contains("profile  processor time"));
    }
}
