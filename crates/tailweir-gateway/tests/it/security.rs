//! TLS, client certificates, credentials.

use crate::harness::{Fixture, sampling_yaml, traces_of};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use tailweir_testkit::{Sink, request, span, trace_id};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

fn body() -> Vec<u8> {
    request()
        .service("shop")
        .span(span(trace_id(1), 1).error())
        .bytes()
}

/// A certificate authority, and what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    fn sign(&self, usage: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }
}

fn client(authority: &Authority, identity: Option<&Identity>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
            let chain = vec![identity.certificate.clone()];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    })
}

/// Posts a trace over TLS; the status line of the answer, or why there was none.
async fn post(gateway: &Fixture, config: Arc<rustls::ClientConfig>) -> std::io::Result<String> {
    let stream = TcpStream::connect(gateway.http.unwrap()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, stream)
        .await?;
    let body = body();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Scenario: a receiver with TLS wants client certificates; clients come with the right one, one of
/// another authority, none, and in plain text.
/// Guarantees: only the right one is served.
///
/// Conforms: receiver `otlp` | traces | `tls` with `client_ca_file` | same
#[tokio::test(flavor = "multi_thread")]
async fn only_clients_with_the_right_certificate_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, foreign) = (Authority::new(), Authority::new());
    let server = ours.sign(ExtendedKeyUsagePurpose::ServerAuth);
    let tls = format!(
        "tls: {{cert_file: {}, key_file: {}, client_ca_file: {}}}",
        write(folder.path(), "cert.pem", &server.pem),
        write(folder.path(), "key.pem", &server.key.serialize_pem()),
        write(folder.path(), "ca.pem", &ours.issuer.pem()),
    );
    let sink = Sink::start();
    let yaml = sampling_yaml(&sink.endpoint()).replace("http: {", &format!("http: {{{tls}, "));
    let gateway = Fixture::start(&yaml).await;

    let right = ours.sign(ExtendedKeyUsagePurpose::ClientAuth);
    let answer = post(&gateway, client(&ours, Some(&right))).await.unwrap();
    assert_eq!(answer, "HTTP/1.1 200 OK");
    let wrong = foreign.sign(ExtendedKeyUsagePurpose::ClientAuth);
    for config in [
        client(&ours, Some(&wrong)),
        client(&ours, None),
        client(&foreign, Some(&right)),
    ] {
        let answer = post(&gateway, config).await;
        assert!(answer.as_ref().map_or(true, String::is_empty), "{answer:?}");
    }
    let mut plain = TcpStream::connect(gateway.http.unwrap()).await.unwrap();
    plain
        .write_all(b"POST /v1/traces HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");

    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).acknowledged.items, 1);
}

fn with_auth(yaml: &str, extension: &str, kind: &str) -> String {
    let auth = format!("auth: {{authenticator: {kind}}}, ");
    let yaml = yaml
        .replace("grpc: {", &format!("grpc: {{{auth}"))
        .replace("http: {", &format!("http: {{{auth}"))
        .replace("service:\n", &format!("service:\n  extensions: [{kind}]\n"));
    format!("extensions:\n  {kind}: {extension}\n{yaml}")
}

/// Scenario: receivers want a user name and a password; clients have the right ones, wrong ones, none.
/// Guarantees: only the right ones come in, over both protocols, and the others learn how to.
///
/// Conforms: receiver `otlp` | traces | `auth` over gRPC and HTTP | same
/// Conforms: extension `basicauth` | `htpasswd` with `inline` | same
#[tokio::test(flavor = "multi_thread")]
async fn only_known_users_come_in() {
    let sink = Sink::start();
    let hash = bcrypt::hash("tiger", 4).unwrap();
    let users = format!(
        "{{htpasswd: {{inline: 'scott:{}'}}}}",
        hash.replace('$', "$$")
    );
    let yaml = with_auth(&sampling_yaml(&sink.endpoint()), &users, "basicauth");
    let gateway = Fixture::start(&yaml).await;
    for (credentials, status) in [("scott:tiger", 200), ("scott:lion", 401), ("x:tiger", 401)] {
        let header = format!("Basic {}", STANDARD.encode(credentials));
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("authorization", header.as_str()),
        ];
        let answer = gateway
            .http(Method::POST, "/v1/traces", &headers, body())
            .await;
        assert_eq!(answer.status, status, "{credentials}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    }
    let status = gateway.send(Default::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).acknowledged.items, 1);
}

/// Scenario: receivers want a bearer token from a file.
/// Guarantees: only the token of the file comes in.
///
/// Conforms: extension `bearertokenauth` | `filename` with several tokens, for a receiver | same
#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_token_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "tokens", "secret-1\nsecret-2\n");
    let sink = Sink::start();
    let token = format!("{{filename: {file}}}");
    let yaml = with_auth(&sampling_yaml(&sink.endpoint()), &token, "bearertokenauth");
    let gateway = Fixture::start(&yaml).await;
    let mut client = TraceServiceClient::new(gateway.channel().await);
    for (token, is_right) in [("secret-2", true), ("secret-3", false), ("secret-", false)] {
        let sent = request().service("shop").span(span(trace_id(1), 1).error());
        let mut sent = tonic::Request::new(sent.message());
        let value = format!("Bearer {token}").parse().unwrap();
        sent.metadata_mut().insert("authorization", value);
        let answer = client.export(sent).await;
        assert_eq!(answer.is_ok(), is_right, "{token}");
        if let Err(status) = answer {
            assert_eq!(status.code(), Code::Unauthenticated);
            assert!(!status.message().contains(token));
        }
    }
    let books = gateway.finish().await;
    assert_eq!(traces_of(&books).acknowledged.items, 1);
}

/// Scenario: a token may come as a parameter of the URL; clients send the right one, a wrong one beside
/// the right header, and the right one under another name.
/// Guarantees: the named parameter counts like the header, and wins over it; no other does.
///
/// Conforms: receiver `otlp` | traces | `auth` with `request_params` over HTTP | same
/// Conforms: extension `bearertokenauth` | `token`, `header`, `scheme` | same
#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_the_url_can_carry_credentials() {
    let sink = Sink::start();
    let yaml = with_auth(
        &sampling_yaml(&sink.endpoint()),
        "{token: s3cret, header: X-Token, scheme: ''}",
        "bearertokenauth",
    );
    let http = "http: {auth: {";
    let yaml = yaml.replace(http, &format!("{http}request_params: [x-token], "));
    let gateway = Fixture::start(&yaml).await;
    for (query, header, status) in [
        ("?x-token=s3cret", "", 200),
        ("?x-token=wrong", "s3cret", 401),
        ("?token=s3cret", "", 401),
    ] {
        let headers = [("content-type", "application/json"), ("x-token", header)];
        let path = format!("/v1/traces{query}");
        let answer = gateway.http(Method::POST, &path, &headers, "{}").await;
        assert_eq!(answer.status, status, "{query}");
    }
    gateway.finish().await;
}
