//! The header of a frame: which kinds there are, how long each may be, and why bytes are no frame.
//!
//! The layout is described in [`super::frame`]. Pure.

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 16;
/// Frames begin and bodies are padded at multiples of this many bytes.
pub const FRAME_ALIGN: usize = 16;
/// The longest body of a request or a reply, its head included: 8 MiB.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// The longest body of every other kind.
pub const CONTROL_BYTES_MAX: usize = 4096;
/// The longest text in a refusal, a `Down` or a goodbye; a longer one is cut before it is sent.
pub const DETAIL_BYTES_MAX: usize = 1024;
/// The longest name in a lookup.
pub const NAME_BYTES_MAX: usize = 512;
/// Bytes of a request's body before the archive.
pub const REQUEST_HEAD_BYTES: usize = 64;
/// Bytes of a reply's body before the archive.
pub const REPLY_HEAD_BYTES: usize = 32;

const MAGIC: [u8; 2] = *b"Qr";
pub(crate) const REFUSAL_HEAD_BYTES: usize = 40;
pub(crate) const ANSWER_HEAD_BYTES: usize = 24;
pub(crate) const DOWN_HEAD_BYTES: usize = 16;
pub(crate) const GOODBYE_HEAD_BYTES: usize = 8;
pub(crate) const LOOKUP_HEAD_BYTES: usize = 12;

/// What a frame is for. The numbers are the format: never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Kind {
    Hello = 1,
    HelloAck = 2,
    HelloRefused = 3,
    Lookup = 4,
    LookupAnswer = 5,
    Request = 6,
    Reply = 7,
    Refusal = 8,
    Monitor = 9,
    Demonitor = 10,
    Down = 11,
    Ping = 12,
    Pong = 13,
    Goodbye = 14,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::HelloAck,
            3 => Self::HelloRefused,
            4 => Self::Lookup,
            5 => Self::LookupAnswer,
            6 => Self::Request,
            7 => Self::Reply,
            8 => Self::Refusal,
            9 => Self::Monitor,
            10 => Self::Demonitor,
            11 => Self::Down,
            12 => Self::Ping,
            13 => Self::Pong,
            14 => Self::Goodbye,
            _ => return None,
        })
    }

    /// The longest body of this kind, in bytes.
    pub const fn body_bytes_max(self) -> usize {
        match self {
            Self::Request | Self::Reply => BODY_BYTES_MAX,
            _ => CONTROL_BYTES_MAX,
        }
    }

    /// The shortest body of this kind, in bytes.
    pub const fn body_bytes_min(self) -> usize {
        match self {
            Self::Hello | Self::HelloAck | Self::HelloRefused => 0,
            Self::Lookup => LOOKUP_HEAD_BYTES,
            Self::LookupAnswer => ANSWER_HEAD_BYTES,
            Self::Request => REQUEST_HEAD_BYTES,
            Self::Reply => REPLY_HEAD_BYTES,
            Self::Refusal => REFUSAL_HEAD_BYTES,
            Self::Monitor | Self::Demonitor | Self::Ping | Self::Pong => 16,
            Self::Down => DOWN_HEAD_BYTES,
            Self::Goodbye => GOODBYE_HEAD_BYTES,
        }
    }
}

/// Why bytes are not a frame. After any of these the stream has no known position any more: close it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes do not begin as a frame does: the other end does not speak this protocol.
    Magic {
        /// What stood where the magic belongs.
        found: [u8; 2],
    },
    /// The header does not match its checksum.
    HeaderChecksum,
    /// A kind that this version does not know.
    UnknownKind {
        /// The kind's number.
        kind: u8,
    },
    /// Flags that this version does not know.
    UnknownFlags {
        /// All the frame's flags.
        flags: u8,
    },
    /// The header announces a body that is longer than its kind allows. Nothing was reserved for it.
    TooLong {
        /// The frame's kind.
        kind: Kind,
        /// Announced length in bytes.
        length: usize,
        /// The longest allowed.
        length_max: usize,
    },
    /// The body is too short for what its kind begins with.
    TooShort {
        /// The frame's kind.
        kind: Kind,
        /// Announced length in bytes.
        length: usize,
        /// The shortest allowed.
        length_min: usize,
    },
    /// The body does not match its checksum.
    BodyChecksum {
        /// The frame's kind.
        kind: Kind,
    },
    /// A text is not UTF-8, or longer than the frame says.
    Text {
        /// The frame's kind.
        kind: Kind,
    },
    /// The stream ended inside a frame.
    Truncated {
        /// Bytes of the unfinished frame that had arrived.
        arrived: usize,
    },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Magic { found } => write!(
                f,
                "the peer does not speak the quorate protocol (its frame begins with {found:02x?}); check the address and port"
            ),
            Self::HeaderChecksum => f.write_str("a frame's header does not match its checksum"),
            Self::UnknownKind { kind } => {
                write!(f, "unknown frame kind {kind}; the peer may run a newer version")
            }
            Self::UnknownFlags { flags } => {
                write!(
                    f,
                    "unknown frame flags {flags:#04x}; the peer may run a newer version"
                )
            }
            Self::TooLong {
                kind,
                length,
                length_max,
            } => {
                write!(
                    f,
                    "a {kind:?} frame announces {length} bytes; at most {length_max} are accepted"
                )
            }
            Self::TooShort {
                kind,
                length,
                length_min,
            } => {
                write!(
                    f,
                    "a {kind:?} frame has {length} bytes; it begins with {length_min}"
                )
            }
            Self::BodyChecksum { kind } => {
                write!(f, "the body of a {kind:?} frame does not match its checksum")
            }
            Self::Text { kind } => write!(f, "a text in a {kind:?} frame is not valid"),
            Self::Truncated { arrived } => {
                write!(f, "the stream ended inside a frame, after {arrived} of its bytes")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// A checked header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is for.
    pub kind: Kind,
    /// Bytes of the body, without padding.
    pub length: usize,
    checksum: u32,
}

impl Header {
    /// The header of a frame of `kind` with this `body`, which is `length` bytes and zeros up to the next multiple of 16.
    ///
    /// # Panics
    /// When `padded` is not `length` padded, or longer than [`Kind::body_bytes_max`]: whoever builds a frame keeps these.
    pub fn build(kind: Kind, length: usize, padded: &[u8]) -> [u8; HEADER_BYTES] {
        assert_eq!(
            padded.len(),
            padded_bytes(length),
            "a body is padded to a multiple of 16"
        );
        assert!(
            length <= kind.body_bytes_max(),
            "a body is within the bound of its kind"
        );
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..2].copy_from_slice(&MAGIC);
        bytes[2] = kind as u8;
        bytes[4..8].copy_from_slice(&(length as u32).to_le_bytes());
        bytes[8..12].copy_from_slice(&crc32fast::hash(padded).to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..12]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Checks everything that the header alone can tell.
    ///
    /// # Errors
    /// Every [`FrameError`] but those about the body's content. The magic is looked at first, so that two bytes of
    /// another protocol are enough.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        if bytes[0..2] != MAGIC {
            return Err(FrameError::Magic {
                found: [bytes[0], bytes[1]],
            });
        }
        if crc32fast::hash(&bytes[..12]) != u32_at(bytes, 12) {
            return Err(FrameError::HeaderChecksum);
        }
        let kind = Kind::from_byte(bytes[2]).ok_or(FrameError::UnknownKind { kind: bytes[2] })?;
        if bytes[3] != 0 {
            return Err(FrameError::UnknownFlags { flags: bytes[3] });
        }
        let length = u32_at(bytes, 4) as usize;
        if length > kind.body_bytes_max() {
            return Err(FrameError::TooLong {
                kind,
                length,
                length_max: kind.body_bytes_max(),
            });
        }
        if length < kind.body_bytes_min() {
            return Err(FrameError::TooShort {
                kind,
                length,
                length_min: kind.body_bytes_min(),
            });
        }
        Ok(Self {
            kind,
            length,
            checksum: u32_at(bytes, 8),
        })
    }

    /// Bytes of the whole frame: header, body and padding.
    pub fn frame_bytes(&self) -> usize {
        HEADER_BYTES + padded_bytes(self.length)
    }

    /// Checks the body (with its padding) against the header.
    ///
    /// # Errors
    /// [`FrameError::BodyChecksum`].
    pub fn check_body(&self, padded: &[u8]) -> Result<(), FrameError> {
        if crc32fast::hash(padded) == self.checksum {
            Ok(())
        } else {
            Err(FrameError::BodyChecksum { kind: self.kind })
        }
    }
}

/// `length` rounded up to a multiple of [`FRAME_ALIGN`].
pub const fn padded_bytes(length: usize) -> usize {
    length.next_multiple_of(FRAME_ALIGN)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}
