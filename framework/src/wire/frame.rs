//! Frames: what travels between two nodes, byte for byte.
//!
//! A frame is a header of 16 bytes and a body that is padded with zeros to a multiple of 16, so that every body in a
//! stream keeps its 16-byte alignment in a receive buffer that begins at a frame. All integers are little-endian.
//!
//! ```text
//! header    0 magic "Qr" | 2 kind u8 | 3 flags u8 = 0 | 4 length u32 | 8 body checksum u32 | 12 header checksum u32
//! Request   0 target u64 | 8 id u64 | 16 shape u64 | 24 request u64 | 32 timeout_us u64 | 40 stamp | 56 zero u64 | 64 archive
//! Reply     0 request u64 | 8 stamp | 24 zero u64 | 32 archive
//! stamp     0 singleton u64 | 8 epoch u64, both 0 for a sender without a tenure
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

use super::header::{
    ANSWER_HEAD_BYTES, DOWN_HEAD_BYTES, GOODBYE_HEAD_BYTES, LOOKUP_HEAD_BYTES, REFUSAL_HEAD_BYTES, u32_at,
};
pub use super::header::{
    BODY_BYTES_MAX, CONTROL_BYTES_MAX, DETAIL_BYTES_MAX, FRAME_ALIGN, FrameError, HEADER_BYTES, Header, Kind,
    NAME_BYTES_MAX, REPLY_HEAD_BYTES, REQUEST_HEAD_BYTES, padded_bytes,
};

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
    /// The hash of the caller's singleton's name; 0 for a caller without a tenure.
    pub singleton: u64,
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
        head([
            self.target,
            self.id,
            self.shape,
            self.request,
            timeout_us,
            self.singleton,
            self.epoch,
        ])
    }
}

/// The head of a call's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The call's number.
    pub request: u64,
    /// The hash of the answering actor's singleton's name; 0 for one without a tenure.
    pub singleton: u64,
    /// The answering actor's epoch; 0 for one without a tenure.
    pub epoch: u64,
}

impl Reply {
    /// The bytes before the archive.
    pub fn to_bytes(&self) -> [u8; REPLY_HEAD_BYTES] {
        head([self.request, self.singleton, self.epoch])
    }
}

/// These fields, and zeros behind them.
fn head<const FIELDS: usize, const BYTES: usize>(fields: [u64; FIELDS]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (bytes, field) in bytes.chunks_exact_mut(8).zip(fields) {
        bytes.copy_from_slice(&field.to_le_bytes());
    }
    bytes
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
    Reply { head: Reply, archive: Bytes },
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
                let timeout_us = u64_at(&body, 32);
                let head = Request {
                    target: u64_at(&body, 0),
                    id: u64_at(&body, 8),
                    shape: u64_at(&body, 16),
                    request: u64_at(&body, 24),
                    singleton: u64_at(&body, 40),
                    epoch: u64_at(&body, 48),
                    timeout: (timeout_us > 0).then(|| Duration::from_micros(timeout_us)),
                };
                Self::Request {
                    head,
                    archive: body.slice(REQUEST_HEAD_BYTES..),
                }
            }
            Kind::Reply => Self::Reply {
                head: Reply {
                    request: u64_at(&body, 0),
                    singleton: u64_at(&body, 8),
                    epoch: u64_at(&body, 16),
                },
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
            Self::Reply { head, archive } => {
                body.extend_from_slice(&head.to_bytes());
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

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
