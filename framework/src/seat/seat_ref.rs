//! A seat by what it lies in: mostly a place.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use super::Seat;

/// What a seat lies in, and is kept by.
pub(crate) trait HasSeat: Send + Sync + 'static {
    fn seat(&self) -> &Seat;
}

/// A seat of something that is no place.
impl HasSeat for Seat {
    fn seat(&self) -> &Seat {
        self
    }
}

/// A seat, kept as long as this is there.
#[derive(Clone)]
pub(crate) struct SeatRef(Arc<dyn HasSeat>);

impl SeatRef {
    pub(crate) fn new(within: Arc<dyn HasSeat>) -> Self {
        Self(within)
    }

    pub(crate) fn downgrade(&self) -> WeakSeat {
        WeakSeat(Arc::downgrade(&self.0))
    }
}

impl Deref for SeatRef {
    type Target = Seat;

    #[inline]
    fn deref(&self) -> &Seat {
        self.0.seat()
    }
}

impl fmt::Debug for SeatRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeatRef({})", self.id)
    }
}

/// A seat that may be gone.
#[derive(Clone)]
pub(crate) struct WeakSeat(Weak<dyn HasSeat>);

impl WeakSeat {
    pub(crate) fn upgrade(&self) -> Option<SeatRef> {
        self.0.upgrade().map(SeatRef)
    }
}

impl fmt::Debug for WeakSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakSeat")
    }
}
