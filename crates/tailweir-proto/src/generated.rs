//! What the build script made of `/proto`.

/// Members, slots and policies: among controllers, and every process to them.
pub mod control {
    #![expect(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("tailweir.control.v1");
}

/// Spans: gateway to sampler, sampler to sampler.
pub mod peer {
    #![expect(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("tailweir.peer.v1");
}
