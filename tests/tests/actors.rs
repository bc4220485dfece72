//! Calls, casts and replies: what a user of an actor is promised.

use std::time::Duration;

use quorate::prelude::*;
use quorate::testing;
use tokio::time::Instant;

/// Answers in every way there is.
#[actor(restart = temporary)]
#[derive(Default)]
pub struct Desk {
    total: u64,
    kept: Vec<ReplyPort<u64>>,
}

#[actor(local)]
impl Desk {
    /// Adds.
    pub fn add(&mut self, n: u64) -> u64 {
        self.total += n;
        self.total
    }

    /// Takes its time.
    pub async fn slow(&mut self, time: Duration) -> u64 {
        tokio::time::sleep(time).await;
        self.total += 1;
        self.total
    }

    /// Answers at the next `answer`.
    pub fn keep(&mut self, reply: ReplyPort<u64>) {
        self.kept.push(reply);
    }

    /// Answers what was kept.
    pub fn answer(&mut self, n: u64) -> u64 {
        let kept = self.kept.drain(..).map(|reply| reply.send(n)).count();
        kept as u64
    }

    /// Drops its port.
    pub fn forget(&mut self, reply: ReplyPort<u64>) {
        drop(reply);
    }

    /// Panics.
    pub fn boom(&mut self) -> u64 {
        panic!("no more {}", self.total)
    }

    /// Panics after a while, holding what `keep` was given.
    pub async fn slow_boom(&mut self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        panic!("late");
    }

    /// Calls itself.
    pub async fn narcissus(&mut self, cx: &mut Context<Self>) -> Result<u64, CallError> {
        cx.me().add(1).await
    }

    /// Refuses.
    pub fn refuse(&mut self) -> Result<u64, String> {
        Err("no".to_owned())
    }
}

async fn desk() -> ActorRef<Desk> {
    System::new("test")
        .spawn(Desk::spec())
        .await
        .expect("Desk starts")
}

#[test]
fn a_call_is_answered_and_a_cast_before_it_is_handled_before_it() {
    testing::run(async {
        let desk = desk().await;
        for n in 1..=10 {
            desk.add(n).cast().unwrap();
        }
        assert_eq!(desk.add(0).await, Ok(55));
    });
}

#[test]
fn a_request_does_nothing_before_its_first_poll() {
    testing::run(async {
        let desk = desk().await;
        drop(desk.add(5));
        drop(desk.add(5).into_future());
        assert_eq!(desk.add(0).await, Ok(0));
    });
}

#[test]
fn r38_a_call_has_five_seconds_and_its_late_reply_is_dropped() {
    testing::run(async {
        let desk = desk().await;
        let start = Instant::now();
        assert_eq!(desk.slow(Duration::from_secs(6)).await, Err(CallError::Timeout));
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        assert_eq!(desk.add(1).await, Ok(2), "the server goes on");
    });
}

#[test]
fn a_deadline_of_ones_own_is_kept_to() {
    testing::run(async {
        let desk = desk().await;
        let start = Instant::now();
        let call = desk
            .slow(Duration::from_mins(1))
            .timeout(Duration::from_millis(50));
        assert_eq!(call.await, Err(CallError::Timeout));
        assert_eq!(start.elapsed(), Duration::from_millis(50));
    });
}

#[test]
fn a_call_whose_deadline_has_passed_in_the_mailbox_is_not_handled() {
    testing::run(async {
        let desk = desk().await;
        desk.slow(Duration::from_secs(3)).cast().unwrap();
        assert_eq!(
            desk.add(100).timeout(Duration::from_secs(1)).await,
            Err(CallError::Timeout)
        );
        assert_eq!(desk.add(0).await, Ok(1));
    });
}

#[test]
fn a_call_may_be_dropped_at_any_point() {
    testing::run(async {
        let desk = desk().await;
        for wait in [0, 1, 500] {
            let call = desk.slow(Duration::from_secs(1)).into_future();
            let _ = tokio::time::timeout(Duration::from_millis(wait), call).await;
        }
        assert_eq!(desk.add(0).await, Ok(3), "what was sent was handled");
    });
}

#[test]
fn r39_an_actor_may_reply_later() {
    testing::run(async {
        let desk = desk().await;
        let (kept, answered) = tokio::join!(desk.keep(), async {
            testing::advance(Duration::from_secs(1)).await;
            desk.answer(7).await
        });
        assert_eq!((kept, answered), (Ok(7), Ok(1)));
    });
}

#[test]
fn a_dropped_port_answers_no_reply_at_once() {
    testing::run(async {
        let desk = desk().await;
        let start = Instant::now();
        assert_eq!(desk.forget().await, Err(CallError::NoReply));
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn calling_self_is_an_error_at_once_not_a_deadlock() {
    testing::run(async {
        let desk = desk().await;
        let start = Instant::now();
        assert_eq!(desk.narcissus().await, Ok(Err(CallError::SelfCall)));
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_panic_answers_its_caller_with_message_and_location() {
    testing::run(async {
        let desk = desk().await;
        let Err(CallError::Exited(ExitReason::Panic { message, location })) = desk.boom().await else {
            panic!("expected a panic as reason")
        };
        assert_eq!(&*message, "no more 0");
        assert!(location.contains("actors.rs:"), "{location}");
    });
}

#[test]
fn a_panic_answers_everyone_who_waits_queued_kept_and_in_hand() {
    testing::run(async {
        let desk = desk().await;
        let (kept, in_hand, queued) = tokio::join!(desk.keep(), desk.slow_boom(), desk.add(1));
        for error in [kept.unwrap_err(), in_hand.unwrap_err(), queued.unwrap_err()] {
            let CallError::Exited(ExitReason::Panic { message, .. }) = &error else {
                panic!("expected a panic as reason, not {error:?}")
            };
            assert_eq!(&**message, "late");
        }
    });
}

#[test]
fn r39_a_call_to_an_actor_that_is_gone_answers_at_once() {
    testing::run(async {
        let desk = desk().await;
        ActorRef::stop(&desk);
        assert_eq!(ActorRef::exited(&desk).await, ExitReason::Normal);
        let start = Instant::now();
        // The supervisor learns of it a moment later; until then the message waits and is answered then.
        assert_eq!(desk.add(1).await, Err(CallError::Gone));
        let Err(CastError::Gone(message)) = desk.add(1).cast() else {
            panic!("expected Gone")
        };
        assert!(matches!(message, DeskMessage::Add { n: 1 }));
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_handlers_result_is_the_second_layer() {
    testing::run(async {
        let desk = desk().await;
        assert_eq!(desk.refuse().await, Ok(Err("no".to_owned())));
        desk.refuse().cast().unwrap();
        assert_eq!(desk.add(1).await, Ok(1));
    });
}

#[test]
fn a_delayed_cast_comes_after_its_delay_unless_it_is_cancelled() {
    testing::run(async {
        let desk = desk().await;
        let kept = desk.add(1).after(Duration::from_secs(10));
        let cancelled = desk.add(10).after(Duration::from_secs(10));
        testing::advance(Duration::from_secs(9)).await;
        assert_eq!(desk.add(0).await, Ok(0));
        assert!(cancelled.cancel());
        testing::advance(Duration::from_secs(2)).await;
        assert_eq!(desk.add(0).await, Ok(1));
        assert!(!kept.cancel(), "it is too late");
    });
}

#[test]
fn the_message_enum_can_be_sent() {
    testing::run(async {
        let desk = desk().await;
        ActorRef::send(&desk, DeskMessage::Add { n: 4 }).unwrap();
        assert_eq!(desk.add(0).await, Ok(4));
    });
}

#[test]
fn refs_are_equal_by_place() {
    testing::run(async {
        let (one, other) = (desk().await, desk().await);
        assert_eq!(one, one.clone());
        assert_ne!(one, other);
        assert_eq!(ActorRef::id(&one), ActorRef::id(&one.clone()));
    });
}
