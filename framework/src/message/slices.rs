//! [`Text`] and [`Bytes`]: what a parameter `&str` or `&[u8]` is held as until it is handled. A local one is moved in, a received
//! one is read in the receive buffer.

use std::ops::Deref;

use rkyv::rancor::{Fallible, Source};
use rkyv::ser::Writer;
use rkyv::string::{ArchivedString, StringResolver};
use rkyv::vec::{ArchivedVec, VecResolver};
use rkyv::{Place, Serialize};

/// Bytes on their way to a parameter `&[u8]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub(super) bytes::Bytes);

/// UTF-8 on its way to a parameter `&str`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Held);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Owned(String),
    Received(bytes::Bytes),
}

impl Text {
    /// Holds a part of a receive buffer.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub(super) fn received(bytes: bytes::Bytes) -> Result<Self, std::str::Utf8Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Self(Held::Received(bytes)))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Held::Owned(text) => text,
            Held::Received(bytes) => {
                std::str::from_utf8(bytes).expect("checked when it was received, and immutable")
            }
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Held::Owned(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Held::Owned(text.to_owned()))
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self(Held::Owned(text.clone()))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes::Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes::Bytes::copy_from_slice(bytes))
    }
}

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Self {
        Self(bytes)
    }
}

impl rkyv::Archive for Text {
    type Archived = ArchivedString;
    type Resolver = StringResolver;

    fn resolve(&self, resolver: StringResolver, out: Place<ArchivedString>) {
        ArchivedString::resolve_from_str(self, resolver, out);
    }
}

impl<S: Fallible<Error: Source> + Writer + ?Sized> Serialize<S> for Text {
    fn serialize(&self, serializer: &mut S) -> Result<StringResolver, S::Error> {
        ArchivedString::serialize_from_str(self, serializer)
    }
}

impl rkyv::Archive for Bytes {
    type Archived = ArchivedVec<u8>;
    type Resolver = VecResolver;

    fn resolve(&self, resolver: VecResolver, out: Place<ArchivedVec<u8>>) {
        ArchivedVec::resolve_from_len(self.len(), resolver, out);
    }
}

impl<S: Fallible<Error: Source> + Writer + ?Sized> Serialize<S> for Bytes {
    fn serialize(&self, serializer: &mut S) -> Result<VecResolver, S::Error> {
        let start = serializer.pos();
        serializer.write(self)?;
        Ok(VecResolver::from_pos(start))
    }
}
