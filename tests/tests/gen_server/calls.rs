//! Calls, one and several, and casts: deadlines and late replies (R38), and replies that come later (R39).

use quorate::prelude::*;
use quorate::testing::{self, Log};
use tokio::time::Instant;

use crate::server::{How, SECOND, Server, ServerMessage, server, server_of};

#[test]
fn call() {
    testing::run(async {
        let (server, log) = server().await;
        assert_eq!(server.started_p().await, Ok(true));
        assert_eq!(server.delayed_answer(SECOND / 1000).await, Ok("delayed"));

        server.call_within(SECOND).await.unwrap();
        testing::advance(SECOND / 2).await;
        assert_eq!(server.next_call().await, Ok(true));
        server.call_within(SECOND).await.unwrap();
        testing::advance(SECOND + SECOND / 2).await;
        assert_eq!(server.next_call().await, Ok(false));
        assert_eq!(log.all(), ["timed out"]);

        let (short, long) = (SECOND / 1000, SECOND / 30);
        assert_eq!(server.delayed_answer(short).timeout(long).await, Ok("delayed"));
        assert_eq!(
            server.delayed_answer(long).timeout(short).await,
            Err(CallError::Timeout)
        );
    });
}

#[test]
fn r38_a_call_has_five_seconds_and_a_late_reply_is_dropped() {
    testing::run(async {
        let (server, _) = server().await;
        let start = Instant::now();
        assert_eq!(server.delayed_answer(6 * SECOND).await, Err(CallError::Timeout));
        assert_eq!(start.elapsed(), 5 * SECOND);
        assert_eq!(server.note(1).await, Ok(1), "its own reply, not the late one");
        assert_eq!(start.elapsed(), 6 * SECOND);
    });
}

#[test]
fn r39_a_reply_may_come_later_and_others_are_served_meanwhile() {
    testing::run(async {
        let (server, _) = server().await;
        let start = Instant::now();
        let later = async { (server.reply_later(2 * SECOND).await, start.elapsed()) };
        let other = async { (server.note(1).await, start.elapsed()) };
        let (later, other) = tokio::join!(later, other);
        assert_eq!(later, (Ok(7), 2 * SECOND));
        assert_eq!(other, (Ok(1), Duration::ZERO));
    });
}

#[test]
fn send_request_receive_and_wait() {
    testing::run(async {
        let (server, _) = server().await;
        let mut request = Box::pin(server.reply_later(2 * SECOND).into_future());
        let early = tokio::time::timeout(SECOND, &mut request).await;
        assert!(early.is_err(), "a wait that ends early loses nothing");
        assert_eq!(request.await, Ok(7));

        let crashes = server.crash().into_future();
        assert!(matches!(
            crashes.await,
            Err(CallError::Exited(ExitReason::Panic { .. }))
        ));
        ActorRef::gone(&server).await;
        assert_eq!(server.note(1).into_future().await, Err(CallError::Gone));
    });
}

#[test]
fn send_request_check() {
    testing::run(async {
        let (server, _) = server().await;
        let mut request = Box::pin(server.reply_later(SECOND).into_future());
        let mut check = async || tokio::time::timeout(Duration::ZERO, &mut request).await.ok();
        assert_eq!(check().await, None, "no reply yet");
        testing::advance(2 * SECOND).await;
        assert_eq!(check().await, Some(Ok(7)));
    });
}

#[test]
fn reqid_collection_receive_wait_and_check() {
    testing::run(async {
        let (server, _) = server().await;
        let mut first = Box::pin(server.reply_later(SECOND).into_future());
        let mut second = Box::pin(server.reply_later(2 * SECOND).into_future());
        let mut third = Box::pin(server.reply_later(9 * SECOND).timeout(3 * SECOND).into_future());
        let mut order = Vec::new();
        let (mut has_first, mut has_second, mut has_third) = (false, false, false);
        while !(has_first && has_second && has_third) {
            tokio::select! {
                reply = &mut first, if !has_first => { has_first = true; order.push((1, reply)); }
                reply = &mut second, if !has_second => { has_second = true; order.push((2, reply)); }
                reply = &mut third, if !has_third => { has_third = true; order.push((3, reply)); }
            }
        }
        assert_eq!(order, [(1, Ok(7)), (2, Ok(7)), (3, Err(CallError::Timeout))]);
    });
}

#[test]
fn cast() {
    testing::run(async {
        let (server, log) = server().await;
        for n in 0..3 {
            server.note(n).cast().unwrap();
        }
        assert_eq!(server.started_p().await, Ok(true));
        assert_eq!(log.all(), ["note 0", "note 1", "note 2"]);
        server.stop_with(ExitReason::Normal).cast().unwrap();
        ActorRef::gone(&server).await;
        assert!(matches!(
            server.note(3).cast(),
            Err(CastError::Gone(ServerMessage::Note { what: 3 }))
        ));
    });
}

#[test]
fn multicall() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (other, _)) = (server_of(&system).await, server_of(&system).await);
        let start = Instant::now();
        let replies = tokio::join!(one.delayed_answer(SECOND), other.delayed_answer(SECOND));
        assert_eq!(replies, (Ok("delayed"), Ok("delayed")));
        assert_eq!(start.elapsed(), SECOND, "beside each other");
    });
}

#[test]
fn multicall_down() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (dead, _)) = (server_of(&system).await, server_of(&system).await);
        ActorRef::kill(&dead);
        ActorRef::gone(&dead).await;
        let start = Instant::now();
        let down = async { (dead.note(1).await, start.elapsed()) };
        let (reply, down) = tokio::join!(one.delayed_answer(SECOND), down);
        assert_eq!(reply, Ok("delayed"));
        assert_eq!(down, (Err(CallError::Gone), Duration::ZERO));
    });
}

#[test]
fn multicall_recv_opt_timeout() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (slow, _)) = (server_of(&system).await, server_of(&system).await);
        let start = Instant::now();
        let replies = tokio::join!(
            one.delayed_answer(SECOND).timeout(2 * SECOND),
            slow.delayed_answer(9 * SECOND).timeout(2 * SECOND),
        );
        assert_eq!(replies, (Ok("delayed"), Err(CallError::Timeout)));
        assert_eq!(start.elapsed(), 2 * SECOND);
    });
}

#[test]
fn calling_self() {
    testing::run(async {
        let (server, _) = server().await;
        let start = Instant::now();
        assert_eq!(server.calling_self().await, Ok(Err(CallError::SelfCall)));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(server.started_p().await, Ok(true));
    });
}

#[test]
fn call_with_huge_message_queue() {
    testing::run(async {
        const WAITING: u64 = 100_000;
        let system = System::new("test");
        let log = Log::default();
        let spec = Server::spec(How::Ready, log.clone()).mailbox(WAITING as usize + 1);
        let (busy, (other, _)) = (system.spawn(spec).await.unwrap(), server_of(&system).await);
        let call = async { (busy.call_other(other).await, log.all().len()) };
        let fill = async {
            for n in 0..WAITING {
                busy.note(n).cast().unwrap();
            }
        };
        let ((called, handled), ()) = tokio::join!(biased; call, fill);
        assert_eq!(called, Ok(Ok(true)));
        assert!(
            handled < WAITING as usize,
            "the reply did not queue behind what waits"
        );
    });
}
