//! Hashes that two nodes compare before a body is looked at: the id of a message and the shape of its arguments and reply.
//!
//! FNV-1a over 64 bits, at compile time. It guards against honest mistakes (two versions of a program), not
//! against forgery: a peer has proved itself before the first message, and bodies are validated anyway.
//! The values are part of the wire format: never change how they are computed.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Starts a hash with a tag, so that hashes of different kinds of things differ.
#[must_use]
pub const fn start(tag: &str) -> u64 {
    text(OFFSET, tag)
}

/// Adds a text and its end.
#[must_use]
pub const fn text(hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = hash;
    let mut at = 0;
    while at < bytes.len() {
        hash = byte(hash, bytes[at]);
        at += 1;
    }
    // Not a byte of UTF-8: ("ab", "c") and ("a", "bc") differ.
    byte(hash, 0xff)
}

/// Adds a number, or the hash of a part.
#[must_use]
pub const fn number(hash: u64, number: u64) -> u64 {
    let bytes = number.to_le_bytes();
    let mut hash = hash;
    let mut at = 0;
    while at < bytes.len() {
        hash = byte(hash, bytes[at]);
        at += 1;
    }
    hash
}

/// The id of a message: of the actor's wire name and the method's name.
#[must_use]
pub const fn message_id(actor: &str, method: &str) -> u64 {
    text(text(start("message"), actor), method)
}

/// The shape of a message: of the shapes of its argument tuple and its reply.
#[must_use]
pub const fn message_shape(arguments: u64, reply: u64) -> u64 {
    number(number(start("call"), arguments), reply)
}

const fn byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(byte(OFFSET, b'a'), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn borders_between_texts_count() {
        assert_ne!(message_id("ab", "c"), message_id("a", "bc"));
    }

    #[test]
    fn golden_ids_do_not_change() {
        let golden = (message_id("demo::Counter", "add"), message_shape(1, 2));
        assert_eq!(golden, (0xefd8_e239_378b_7133, 0x823c_f8c1_d53b_7aa1));
        assert_ne!(message_shape(1, 2), message_shape(2, 1));
    }
}
