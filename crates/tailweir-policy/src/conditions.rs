//! OTTL conditions of one policy.

use crate::error::CompileErrorCause;
use crate::evaluation::Failed;
use tailweir_config::OttlErrorMode;
use tailweir_otlp::TraceView;

/// Conditions on spans and on span events, of which one must hold.
#[derive(Debug)]
pub(crate) struct Conditions {
    error_mode: OttlErrorMode,
}

impl Conditions {
    pub(crate) fn compile(
        error_mode: OttlErrorMode,
        span: &[String],
        _event: &[String],
    ) -> Result<Self, Vec<CompileErrorCause>> {
        if span.is_empty() {
            return Err(vec![CompileErrorCause::NoCondition]);
        }
        Ok(Self { error_mode })
    }

    /// Whether a condition that fails makes the policy fail.
    pub(crate) fn propagates(&self) -> bool {
        self.error_mode == OttlErrorMode::Propagate
    }

    pub(crate) fn hold(&self, _trace: &TraceView<'_>) -> Result<bool, Failed> {
        Ok(false)
    }
}
