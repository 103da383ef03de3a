//! Connections over time.

use crate::harness::{Cluster, ended, listening, sampler_at, tell};
use std::time::Duration;
use tailweir_proto::peer;
use tailweir_testkit::Authority;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Scenario: all certificates are replaced by those of a new authority while members run: first both authorities are
/// trusted, then the members get new certificates, then the old authority goes.
/// Guarantees: connections can be made after each step, none that is open is cut, and at the end the old certificates
/// are worth nothing.
#[tokio::test]
async fn certificates_are_replaced_live() {
    let (cluster, new) = (Cluster::new(), Authority::new());
    let (one, other) = (
        cluster.link("a/sampler/one"),
        cluster.link("a/sampler/other"),
    );
    let late = cluster.link("a/sampler/late");
    let (server, notes) = listening(&one).await;
    let connected = other.channel(&sampler_at(&server)).unwrap();
    tell(connected.clone()).await.unwrap();
    let fresh = || tell(other.channel(&sampler_at(&server)).unwrap());
    let ca = cluster.folder.path().join("ca.pem");

    std::fs::write(&ca, format!("{}{}", cluster.authority.pem(), new.pem())).unwrap();
    fresh().await.unwrap();
    let member = |name: &str| {
        let signed = new.sign_uris(&[&format!("tailweir://a/sampler/{name}")]);
        let file = cluster.folder.path().join(format!("a-sampler-{name}"));
        std::fs::write(file.with_extension("pem"), signed.certificate).unwrap();
        std::fs::write(file.with_extension("key"), signed.key).unwrap();
    };
    member("one");
    fresh().await.unwrap();
    member("other");
    fresh().await.unwrap();
    std::fs::write(&ca, new.pem()).unwrap();
    fresh().await.unwrap();
    tell(connected).await.unwrap();
    assert_eq!(notes.callers().len(), 6);
    assert!(
        tell(late.channel(&sampler_at(&server)).unwrap())
            .await
            .is_err()
    );
}

/// Scenario: a server is stopped while one call is open that ends by itself, then while one is open that does not.
/// Guarantees: the first is finished; the second is cut after the grace, and nothing is left.
#[tokio::test]
async fn a_stop_lets_open_calls_finish() {
    let cluster = Cluster::new();
    let link = cluster.link("a/sampler/one");
    for ends in [true, false] {
        let (server, notes) = listening(&link).await;
        let channel = link.channel(&sampler_at(&server)).unwrap();
        let (letters, receiver) = mpsc::channel(1);
        let call = tokio::spawn(async move {
            let mut client = peer::peer_client::PeerClient::new(channel);
            ended(client.tell(ReceiverStream::new(receiver)).await).await
        });
        letters.send(peer::Letter::default()).await.unwrap();
        while notes.callers().is_empty() {
            tokio::task::yield_now().await;
        }
        if ends {
            drop(letters);
            assert!(server.stop(Duration::from_secs(30)).await);
            call.await.unwrap().unwrap();
        } else {
            assert!(!server.stop(Duration::from_millis(1)).await);
            assert!(call.await.unwrap().is_err());
            drop(letters);
        }
    }
}
