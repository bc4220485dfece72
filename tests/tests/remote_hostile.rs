//! Peers that send garbage, too much, too little or nothing, over real sockets: each gets a clear answer, and nobody else notices.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate::prelude::*;
use quorate::testing::soon;
use quorate::wire::code;
use quorate::wire::frame::{Frame, HEADER_BYTES, Header, Kind, Outcome};
use quorate::wire::handshake::{self, Hello, HelloError};
use quorate::wire::outgoing::OUTGOING_BYTES_MAX;
use quorate::wire::session::{CloseReason, Heartbeat};
use quorate::wire::{ConnectError, ConnectOptions, ListenOptions, Listener, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use hand::{Hand, bytes_of};
use tests::frames::{call, reply};

#[path = "remote_hostile/hand.rs"]
mod hand;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const ECHO: Name<Echo> = Name::new("echo");

/// Answers what it is asked.
#[actor]
#[derive(Default)]
struct Echo;

#[actor]
impl Echo {
    pub fn number(&mut self, n: u64) -> u64 {
        n
    }

    pub fn bytes(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}

/// A node that is attacked, and a well-behaved peer whose session must not be disturbed.
struct Victim {
    addr: SocketAddr,
    _listener: Listener,
    _server: System,
    witness: Peer,
}

impl Victim {
    async fn new(options: ListenOptions) -> Self {
        let server = System::new("server");
        server
            .spawn(Echo::spec().name(ECHO))
            .await
            .expect("the name is free");
        let listener = Listener::bind_with(LOOPBACK, options).await.expect("loopback");
        listener.serve("app", &server).expect("the label is free");
        let addr = listener.local_addr();
        let witness = System::new("witness")
            .connect(addr, ConnectOptions::new("shop", "app"))
            .await;
        Self {
            addr,
            _listener: listener,
            _server: server,
            witness: witness.expect("they fit"),
        }
    }

    async fn is_undisturbed(&self) {
        let echo = self.witness.lookup(ECHO).await.expect("it is there");
        assert_eq!(echo.number(7).await, Ok(7));
        let fresh = System::new("fresh")
            .connect(self.addr, ConnectOptions::new("shop", "app"))
            .await;
        let echo = fresh
            .expect("others may connect")
            .lookup(ECHO)
            .await
            .expect("it is there");
        assert_eq!(echo.number(8).await, Ok(8));
    }
}

/// What the macros compute for `Echo::number`.
fn number_method() -> (u64, u64) {
    let wire = <Echo as Actor>::WIRE.expect("it travels");
    let method = wire
        .methods
        .iter()
        .find(|method| method.name == "number")
        .expect("it is a message");
    (method.id, method.shape)
}

#[tokio::test]
async fn garbage_instead_of_a_greeting_is_closed() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let garbage: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: victim\r\n\r\n",
        &[0; 64],
        &[0xff; 64],
        &bytes_of(&Frame::Ping { nonce: 1 }),
    ];
    for bytes in garbage {
        let mut hand = Hand::connect(victim.addr).await;
        hand.write(bytes).await;
        assert_eq!(hand.receive().await, None);
    }
    victim.is_undisturbed().await;
}

#[tokio::test]
async fn a_greeting_that_cannot_be_read_is_refused() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let mut hand = Hand::connect(victim.addr).await;
    hand.send(&Frame::Hello {
        kind: Kind::Hello,
        body: Bytes::from_static(b"hello?"),
    })
    .await;
    let Some(Frame::Hello {
        kind: Kind::HelloRefused,
        body,
    }) = hand.receive().await
    else {
        panic!("expected a refusal")
    };
    let ours = Hello::new("shop", "app", "hand", 1);
    assert_eq!(handshake::read_refusal(&ours, &body), HelloError::Malformed);
    victim.is_undisturbed().await;
}

#[tokio::test]
async fn an_old_version_is_refused_by_either_end() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let old = Hello {
        version_min: 0,
        version_max: 0,
        ..Hello::new("shop", "app", "hand", 1)
    };
    let mut hand = Hand::connect(victim.addr).await;
    hand.send(&Frame::Hello {
        kind: Kind::Hello,
        body: old.to_bytes().into(),
    })
    .await;
    let Some(Frame::Hello {
        kind: Kind::HelloRefused,
        body,
    }) = hand.receive().await
    else {
        panic!("expected a refusal")
    };
    let seen = handshake::read_refusal(&old, &body);
    assert!(matches!(seen, HelloError::Version { ours: (0, 0), .. }), "{seen}");

    let listener = TcpListener::bind(LOOPBACK).await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        let mut hand = Hand::new(listener.accept().await.expect("a connection").0);
        hand.receive().await;
        hand.send(&Frame::Hello {
            kind: Kind::HelloAck,
            body: handshake::ack(&old, 0).into(),
        })
        .await;
    });
    let error = System::new("client")
        .connect(addr, ConnectOptions::new("shop", "app"))
        .await;
    let error = error.expect_err("the other end is old");
    assert!(matches!(
        error,
        ConnectError::Refused {
            source: HelloError::Version { theirs: (0, 0), .. },
            ..
        }
    ));
    server.await.expect("no panic");
}

#[tokio::test]
async fn a_server_of_another_protocol_is_recognised() {
    let listener = TcpListener::bind(LOOPBACK).await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 64]).await;
    });
    let error = System::new("client")
        .connect(addr, ConnectOptions::new("shop", "app"))
        .await;
    let error = error.expect_err("it is no node").to_string();
    assert!(error.contains("does not speak the quorate protocol"), "{error}");
    server.await.expect("no panic");
}

#[tokio::test]
async fn a_connection_that_does_not_greet_is_closed_in_time() {
    let timeout = Duration::from_millis(100);
    let victim = Victim::new(ListenOptions::cluster("shop").hello_timeout(timeout)).await;
    let began = Instant::now();
    let mut silent = Hand::connect(victim.addr).await;
    let mut slow = Hand::connect(victim.addr).await;
    let hello = Hello::new("shop", "app", "hand", 1).to_bytes();
    slow.write(
        &bytes_of(&Frame::Hello {
            kind: Kind::Hello,
            body: hello.into(),
        })[..20],
    )
    .await;
    assert_eq!(silent.receive().await, None);
    assert_eq!(slow.receive().await, None);
    assert!(began.elapsed() >= timeout);
    victim.is_undisturbed().await;
}

#[tokio::test]
async fn each_kind_of_garbage_in_a_session_ends_it_with_a_reason() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let mut huge = Header::build(Kind::Request, 48, &[0; 48]);
    huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let crc = |bytes: &[u8]| crc32(bytes).to_le_bytes();
    let sum = crc(&huge[..12]);
    huge[12..16].copy_from_slice(&sum);
    let mut unknown = Header::build(Kind::Ping, 16, &[0; 16]);
    unknown[2] = 77;
    let sum = crc(&unknown[..12]);
    unknown[12..16].copy_from_slice(&sum);
    let mut flipped = bytes_of(&Frame::Ping { nonce: 1 });
    flipped[HEADER_BYTES] ^= 1;
    let text = bytes_of(&Frame::Hello {
        kind: Kind::Hello,
        body: Bytes::from_static(b"again"),
    });
    let cases: [(&[u8], &str); 6] = [
        (&[0x5a; 40], "does not speak the quorate protocol"),
        (&huge, "announces 4294967295 bytes; at most 8388608 are accepted"),
        (&unknown, "unknown frame kind 77"),
        (&flipped, "does not match its checksum"),
        (&text, "a greeting within a session"),
        (&bytes_of(&reply(9, Bytes::new())), "a call that was never made"),
    ];
    for (bytes, why) in cases {
        let mut hand = Hand::greeted(victim.addr).await;
        hand.write(bytes).await;
        let detail = hand.goodbye().await;
        assert!(detail.contains(why), "{detail}");
    }
    victim.is_undisturbed().await;
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[tokio::test]
async fn a_truncated_frame_ends_its_session_only() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let mut hand = Hand::greeted(victim.addr).await;
    hand.write(&bytes_of(&Frame::Ping { nonce: 1 })[..20]).await;
    hand.stream.shutdown().await.expect("the connection is open");
    let detail = hand.goodbye().await;
    assert!(
        detail.contains("ended inside a frame, after 20 of its bytes"),
        "{detail}"
    );
    victim.is_undisturbed().await;
}

#[tokio::test]
async fn each_bad_request_is_refused_and_the_session_goes_on() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let mut hand = Hand::greeted(victim.addr).await;
    let target = hand.lookup("echo", <Echo as Actor>::NAME).await;
    let (id, shape) = number_method();
    assert_eq!(
        hand.refusal(call(target, 1, shape, 1), b"").await,
        code::refusal::UNKNOWN_MESSAGE
    );
    assert_eq!(
        hand.refusal(call(target, id, 1, 2), b"").await,
        code::refusal::SCHEMA_MISMATCH
    );
    assert_eq!(
        hand.refusal(call(target, id, shape, 3), b"").await,
        code::refusal::MALFORMED
    );
    assert_eq!(
        hand.refusal(call(target, id, shape, 4), b"odd").await,
        code::refusal::MALFORMED
    );
    assert_eq!(
        hand.refusal(call(target + 1, id, shape, 5), b"").await,
        code::refusal::GONE
    );
    assert_eq!(
        hand.refusal(call(target, 1, 1, 0), b"").await,
        code::refusal::UNKNOWN_MESSAGE
    );
    let archive = Bytes::from_static(&[9, 0, 0, 0, 0, 0, 0, 0]);
    hand.send(&Frame::Request {
        head: call(target, id, shape, 6),
        archive: archive.clone(),
    })
    .await;
    assert_eq!(hand.receive().await, Some(reply(6, archive)));
    victim.is_undisturbed().await;
}

#[tokio::test]
async fn a_monitor_of_nothing_is_down_at_once() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let mut hand = Hand::greeted(victim.addr).await;
    hand.send(&Frame::Monitor {
        monitor: 5,
        target: 12345,
    })
    .await;
    let outcome = Outcome {
        code: code::exit::GONE,
        detail: String::new(),
    };
    assert_eq!(hand.receive().await, Some(Frame::Down { monitor: 5, outcome }));
}

#[tokio::test]
async fn a_ping_that_is_answered_is_followed_by_the_next_in_time() {
    let heartbeat = Heartbeat {
        ping_after: Duration::from_millis(20),
        dead_after: Duration::from_mins(10),
    };
    let victim = Victim::new(ListenOptions::cluster("shop").heartbeat(heartbeat)).await;
    let mut hand = Hand::greeted(victim.addr).await;
    for _ in 0..5 {
        // Waits much less than until the session would be given up.
        match hand.receive().await {
            Some(Frame::Ping { nonce }) => hand.send(&Frame::Pong { nonce }).await,
            other => panic!("expected a ping, got {other:?}"),
        }
    }
}

/// A node that greets and then never reads.
async fn stalled(heartbeat: Heartbeat) -> (Peer, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(LOOPBACK).await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let task = tokio::spawn(async move {
        let mut hand = Hand::new(listener.accept().await.expect("a connection").0);
        hand.receive().await;
        let ack = handshake::ack(&Hello::new("shop", "app", "stalled", 1), handshake::VERSION_MAX);
        hand.send(&Frame::Hello {
            kind: Kind::HelloAck,
            body: ack.into(),
        })
        .await;
        let outcome = Outcome {
            code: code::lookup::FOUND,
            detail: String::new(),
        };
        if let Some(Frame::Lookup { lookup, .. }) = hand.receive().await {
            hand.send(&Frame::LookupAnswer {
                lookup,
                target: 1,
                outcome,
            })
            .await;
        }
        std::future::pending::<()>().await;
    });
    let options = ConnectOptions::new("shop", "app").heartbeat(heartbeat);
    let peer = System::new("client")
        .connect(addr, options)
        .await
        .expect("they fit");
    (peer, task)
}

#[tokio::test]
async fn a_peer_that_never_reads_is_overloaded_within_bounds_and_then_given_up() {
    let heartbeat = Heartbeat {
        ping_after: Duration::from_millis(500),
        dead_after: Duration::from_secs(4),
    };
    let (peer, task) = stalled(heartbeat).await;
    let echo = peer.lookup(ECHO).await.expect("it says so");
    let mut sent = 0;
    let error = loop {
        match echo.bytes(vec![1; 1 << 20]).cast() {
            Ok(()) => sent += 1 << 20,
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(error, CastError::Overloaded(_)), "{error}");
    // What the kernel buffers comes on top of the bound; loopback sockets hold a few MiB.
    assert!(sent <= 4 * OUTGOING_BYTES_MAX, "{sent} bytes were taken");
    assert_eq!(echo.number(1).await, Err(CallError::Overloaded));
    let reason = tokio::time::timeout(Duration::from_secs(20), peer.closed()).await;
    assert_eq!(reason, Ok(CloseReason::Silent));
    assert_eq!(echo.number(1).await, Err(CallError::NodeDown));
    task.abort();
}

#[tokio::test]
async fn a_caller_that_never_reads_its_replies_is_cut_off() {
    let victim = Victim::new(ListenOptions::cluster("shop")).await;
    let mut hand = Hand::greeted(victim.addr).await;
    let target = hand.lookup("echo", <Echo as Actor>::NAME).await;
    // Refusals are answers that must not be missed; this peer asks for them and never reads.
    let request = bytes_of(&Frame::Request {
        head: call(target, 1, 1, 1),
        archive: Bytes::new(),
    });
    let batch = request.repeat(1000);
    let flood = async { while hand.stream.write_all(&batch).await.is_ok() {} };
    soon(flood).await;
    victim.is_undisturbed().await;
}
