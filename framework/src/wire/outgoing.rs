//! The send buffer: frames are appended to one batch, synchronously, and written as a whole.
//!
//! Whoever sends appends under a short lock and goes on; the writer takes the batch, writes it, and brings the emptied
//! buffer back, so that two buffers take turns and a message allocates nothing. An archive is serialised straight into
//! the batch, behind its frame's header.
//!
//! Bounded by bytes: what waits and what is being written counts. Requests and replies end at
//! [`OUTGOING_BYTES_MAX`]; answers that the other end must not miss (refusals, `Down`s, pongs) may use
//! [`ANSWER_BYTES_MAX`] more. Beyond that nothing is dropped in silence: the session ends.
//!
//! Pure: writes no socket.

use rkyv::util::AlignedVec;

use super::frame::{FRAME_ALIGN, Frame, HEADER_BYTES, Header, Kind, Reply, Request};

/// Requests and replies are refused while this many bytes wait for one peer: 16 MiB.
pub const OUTGOING_BYTES_MAX: usize = 16 << 20;
/// What answers may use on top: 1 MiB.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What one write should carry. A batch that grew far beyond it is given back to the allocator after its write.
pub const BATCH_BYTES: usize = 64 << 10;

/// Why nothing was appended. The batch is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError<E> {
    /// The bound is reached: the peer reads slower than this node sends.
    Overloaded,
    /// The frame would be longer than its kind allows.
    TooLong {
        /// Bytes of the body.
        length: usize,
    },
    /// The value could not be serialised.
    Encode(E),
}

/// The frames that wait to be written to one peer.
#[derive(Default)]
pub struct Outgoing {
    batch: AlignedVec<16>,
    /// Bytes that the writer has taken and not brought back.
    in_flight: usize,
}

impl Outgoing {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that wait or are being written.
    pub fn waiting_bytes(&self) -> usize {
        self.batch.len() + self.in_flight
    }

    /// Whether the next request or reply would be refused.
    pub fn is_full(&self) -> bool {
        self.waiting_bytes() >= OUTGOING_BYTES_MAX
    }

    /// Appends a request, its arguments written by `encode`.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was appended.
    pub fn request<E>(
        &mut self,
        head: &Request,
        encode: impl FnOnce(&mut AlignedVec<16>) -> Result<(), E>,
    ) -> Result<(), AppendError<E>> {
        self.append(Kind::Request, &head.to_bytes(), OUTGOING_BYTES_MAX, encode)
    }

    /// Appends a reply, its value written by `encode`.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was appended.
    pub fn reply<E>(
        &mut self,
        head: &Reply,
        encode: impl FnOnce(&mut AlignedVec<16>) -> Result<(), E>,
    ) -> Result<(), AppendError<E>> {
        self.append(Kind::Reply, &head.to_bytes(), OUTGOING_BYTES_MAX, encode)
    }

    /// Appends any other frame, which may use the room for answers.
    ///
    /// # Errors
    /// [`AppendError::Overloaded`] when even that is used up, [`AppendError::TooLong`]; nothing was appended.
    pub fn frame(&mut self, frame: &Frame) -> Result<(), AppendError<std::convert::Infallible>> {
        let (kind, body) = frame.to_body();
        self.append(kind, &body, OUTGOING_BYTES_MAX + ANSWER_BYTES_MAX, |_| Ok(()))
    }

    /// Hands the batch to the writer and goes on with `spare`, which is emptied first.
    pub fn take(&mut self, mut spare: AlignedVec<16>) -> AlignedVec<16> {
        spare.clear();
        if spare.capacity() > BATCH_BYTES * 4 {
            spare = AlignedVec::new();
        }
        let batch = std::mem::replace(&mut self.batch, spare);
        self.in_flight += batch.len();
        batch
    }

    /// Says that `count` bytes of what was taken are written.
    ///
    /// # Panics
    /// When that is more than was taken.
    pub fn written(&mut self, count: usize) {
        assert!(count <= self.in_flight, "no more is written than was taken");
        self.in_flight -= count;
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    fn append<E>(
        &mut self,
        kind: Kind,
        head: &[u8],
        waiting_bytes_max: usize,
        encode: impl FnOnce(&mut AlignedVec<16>) -> Result<(), E>,
    ) -> Result<(), AppendError<E>> {
        if self.waiting_bytes() >= waiting_bytes_max {
            return Err(AppendError::Overloaded);
        }
        let mut slot = Slot {
            start: self.batch.len(),
            batch: &mut self.batch,
            complete: false,
        };
        let body_at = slot.start + HEADER_BYTES;
        slot.batch.extend_from_slice(&[0; HEADER_BYTES]);
        slot.batch.extend_from_slice(head);
        encode(slot.batch).map_err(AppendError::Encode)?;
        let length = slot.batch.len() - body_at;
        if length > kind.body_bytes_max() {
            return Err(AppendError::TooLong { length });
        }
        let padded_end = slot.batch.len().next_multiple_of(FRAME_ALIGN);
        slot.batch.resize(padded_end, 0);
        let header = Header::build(kind, length, &slot.batch[body_at..]);
        slot.batch[slot.start..body_at].copy_from_slice(&header);
        slot.complete = true;
        Ok(())
    }
}

/// A frame under construction: taken back when it is not completed, also when serialising it panics.
struct Slot<'a> {
    batch: &'a mut AlignedVec<16>,
    start: usize,
    complete: bool,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if !self.complete {
            self.batch.resize(self.start, 0);
        }
    }
}
