//! Tenure: the right of a singleton's instance to have effects, as long as it is valid.
//!
//! The framework checks it before the start, each message and each effect (reply, request, timer, monitor, spawn) of the actor
//! that has it. Who grants it, and by which clock it ends, is not known here.

use std::fmt;
use std::sync::Arc;

use crate::stamp::Stamp;

/// Whether a tenure still holds. Asked before every effect, so it must be cheap, and must neither block nor panic.
pub trait Validity: Send + Sync + 'static {
    /// False from the first instant at which the actor must not have effects any more; it never turns true again.
    fn is_valid(&self) -> bool;
}

/// The tenure of one instance of a singleton: its fencing token and its validity.
#[derive(Clone)]
pub struct Tenure {
    pub(crate) stamp: Stamp,
    validity: Arc<dyn Validity>,
}

impl Tenure {
    /// A tenure of this epoch of `singleton`, as long as `validity` says so.
    ///
    /// The epoch orders the holders: a later one has a greater epoch, and none has 0. Only epochs of the same name are compared.
    pub fn new(singleton: &str, epoch: u64, validity: Arc<dyn Validity>) -> Self {
        Self {
            stamp: Stamp::new(singleton, epoch),
            validity,
        }
    }

    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.stamp.epoch
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.validity.is_valid()
    }
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenure")
            .field("epoch", &self.epoch())
            .field("valid", &self.is_valid())
            .finish_non_exhaustive()
    }
}
