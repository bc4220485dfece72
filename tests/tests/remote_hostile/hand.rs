//! The wire protocol spoken by hand: a peer that may be as bad as a test wants it.

use std::net::SocketAddr;

use bytes::Bytes;
use quorate::testing::soon;
use quorate::wire::code;
use quorate::wire::frame::{Frame, Kind, Request};
use quorate::wire::handshake::Hello;
use quorate::wire::incoming::Incoming;
use quorate::wire::outgoing::Outgoing;
use rkyv::util::AlignedVec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that speaks the protocol by hand.
pub(crate) struct Hand {
    pub(crate) stream: TcpStream,
    incoming: Incoming,
}

impl Hand {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::new(TcpStream::connect(addr).await.expect("it listens"))
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            incoming: Incoming::new(),
        }
    }

    /// Connects and greets as a good peer does.
    pub(crate) async fn greeted(addr: SocketAddr) -> Self {
        let mut hand = Self::connect(addr).await;
        let body = Hello::new("shop", "app", "hand", 1).to_bytes();
        hand.send(&Frame::Hello {
            kind: Kind::Hello,
            body: body.into(),
        })
        .await;
        match hand.receive().await {
            Some(Frame::Hello {
                kind: Kind::HelloAck, ..
            }) => hand,
            other => panic!("expected an acknowledgement, got {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: &Frame) {
        self.write(&bytes_of(frame)).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .await
            .expect("the connection is open");
    }

    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn receive(&mut self) -> Option<Frame> {
        let receive = async {
            loop {
                if let Some(frame) = self.incoming.poll().expect("the victim sends frames") {
                    return Some(frame);
                }
                match self.stream.read(self.incoming.space()).await {
                    Ok(count) if count > 0 => self.incoming.advance(count),
                    Ok(_) | Err(_) => return None,
                }
            }
        };
        soon(receive).await
    }

    /// The goodbye's text, and that nothing follows it.
    pub(crate) async fn goodbye(&mut self) -> String {
        loop {
            match self.receive().await {
                Some(Frame::Goodbye { outcome }) => {
                    assert_eq!(outcome.code, code::goodbye::PROTOCOL);
                    assert_eq!(self.receive().await, None);
                    return outcome.detail;
                }
                Some(_) => {}
                None => panic!("the stream ended without a goodbye"),
            }
        }
    }

    pub(crate) async fn lookup(&mut self, name: &str, actor: &str) -> u64 {
        let actor = actor.to_owned();
        self.send(&Frame::Lookup {
            lookup: 1,
            name: name.to_owned(),
            actor,
        })
        .await;
        match self.receive().await {
            Some(Frame::LookupAnswer {
                lookup: 1, target, ..
            }) => target,
            other => panic!("expected an answer, got {other:?}"),
        }
    }

    /// What a request with this head and archive is answered.
    pub(crate) async fn refusal(&mut self, head: Request, archive: &'static [u8]) -> u32 {
        self.send(&Frame::Request {
            head,
            archive: Bytes::from_static(archive),
        })
        .await;
        match self.receive().await {
            Some(Frame::Refusal(refused)) if refused.request == head.request => refused.outcome.code,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
}

pub(crate) fn bytes_of(frame: &Frame) -> Vec<u8> {
    let mut outgoing = Outgoing::new();
    outgoing.frame(frame).expect("an empty batch has room");
    outgoing.take(AlignedVec::new()).to_vec()
}
