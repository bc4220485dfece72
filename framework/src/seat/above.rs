//! What a seat knows of its supervisor.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Seat, SeatRef, WeakSeat, lock};

/// A supervisor, as those below it know it.
#[derive(Debug)]
pub(crate) struct Above {
    seat: WeakSeat,
    /// It is the root of a system, which has no part in paths.
    is_root: bool,
    /// Woken by a lapse: it may be waiting for a restart.
    pub(crate) lapsed: Notify,
}

impl Above {
    pub(crate) fn new(seat: &SeatRef, is_root: bool) -> Arc<Self> {
        Arc::new(Self {
            seat: seat.downgrade(),
            is_root,
            lapsed: Notify::new(),
        })
    }
}

impl Seat {
    /// Who is above is woken by a lapse from now on.
    pub(crate) fn set_above(&self, above: &Arc<Above>) {
        *lock(&self.above) = Some(Arc::clone(above));
    }

    /// Tells who is above of a lapse. False when that is a root which does not know.
    #[cold]
    pub(super) fn told_above(&self) -> bool {
        let above = lock(&self.above);
        if let Some(above) = &*above {
            above.lapsed.notify_one();
        }
        above.is_some()
    }

    /// The labels from the root of the system to this one, with `/` between them. The root has none of its own.
    pub(crate) fn path(&self) -> String {
        let above = lock(&self.above)
            .as_ref()
            .filter(|above| !above.is_root)
            .and_then(|above| above.seat.upgrade());
        match above {
            Some(above) => format!("{}/{}", above.path(), self.name()),
            None => self.name().to_owned(),
        }
    }
}
