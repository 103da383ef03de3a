//! What the build script made of `/proto`.

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
