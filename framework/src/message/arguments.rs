//! Argument tuples: archived whole, taken apart one by one. An owned argument is deserialised alone; an [`Archive`], a [`Text`] or
//! [`Bytes`] stays in the receive buffer.

use rkyv::api::high::HighValidator;
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::{Error, Source};

use super::{Archive, Archiver, Body, Bytes, DecodeError, EncodeError, FrameBuf, Message, Text};
use crate::wire::shape;

/// One argument of a message as it is held between the caller and the handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between nodes",
    label = "not a message",
    note = "annotate `{Self}` with `#[message]`, or the impl with `#[actor(local)]`"
)]
pub trait Argument:
    rkyv::Archive<Archived: for<'c> CheckBytes<HighValidator<'c, Error>>>
    + for<'a, 'b> rkyv::Serialize<Archiver<'a, 'b>>
    + Sized
{
    /// See [`Message::SHAPE`].
    const SHAPE: u64;

    /// Takes the argument out of a validated tuple in `body`.
    ///
    /// # Errors
    /// A nested archive is malformed.
    fn take(archived: &Self::Archived, body: &Body) -> Result<Self, DecodeError>;
}

impl<T: Message> Argument for T {
    const SHAPE: u64 = <T as Message>::SHAPE;

    fn take(archived: &T::Archived, _: &Body) -> Result<T, DecodeError> {
        rkyv::deserialize::<T, Error>(archived).map_err(DecodeError)
    }
}

impl<T: Message> Argument for Archive<T> {
    const SHAPE: u64 = shape::number(shape::start("archive"), T::SHAPE);

    fn take(archived: &Self::Archived, body: &Body) -> Result<Self, DecodeError> {
        Self::validate(body.part(archived.as_slice()))
    }
}

impl Argument for Text {
    const SHAPE: u64 = <String as Message>::SHAPE;

    fn take(archived: &Self::Archived, body: &Body) -> Result<Self, DecodeError> {
        Self::received(body.bytes_of(archived.as_str().as_bytes())).map_err(|e| DecodeError(Error::new(e)))
    }
}

impl Argument for Bytes {
    const SHAPE: u64 = <Vec<u8> as Message>::SHAPE;

    fn take(archived: &Self::Archived, body: &Body) -> Result<Self, DecodeError> {
        Ok(Self(body.bytes_of(archived.as_slice())))
    }
}

/// A tuple of arguments.
pub trait Arguments: Sized {
    /// The shapes of the arguments in their order.
    const SHAPE: u64;

    /// Appends the archive of the tuple. On an error the buffer is as it was.
    ///
    /// # Errors
    /// See [`EncodeError`].
    fn encode(&self, buf: &mut FrameBuf) -> Result<(), EncodeError>;

    /// Validates the archive of the tuple, once, and takes it apart.
    ///
    /// # Errors
    /// The bytes are malformed.
    fn decode(body: &Body) -> Result<Self, DecodeError>;
}

macro_rules! arguments {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Argument),*> Arguments for ($($name,)*) {
            const SHAPE: u64 = {
                let hash = shape::start("arguments");
                $(let hash = shape::number(hash, $name::SHAPE);)*
                hash
            };

            fn encode(&self, buf: &mut FrameBuf) -> Result<(), EncodeError> {
                encode(self, buf)
            }

            fn decode(body: &Body) -> Result<Self, DecodeError> {
                let tuple = body.access::<<Self as rkyv::Archive>::Archived>()?;
                Ok(($($name::take(&tuple.$index, body)?,)*))
            }
        }
    };
}

impl Arguments for () {
    const SHAPE: u64 = shape::start("arguments");

    fn encode(&self, _: &mut FrameBuf) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode(_: &Body) -> Result<Self, DecodeError> {
        Ok(())
    }
}

arguments!(A 0);
arguments!(A 0, B 1);
arguments!(A 0, B 1, C 2);
arguments!(A 0, B 1, C 2, D 3);
arguments!(A 0, B 1, C 2, D 3, E 4);
arguments!(A 0, B 1, C 2, D 3, E 4, F 5);
arguments!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
arguments!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Appends the archive of a value, its root last. The buffer's length must be a multiple of 16. On an error
/// the buffer is as it was.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode<T>(value: &T, buf: &mut FrameBuf) -> Result<(), EncodeError>
where
    T: for<'a, 'b> rkyv::Serialize<Archiver<'a, 'b>>,
{
    let start = buf.len();
    match rkyv::api::high::to_bytes_in::<_, Error>(value, &mut *buf) {
        Ok(_) => Ok(()),
        Err(error) => {
            buf.resize(start, 0);
            Err(EncodeError(error))
        }
    }
}

/// Validates an argument tuple and takes it apart.
///
/// # Errors
/// The bytes are malformed.
pub fn decode<T: Arguments>(body: &Body) -> Result<T, DecodeError> {
    T::decode(body)
}

/// Appends the archive of a reply.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode_reply<T: Message>(reply: &T, buf: &mut FrameBuf) -> Result<(), EncodeError> {
    encode(reply, buf)
}

/// Validates and deserialises a reply.
///
/// # Errors
/// The bytes are malformed.
pub fn decode_reply<T: Message>(body: &Body) -> Result<T, DecodeError> {
    T::take(body.access::<T::Archived>()?, body)
}
