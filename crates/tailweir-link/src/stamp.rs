//! What every call says about where it comes from.

use crate::{Identity, Roles, Wire};
use http::HeaderMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

const CLUSTER: &str = "tailweir-cluster";
const NAME: &str = "tailweir-name";
const ROLES: &str = "tailweir-roles";
const INCARNATION: &str = "tailweir-incarnation";
const WIRE: &str = "tailweir-wire";
/// The incarnation for which the call is; a process that took its place does not answer it.
const ADDRESSEE: &str = "tailweir-to";

/// This process among the members.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) identity: Identity,
    /// Zero until the controllers have given one.
    pub(crate) incarnation: AtomicU64,
}

impl Own {
    pub(crate) fn incarnation(&self) -> Option<u64> {
        let incarnation = self.incarnation.load(Ordering::Relaxed);
        (incarnation != 0).then_some(incarnation)
    }
}

/// Writes into the metadata of each call where it comes from, and for which incarnation it is.
#[derive(Debug, Clone)]
pub struct Stamp {
    own: Arc<Own>,
    addressee: Option<u64>,
}

impl Stamp {
    pub(crate) fn new(own: Arc<Own>, addressee: Option<u64>) -> Self {
        Self { own, addressee }
    }
}

impl Interceptor for Stamp {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let identity = &self.own.identity;
        let metadata = request.metadata_mut();
        let roles = identity.roles().to_string();
        for (key, text) in [
            (CLUSTER, identity.cluster()),
            (NAME, identity.name()),
            (ROLES, &roles),
        ] {
            let value = MetadataValue::<Ascii>::try_from(text);
            let value = value.map_err(|_| Status::internal("an identity is not of ASCII"))?;
            metadata.insert(key, value);
        }
        metadata.insert(WIRE, Wire::NEWEST.0.into());
        for (key, incarnation) in [
            (INCARNATION, self.own.incarnation()),
            (ADDRESSEE, self.addressee),
        ] {
            if let Some(incarnation) = incarnation {
                metadata.insert(key, incarnation.into());
            }
        }
        Ok(request)
    }
}

/// What a call says about where it comes from; nothing of it is proven.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) identity: Identity,
    pub(crate) incarnation: Option<u64>,
    pub(crate) wire: Wire,
    pub(crate) addressee: Option<u64>,
}

/// The metadata lacks something, or has what cannot be there; the key.
#[derive(Debug)]
pub(crate) struct Unstamped(pub(crate) &'static str);

impl Claim {
    /// The version comes first: what the other keys mean depends on it.
    pub(crate) fn wire(headers: &HeaderMap) -> Result<Wire, Unstamped> {
        number(headers, WIRE)?
            .and_then(|wire| u32::try_from(wire).ok())
            .map(Wire)
            .ok_or(Unstamped(WIRE))
    }

    pub(crate) fn read(headers: &HeaderMap, wire: Wire) -> Result<Self, Unstamped> {
        let cluster = text(headers, CLUSTER)?.ok_or(Unstamped(CLUSTER))?;
        let name = text(headers, NAME)?.ok_or(Unstamped(NAME))?;
        let roles = text(headers, ROLES)?.ok_or(Unstamped(ROLES))?;
        let roles: Roles = roles.parse().map_err(|_| Unstamped(ROLES))?;
        Ok(Self {
            identity: Identity::new(cluster, roles, name).map_err(|_| Unstamped(NAME))?,
            incarnation: number(headers, INCARNATION)?,
            wire,
            addressee: number(headers, ADDRESSEE)?,
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, key: &'static str) -> Result<Option<&'a str>, Unstamped> {
    let value = headers.get(key).map(http::HeaderValue::to_str);
    value.transpose().map_err(|_| Unstamped(key))
}

fn number(headers: &HeaderMap, key: &'static str) -> Result<Option<u64>, Unstamped> {
    let number = text(headers, key)?.map(str::parse);
    number.transpose().map_err(|_| Unstamped(key))
}
