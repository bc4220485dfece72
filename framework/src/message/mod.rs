//! What may travel in a message, and how it is archived.
//!
//! The bytes of a message's arguments are the rkyv archive of their tuple, validated once where they arrive and never
//! trusted before. [`Archive`] keeps validated bytes and reads them in place.
//!
//! Left out: cyclic types, hash maps and shared pointers (advisories against validating hostile ones), `usize` (its archived
//! form is 32 bits and would cut a value silently).

mod archive;
mod arguments;
mod body;
mod impls;
mod slices;
#[cfg(test)]
mod tests;

pub use self::archive::{Archive, IntoArchived};
pub use self::arguments::{Argument, Arguments, decode, decode_reply, encode, encode_reply};
pub use self::body::{Body, DecodeError, EncodeError, FrameBuf};
pub use self::slices::{Bytes, Text};

use rkyv::api::high::{HighDeserializer, HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Error;
use rkyv::ser::allocator::ArenaHandle;

/// The archived form of `T`: what is read in place in a receive buffer.
pub type Archived<T> = <T as rkyv::Archive>::Archived;

/// Writes archives into a frame buffer.
#[doc(hidden)]
pub type Archiver<'a, 'b> = HighSerializer<&'b mut FrameBuf, ArenaHandle<'a>, Error>;

/// A type that can travel between nodes: every argument and every reply of an actor that is not `#[actor(local)]`.
///
/// Implemented for the primitives except `usize` and `isize`, for `bool`, `char`, `String`, `Duration`, `()`, for
/// `Vec`, `Option`, `Box`, `Result`, arrays and tuples (up to 8) of such types, and by `#[message]` for one's own types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between nodes",
    label = "not a message",
    note = "annotate `{Self}` with `#[message]`, or the impl with `#[actor(local)]`"
)]
pub trait Message:
    rkyv::Archive<
        Archived: for<'c> CheckBytes<HighValidator<'c, Error>>
                      + rkyv::Deserialize<Self, HighDeserializer<Error>>,
    > + for<'a, 'b> rkyv::Serialize<Archiver<'a, 'b>>
    + Sized
    + Send
    + 'static
{
    /// The hash of the type's structure: field names, their shapes and order; variant names and order. Not of
    /// its name. Two nodes exchange a message only when its shapes are equal.
    const SHAPE: u64;
}
