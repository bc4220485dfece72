//! Bytes of one archive: the buffer they are written to, and the owned slice in which they are read.

use std::fmt;

use bytes::Bytes;
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;

/// The alignment of every body, in bytes.
pub(super) const BODY_ALIGN: usize = 16;

/// The buffer that outgoing frames and their archives are written to. A body starts at a multiple of
/// 16 from its start, so that it is aligned where it is received.
pub type FrameBuf = AlignedVec<BODY_ALIGN>;

/// An owned, cheaply cloned slice of bytes that starts at a 16-byte boundary.
#[derive(Clone, Debug)]
pub struct Body(Bytes);

impl Body {
    /// Takes bytes as they are when they are aligned (a receive buffer is), else copies them.
    pub fn new(bytes: Bytes) -> Self {
        if bytes.as_ptr().align_offset(BODY_ALIGN) == 0 {
            Self(bytes)
        } else {
            let mut aligned = FrameBuf::with_capacity(bytes.len());
            aligned.extend_from_slice(&bytes);
            Self::from_buf(aligned)
        }
    }

    /// Takes over a buffer without a copy.
    pub fn from_buf(buf: FrameBuf) -> Self {
        Self(Bytes::from_owner(buf))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The part of this body that `part` borrows from it, sharing the memory; copied only when it is not aligned.
    pub(crate) fn part(&self, part: &[u8]) -> Self {
        Self::new(self.0.slice_ref(part))
    }

    /// Shares the memory of an unaligned part.
    pub(crate) fn bytes_of(&self, part: &[u8]) -> Bytes {
        self.0.slice_ref(part)
    }

    /// Validates the archive of an `A` that ends where this body ends.
    ///
    /// # Errors
    /// The bytes are not an archive of it.
    pub(crate) fn access<A>(&self) -> Result<&A, DecodeError>
    where
        A: rkyv::Portable + for<'c> CheckBytes<rkyv::api::high::HighValidator<'c, Error>>,
    {
        rkyv::access::<A, Error>(&self.0).map_err(DecodeError)
    }
}

/// Bytes that are not the archive that they should be.
#[derive(Debug)]
pub struct DecodeError(pub(crate) Error);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed archive: {}", self.0)
    }
}

impl std::error::Error for DecodeError {}

/// A value that could not be archived. Only a hand-written rkyv impl can cause it.
#[derive(Debug)]
pub struct EncodeError(pub(crate) Error);

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot be archived: {}", self.0)
    }
}

impl std::error::Error for EncodeError {}
