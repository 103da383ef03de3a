//! The shop that the demo pretends to be: its services and what a visit makes them do.

/// A service of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Service {
    Storefront,
    Catalogue,
    Cart,
    Checkout,
    Payment,
    Stock,
    Shipping,
    Mail,
}

impl Service {
    /// Its `service.name`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Catalogue => "catalogue",
            Self::Cart => "cart",
            Self::Checkout => "checkout",
            Self::Payment => "payment",
            Self::Stock => "stock",
            Self::Shipping => "shipping",
            Self::Mail => "mail",
        }
    }

    /// The language its SDK is written in.
    pub(super) const fn language(self) -> &'static str {
        match self {
            Self::Storefront | Self::Mail => "nodejs",
            Self::Catalogue | Self::Stock => "go",
            Self::Cart | Self::Shipping => "python",
            Self::Checkout | Self::Payment => "java",
        }
    }
}

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request that the service answers; a call from another service gets a client span as well.
    Request,
    /// A statement sent to a database.
    Statement,
    /// Work inside the service.
    Work,
}

/// Something that can go wrong in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) exception: &'static str,
    pub(super) message: &'static str,
}

/// A step of a visit: becomes a span, with its sub-steps one after another inside it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) service: Service,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Its own work, least and most, in microseconds; sub-steps come on top.
    pub(super) work_micros: (u64, u64),
    pub(super) steps: &'static [Step],
    pub(super) fault: Option<Fault>,
    /// Sent long after everything else, as by a worker that wakes up now and then.
    pub(super) is_straggler: bool,
}

const fn step(service: Service, name: &'static str, kind: Kind, work_micros: (u64, u64)) -> Step {
    Step {
        service,
        name,
        kind,
        work_micros,
        steps: &[],
        fault: None,
        is_straggler: false,
    }
}

impl Step {
    const fn with(self, steps: &'static [Self]) -> Self {
        Self { steps, ..self }
    }

    const fn failing(self, exception: &'static str, message: &'static str) -> Self {
        let fault = Some(Fault { exception, message });
        Self { fault, ..self }
    }

    const fn straggling(self) -> Self {
        Self {
            is_straggler: true,
            ..self
        }
    }
}

use Kind::{Request, Statement, Work};
use Service::{Cart, Catalogue, Checkout, Mail, Payment, Shipping, Stock, Storefront};

const BROWSE: Step = step(Storefront, "GET /products", Request, (2_000, 9_000)).with(&[
    step(Catalogue, "GET /search", Request, (1_000, 4_000)).with(&[
        step(Catalogue, "SELECT products", Statement, (2_000, 30_000)).failing(
            "QueryTimeout",
            "canceling statement due to statement timeout",
        ),
        step(Catalogue, "rank results", Work, (500, 6_000)),
    ]),
    step(Stock, "GET /availability", Request, (800, 3_000)).with(&[step(
        Stock,
        "HGETALL stock",
        Statement,
        (200, 900),
    )]),
    step(Storefront, "render page", Work, (3_000, 12_000)),
]);

const ADD_TO_CART: Step = step(Storefront, "POST /cart", Request, (1_000, 5_000)).with(&[step(
    Cart,
    "PUT /items",
    Request,
    (1_000, 4_000),
)
.with(&[
    step(Cart, "HSET cart", Statement, (200, 1_500))
        .failing("ConnectionError", "connection reset by peer"),
    step(Stock, "POST /hold", Request, (500, 3_000)).with(&[step(
        Stock,
        "DECRBY stock",
        Statement,
        (200, 900),
    )]),
])]);

const BUY: Step = step(Storefront, "POST /checkout", Request, (3_000, 9_000)).with(&[
    step(Checkout, "POST /orders", Request, (2_000, 8_000)).with(&[
        step(Cart, "GET /items", Request, (500, 3_000)).with(&[step(
            Cart,
            "HGETALL cart",
            Statement,
            (200, 900),
        )]),
        step(Payment, "POST /charges", Request, (2_000, 9_000)).with(&[
            step(Payment, "score fraud", Work, (4_000, 20_000)),
            step(Payment, "authorise card", Work, (30_000, 90_000)).failing(
                "CardDeclined",
                "issuer declined the charge: insufficient funds",
            ),
        ]),
        step(Checkout, "INSERT orders", Statement, (1_000, 8_000)),
        step(Shipping, "POST /labels", Request, (5_000, 25_000))
            .failing("CarrierUnavailable", "carrier answered 503 three times"),
        step(Mail, "send confirmation", Work, (5_000, 40_000)).straggling(),
    ]),
    step(Storefront, "render page", Work, (3_000, 12_000)),
]);

/// The visits and how often each is made, in parts of a hundred.
pub(super) const VISITS: [(u32, &Step); 3] = [(60, &BROWSE), (25, &ADD_TO_CART), (15, &BUY)];
