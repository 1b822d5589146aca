use std::error::Error as StdError;

use llm::error::{ApiError, ErrorCode};

use super::resolver::NotPermitted;

/// Why a provider gave no answer. Holds no address and no words of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("the provider's address is one the operator does not allow")]
    NotPermitted,
    #[error("the provider cannot be reached")]
    NotReached,
    #[error("the provider did not answer in time")]
    Timeout,
    #[error("the provider broke the connection off")]
    Broken,
    #[error("the provider's answer is longer than allowed")]
    TooLong,
    #[error("the provider's answer could not be read")]
    Unreadable,
}

impl UpstreamError {
    pub(super) fn of_request(error: &hyper_util::client::legacy::Error) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(this) = cause {
            if this.is::<NotPermitted>() {
                return Self::NotPermitted;
            }
            cause = this.source();
        }
        // What exactly failed is for the machine's log; it may name hosts.
        tracing::warn!(error = error as &dyn StdError, "a provider could not be asked");
        if error.is_connect() { Self::NotReached } else { Self::Broken }
    }

    /// What the client is told.
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::NotPermitted | Self::NotReached | Self::TooLong | Self::Unreadable => {
                ErrorCode::UpstreamFailed
            }
            Self::Timeout => ErrorCode::UpstreamTimeout,
            Self::Broken => ErrorCode::UpstreamCut,
        }
    }
}

impl From<UpstreamError> for ApiError {
    fn from(error: UpstreamError) -> Self {
        let message = match error {
            UpstreamError::NotPermitted => {
                "The provider's address is one the operator of this server does not allow."
            }
            UpstreamError::NotReached => "The provider cannot be reached.",
            UpstreamError::Timeout => "The provider did not answer in time.",
            UpstreamError::Broken => "The provider broke the connection off before its answer was complete.",
            UpstreamError::TooLong => "The provider's answer is longer than this server reads.",
            UpstreamError::Unreadable => "The provider's answer could not be read.",
        };
        Self::new(error.code(), message)
    }
}
