//! Frames: what travels between two nodes, byte for byte.
//!
//! A frame is a header of 16 bytes and a body that is padded with zeros to a multiple of 16, so that every body in a
//! stream keeps its 16-byte alignment in a receive buffer that begins at a frame. All integers are little-endian.
//!
//! ```text
//! header    0 magic "Qr" | 2 kind u8 | 3 flags u8 = 0 | 4 length u32 | 8 body checksum u32 | 12 header checksum u32
//! Request   0 target u64 | 8 id u64 | 16 shape u64 | 24 request u64 | 32 epoch u64 | 40 timeout_us u64 | 48 archive
//! Reply     0 request u64 | 8 zero u64 | 16 archive
//! Refusal   0 request u64 | 8 target u64 | 16 id u64 | 24 value u64 | 32 code u32 | 36 zero u32 | 40 detail text
//! Lookup    0 lookup u64 | 8 length of the name u32 | 12 name text, then the actor's wire name
//! Answer    0 lookup u64 | 8 target u64 | 16 code u32 | 20 zero u32 | 24 detail text
//! Monitor   0 monitor u64 | 8 target u64                Demonitor   0 monitor u64 | 8 zero u64
//! Down      0 monitor u64 | 8 code u32 | 12 zero u32 | 16 detail text
//! Ping/Pong 0 nonce u64 | 8 zero u64                    Goodbye     0 code u32 | 4 zero u32 | 8 detail text
//! ```
//!
//! `length` counts the body without its padding. The header checksum (CRC-32) covers the first 12 bytes, so that a
//! length is believed only after it is known to be what the peer wrote; the body checksum covers body and padding.
//! Both are here because nothing below TLS notices a flipped bit reliably.
//!
//! Pure: parses and builds bytes, keeps no state and reads no socket. [`super::incoming`] cuts a stream into frames,
//! [`super::outgoing`] builds the stream. The bodies of the three `Hello` kinds belong to [`super::handshake`].

use std::time::Duration;

use bytes::Bytes;

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
pub const REQUEST_HEAD_BYTES: usize = 48;
/// Bytes of a reply's body before the archive.
pub const REPLY_HEAD_BYTES: usize = 16;

const MAGIC: [u8; 2] = *b"Qr";
const REFUSAL_HEAD_BYTES: usize = 40;
const ANSWER_HEAD_BYTES: usize = 24;
const DOWN_HEAD_BYTES: usize = 16;
const GOODBYE_HEAD_BYTES: usize = 8;
const LOOKUP_HEAD_BYTES: usize = 12;

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

/// The head of a call or a cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which actor, as a lookup answered it; 0 is none.
    pub target: u64,
    /// Which message: the hash of the actor's wire name and the method's.
    pub id: u64,
    /// The hash of the shapes of arguments and reply.
    pub shape: u64,
    /// The call's number, chosen by the caller and not used again; 0 for a cast.
    pub request: u64,
    /// The caller's epoch; 0 for a caller without a tenure.
    pub epoch: u64,
    /// Time left to the caller's deadline; `None` without one. Counted in microseconds on the wire.
    pub timeout: Option<Duration>,
}

impl Request {
    /// The bytes before the archive.
    pub fn to_bytes(&self) -> [u8; REQUEST_HEAD_BYTES] {
        // 0 stands for "none", so a deadline that is nearly over travels as one microsecond.
        let timeout_us = self.timeout.map_or(0, |left| {
            u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1)
        });
        let mut bytes = [0; REQUEST_HEAD_BYTES];
        for (index, field) in [
            self.target,
            self.id,
            self.shape,
            self.request,
            self.epoch,
            timeout_us,
        ]
        .into_iter()
        .enumerate()
        {
            bytes[index * 8..index * 8 + 8].copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }
}

/// A coded outcome with a text for people: what refusals, `Down`s and goodbyes carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// A number of [`super::code`].
    pub code: u32,
    /// What went wrong, at most [`DETAIL_BYTES_MAX`] bytes.
    pub detail: String,
}

/// Why a request was not answered with a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The call's number; 0 for a cast.
    pub request: u64,
    /// The actor that was meant.
    pub target: u64,
    /// The message that was meant.
    pub id: u64,
    /// With [`super::code::refusal::SCHEMA_MISMATCH`] the shape that the receiver has, with
    /// [`super::code::refusal::EXITED`] a number of [`super::code::exit`]; otherwise 0.
    pub value: u64,
    /// Why.
    pub outcome: Outcome,
}

/// One frame after the handshake, its archive still in the receive buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Frame {
    /// Asks for an actor by its name and its wire name.
    Lookup {
        lookup: u64,
        name: String,
        actor: String,
    },
    /// The answer: a target that requests may name, or why there is none.
    LookupAnswer {
        lookup: u64,
        target: u64,
        outcome: Outcome,
    },
    /// A call or a cast, with the archive of the argument tuple.
    Request { head: Request, archive: Bytes },
    /// A call's reply.
    Reply { request: u64, archive: Bytes },
    /// A call or a cast that was not handled, or ended without a reply.
    Refusal(Refused),
    /// Asks for a `Down` when the target ends.
    Monitor { monitor: u64, target: u64 },
    /// Takes that back.
    Demonitor { monitor: u64 },
    /// The monitored actor ended.
    Down { monitor: u64, outcome: Outcome },
    /// Asks for a pong.
    Ping { nonce: u64 },
    /// Answers a ping.
    Pong { nonce: u64 },
    /// The last frame of a stream.
    Goodbye { outcome: Outcome },
    /// A body of the handshake, for [`super::handshake`].
    Hello { kind: Kind, body: Bytes },
}

impl Frame {
    /// Reads a body that was checked against its header.
    ///
    /// # Errors
    /// [`FrameError::Text`], [`FrameError::TooShort`].
    pub fn parse(kind: Kind, body: Bytes) -> Result<Self, FrameError> {
        if body.len() < kind.body_bytes_min() {
            return Err(FrameError::TooShort {
                kind,
                length: body.len(),
                length_min: kind.body_bytes_min(),
            });
        }
        let outcome = |code_at: usize, text_at: usize| -> Result<Outcome, FrameError> {
            Ok(Outcome {
                code: u32_at(&body, code_at),
                detail: text(kind, &body[text_at..])?,
            })
        };
        Ok(match kind {
            Kind::Hello | Kind::HelloAck | Kind::HelloRefused => Self::Hello { kind, body },
            Kind::Lookup => {
                let name_length = u32_at(&body, 8) as usize;
                let texts = &body[LOOKUP_HEAD_BYTES..];
                let (name, actor) = texts
                    .split_at_checked(name_length)
                    .ok_or(FrameError::Text { kind })?;
                Self::Lookup {
                    lookup: u64_at(&body, 0),
                    name: text(kind, name)?,
                    actor: text(kind, actor)?,
                }
            }
            Kind::LookupAnswer => Self::LookupAnswer {
                lookup: u64_at(&body, 0),
                target: u64_at(&body, 8),
                outcome: outcome(16, ANSWER_HEAD_BYTES)?,
            },
            Kind::Request => {
                let timeout_us = u64_at(&body, 40);
                let head = Request {
                    target: u64_at(&body, 0),
                    id: u64_at(&body, 8),
                    shape: u64_at(&body, 16),
                    request: u64_at(&body, 24),
                    epoch: u64_at(&body, 32),
                    timeout: (timeout_us > 0).then(|| Duration::from_micros(timeout_us)),
                };
                Self::Request {
                    head,
                    archive: body.slice(REQUEST_HEAD_BYTES..),
                }
            }
            Kind::Reply => Self::Reply {
                request: u64_at(&body, 0),
                archive: body.slice(REPLY_HEAD_BYTES..),
            },
            Kind::Refusal => Self::Refusal(Refused {
                request: u64_at(&body, 0),
                target: u64_at(&body, 8),
                id: u64_at(&body, 16),
                value: u64_at(&body, 24),
                outcome: outcome(32, REFUSAL_HEAD_BYTES)?,
            }),
            Kind::Monitor => Self::Monitor {
                monitor: u64_at(&body, 0),
                target: u64_at(&body, 8),
            },
            Kind::Demonitor => Self::Demonitor {
                monitor: u64_at(&body, 0),
            },
            Kind::Down => Self::Down {
                monitor: u64_at(&body, 0),
                outcome: outcome(8, DOWN_HEAD_BYTES)?,
            },
            Kind::Ping => Self::Ping {
                nonce: u64_at(&body, 0),
            },
            Kind::Pong => Self::Pong {
                nonce: u64_at(&body, 0),
            },
            Kind::Goodbye => Self::Goodbye {
                outcome: outcome(0, GOODBYE_HEAD_BYTES)?,
            },
        })
    }

    /// The frame's kind and its body, without padding. Copies the archive: requests and replies are built in place
    /// instead, by [`super::outgoing::Outgoing`].
    pub fn to_body(&self) -> (Kind, Vec<u8>) {
        let mut body = Vec::new();
        let kind = match self {
            Self::Hello { kind, body: bytes } => {
                body.extend_from_slice(bytes);
                *kind
            }
            Self::Lookup { lookup, name, actor } => {
                let (name, actor) = (cut(name, NAME_BYTES_MAX), cut(actor, NAME_BYTES_MAX));
                put(&mut body, &[*lookup]);
                body.extend_from_slice(&(name.len() as u32).to_le_bytes());
                body.extend_from_slice(name.as_bytes());
                body.extend_from_slice(actor.as_bytes());
                Kind::Lookup
            }
            Self::LookupAnswer {
                lookup,
                target,
                outcome,
            } => {
                put(&mut body, &[*lookup, *target, u64::from(outcome.code)]);
                put_text(&mut body, outcome);
                Kind::LookupAnswer
            }
            Self::Request { head, archive } => {
                body.extend_from_slice(&head.to_bytes());
                body.extend_from_slice(archive);
                Kind::Request
            }
            Self::Reply { request, archive } => {
                put(&mut body, &[*request, 0]);
                body.extend_from_slice(archive);
                Kind::Reply
            }
            Self::Refusal(refused) => {
                let Refused {
                    request,
                    target,
                    id,
                    value,
                    outcome,
                } = refused;
                put(
                    &mut body,
                    &[*request, *target, *id, *value, u64::from(outcome.code)],
                );
                put_text(&mut body, outcome);
                Kind::Refusal
            }
            Self::Monitor { monitor, target } => {
                put(&mut body, &[*monitor, *target]);
                Kind::Monitor
            }
            Self::Demonitor { monitor } => {
                put(&mut body, &[*monitor, 0]);
                Kind::Demonitor
            }
            Self::Down { monitor, outcome } => {
                put(&mut body, &[*monitor, u64::from(outcome.code)]);
                put_text(&mut body, outcome);
                Kind::Down
            }
            Self::Ping { nonce } => {
                put(&mut body, &[*nonce, 0]);
                Kind::Ping
            }
            Self::Pong { nonce } => {
                put(&mut body, &[*nonce, 0]);
                Kind::Pong
            }
            Self::Goodbye { outcome } => {
                put(&mut body, &[u64::from(outcome.code)]);
                put_text(&mut body, outcome);
                Kind::Goodbye
            }
        };
        (kind, body)
    }
}

/// `length` rounded up to a multiple of [`FRAME_ALIGN`].
pub const fn padded_bytes(length: usize) -> usize {
    length.next_multiple_of(FRAME_ALIGN)
}

fn put(body: &mut Vec<u8>, fields: &[u64]) {
    for field in fields {
        body.extend_from_slice(&field.to_le_bytes());
    }
}

fn put_text(body: &mut Vec<u8>, outcome: &Outcome) {
    body.extend_from_slice(cut(&outcome.detail, DETAIL_BYTES_MAX).as_bytes());
}

/// The longest beginning of `text` of at most `bytes_max` bytes that ends between two characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn text(kind: Kind, bytes: &[u8]) -> Result<String, FrameError> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| FrameError::Text { kind })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
