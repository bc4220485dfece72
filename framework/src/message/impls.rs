//! [`Message`] for the types of the standard library. A shape is the hash of a tag and the shapes of the parts.

use std::time::Duration;

use super::Message;
use crate::wire::shape::{number, start};

macro_rules! plain {
    ($($type:ty = $tag:literal),* $(,)?) => {
        $(impl Message for $type {
            const SHAPE: u64 = start($tag);
        })*
    };
}

plain! {
    () = "()", bool = "bool", char = "char", String = "string", Duration = "duration",
    u8 = "u8", u16 = "u16", u32 = "u32", u64 = "u64", u128 = "u128",
    i8 = "i8", i16 = "i16", i32 = "i32", i64 = "i64", i128 = "i128",
    f32 = "f32", f64 = "f64",
}

impl<T: Message> Message for Option<T> {
    const SHAPE: u64 = number(start("option"), T::SHAPE);
}

impl<T: Message> Message for Vec<T> {
    const SHAPE: u64 = number(start("vec"), T::SHAPE);
}

/// A box travels as what is in it, behind a pointer.
impl<T: Message> Message for Box<T> {
    const SHAPE: u64 = number(start("box"), T::SHAPE);
}

impl<T: Message, const N: usize> Message for [T; N] {
    const SHAPE: u64 = number(number(start("array"), N as u64), T::SHAPE);
}

impl<T: Message, E: Message> Message for Result<T, E> {
    const SHAPE: u64 = number(number(start("result"), T::SHAPE), E::SHAPE);
}

macro_rules! tuple {
    ($($name:ident),*) => {
        impl<$($name: Message),*> Message for ($($name,)*) {
            const SHAPE: u64 = {
                let hash = start("tuple");
                $(let hash = number(hash, $name::SHAPE);)*
                hash
            };
        }
    };
}

tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
tuple!(A, B, C, D, E);
tuple!(A, B, C, D, E, F);
tuple!(A, B, C, D, E, F, G);
tuple!(A, B, C, D, E, F, G, H);
