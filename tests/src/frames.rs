//! Frames as a peer without a tenure sends them.

use std::time::Duration;

use bytes::Bytes;
use quorate::wire::frame::{Frame, Reply, Request};

/// The head of a cast.
pub const fn cast(target: u64) -> Request {
    Request {
        target,
        id: 2,
        shape: 3,
        request: 0,
        singleton: 0,
        epoch: 0,
        timeout: None,
    }
}

/// The head of a call with a deadline of 5 s.
pub const fn call(target: u64, id: u64, shape: u64, request: u64) -> Request {
    Request {
        id,
        shape,
        request,
        timeout: Some(Duration::from_secs(5)),
        ..cast(target)
    }
}

/// A reply.
pub fn reply(request: u64, archive: impl Into<Bytes>) -> Frame {
    Frame::Reply {
        head: Reply {
            request,
            singleton: 0,
            epoch: 0,
        },
        archive: archive.into(),
    }
}
