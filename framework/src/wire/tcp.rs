//! Greetings over TCP: exactly one frame is sent and one read by each end, and not a byte more, so that the socket can
//! still be moved to the runtime of the system that was asked for.

use std::fmt;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frame::{Frame, FrameError, HEADER_BYTES, Header, Kind};
use super::outgoing::Outgoing;

/// Why no greeting was exchanged.
#[derive(Debug)]
pub(crate) enum GreetError {
    Io(io::Error),
    /// The other end closed the connection without a greeting.
    Closed,
    Garbage(FrameError),
    /// A valid frame that is not a greeting.
    Unexpected(Kind),
}

impl From<io::Error> for GreetError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Closed
        } else {
            Self::Io(error)
        }
    }
}

impl fmt::Display for GreetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Closed => f.write_str("the other end closed the connection without a greeting"),
            Self::Garbage(error) => error.fmt(f),
            Self::Unexpected(kind) => write!(
                f,
                "the other end began with a {kind:?} frame instead of a greeting"
            ),
        }
    }
}

/// Sends the greeting with this body.
pub(crate) async fn greet(stream: &mut TcpStream, kind: Kind, body: Vec<u8>) -> io::Result<()> {
    let mut outgoing = Outgoing::new();
    let frame = Frame::Hello {
        kind,
        body: Bytes::from(body),
    };
    outgoing
        .frame(&frame)
        .map_err(|_| io::Error::other("a greeting is shorter than a control frame may be"))?;
    stream
        .write_all(&outgoing.take(rkyv::util::AlignedVec::new()))
        .await
}

/// Reads one greeting; its body is at most [`CONTROL_BYTES_MAX`](super::frame::CONTROL_BYTES_MAX) long.
pub(crate) async fn greeting(stream: &mut TcpStream) -> Result<(Kind, Bytes), GreetError> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let header = Header::parse(&header).map_err(GreetError::Garbage)?;
    if !matches!(header.kind, Kind::Hello | Kind::HelloAck | Kind::HelloRefused) {
        return Err(GreetError::Unexpected(header.kind));
    }
    let mut body = vec![0; header.frame_bytes() - HEADER_BYTES];
    stream.read_exact(&mut body).await?;
    header.check_body(&body).map_err(GreetError::Garbage)?;
    body.truncate(header.length);
    Ok((header.kind, Bytes::from(body)))
}
