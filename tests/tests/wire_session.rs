//! Two sessions in virtual time: what each end is told, and that neither waits for ever.

use std::time::Instant;

use bytes::Bytes;
use quorate::wire::code;
use quorate::wire::frame::{Frame, Outcome, Request};
use quorate::wire::incoming::Incoming;
use quorate::wire::outgoing::Outgoing;
use quorate::wire::session::{Action, CloseReason, Handles, Heartbeat, Pulse, Session};
use rkyv::util::AlignedVec;
use tests::frames::{cast, reply};

fn outcome(code: u32, detail: &str) -> Outcome {
    Outcome {
        code,
        detail: detail.to_owned(),
    }
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

#[derive(Debug)]
struct Numbers;

impl Handles for Numbers {
    type Caller = &'static str;
    type Seeker = &'static str;
    type Watcher = &'static str;
    type Target = &'static str;
    type Watch = &'static str;
}

/// Two ends, the bytes between them, and what each was told to do.
struct Pair {
    now: Instant,
    ends: [End; 2],
}

struct End {
    session: Session<Numbers>,
    outgoing: Outgoing,
    incoming: Incoming,
    told: Vec<String>,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let end = || End {
            session: Session::new(now, Heartbeat::default()),
            outgoing: Outgoing::new(),
            incoming: Incoming::new(),
            told: Vec::new(),
        };
        Self {
            now,
            ends: [end(), end()],
        }
    }

    fn send(&mut self, from: usize, frame: &Frame) {
        self.ends[from].outgoing.frame(frame).expect("room");
    }

    /// Moves bytes to and fro until nothing moves, and answers as a driver with one actor, `ledger`, would.
    fn drive(&mut self) {
        for _ in 0..100 {
            let mut moved = false;
            for (from, to) in [(0, 1), (1, 0)] {
                let batch = self.ends[from].outgoing.take(AlignedVec::new());
                self.ends[from].outgoing.written(batch.len());
                moved |= !batch.is_empty();
                let now = self.now;
                let end = &mut self.ends[to];
                if !batch.is_empty() {
                    end.session.handle_bytes(now);
                }
                feed(&mut end.incoming, &batch);
                while let Some(frame) = end.incoming.poll().expect("frames") {
                    end.act(frame);
                }
            }
            if !moved {
                return;
            }
        }
        panic!("the two ends never come to rest");
    }

    fn told(&mut self, end: usize) -> Vec<String> {
        std::mem::take(&mut self.ends[end].told)
    }
}

impl End {
    fn act(&mut self, frame: Frame) {
        match self.session.handle_frame(frame) {
            Action::None => {}
            Action::Send(frame) => self.outgoing.frame(&frame).expect("room"),
            Action::Resolve { lookup, name, .. } => {
                let found = name == "ledger";
                if found {
                    self.session.export(7, "ledger").expect("room");
                }
                let code = if found {
                    code::lookup::FOUND
                } else {
                    code::lookup::NOT_FOUND
                };
                let answer = Frame::LookupAnswer {
                    lookup,
                    target: 7,
                    outcome: outcome(code, ""),
                };
                self.outgoing.frame(&answer).expect("room");
            }
            Action::Deliver { to, head, archive } => {
                self.told.push(format!("deliver {to} {}", archive.len()));
                if head.request > 0 {
                    self.outgoing.frame(&reply(head.request, archive)).expect("room");
                }
            }
            Action::Watch { monitor, to } => {
                self.session.watching(monitor, to).expect("open");
                self.told.push(format!("watch {to}"));
            }
            Action::Close(reason) => {
                let left = self.session.close();
                self.told
                    .push(format!("close {reason:?} {:?} {:?}", left.callers, left.watchers));
            }
            other => self.told.push(format!("{other:?}")),
        }
    }
}

#[test]
fn a_lookup_then_a_call_then_a_down() {
    let mut pair = Pair::new();
    let lookup = pair.ends[0]
        .session
        .lookup("ledger", "shop::Ledger", "seeker")
        .expect("room");
    pair.send(0, &lookup);
    pair.drive();
    assert_eq!(pair.told(0), ["Found { seeker: \"seeker\", answer: Ok(7) }"]);

    let request = pair.ends[0].session.call("caller").expect("room");
    let head = Request { request, ..cast(7) };
    pair.send(
        0,
        &Frame::Request {
            head,
            archive: Bytes::from_static(b"abc"),
        },
    );
    pair.drive();
    assert_eq!(pair.told(1), ["deliver ledger 3"]);
    assert_eq!(
        pair.told(0),
        [
            "Reply { caller: \"caller\", head: Reply { request: 2, singleton: 0, epoch: 0 }, archive: b\"abc\" }"
        ]
    );

    let monitor = 3;
    let frame = pair.ends[0].session.monitor(monitor, 7, "watcher").expect("room");
    pair.send(0, &frame);
    pair.drive();
    assert_eq!(pair.told(1), ["watch ledger"]);
    let down = pair.ends[1]
        .session
        .downed(monitor, outcome(code::exit::KILLED, ""))
        .expect("watched");
    pair.send(1, &down);
    pair.drive();
    assert!(pair.told(0)[0].starts_with("Down { watcher: \"watcher\""));
    assert!(
        pair.ends[1].session.downed(monitor, outcome(0, "")).is_none(),
        "one monitor, one Down"
    );
}

#[test]
fn targets_that_were_not_given_out_answer_gone() {
    let mut pair = Pair::new();
    pair.send(
        0,
        &Frame::Request {
            head: cast(3),
            archive: Bytes::new(),
        },
    );
    let request = pair.ends[0].session.call("caller").expect("room");
    pair.send(
        0,
        &Frame::Request {
            head: Request { request, ..cast(3) },
            archive: Bytes::new(),
        },
    );
    let monitor = pair.ends[0].session.monitor(1, 3, "watcher").expect("room");
    pair.send(0, &monitor);
    pair.drive();
    let told = pair.told(0);
    assert!(
        told[0].starts_with("DeadLetter(Refused { request: 0, target: 3"),
        "{told:?}"
    );
    assert!(told[1].starts_with("Refused { caller: \"caller\""), "{told:?}");
    assert!(
        told[2].contains("Down { watcher: \"watcher\", outcome: Outcome { code: 5"),
        "{told:?}"
    );
    assert!(pair.told(1).is_empty());
}

#[test]
fn a_reply_to_a_forgotten_call_is_ignored_and_one_to_no_call_ends_the_session() {
    let mut pair = Pair::new();
    let request = pair.ends[0].session.call("caller").expect("room");
    assert_eq!(pair.ends[0].session.forget(request), Some("caller"));
    pair.send(1, &reply(request, Bytes::new()));
    pair.drive();
    assert!(pair.told(0).is_empty());

    pair.ends[0].session.call("another").expect("room");
    pair.send(1, &reply(99, Bytes::new()));
    pair.drive();
    assert_eq!(
        pair.told(0),
        ["close Violation(\"a reply to a call that was never made\") [\"another\"] []"]
    );
    pair.send(1, &Frame::Ping { nonce: 1 });
    pair.drive();
    assert!(pair.told(0).is_empty(), "a closed session ignores frames");
}

#[test]
fn a_silent_peer_is_pinged_and_then_given_up() {
    let mut pair = Pair::new();
    let start = pair.now;
    let Heartbeat {
        ping_after,
        dead_after,
    } = Heartbeat::default();
    let session = &mut pair.ends[0].session;
    assert_eq!(session.next_deadline(), start + ping_after);
    assert_eq!(session.handle_timeout(start + ping_after / 2), Pulse::Quiet);
    assert!(matches!(
        session.handle_timeout(start + ping_after),
        Pulse::Ping(_)
    ));
    assert_eq!(session.next_deadline(), start + dead_after);
    assert_eq!(
        session.handle_timeout(start + ping_after),
        Pulse::Quiet,
        "one ping for one silence"
    );
    assert_eq!(session.handle_timeout(start + dead_after), Pulse::Dead);
}

#[test]
fn a_peer_that_answers_pings_stays() {
    let mut pair = Pair::new();
    let start = pair.now;
    for _ in 0..20 {
        pair.now = pair.ends[0].session.next_deadline();
        let now = pair.now;
        match pair.ends[0].session.handle_timeout(now) {
            Pulse::Ping(ping) => pair.send(0, &ping),
            other => panic!("expected a ping, got {other:?}"),
        }
        pair.drive();
    }
    assert_eq!(pair.now - start, Heartbeat::default().ping_after * 20);
}

#[test]
fn a_goodbye_ends_the_session_and_leaves_nobody_waiting() {
    let mut pair = Pair::new();
    pair.ends[0].session.call("caller").expect("room");
    pair.ends[0].session.monitor(1, 1, "watcher").expect("room");
    let goodbye = CloseReason::Shutdown.goodbye().expect("a shutdown is told");
    pair.send(1, &Frame::Goodbye { outcome: goodbye });
    pair.drive();
    let told = pair.told(0);
    assert!(told[0].ends_with("[\"caller\"] [\"watcher\"]"), "{told:?}");
}

#[test]
fn a_demonitor_that_crosses_its_down_disturbs_nobody() {
    let mut pair = Pair::new();
    pair.ends[1].session.export(7, "ledger").expect("room");
    let monitor = 3;
    let frame = pair.ends[0].session.monitor(monitor, 7, "watcher").expect("room");
    pair.send(0, &frame);
    pair.drive();
    pair.told(1);
    let down = pair.ends[1]
        .session
        .downed(monitor, outcome(0, ""))
        .expect("watched");
    pair.send(1, &down);
    let (_, demonitor) = pair.ends[0].session.demonitor(monitor).expect("it is set");
    pair.send(0, &demonitor);
    pair.drive();
    assert!(pair.told(0).is_empty() && pair.told(1).is_empty());
}

#[test]
fn a_pause_is_told_now_and_then_and_is_not_the_peers_silence() {
    let mut pair = Pair::new();
    let start = pair.now;
    let Heartbeat {
        ping_after,
        dead_after,
    } = Heartbeat::default();
    let session = &mut pair.ends[0].session;
    assert_eq!(session.handle_pause(start + ping_after / 2), None);
    assert_eq!(
        session.handle_pause(start + ping_after),
        Some(Frame::Pong { nonce: 0 })
    );
    assert_eq!(session.handle_pause(start + ping_after), None);
    let late = start + dead_after * 3;
    assert!(session.handle_pause(late).is_some());
    assert_eq!(session.handle_timeout(late), Pulse::Quiet);
}
