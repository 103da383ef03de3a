//! A part of a request finds its owner, or is refused.

use crate::network::{B, tenure};
use tailweir_placement::Epoch;
use tailweir_tenure::{Hop, Journey, Reply};

/// Scenario: a part is sent on by newer tables, to a pinned tenure, and is acknowledged.
/// Guarantees: the gateway follows.
#[test]
fn redirects_are_followed() {
    let mut journey = Journey::new(Epoch(4));
    let epoch = Epoch(5);
    assert_eq!(journey.next(Reply::Moved { epoch }), Hop::Route { epoch });
    let pinned = Reply::Pinned {
        tenure: tenure(1),
        owner: B,
        epoch,
    };
    assert_eq!(
        journey.next(pinned),
        Hop::Send {
            to: B,
            tenure: tenure(1)
        }
    );
    assert_eq!(journey.next(Reply::Acknowledged), Hop::Done);
}

/// Scenario: two nodes send a part to each other; one of them has an older table; a node cannot take it now.
/// Guarantees: after four hops, and on the first step back, the request is refused.
#[test]
fn no_part_goes_around_in_circles() {
    let mut journey = Journey::new(Epoch(4));
    let again = Reply::Moved { epoch: Epoch(4) };
    for _ in 0..Journey::HOPS_MAX {
        assert_eq!(journey.next(again), Hop::Route { epoch: Epoch(4) });
    }
    assert_eq!(journey.next(again), Hop::Refuse);
    let back = Reply::Moved { epoch: Epoch(3) };
    assert_eq!(Journey::new(Epoch(4)).next(back), Hop::Refuse);
    for reply in [
        Reply::Hold,
        Reply::NoSecondCopy,
        Reply::Behind { epoch: Epoch(3) },
    ] {
        assert_eq!(Journey::new(Epoch(4)).next(reply), Hop::Refuse);
    }
}
