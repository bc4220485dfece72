//! The receive buffer: cuts the bytes of a stream into frames as they arrive.
//!
//! Bytes are put where [`Incoming::space`] says, then [`Incoming::poll`] gives the frames that are whole. Archives are
//! slices of the receive buffer, 16-byte aligned, and are not copied once more: when frames fill a good part of the
//! buffer it is handed over to them and a new one begins; when they fill only a little of it, that little is copied
//! out, because a message of 100 bytes shall not hold 64 KiB.
//!
//! The buffer grows with the bytes that arrived, at most to twice as many: a peer that announces a long body and sends
//! nothing costs nothing. A body beyond its kind's bound is refused at its header.
//!
//! Pure: reads no socket. Never panics on any bytes.

use bytes::Bytes;
use rkyv::util::AlignedVec;

use super::frame::{Frame, FrameError, HEADER_BYTES, Header};

/// Bytes of a fresh receive buffer.
pub const RECEIVE_BYTES: usize = 64 << 10;

/// Whole frames that fill less than this part of the buffer are copied out of it.
const COPY_BELOW: usize = 4;

/// Cuts a stream into frames.
pub struct Incoming {
    buffer: AlignedVec<16>,
    /// Bytes of the buffer that have arrived. It begins with a frame's first byte.
    filled: usize,
    /// Whole frames that were cut off the buffer and are not parsed yet.
    chunk: Bytes,
    /// The end of the stream as far as frames are concerned.
    failed: Option<FrameError>,
}

impl Incoming {
    /// An empty buffer.
    pub fn new() -> Self {
        Self {
            buffer: fresh(RECEIVE_BYTES),
            filled: 0,
            chunk: Bytes::new(),
            failed: None,
        }
    }

    /// Where the next bytes belong; never empty.
    pub fn space(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            // Full, so the frame at its beginning is longer than the buffer: double, as its bytes do arrive.
            let length = self.buffer.len();
            self.buffer.resize(length * 2, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Says that `count` bytes were put into [`Incoming::space`].
    ///
    /// # Panics
    /// When that is more than there was space.
    pub fn advance(&mut self, count: usize) {
        assert!(
            count <= self.buffer.len() - self.filled,
            "no more bytes arrive than there was space"
        );
        self.filled += count;
    }

    /// The next whole frame; `None` when more bytes are needed.
    ///
    /// # Errors
    /// Why the bytes are no frame. All frames before it have been given; the same error is given from then on.
    pub fn poll(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.chunk.is_empty() {
            self.cut();
        }
        if self.chunk.is_empty() {
            return self.failed.clone().map_or(Ok(None), Err);
        }
        let frame = parse_first(&mut self.chunk);
        if let Err(error) = &frame {
            self.chunk = Bytes::new();
            self.filled = 0;
            self.failed = Some(error.clone());
        }
        frame.map(Some)
    }

    /// Checks that the stream ended between two frames.
    ///
    /// # Errors
    /// [`FrameError::Truncated`].
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.filled {
            0 => Ok(()),
            arrived => Err(FrameError::Truncated { arrived }),
        }
    }

    /// Bytes that are reserved for what has not been parsed.
    pub fn reserved_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Moves the whole frames at the buffer's beginning to `chunk`.
    fn cut(&mut self) {
        let whole = self.whole_frames();
        if whole == 0 {
            return;
        }
        let rest = self.filled - whole;
        let chunk = if whole < self.buffer.len() / COPY_BELOW {
            let mut copy = AlignedVec::<16>::with_capacity(whole);
            copy.extend_from_slice(&self.buffer[..whole]);
            self.buffer.copy_within(whole..whole + rest, 0);
            copy
        } else {
            let mut next = fresh(RECEIVE_BYTES.max(rest.next_power_of_two()));
            next[..rest].copy_from_slice(&self.buffer[whole..whole + rest]);
            std::mem::replace(&mut self.buffer, next)
        };
        self.filled = rest;
        self.chunk = Bytes::from_owner(chunk).slice(..whole);
    }

    /// Bytes of the whole frames at the buffer's beginning; stops at a header that is none.
    fn whole_frames(&mut self) -> usize {
        let arrived = &self.buffer[..self.filled];
        let mut at = 0;
        while self.failed.is_none() {
            let Some(bytes) = arrived[at..].first_chunk::<HEADER_BYTES>() else {
                break;
            };
            match Header::parse(bytes) {
                Ok(header) if header.frame_bytes() <= arrived.len() - at => at += header.frame_bytes(),
                Ok(_) => break,
                Err(error) => self.failed = Some(error),
            }
        }
        at
    }
}

impl Default for Incoming {
    fn default() -> Self {
        Self::new()
    }
}

fn fresh(length: usize) -> AlignedVec<16> {
    let mut buffer = AlignedVec::with_capacity(length);
    buffer.resize(length, 0);
    buffer
}

/// Takes the first frame off `chunk`, which holds whole frames only.
fn parse_first(chunk: &mut Bytes) -> Result<Frame, FrameError> {
    let header = match chunk.first_chunk::<HEADER_BYTES>() {
        Some(bytes) => Header::parse(bytes)?,
        None => return Err(FrameError::Truncated { arrived: chunk.len() }),
    };
    if header.frame_bytes() > chunk.len() {
        return Err(FrameError::Truncated { arrived: chunk.len() });
    }
    let mut body = chunk.split_to(header.frame_bytes()).split_off(HEADER_BYTES);
    header.check_body(&body)?;
    body.truncate(header.length);
    Frame::parse(header.kind, body)
}
