//! [`Archive`]: validated bytes of one value, read in place and passed on without a copy of the value.
//!
//! In the archive of an argument tuple it is a nested, 16-byte aligned slice of bytes with an end of its own, so that a received
//! one can be passed on verbatim and carries nothing of the arguments beside it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use rkyv::rancor::{Fallible, Source};
use rkyv::ser::{Writer, WriterExt};
use rkyv::vec::{ArchivedVec, VecResolver};
use rkyv::{Place, Serialize};

use super::body::BODY_ALIGN;
use super::{Archived, Body, DecodeError, FrameBuf, Message, encode};

/// Validated bytes of one `T`: received from a peer, or archived once here. Derefs to [`Archived<T>`]; a clone shares the bytes.
pub struct Archive<T> {
    /// Invariant: `rkyv::access::<Archived<T>>` has succeeded on exactly these bytes.
    body: Body,
    of: PhantomData<fn() -> T>,
}

impl<T: Message> Archive<T> {
    /// Archives a value.
    ///
    /// # Panics
    /// When a hand-written rkyv impl of `T` fails, or writes what its own validation refuses.
    pub fn of(value: &T) -> Self {
        let mut buf = FrameBuf::new();
        encode(value, &mut buf).expect("an archive in memory fails only by a hand-written rkyv impl");
        Self::validate(Body::from_buf(buf)).expect("what was archived here is valid")
    }

    /// Validates the bytes of a peer.
    ///
    /// # Errors
    /// They are not the archive of a `T`.
    pub fn validate(body: Body) -> Result<Self, DecodeError> {
        body.access::<Archived<T>>()?;
        Ok(Self {
            body,
            of: PhantomData,
        })
    }

    /// The value, deserialised.
    ///
    /// # Errors
    /// Only a hand-written rkyv impl can fail here.
    pub fn to_owned(&self) -> Result<T, DecodeError> {
        rkyv::deserialize::<T, rkyv::rancor::Error>(&**self).map_err(DecodeError)
    }

    /// The bytes of the archive.
    pub fn as_bytes(&self) -> &[u8] {
        self.body.as_bytes()
    }
}

impl<T: Message> Deref for Archive<T> {
    type Target = Archived<T>;

    fn deref(&self) -> &Archived<T> {
        // SAFETY: `access_unchecked` asks for bytes that `access` would accept at their present address. By the
        // invariant of `body` it did accept exactly these bytes when this `Archive` was made; they are
        // immutable, `Bytes` keeps their address for its whole life, and a clone shares them.
        #[allow(unsafe_code)]
        unsafe {
            rkyv::access_unchecked::<Archived<T>>(self.body.as_bytes())
        }
    }
}

impl<T> Clone for Archive<T> {
    fn clone(&self) -> Self {
        Self {
            body: self.body.clone(),
            of: PhantomData,
        }
    }
}

impl<T: Message<Archived: fmt::Debug>> fmt::Debug for Archive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T> rkyv::Archive for Archive<T> {
    type Archived = ArchivedVec<u8>;
    type Resolver = VecResolver;

    fn resolve(&self, resolver: VecResolver, out: Place<ArchivedVec<u8>>) {
        ArchivedVec::resolve_from_len(self.body.as_bytes().len(), resolver, out);
    }
}

impl<T, S> Serialize<S> for Archive<T>
where
    S: Fallible<Error: Source> + Writer + ?Sized,
{
    fn serialize(&self, serializer: &mut S) -> Result<VecResolver, S::Error> {
        let start = serializer.align(BODY_ALIGN)?;
        serializer.write(self.body.as_bytes())?;
        Ok(VecResolver::from_pos(start))
    }
}

/// What a parameter of type `&Archived<T>` takes from a caller: a `T`, a `&T` (archived once), or an [`Archive<T>`] that was
/// received (passed on).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `{T}`, a `&{T}` or an `Archive<{T}>`",
    label = "expected `{T}`, `&{T}` or `Archive<{T}>`"
)]
pub trait IntoArchived<T: Message> {
    /// The archive.
    fn into_archived(self) -> Archive<T>;
}

impl<T: Message> IntoArchived<T> for T {
    fn into_archived(self) -> Archive<T> {
        Archive::of(&self)
    }
}

impl<T: Message> IntoArchived<T> for &T {
    fn into_archived(self) -> Archive<T> {
        Archive::of(self)
    }
}

impl<T: Message> IntoArchived<T> for Archive<T> {
    fn into_archived(self) -> Archive<T> {
        self
    }
}

impl<T: Message> IntoArchived<T> for &Archive<T> {
    fn into_archived(self) -> Archive<T> {
        self.clone()
    }
}
