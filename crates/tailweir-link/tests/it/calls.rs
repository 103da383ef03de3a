//! Which calls are let through.

use crate::harness::{Cluster, Log, ended, insecure, listening, sampler_at, tell};
use tailweir_link::{Peer, Reason, Roles, Server, Wire};
use tailweir_proto::peer;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

/// Scenario: one sampler tells another something, over TLS and in plain text, before and after it has an incarnation.
/// Guarantees: the service knows who called.
#[tokio::test]
async fn a_service_knows_its_caller() {
    let cluster = Cluster::new();
    for (one, other) in [
        (
            cluster.link("a/sampler/one"),
            cluster.link("a/gateway+sampler/other"),
        ),
        (
            insecure("a/sampler/one"),
            insecure("a/gateway+sampler/other"),
        ),
    ] {
        let (server, notes) = listening(&one).await;
        let channel = other.channel(&sampler_at(&server)).unwrap();
        tell(channel.clone()).await.unwrap();
        other.set_incarnation(7);
        tell(channel).await.unwrap();
        let callers = notes.callers();
        let incarnations: Vec<_> = callers.iter().map(|caller| caller.incarnation).collect();
        assert_eq!(incarnations, [None, Some(7)]);
        assert_eq!(&callers[0].identity, other.identity());
        assert_eq!(callers[0].wire, Wire::NEWEST);
        assert!(callers[0].address.ip().is_loopback());
    }
}

/// Scenario: a gateway calls what only samplers may, a method that nobody may, and a service that is not there yet.
/// Guarantees: it is refused; the service works once it is added.
#[tokio::test]
async fn roles_and_services_are_checked() {
    let log = Log::capture();
    let cluster = Cluster::new();
    let (server, notes) = listening(&cluster.link("a/sampler/server")).await;
    let gateway = cluster.link("a/gateway/client");
    let channel = gateway.channel(&sampler_at(&server)).unwrap();
    let status = tell(channel.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(
        status
            .message()
            .contains("a gateway may not call this: it is for sampler")
    );
    let logged = log.text();
    assert!(logged.contains("a gateway may not call this"), "{logged}");
    let mut client = peer::peer_client::PeerClient::new(channel);
    let parts = || tokio_stream::empty::<peer::Part>();
    assert_eq!(
        client.bring(parts()).await.unwrap_err().code(),
        Code::Unimplemented
    );
    let service = peer::peer_server::PeerServer::new(notes);
    server.add(service, &[("Bring", Roles::GATEWAY)]);
    assert!(client.bring(parts()).await.is_ok());
    assert_eq!(server.refused().count(Reason::Role), 1);
}

/// Scenario: calls for the incarnation that listens, for one before it, and for one while it has none.
/// Guarantees: only the first is answered.
#[tokio::test]
async fn a_call_reaches_the_life_that_is_meant() {
    let cluster = Cluster::new();
    let (one, other) = (
        cluster.link("a/sampler/one"),
        cluster.link("a/sampler/other"),
    );
    let (server, _) = listening(&one).await;
    let for_five = Peer {
        incarnation: Some(5),
        ..sampler_at(&server)
    };
    let channel = other.channel(&for_five).unwrap();
    let status = tell(channel.clone()).await.unwrap_err();
    assert!(status.message().contains("this has none yet"), "{status}");
    one.set_incarnation(5);
    tell(channel.clone()).await.unwrap();
    one.set_incarnation(9);
    let status = tell(channel).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(
        status.message().contains("for incarnation 5, this is 9"),
        "{status}"
    );
    assert_eq!(server.refused().count(Reason::OtherIncarnation), 2);
}

/// A call in plain text with metadata of the test's choice.
async fn forged(server: &Server, metadata: &[(&'static str, &'static str)]) -> Result<(), Status> {
    let endpoint = format!("http://{}", server.address());
    let channel = tonic::transport::Endpoint::from_shared(endpoint)
        .unwrap()
        .connect_lazy();
    let mut request = Request::new(tokio_stream::once(peer::Letter::default()));
    let mut map = MetadataMap::new();
    for &(key, value) in metadata {
        map.insert(key, value.parse().unwrap());
    }
    *request.metadata_mut() = map;
    let mut client = peer::peer_client::PeerClient::new(channel);
    ended(client.tell(request).await).await
}

/// Scenario: callers of the next version of the wire, of the one after, and of the one before.
/// Guarantees: neighbours are let in and speak the lower version; who is further away is told both versions.
#[tokio::test]
async fn neighbouring_versions_are_let_in() {
    let (server, notes) = listening(&insecure("a/sampler/server")).await;
    let call = |wire: &'static str| {
        let metadata = [
            ("tailweir-cluster", "a"),
            ("tailweir-name", "x"),
            ("tailweir-roles", "sampler"),
            ("tailweir-wire", wire),
        ];
        let server = &server;
        async move { forged(server, &metadata).await }
    };
    let newest = Wire::NEWEST.0;
    assert_eq!(newest, 1, "the versions below are written for it");
    for near in ["0", "1", "2"] {
        call(near).await.unwrap();
    }
    let wires: Vec<_> = notes.callers().iter().map(|caller| caller.wire).collect();
    assert_eq!(wires, [Wire(0), Wire(1), Wire(1)]);
    let status = call("3").await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(
        status
            .message()
            .contains("wire version 3 and this member's 1"),
        "{status}"
    );
    assert_eq!(server.refused().count(Reason::Wire), 1);
}

/// Scenario: calls without metadata, with parts of it, with damaged parts, and from another cluster.
/// Guarantees: each is refused with what is wrong, and none is answered.
#[tokio::test]
async fn a_call_says_where_it_comes_from() {
    let (server, notes) = listening(&insecure("a/sampler/server")).await;
    let whole = [
        ("tailweir-cluster", "a"),
        ("tailweir-name", "x"),
        ("tailweir-roles", "sampler"),
        ("tailweir-wire", "1"),
    ];
    for missing in 0..whole.len() {
        let mut part = whole.to_vec();
        let (key, _) = part.remove(missing);
        let status = forged(&server, &part).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        assert!(status.message().contains(key), "{status}");
    }
    for (key, value) in [
        ("tailweir-wire", "one"),
        ("tailweir-wire", "99999999999"),
        ("tailweir-roles", "king"),
        ("tailweir-name", "x/y"),
        ("tailweir-incarnation", "-1"),
        ("tailweir-to", "?"),
    ] {
        let mut damaged = whole.to_vec();
        damaged.retain(|(other, _)| *other != key);
        damaged.push((key, value));
        let status = forged(&server, &damaged).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{key}: {value}");
    }
    let mut other = whole.to_vec();
    other[0].1 = "b";
    let status = forged(&server, &other).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(
        status
            .message()
            .contains("of cluster \"a\", the caller of \"b\""),
        "{status}"
    );
    assert!(notes.callers().is_empty());
}

/// Scenario: a member's certificate is replaced by that of another member of the cluster.
/// Guarantees: its calls are refused, because they come from another member than the certificate says.
#[tokio::test]
async fn a_member_cannot_call_as_another() {
    let cluster = Cluster::new();
    let (server, notes) = listening(&cluster.link("a/sampler/server")).await;
    let files = cluster.files("a/sampler/x");
    let security = tailweir_link::Security::Tls(files.clone());
    let link =
        tailweir_link::Link::new(crate::harness::identity("a/sampler/x"), &security).unwrap();
    let other = cluster.files("a/sampler/y");
    std::fs::copy(&other.cert_file, &files.cert_file).unwrap();
    std::fs::copy(&other.key_file, &files.key_file).unwrap();
    let status = tell(link.channel(&sampler_at(&server)).unwrap())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(
        status.message().contains("is for tailweir://a/sampler/y"),
        "{status}"
    );
    assert_eq!(server.refused().count(Reason::OtherMember), 1);
    assert!(notes.callers().is_empty());
}
