//! TLS of clients and servers, over real connections.

use crate::support::{GrpcBackend, HttpBackend, Ledger, quick_retry, span, traces, while_running};
use http::Version;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{
    OtlpGrpcExporter, OtlpHttpExporter, Secret, ServerTls, TlsFiles, TlsVersion,
};
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, OtlpGrpc, OtlpHttp};
use tailweir_tls::{ClientConfigs, ServerConfigs};
use tokio::net::TcpListener;

/// An authority that signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Certificate and key for a name.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A folder of certificates.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    /// `NAME.pem` and `NAME.key`, read again at each connection.
    fn identity(&self, name: &str, (certificate, key): &(String, String)) -> TlsFiles {
        TlsFiles {
            cert_file: self.write(&format!("{name}.pem"), certificate),
            key_file: self.write(&format!("{name}.key"), key),
            reload_interval: Duration::from_nanos(1),
            ..TlsFiles::default()
        }
    }
}

fn server(files: TlsFiles, client_ca_file: String) -> Arc<ServerConfigs> {
    let tls = ServerTls {
        files,
        client_ca_file,
        client_ca_file_reload: false,
    };
    Arc::new(ServerConfigs::new(&tls, &["h2"]).unwrap())
}

/// An exporter to the server at `address`, whose name is `backend.test`.
fn exporter(address: SocketAddr, files: TlsFiles) -> Exporter {
    exporter_with(address, |settings| {
        settings.client.tls.files = files;
        settings.client.tls.server_name_override = "backend.test".to_owned();
    })
}

fn exporter_with(address: SocketAddr, change: impl FnOnce(&mut OtlpGrpcExporter)) -> Exporter {
    let mut settings = OtlpGrpcExporter::default();
    settings.client.endpoint = format!("localhost:{}", address.port());
    change(&mut settings);
    let queue = ExporterSettings {
        retry: Some(tailweir_export::Retry {
            max_elapsed_time: Duration::from_millis(1),
            ..quick_retry()
        }),
        ..ExporterSettings::of_otlp_grpc(&settings)
    };
    let destination = OtlpGrpc::new(&settings, None).unwrap();
    Exporter::new("otlp_grpc", Signal::Traces, Arc::new(destination), &queue)
}

/// Sends a request: whether it was delivered, and the last error.
async fn sent(exporter: &Exporter) -> (bool, String) {
    let ledger = Ledger::new();
    let body = traces([("shop", vec![span(1, 0, "GET /", 0, 10)])]);
    exporter.offer(ledger.parcel(1, body)).await.unwrap();
    while_running(exporter, ledger.settled(1)).await;
    (ledger.items() == (1, 0), exporter.snapshot().last_error)
}

/// Scenario: a server with a certificate, and clients that trust its authority, another one, its
/// authority for another name, nobody but without checking; and one that speaks plain text.
/// Guarantees: only the first and the unchecking one get through.
///
/// Conforms: exporter `otlp_grpc` | traces | `tls` with `ca_pem`, `server_name_override`, `insecure_skip_verify` |
/// same
#[tokio::test]
async fn a_server_must_show_a_certificate_that_the_client_trusts() {
    let (authority, other, folder) = (Authority::new(), Authority::new(), Folder::new());
    let files = folder.identity("server", &authority.sign("backend.test"));
    let backend = GrpcBackend::start_with_tls(server(files, String::new())).await;
    let trusting = |authority: &Authority| TlsFiles {
        ca_pem: Secret::new(authority.pem.clone()),
        ..TlsFiles::default()
    };
    let address = backend.address;
    assert!(sent(&exporter(address, trusting(&authority))).await.0);
    let (delivered, error) = sent(&exporter(address, trusting(&other))).await;
    assert!(
        !delivered && error.contains("invalid peer certificate"),
        "{error}"
    );
    let wrong_name = exporter_with(address, |settings| {
        settings.client.tls.files = trusting(&authority);
    });
    let (delivered, error) = sent(&wrong_name).await;
    assert!(!delivered && error.contains("localhost"), "{error}");
    let unchecking = exporter_with(address, |settings| {
        settings.client.tls.insecure_skip_verify = true;
    });
    assert!(sent(&unchecking).await.0);
    let plain = exporter_with(address, |settings| settings.client.tls.insecure = true);
    assert!(!sent(&plain).await.0);
    assert_eq!(backend.calls().len(), 2);
}

/// Scenario: a server that wants certificates of its clients; one has the right one, one that of another
/// authority, one none.
/// Guarantees: only the first gets through.
///
/// Conforms: exporter `otlp_grpc` | traces | `tls` with `ca_file`, `cert_file`, `key_file` | same
#[tokio::test]
async fn a_client_must_show_a_certificate_where_the_server_asks() {
    let (authority, other, folder) = (Authority::new(), Authority::new(), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem);
    let files = folder.identity("server", &authority.sign("backend.test"));
    let backend = GrpcBackend::start_with_tls(server(files, ca.clone())).await;
    let with = |identity: TlsFiles| TlsFiles {
        ca_file: ca.clone(),
        ..identity
    };
    let right = folder.identity("right", &authority.sign("client"));
    let wrong = folder.identity("wrong", &other.sign("client"));
    let mut delivered = Vec::new();
    for identity in [right, wrong, TlsFiles::default()] {
        delivered.push(sent(&exporter(backend.address, with(identity))).await.0);
    }
    assert_eq!(delivered, [true, false, false]);
}

/// Scenario: certificates on both sides are replaced, first half-way (a certificate without its key), then
/// whole, by those of another authority; connections are made anew each time.
/// Guarantees: a rotation caught half-way leaves the old ones in use; a whole one takes effect without a
/// restart of anything.
///
/// Conforms: receiver `otlp` | traces | certificates that change on disk | better: they take effect without a reload,
/// on both sides, and one that is caught half-way leaves the old ones in use
/// Conforms: exporter `otlp_grpc` | traces | certificates that change on disk | better: they take effect without a
/// reload, and one that is caught half-way leaves the old ones in use
#[tokio::test]
async fn certificates_are_replaced_live() {
    let (old, new, folder) = (Authority::new(), Authority::new(), Folder::new());
    let tls = server(
        folder.identity("server", &old.sign("backend.test")),
        String::new(),
    );
    let backend = GrpcBackend::start_with_tls(tls.clone()).await;
    let address = backend.address;
    let exporter = exporter(
        address,
        TlsFiles {
            ca_file: folder.write("ca.pem", &old.pem),
            reload_interval: Duration::from_nanos(1),
            ..TlsFiles::default()
        },
    );
    assert!(sent(&exporter).await.0);
    backend.kill().await;

    let (certificate, key) = new.sign("backend.test");
    folder.write("server.pem", &certificate);
    let backend = serve(address, &tls).await;
    assert!(sent(&exporter).await.0, "half a rotation changes nothing");
    backend.kill().await;

    folder.write("server.key", &key);
    folder.write("ca.pem", &new.pem);
    let backend = serve(address, &tls).await;
    assert!(sent(&exporter).await.0, "a whole rotation is followed");
    backend.kill().await;

    folder.write("ca.pem", &old.pem);
    let _backend = serve(address, &tls).await;
    assert!(
        !sent(&exporter).await.0,
        "the new authority is not trusted any more"
    );
}

async fn serve(address: SocketAddr, tls: &Arc<ServerConfigs>) -> GrpcBackend {
    let listener = TcpListener::bind(address).await.unwrap();
    GrpcBackend::serve(listener, Some(tls.clone()), [])
}

/// Scenario: the HTTP exporter and a server with TLS that offers HTTP/2 and HTTP/1.1, or the latter alone.
/// Guarantees: requests get through by the best version that both know.
///
/// Conforms: exporter `otlp_http` | traces | `tls` | same
#[tokio::test]
async fn http_is_spoken_over_tls() {
    let (authority, folder) = (Authority::new(), Folder::new());
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"][..], Version::HTTP_11),
    ] {
        let tls = ServerTls {
            files: folder.identity("server", &authority.sign("localhost")),
            ..ServerTls::default()
        };
        let tls = Arc::new(ServerConfigs::new(&tls, protocols).unwrap());
        let backend = HttpBackend::start_with_tls(tls).await;
        let mut settings = OtlpHttpExporter::default();
        settings.client.endpoint = format!("https://localhost:{}", backend.address.port());
        settings.client.tls.files.ca_pem = Secret::new(authority.pem.clone());
        let destination = Arc::new(OtlpHttp::new(&settings, None).unwrap());
        let queue = ExporterSettings::of_otlp_http(&settings);
        let exporter = Exporter::new("otlp_http", Signal::Traces, destination, &queue);
        let (delivered, error) = sent(&exporter).await;
        assert!(delivered, "{error}");
        assert_eq!(backend.requests()[0].version, version);
    }
}

/// Scenario: a client of TLS 1.2 at most, and a server of 1.3 at least.
/// Guarantees: they do not get together; each alone works with a partner of any version.
///
/// Conforms: receiver `otlp` | traces | `tls` with `min_version` | same
/// Conforms: exporter `otlp_grpc` | traces | `tls` with `max_version` | same
#[tokio::test]
async fn versions_are_bounded() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let identity = folder.identity("server", &authority.sign("backend.test"));
    let mut delivered = Vec::new();
    for (lowest, highest) in [
        (TlsVersion::V13, TlsVersion::V12),
        (TlsVersion::V13, TlsVersion::Unset),
        (TlsVersion::V10, TlsVersion::V12),
    ] {
        let files = TlsFiles {
            min_version: lowest,
            ..identity.clone()
        };
        let backend = GrpcBackend::start_with_tls(server(files, String::new())).await;
        let files = TlsFiles {
            ca_pem: Secret::new(authority.pem.clone()),
            max_version: highest,
            ..TlsFiles::default()
        };
        delivered.push(sent(&exporter(backend.address, files)).await.0);
    }
    assert_eq!(delivered, [false, true, true]);
}

/// Scenario: servers and clients whose files are missing, empty, damaged, or of two pairs.
/// Guarantees: each is refused at the start, with the option's name.
#[tokio::test]
async fn certificates_that_cannot_be_used_are_refused() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let good = folder.identity("good", &authority.sign("a"));
    let other = folder.identity("other", &authority.sign("a"));
    let refused = |files: TlsFiles| {
        let tls = ServerTls {
            files,
            ..ServerTls::default()
        };
        ServerConfigs::new(&tls, &[]).unwrap_err().to_string()
    };
    assert!(refused(TlsFiles::default()).contains("cert_file"));
    let with = |cert_file: String| TlsFiles {
        cert_file,
        ..good.clone()
    };
    assert!(refused(with("/missing.pem".to_owned())).contains("/missing.pem"));
    assert!(refused(with(folder.write("empty", ""))).contains("cert_file holds no certificate"));
    let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(refused(with(folder.write("damaged", damaged))).contains("cert_file holds damaged"));
    assert!(refused(with(other.cert_file)).contains("cannot be used"));
    let mut client = OtlpGrpcExporter::default().client.tls;
    client.server_name_override = "not a name".to_owned();
    assert!(
        ClientConfigs::new(&client, &[])
            .unwrap_err()
            .to_string()
            .contains("not a name")
    );
}
