//! What a resource puts in front of itself, so that no delay and no paused machine can hurt it. Rule 17 of the design.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::Epoch;

/// Keeps the highest epoch that was ever shown and refuses lower ones.
///
/// This is the only protection that needs no bound on clocks: a virtual machine that was paused between its check and its write is
/// stopped here. Keep the fence with what it protects, and change both in one transaction.
///
/// # Examples
///
/// ```
/// use quorate_regions::id::Epoch;
/// use quorate_regions::lease::Fence;
///
/// let mut fence = Fence::default();
/// assert!(fence.admit(Epoch(7)).is_ok());
/// assert!(fence.admit(Epoch(9)).is_ok());
/// assert!(fence.admit(Epoch(7)).is_err());
/// assert!(fence.admit(Epoch(9)).is_ok());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    highest: Option<Epoch>,
}

/// An epoch below the highest that was seen; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced {
    /// The epoch that was shown.
    pub offered: Epoch,
    /// The highest that was ever shown.
    pub highest: Epoch,
}

impl Fence {
    /// Lets the highest epoch so far, or a higher one, through.
    ///
    /// # Errors
    ///
    /// [`Fenced`] for a lower one; the fence is as it was.
    pub fn admit(&mut self, offered: Epoch) -> Result<(), Fenced> {
        match self.highest {
            Some(highest) if offered < highest => Err(Fenced { offered, highest }),
            _ => {
                self.highest = Some(offered);
                Ok(())
            }
        }
    }

    /// The highest epoch that was ever shown.
    pub fn highest(&self) -> Option<Epoch> {
        self.highest
    }
}

impl fmt::Display for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "epoch {} comes after epoch {}: its holder was replaced",
            self.offered, self.highest
        )
    }
}

impl std::error::Error for Fenced {}
