//! Who gets a connection.

use crate::harness::{Cluster, Log, causes, identity, insecure, listening, sampler_at, tell};
use std::net::SocketAddr;
use std::sync::Arc;
use tailweir_config::TlsFiles;
use tailweir_link::{Link, LinkError, Peer, Reason, Role, Security, Server};
use tailweir_tls::ClientConfigs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

/// A TLS handshake by hand; returns once the server has closed the connection.
async fn knock(address: SocketAddr, config: Arc<ClientConfig>) {
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    if let Ok(mut stream) = TlsConnector::from(config).connect(name, tcp).await {
        // Whether the end is an alert or just the end depends on the version of TLS.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

fn as_member(files: &TlsFiles) -> Arc<ClientConfig> {
    ClientConfigs::mutual(files, &["h2"]).unwrap().current()
}

/// Trusts the authority, shows no certificate.
fn anonymous(cluster: &Cluster) -> Arc<ClientConfig> {
    let mut tls = tailweir_config::ClientTls {
        insecure_skip_verify: true,
        ..Default::default()
    };
    tls.files.ca_file = cluster.files("a/sampler/x").ca_file;
    ClientConfigs::new(&tls, &["h2"]).unwrap().current()
}

/// Scenario: clients with no certificate, one that expired, one of another authority, one that names nobody, one
/// that names two members, and one of another cluster of the same authority.
/// Guarantees: none gets a connection; each is counted by its reason, and the log says why.
#[tokio::test]
async fn strangers_get_no_connection() {
    let log = Log::capture();
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let (server, _) = listening(&cluster.link("a/sampler/server")).await;
    let (authority, folder) = (&cluster.authority, cluster.folder.path());
    let signed = |name: &str, uris: &[&str]| {
        as_member(&authority.write(folder, name, &authority.sign_uris(uris)))
    };
    let uri = "tailweir://a/sampler/x";
    let expired = authority.write(folder, "expired", &authority.sign_expired(&[uri]));
    let foreign = TlsFiles {
        ca_file: expired.ca_file.clone(),
        ..other.files("a/sampler/x")
    };
    for (config, reason, line) in [
        (
            anonymous(&cluster),
            Reason::Handshake,
            "sent no certificates",
        ),
        (
            as_member(&expired),
            Reason::Handshake,
            "certificate expired",
        ),
        (
            as_member(&foreign),
            Reason::Handshake,
            "invalid peer certificate",
        ),
        (
            signed("nobody", &["https://a/sampler/x"]),
            Reason::NoIdentity,
            "for no tailweir://",
        ),
        (
            signed("two", &[uri, "tailweir://a/sampler/y"]),
            Reason::NoIdentity,
            "more than one",
        ),
        (
            signed("cluster", &["tailweir://b/sampler/x"]),
            Reason::OtherCluster,
            "tailweir://b/sampler/x",
        ),
    ] {
        let before = server.refused().count(reason);
        knock(server.address(), config).await;
        assert_eq!(server.refused().count(reason), before + 1, "{line}");
    }
    let text = log.text();
    for line in [
        "a peer is refused",
        "sent no certificates",
        "for no tailweir://",
        "tailweir://b/sampler/x",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

/// Sends bytes and returns once the server has closed the connection.
async fn send(server: &Server, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Scenario: HTTP/2 in plain text to a port of TLS, and a TLS handshake to a port of plain text.
/// Guarantees: both are refused, and the log says which side has to be configured otherwise.
#[tokio::test]
async fn plain_text_and_tls_do_not_meet() {
    let log = Log::capture();
    let cluster = Cluster::new();
    let (secure, _) = listening(&cluster.link("a/sampler/server")).await;
    send(&secure, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(secure.refused().count(Reason::PlainText), 1);
    let (plain, _) = listening(&insecure("a/sampler/server")).await;
    knock(plain.address(), as_member(&cluster.files("a/sampler/x"))).await;
    assert_eq!(plain.refused().count(Reason::Tls), 1);
    let text = log.text();
    assert!(text.contains("plain text on a port of TLS"), "{text}");
    assert!(text.contains("TLS on a port of plain text"), "{text}");
}

/// Scenario: a client dials an address at which there is a member of another cluster, of another name, of another role,
/// of another authority, and one with a certificate that expired.
/// Guarantees: it does not call it, and the error says who is there.
#[tokio::test]
async fn a_client_calls_only_whom_it_means() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let link = cluster.link("a/sampler/client");
    let named = |server: &Server| Peer {
        name: Some("m".into()),
        ..sampler_at(server)
    };
    for (server, text) in [
        (
            cluster.link("b/sampler/m"),
            "is of cluster \"b\", not \"a\"",
        ),
        (cluster.link("a/sampler/n"), "is \"n\", not \"m\""),
        (
            cluster.link("a/gateway/m"),
            "tailweir://a/gateway/m, no sampler",
        ),
        (other.link("a/sampler/m"), "invalid peer certificate"),
    ] {
        let (server, notes) = listening(&server).await;
        let status = tell(link.channel(&named(&server)).unwrap())
            .await
            .unwrap_err();
        assert!(causes(&status).contains(text), "{}", causes(&status));
        assert!(notes.callers().is_empty());
    }
    let authority = &cluster.authority;
    let uri = "tailweir://a/sampler/m";
    let expired = authority.write(
        cluster.folder.path(),
        "old",
        &authority.sign_expired(&[uri]),
    );
    let expired = Link::new(identity("a/sampler/m"), &Security::Tls(expired)).unwrap();
    let (server, _) = listening(&expired).await;
    let status = tell(link.channel(&named(&server)).unwrap())
        .await
        .unwrap_err();
    assert!(causes(&status).contains("expired"), "{}", causes(&status));
}

/// Scenario: a member whose certificate is for another member, for fewer roles, or for nobody; one without an
/// authority; addresses that are none.
/// Guarantees: it does not start, and the error says what does not fit.
#[tokio::test]
async fn a_member_must_have_its_own_certificate() {
    let cluster = Cluster::new();
    let start = |member: &str, files: TlsFiles| Link::new(identity(member), &Security::Tls(files));
    let files = cluster.files("a/sampler/m");
    for member in ["b/sampler/m", "a/sampler/n", "a/gateway+sampler/m"] {
        let error = start(member, files.clone()).unwrap_err();
        assert!(matches!(error, LinkError::NotOurs { .. }), "{error}");
    }
    let hosts = cluster.authority.sign_hosts(&["m"]);
    let hosts = cluster
        .authority
        .write(cluster.folder.path(), "hosts", &hosts);
    assert!(matches!(
        start("a/sampler/m", hosts).unwrap_err(),
        LinkError::Identity(_)
    ));
    let no_authority = TlsFiles {
        ca_file: String::new(),
        ..files.clone()
    };
    let error = start("a/sampler/m", no_authority).unwrap_err().to_string();
    assert!(error.contains("set ca_file"), "{error}");
    let link = start("a/sampler/m", files).unwrap();
    for address in ["sampler-0", "sampler-0:4319/path", "", "a b:1"] {
        let peer = Peer {
            address: address.into(),
            role: Role::Sampler,
            name: None,
            incarnation: None,
        };
        assert!(
            matches!(link.channel(&peer), Err(LinkError::Address { .. })),
            "{address}"
        );
    }
    let error = link.listen("192.0.2.1:1").await.unwrap_err().to_string();
    assert!(
        error.contains("192.0.2.1:1 cannot be listened on"),
        "{error}"
    );
}
