//! The handshake: two nodes find out whether they may talk before anything else is read.
//!
//! ```text
//! connecting end                       accepting end
//!   Hello ------------------------------>  judge()
//!   judge_ack()  <---- HelloAck ---------    fits
//!   HelloError   <---- HelloRefused -----    does not fit: why, and who says so
//! ```
//!
//! A hello carries the range of protocol versions, the fingerprint of the archive format, the cluster, the system that
//! is wanted, and the node's name and incarnation. Each refusal names both ends' values, so that the reader of one log
//! knows what to change. The layout of these three bodies never changes, whatever the version.
//!
//! Pure: bytes in, decisions out. What it does not do: prove who the other end is.
//!
//! ```text
//! body   0 magic "QUORATE\0" | 8 code u32 | 12 format u32 | 16 version_min u16 | 18 version_max u16 | 20 zero u32
//!        24 incarnation u64 | 32 cluster, system, node: a length u8 and that many bytes of UTF-8 each
//! ```

use std::fmt;

use super::fingerprint;

/// The protocol versions that this build speaks. Version 1 had no stamp that names its singleton, and none on replies.
pub const VERSION_MIN: u16 = 2;
/// See [`VERSION_MIN`].
pub const VERSION_MAX: u16 = 2;
/// The longest name of a cluster, a system or a node, in bytes.
pub const LABEL_BYTES_MAX: usize = 255;

const MAGIC: [u8; 8] = *b"QUORATE\0";
const FIXED_BYTES: usize = 32;

/// What one end says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The oldest version it speaks.
    pub version_min: u16,
    /// The newest version it speaks.
    pub version_max: u16,
    /// [`fingerprint::format`] there.
    pub format: u32,
    /// The cluster it belongs to.
    pub cluster: String,
    /// The system that is wanted, by its label at the listener.
    pub system: String,
    /// The node's name.
    pub node: String,
    /// Which life of the node this is.
    pub incarnation: u64,
}

impl Hello {
    /// What this build says.
    pub fn new(cluster: &str, system: &str, node: &str, incarnation: u64) -> Self {
        Self {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            format: fingerprint::format(),
            cluster: cluster.to_owned(),
            system: system.to_owned(),
            node: node.to_owned(),
            incarnation,
        }
    }

    /// The body of a `Hello` or a `HelloAck`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.with_code(0)
    }

    /// Reads the body of a `Hello` or a `HelloAck`.
    ///
    /// # Errors
    /// [`HelloError::Malformed`].
    pub fn from_bytes(body: &[u8]) -> Result<Self, HelloError> {
        parse(body).map(|(_, hello)| hello)
    }

    fn with_code(&self, code: u32) -> Vec<u8> {
        let mut body = Vec::with_capacity(FIXED_BYTES + 64);
        body.extend_from_slice(&MAGIC);
        body.extend_from_slice(&code.to_le_bytes());
        body.extend_from_slice(&self.format.to_le_bytes());
        body.extend_from_slice(&self.version_min.to_le_bytes());
        body.extend_from_slice(&self.version_max.to_le_bytes());
        body.extend_from_slice(&[0; 4]);
        body.extend_from_slice(&self.incarnation.to_le_bytes());
        for label in [&self.cluster, &self.system, &self.node] {
            let label = &label[..label.floor_char_boundary(LABEL_BYTES_MAX)];
            body.push(label.len() as u8);
            body.extend_from_slice(label.as_bytes());
        }
        body
    }
}

/// Why two nodes do not talk. No session was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HelloError {
    /// The other end's greeting could not be read.
    Malformed,
    /// No protocol version is spoken by both.
    Version {
        /// Oldest and newest here.
        ours: (u16, u16),
        /// Oldest and newest there.
        theirs: (u16, u16),
    },
    /// The archives of the two builds differ.
    Format {
        /// The fingerprint here.
        ours: u32,
        /// The fingerprint there.
        theirs: u32,
    },
    /// The other end belongs to another cluster.
    Cluster {
        /// The cluster here.
        ours: String,
        /// The cluster there.
        theirs: String,
    },
    /// The listener serves no system of this label.
    NoSuchSystem {
        /// The label that was asked for.
        system: String,
    },
    /// The other end is this very node.
    SameNode {
        /// Its name.
        node: String,
    },
    /// The listener has as many sessions as it may.
    Full {
        /// The node that said so.
        node: String,
    },
    /// A refusal that this version does not know.
    Other {
        /// Its number.
        code: u32,
    },
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str(
                "the other end's greeting could not be read; check that the address is that of a quorate listener",
            ),
            Self::Version { ours, theirs } => write!(
                f,
                "no common protocol version: this node speaks {}..={}, the other {}..={}; update the older one",
                ours.0, ours.1, theirs.0, theirs.1
            ),
            Self::Format { ours, theirs } => write!(
                f,
                "the archive formats differ ({ours:08x} here, {theirs:08x} there): some dependency of one build sets rkyv's \
                 `unaligned`, `big_endian` or `pointer_width_*` feature; build both alike"
            ),
            Self::Cluster { ours, theirs } => write!(
                f,
                "this node belongs to cluster `{ours}`, the other to `{theirs}`; check the address, or give both the same cluster name"
            ),
            Self::NoSuchSystem { system } => {
                write!(f, "the listener serves no system `{system}`; serve it there or ask for another")
            }
            Self::SameNode { node } => write!(
                f,
                "the other end is this node itself (`{node}`); use local refs, or give the nodes different names"
            ),
            Self::Full { node } => {
                write!(f, "node `{node}` has as many sessions as its listener allows; raise `sessions_max` there")
            }
            Self::Other { code } => write!(f, "the other end refused with the unknown code {code}; it may run a newer version"),
        }
    }
}

impl std::error::Error for HelloError {}

/// The accepting end's decision: the version to speak.
///
/// `ours` is what this end says of itself, `ours.system` is ignored. Whether `theirs.system` is served, and whether
/// there is room, the listener knows.
///
/// # Errors
/// Everything but [`HelloError::NoSuchSystem`] and [`HelloError::Full`].
pub fn judge(ours: &Hello, theirs: &Hello) -> Result<u16, HelloError> {
    let version = ours.version_max.min(theirs.version_max);
    if version < ours.version_min.max(theirs.version_min) {
        return Err(HelloError::Version {
            ours: (ours.version_min, ours.version_max),
            theirs: (theirs.version_min, theirs.version_max),
        });
    }
    if ours.cluster != theirs.cluster {
        return Err(HelloError::Cluster {
            ours: ours.cluster.clone(),
            theirs: theirs.cluster.clone(),
        });
    }
    if ours.format != theirs.format {
        return Err(HelloError::Format {
            ours: ours.format,
            theirs: theirs.format,
        });
    }
    if ours.node == theirs.node && ours.incarnation == theirs.incarnation {
        return Err(HelloError::SameNode {
            node: ours.node.clone(),
        });
    }
    Ok(version)
}

/// The body of a `HelloAck`: `ours`, with the version that was chosen.
pub fn ack(ours: &Hello, version: u16) -> Vec<u8> {
    Hello {
        version_min: version,
        version_max: version,
        ..ours.clone()
    }
    .to_bytes()
}

/// The body of a `HelloRefused`.
pub fn refusal(ours: &Hello, error: &HelloError) -> Vec<u8> {
    let code = match error {
        HelloError::Malformed => 1,
        HelloError::Version { .. } => 2,
        HelloError::Format { .. } => 3,
        HelloError::Cluster { .. } => 4,
        HelloError::NoSuchSystem { .. } => 5,
        HelloError::SameNode { .. } => 6,
        HelloError::Full { .. } => 7,
        HelloError::Other { code } => *code,
    };
    ours.with_code(code)
}

/// The connecting end reads a `HelloAck`: who the other end is, and the version to speak.
///
/// # Errors
/// [`HelloError`]: an acknowledgement is judged as a hello is, so that neither end relies on the other's care.
pub fn judge_ack(ours: &Hello, body: &[u8]) -> Result<(Hello, u16), HelloError> {
    let theirs = Hello::from_bytes(body)?;
    let version = judge(ours, &theirs)?;
    Ok((theirs, version))
}

/// The connecting end reads a `HelloRefused`, as seen from here.
pub fn read_refusal(ours: &Hello, body: &[u8]) -> HelloError {
    let Ok((code, theirs)) = parse(body) else {
        return HelloError::Malformed;
    };
    match code {
        1 => HelloError::Malformed,
        2 => HelloError::Version {
            ours: (ours.version_min, ours.version_max),
            theirs: (theirs.version_min, theirs.version_max),
        },
        3 => HelloError::Format {
            ours: ours.format,
            theirs: theirs.format,
        },
        4 => HelloError::Cluster {
            ours: ours.cluster.clone(),
            theirs: theirs.cluster,
        },
        5 => HelloError::NoSuchSystem {
            system: ours.system.clone(),
        },
        6 => HelloError::SameNode { node: theirs.node },
        7 => HelloError::Full { node: theirs.node },
        code => HelloError::Other { code },
    }
}

fn parse(body: &[u8]) -> Result<(u32, Hello), HelloError> {
    let (fixed, mut labels) = body
        .split_first_chunk::<FIXED_BYTES>()
        .ok_or(HelloError::Malformed)?;
    if fixed[..8] != MAGIC {
        return Err(HelloError::Malformed);
    }
    let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
    let mut label = || -> Result<String, HelloError> {
        let (length, rest) = labels.split_first().ok_or(HelloError::Malformed)?;
        let (text, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(HelloError::Malformed)?;
        labels = rest;
        std::str::from_utf8(text)
            .map(str::to_owned)
            .map_err(|_| HelloError::Malformed)
    };
    let (cluster, system, node) = (label()?, label()?, label()?);
    let hello = Hello {
        version_min: u16_at(16),
        version_max: u16_at(18),
        format: u32_at(12),
        cluster,
        system,
        node,
        incarnation: u64::from(u32_at(24)) | u64::from(u32_at(28)) << 32,
    };
    Ok((u32_at(8), hello))
}
