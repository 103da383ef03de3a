//! Requests to the API.

use http::header::ACCEPT;
use http::{Method, Request, Uri};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use std::time::Duration;
use tailweir_config::KubernetesAuth;
use tailweir_kubernetes::{AnswerError, Lines};
use tokio::time::timeout;

/// Bytes of a page, or of an event, at most.
const ANSWER_MAX: usize = 32 << 20;
/// Time for an answer to begin, and for a page to arrive.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
/// Time in which a watch says nothing. The API ends each before that.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Why an answer did not come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// It came, and is of no use.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The API cannot be reached, or not be understood.
    #[error("the API cannot be asked: {0}")]
    Client(String),
    /// It takes too long.
    #[error("the API does not answer within {0:?}")]
    Slow(Duration),
}

impl AskError {
    /// A chain of errors says only at its end what happened.
    fn client(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let said = inner.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            source = inner.source();
        }
        Self::Client(text.chars().take(400).collect())
    }
}

/// A way to the API.
pub(crate) struct Connection {
    client: Client,
    /// Where it is, as messages show it.
    address: Uri,
}

impl Connection {
    /// Reads who one is and where the API is; asks nothing yet. `context` is that of a kubeconfig, its current one if
    /// empty.
    pub(crate) async fn new(auth: KubernetesAuth, context: &str) -> Result<Self, String> {
        let mut config = match auth {
            KubernetesAuth::ServiceAccount => Config::incluster().map_err(|error| {
                format!(
                    "`auth_type: serviceAccount` needs a pod with the token of a service account: {}",
                    AskError::client(&error)
                )
            })?,
            KubernetesAuth::KubeConfig => of_file(context).await?,
            KubernetesAuth::None => of_environment()?,
        };
        config.disable_compression = true;
        let address = config.cluster_url.clone();
        let client = Client::try_from(config);
        let client = client.map_err(|error| AskError::client(&error).to_string())?;
        Ok(Self { client, address })
    }

    pub(crate) const fn address(&self) -> &Uri {
        &self.address
    }

    /// A whole page.
    pub(crate) async fn page(&self, path: &str, accept: &str) -> Result<Vec<u8>, AskError> {
        let read = async {
            let body = self.ask(path, accept).await?;
            whole(body, ANSWER_MAX).await
        };
        let read = timeout(ANSWER_WAIT, read).await;
        read.unwrap_or(Err(AskError::Slow(ANSWER_WAIT)))
    }

    /// Events, as they come.
    pub(crate) async fn events(&self, path: &str, accept: &str) -> Result<Events, AskError> {
        let asked = timeout(ANSWER_WAIT, self.ask(path, accept)).await;
        Ok(Events {
            body: asked.unwrap_or(Err(AskError::Slow(ANSWER_WAIT)))?,
            lines: Lines::new(ANSWER_MAX),
        })
    }

    async fn ask(&self, path: &str, accept: &str) -> Result<Body, AskError> {
        let request = Request::builder().method(Method::GET).uri(path);
        let request = request.header(ACCEPT, accept).body(Body::empty());
        let request = request.map_err(|error| AskError::client(&error))?;
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| AskError::client(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let said = whole(answer.into_body(), ANSWER_MAX).await?;
        Err(AnswerError::of_status(status.as_u16(), &said).into())
    }
}

/// The events of a watch.
pub(crate) struct Events {
    body: Body,
    lines: Lines,
}

impl Events {
    /// The next one; nothing when the API ended the watch.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, AskError> {
        loop {
            if let Some(line) = self.lines.pop() {
                return Ok(Some(line));
            }
            let frame = timeout(SILENCE_MAX, self.body.frame()).await;
            match frame.map_err(|_| AskError::Slow(SILENCE_MAX))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(AskError::client(&error)),
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.lines.push(bytes)?;
                    }
                }
            }
        }
    }
}

async fn whole(mut body: Body, limit: usize) -> Result<Vec<u8>, AskError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| AskError::client(&error))?;
        let piece = frame.data_ref().map_or(&[][..], |piece| piece);
        if bytes.len() + piece.len() > limit {
            return Err(AnswerError::TooLong { limit }.into());
        }
        bytes.extend_from_slice(piece);
    }
    Ok(bytes)
}

async fn of_file(context: &str) -> Result<Config, String> {
    let options = KubeConfigOptions {
        context: Some(context.to_owned()).filter(|context| !context.is_empty()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_kubeconfig(&options).await;
    config.map_err(|error| {
        let why = AskError::client(&error);
        format!("`auth_type: kubeConfig`: {why}")
    })
}

/// The API of the cluster that this pod is in, asked as nobody.
fn of_environment() -> Result<Config, String> {
    let variable = |name: &str| {
        let value = std::env::var(name);
        value.map_err(|_| format!("`auth_type: none` needs the variable {name}"))
    };
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host,
    };
    let address = format!("https://{host}:{port}").parse();
    let address = address.map_err(|_| format!("{host}:{port} is no address of an API"))?;
    let mut config = Config::new(address);
    config.accept_invalid_certs = true;
    Ok(config)
}
