//! Why a gateway cannot start, or cannot change.

use std::io;
use tailweir_config::{ComponentId, PipelineId};
use tailweir_connect::ConnectError;
use tailweir_export::BuildError;
use tailweir_policy::CompileError;
use tailweir_tls::TlsError;

pub use crate::ingress::auth::AuthError;

/// Why settings cannot be put into force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Policies of a `tail_sampling` processor do not compile.
    #[error("{processor}: {}", list(errors))]
    Policies {
        /// The processor.
        processor: ComponentId,
        /// What is wrong, with places.
        errors: Vec<CompileError>,
    },
    /// A processor does not compile, or does not fit its pipeline.
    #[error("{processor}: {message}")]
    Processor {
        /// The processor.
        processor: ComponentId,
        /// What is wrong.
        message: String,
    },
    /// A connector cannot be made of its settings.
    #[error("{connector}: {source}")]
    Connector {
        /// The connector.
        connector: ComponentId,
        /// What is wrong.
        source: Box<ConnectError>,
    },
    /// An exporter cannot be built.
    #[error("{exporter}: {source}")]
    Exporter {
        /// The exporter.
        exporter: ComponentId,
        /// What is wrong.
        source: BuildError,
    },
    /// A storage cannot be used.
    #[error("{extension}: {message}")]
    Storage {
        /// The extension.
        extension: ComponentId,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The storage that an exporter names does not run.
    #[error(
        "{exporter}: its storage {storage} is not among service::extensions, or is no file_storage"
    )]
    NoStorage {
        /// The exporter.
        exporter: ComponentId,
        /// What it names.
        storage: ComponentId,
    },
    /// The authenticator that a component names does not run.
    #[error(
        "{component}: its authenticator {authenticator} is not among service::extensions, or is none"
    )]
    NoAuthenticator {
        /// Who names it.
        component: ComponentId,
        /// Whom it names.
        authenticator: String,
    },
    /// The credentials of a server cannot be set up.
    #[error("{authenticator}: {source}")]
    Auth {
        /// The extension.
        authenticator: ComponentId,
        /// What is wrong.
        source: AuthError,
    },
    /// TLS of a server cannot be set up.
    #[error("{component}: {source}")]
    Tls {
        /// The receiver, or the exporter that is scraped.
        component: ComponentId,
        /// What is wrong.
        source: TlsError,
    },
    /// A receiver, or an exporter that is scraped, cannot listen.
    #[error("{component} cannot listen on {endpoint}: {source}")]
    Bind {
        /// Which.
        component: ComponentId,
        /// Where it should.
        endpoint: String,
        /// What the system says.
        source: io::Error,
    },
    /// A pipeline ends in more ways than there may be.
    #[error("{pipeline} has more than {limit} exporters")]
    TooManyWays {
        /// The pipeline.
        pipeline: PipelineId,
        /// The bound.
        limit: usize,
    },
    /// Something that the configuration's checks should have found.
    #[error("{component}: {detail}")]
    Unusable {
        /// The component.
        component: ComponentId,
        /// What is wrong.
        detail: &'static str,
    },
    /// A pattern of paths is none.
    #[error("{receiver}: {message}")]
    Pattern {
        /// The receiver.
        receiver: ComponentId,
        /// What is wrong with which.
        message: String,
    },
    /// A job of a receiver that scrapes cannot run.
    #[error("{receiver}: {option}: {message}")]
    Scraping {
        /// The receiver.
        receiver: ComponentId,
        /// The option, its path within the receiver's block.
        option: String,
        /// What is wrong.
        message: String,
        /// Whether nothing but a file that the option names is wrong: it cannot be read.
        is_unreadable: bool,
    },
    /// The gateway has stopped.
    #[error("the gateway has stopped")]
    Stopped,
    /// No actor could be started.
    #[error("the supervisor cannot be started: {0}")]
    Supervisor(String),
}

fn list(errors: &[CompileError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
