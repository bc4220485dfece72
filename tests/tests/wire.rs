//! The bytes of the wire: frames byte for byte, a stream cut anywhere, the bounds of the buffers, the handshake.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use quorate::wire::code;
use quorate::wire::frame::{
    BODY_BYTES_MAX, CONTROL_BYTES_MAX, Frame, FrameError, HEADER_BYTES, Header, Kind, Outcome,
    REPLY_HEAD_BYTES, Refused, Reply, Request, padded_bytes,
};
use quorate::wire::handshake::{self, Hello, HelloError};
use quorate::wire::incoming::{Incoming, RECEIVE_BYTES};
use quorate::wire::outgoing::{ANSWER_BYTES_MAX, AppendError, OUTGOING_BYTES_MAX, Outgoing};
use rkyv::util::AlignedVec;
use tests::frames::{cast, reply};

// ---- frames

fn outcome(code: u32, detail: &str) -> Outcome {
    Outcome {
        code,
        detail: detail.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string has room");
        text
    })
}

fn one_of_each() -> Vec<Frame> {
    let head = Request {
        target: 1,
        id: 2,
        shape: 3,
        request: 4,
        singleton: 8,
        epoch: 5,
        timeout: Some(Duration::from_micros(6)),
    };
    vec![
        Frame::Hello {
            kind: Kind::Hello,
            body: Bytes::from_static(b"hello"),
        },
        Frame::Lookup {
            lookup: 7,
            name: "ledger".into(),
            actor: "shop::Ledger".into(),
        },
        Frame::LookupAnswer {
            lookup: 7,
            target: 1,
            outcome: outcome(code::lookup::FOUND, ""),
        },
        Frame::Request {
            head,
            archive: Bytes::from_static(b"arguments"),
        },
        Frame::Reply {
            head: Reply {
                request: 4,
                singleton: 8,
                epoch: 7,
            },
            archive: Bytes::from_static(b"a reply"),
        },
        Frame::Refusal(Refused {
            request: 4,
            target: 1,
            id: 2,
            value: 8,
            outcome: outcome(code::refusal::SCHEMA_MISMATCH, "shape"),
        }),
        Frame::Monitor {
            monitor: 9,
            target: 1,
        },
        Frame::Demonitor { monitor: 9 },
        Frame::Down {
            monitor: 9,
            outcome: outcome(code::exit::PANIC, "boom"),
        },
        Frame::Ping { nonce: 10 },
        Frame::Pong { nonce: 10 },
        Frame::Goodbye {
            outcome: outcome(code::goodbye::SHUTDOWN, "bye"),
        },
    ]
}

fn stream(frames: &[Frame]) -> Vec<u8> {
    let mut outgoing = Outgoing::new();
    for frame in frames {
        outgoing.frame(frame).expect("an empty batch has room");
    }
    outgoing.take(AlignedVec::new()).to_vec()
}

fn feed(incoming: &mut Incoming, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = incoming.space();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        incoming.advance(count);
        bytes = &bytes[count..];
    }
}

/// Feeds `bytes` in pieces of `step`; the frames up to the end or the first error.
fn cut(bytes: &[u8], step: usize) -> (Vec<Frame>, Result<(), FrameError>) {
    let mut incoming = Incoming::new();
    let mut frames = Vec::new();
    for piece in bytes.chunks(step) {
        feed(&mut incoming, piece);
        loop {
            match incoming.poll() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, incoming.finish())
}

#[test]
fn the_format_is_fixed_byte_for_byte() {
    let golden = include_str!("golden/frames.txt");
    let lines: Vec<String> = one_of_each()
        .iter()
        .map(|frame| hex(&stream(std::slice::from_ref(frame))))
        .collect();
    assert_eq!(
        lines,
        golden.lines().collect::<Vec<_>>(),
        "the wire format changed:\n{}",
        lines.join("\n")
    );
}

#[test]
fn every_frame_survives_the_stream_however_it_is_cut() {
    let bytes = stream(&one_of_each());
    for step in [1, 7, 16, 100, bytes.len()] {
        let (frames, end) = cut(&bytes, step);
        assert_eq!(frames, one_of_each(), "in pieces of {step}");
        assert_eq!(end, Ok(()));
    }
}

#[test]
fn archives_are_16_byte_aligned_in_the_receive_buffer() {
    let body = |length: usize| reply(1, vec![7; length]);
    let frames: Vec<Frame> = (0..200).map(|n| body(n * 13)).collect();
    for step in [33, 4096, RECEIVE_BYTES] {
        let (received, end) = cut(&stream(&frames), step);
        assert_eq!((received.len(), end), (frames.len(), Ok(())));
        for frame in received {
            let Frame::Reply { archive, .. } = frame else {
                panic!("only replies were sent")
            };
            assert!(archive.is_empty() || archive.as_ptr().align_offset(16) == 0);
        }
    }
}

#[test]
fn a_body_longer_than_the_buffer_arrives_whole() {
    let frame = reply(1, vec![9; 1 << 20]);
    let bytes = stream(&[frame.clone(), Frame::Ping { nonce: 1 }]);
    let (frames, end) = cut(&bytes, 10_000);
    assert_eq!(frames, [frame, Frame::Ping { nonce: 1 }]);
    assert_eq!(end, Ok(()));
}

#[test]
fn a_peer_that_announces_much_and_sends_little_reserves_little() {
    let long = stream(&[reply(1, vec![0; BODY_BYTES_MAX - REPLY_HEAD_BYTES])]);
    let mut incoming = Incoming::new();
    feed(&mut incoming, &long[..100]);
    assert_eq!(incoming.poll(), Ok(None));
    assert!(
        incoming.reserved_bytes() <= 2 * RECEIVE_BYTES,
        "reserved {}",
        incoming.reserved_bytes()
    );
    assert_eq!(incoming.finish(), Err(FrameError::Truncated { arrived: 100 }));
}

/// A header with a right checksum, whatever it says.
fn forged(kind: u8, flags: u8, length: u32) -> Vec<u8> {
    let mut bytes = Header::build(Kind::Ping, 16, &[0; 16]).to_vec();
    bytes[2] = kind;
    bytes[3] = flags;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32(&bytes[..12]);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(&[0; 16]);
    bytes
}

/// CRC-32 as of IEEE 802.3, bit by bit: the wire's checksum computed by other means.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn each_kind_of_garbage_has_its_error() {
    let error = |bytes: &[u8]| cut(bytes, 16).1.expect_err("garbage");
    assert_eq!(error(b"GET / HTTP/1.1\r\n"), FrameError::Magic { found: *b"GE" });
    assert_eq!(error(&forged(99, 0, 16)), FrameError::UnknownKind { kind: 99 });
    assert_eq!(error(&forged(12, 1, 16)), FrameError::UnknownFlags { flags: 1 });
    assert_eq!(
        error(&forged(6, 0, u32::MAX)),
        FrameError::TooLong {
            kind: Kind::Request,
            length: u32::MAX as usize,
            length_max: BODY_BYTES_MAX
        }
    );
    assert_eq!(
        error(&forged(12, 0, 5000)),
        FrameError::TooLong {
            kind: Kind::Ping,
            length: 5000,
            length_max: CONTROL_BYTES_MAX
        }
    );
    assert_eq!(
        error(&forged(6, 0, 16)),
        FrameError::TooShort {
            kind: Kind::Request,
            length: 16,
            length_min: 64
        }
    );
    let mut other_body = forged(12, 0, 16);
    other_body[HEADER_BYTES] = 1;
    assert_eq!(error(&other_body), FrameError::BodyChecksum { kind: Kind::Ping });
    let mut flipped = stream(&[Frame::Ping { nonce: 1 }]);
    flipped[5] ^= 1;
    assert_eq!(error(&flipped), FrameError::HeaderChecksum);
    let text = Header::build(
        Kind::Goodbye,
        9,
        &[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0],
    );
    let bytes = [&text[..], &[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(error(&bytes), FrameError::Text { kind: Kind::Goodbye });
}

#[test]
fn frames_before_garbage_are_given_and_the_error_stays() {
    let mut bytes = stream(&[Frame::Ping { nonce: 1 }]);
    bytes.extend_from_slice(&[0xaa; 64]);
    let mut incoming = Incoming::new();
    feed(&mut incoming, &bytes);
    assert_eq!(incoming.poll(), Ok(Some(Frame::Ping { nonce: 1 })));
    let error = Err(FrameError::Magic { found: [0xaa, 0xaa] });
    assert_eq!(incoming.poll(), error);
    assert_eq!(incoming.poll(), error);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), step in 1_usize..300) {
        let (frames, _) = cut(&bytes, step);
        prop_assert!(frames.is_empty());
    }

    #[test]
    fn one_flipped_bit_is_never_accepted(at in 0_usize..2000, bit in 0_u8..8, step in 1_usize..300) {
        let mut bytes = stream(&one_of_each());
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let (frames, end) = cut(&bytes, step);
        prop_assert!(end.is_err());
        prop_assert!(frames.len() < one_of_each().len());
        prop_assert_eq!(&frames[..], &one_of_each()[..frames.len()]);
    }

    #[test]
    fn a_cut_stream_is_truncated_or_ends_between_frames(length in 0_usize..2000, step in 1_usize..300) {
        let bytes = stream(&one_of_each());
        let (frames, end) = cut(&bytes[..length % bytes.len()], step);
        let whole = stream(&frames).len();
        prop_assert_eq!(end.is_ok(), whole == length % bytes.len());
    }

    #[test]
    fn valid_frames_with_arbitrary_bodies_never_panic(
        kind in 1_u8..15,
        body in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let mut bytes = forged(kind, 0, body.len() as u32);
        let mut padded = body.clone();
        padded.resize(padded_bytes(body.len()), 0);
        bytes.truncate(HEADER_BYTES);
        bytes[8..12].copy_from_slice(&crc32(&padded).to_le_bytes());
        let checksum = crc32(&bytes[..12]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(&padded);
        let (frames, end) = cut(&bytes, 64);
        prop_assert_eq!(frames.len(), usize::from(end.is_ok()));
    }
}

// ---- the send buffer

#[test]
fn the_send_buffer_refuses_beyond_its_bound_and_keeps_room_for_answers() {
    let mut outgoing = Outgoing::new();
    let body = vec![0_u8; 1 << 20];
    let request = |outgoing: &mut Outgoing| {
        outgoing.request::<()>(&cast(1), |buf| {
            buf.extend_from_slice(&body);
            Ok(())
        })
    };
    while request(&mut outgoing).is_ok() {}
    assert!(outgoing.is_full());
    assert!(outgoing.waiting_bytes() < OUTGOING_BYTES_MAX + (2 << 20));
    let before = outgoing.waiting_bytes();
    assert_eq!(request(&mut outgoing), Err(AppendError::Overloaded));
    assert_eq!(outgoing.waiting_bytes(), before);

    while outgoing.frame(&Frame::Pong { nonce: 1 }).is_ok() {}
    assert!(outgoing.waiting_bytes() <= before + ANSWER_BYTES_MAX + 64);

    // What is taken counts until it is written.
    let batch = outgoing.take(AlignedVec::new());
    assert_eq!(request(&mut outgoing), Err(AppendError::Overloaded));
    outgoing.written(batch.len());
    assert_eq!(request(&mut outgoing), Ok(()));
}

#[test]
fn a_value_that_fails_or_panics_while_it_is_written_leaves_no_trace() {
    let mut outgoing = Outgoing::new();
    outgoing.frame(&Frame::Ping { nonce: 1 }).expect("room");
    let half = |buf: &mut AlignedVec<16>| {
        buf.extend_from_slice(b"half a value");
        Err("no")
    };
    assert_eq!(outgoing.request(&cast(1), half), Err(AppendError::Encode("no")));
    let panics =
        std::panic::AssertUnwindSafe(|| outgoing.request::<()>(&cast(1), |_| panic!("a user's impl")));
    assert!(std::panic::catch_unwind(panics).is_err());
    let long = |buf: &mut AlignedVec<16>| -> Result<(), ()> {
        buf.resize(buf.len() + BODY_BYTES_MAX, 0);
        Ok(())
    };
    assert!(matches!(
        outgoing.request(&cast(1), long),
        Err(AppendError::TooLong { .. })
    ));
    outgoing.frame(&Frame::Pong { nonce: 2 }).expect("room");
    let batch = outgoing.take(AlignedVec::new());
    assert_eq!(
        cut(&batch, 64),
        (vec![Frame::Ping { nonce: 1 }, Frame::Pong { nonce: 2 }], Ok(()))
    );
}

// ---- the handshake

fn hello(cluster: &str, node: &str) -> Hello {
    Hello::new(cluster, "control", node, 42)
}

#[test]
fn two_nodes_of_one_cluster_agree() {
    let (ours, theirs) = (hello("shop", "a"), hello("shop", "b"));
    assert_eq!(Hello::from_bytes(&theirs.to_bytes()), Ok(theirs.clone()));
    let version = handshake::judge(&ours, &theirs).expect("they fit");
    assert_eq!(version, handshake::VERSION_MAX);
    let (node, agreed) = handshake::judge_ack(&theirs, &handshake::ack(&ours, version)).expect("they fit");
    assert_eq!(
        (node.node, node.incarnation, agreed),
        ("a".to_owned(), 42, version)
    );
}

#[test]
fn each_refusal_reaches_the_other_end_with_both_ends_values() {
    let ours = hello("shop", "a");
    let cases = [
        (
            Hello {
                version_min: 0,
                version_max: 0,
                ..hello("shop", "b")
            },
            "update the older one",
        ),
        (hello("bank", "b"), "cluster `bank`"),
        (
            Hello {
                format: 1,
                ..hello("shop", "b")
            },
            "build both alike",
        ),
        (hello("shop", "a"), "is this node itself"),
    ];
    for (theirs, text) in cases {
        let error = handshake::judge(&ours, &theirs).expect_err("they do not fit");
        let seen_there = handshake::read_refusal(&theirs, &handshake::refusal(&ours, &error));
        assert_eq!(
            std::mem::discriminant(&error),
            std::mem::discriminant(&seen_there),
            "{error:?}"
        );
        assert!(
            error.to_string().contains(text) || seen_there.to_string().contains(text),
            "{error}"
        );
        assert!(
            handshake::judge_ack(&theirs, &handshake::ack(&ours, 1)).is_err(),
            "{error}"
        );
    }
    let full = HelloError::Full { node: "a".into() };
    assert_eq!(
        handshake::read_refusal(&hello("shop", "b"), &handshake::refusal(&ours, &full)),
        full
    );
    let none = HelloError::NoSuchSystem {
        system: "control".into(),
    };
    assert_eq!(
        handshake::read_refusal(&hello("shop", "b"), &handshake::refusal(&ours, &none)),
        none
    );
}

#[test]
fn another_life_of_the_same_node_is_another_node() {
    let (ours, theirs) = (
        hello("shop", "a"),
        Hello {
            incarnation: 43,
            ..hello("shop", "a")
        },
    );
    assert!(handshake::judge(&ours, &theirs).is_ok());
}

proptest! {
    #[test]
    fn an_arbitrary_greeting_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), keep in 0_usize..60) {
        let mut greeting = hello("shop", "a").to_bytes();
        greeting.truncate(keep);
        greeting.extend_from_slice(&bytes);
        let _ = Hello::from_bytes(&greeting);
        let _ = handshake::read_refusal(&hello("shop", "b"), &greeting);
    }
}

#[test]
fn the_greeting_is_fixed_byte_for_byte() {
    assert_eq!(
        hex(&hello("shop", "a").to_bytes()),
        include_str!("golden/hello.txt").trim()
    );
}
