//! The mailbox: its bound, its order, and what becomes of what lies in it when the actor ends.

use std::sync::Mutex;
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::{self, Log, settle};
use tokio::time::Instant;

/// Longer than anybody waits for room.
const PATIENCE: Duration = Duration::from_mins(1);

static UNDELIVERED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Notes what it is given.
#[actor(mailbox = 4)]
pub struct Clerk {
    seen: Log<u64>,
}

#[actor(local)]
impl Clerk {
    #[init]
    fn new(seen: Log<u64>, start_ms: u64) -> Self {
        let _ = start_ms;
        Self { seen }
    }

    /// Notes.
    pub fn note(&mut self, n: u64) -> u64 {
        self.seen.add(n);
        n
    }

    /// Waits.
    pub async fn wait(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Panics after a while.
    pub async fn fall(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        panic!("fell");
    }

    #[undelivered]
    fn undelivered(message: ClerkMessage) {
        if let ClerkMessage::Note { n } = message {
            UNDELIVERED.lock().unwrap().push(n);
        }
    }
}

async fn clerk(seen: &Log<u64>) -> ActorRef<Clerk> {
    let spec = Clerk::spec(seen.clone(), 0);
    System::new("test").spawn(spec).await.unwrap()
}

#[test]
fn a_cast_to_a_full_mailbox_gives_the_message_back() {
    testing::run(async {
        let seen = Log::default();
        let clerk = clerk(&seen).await;
        clerk.wait(Duration::from_secs(1)).cast().unwrap();
        settle().await;
        for n in 0..4 {
            clerk.note(n).cast().unwrap();
        }
        let Err(CastError::Full(ClerkMessage::Note { n: 4 })) = clerk.note(4).cast() else {
            panic!("expected the message back")
        };
        clerk.note(5).await.unwrap();
        assert_eq!(seen.all(), [0, 1, 2, 3, 5]);
    });
}

#[test]
fn a_call_to_a_full_mailbox_waits_for_room_until_its_deadline() {
    testing::run(async {
        let seen = Log::default();
        let clerk = clerk(&seen).await;
        clerk.wait(Duration::from_secs(3)).cast().unwrap();
        settle().await;
        for n in 0..4 {
            clerk.note(n).cast().unwrap();
        }
        let start = Instant::now();
        let (short, long) = tokio::join!(clerk.note(4).timeout(Duration::from_secs(1)), clerk.note(5));
        assert_eq!(short, Err(CallError::Timeout));
        assert_eq!(long, Ok(5));
        assert_eq!(start.elapsed(), Duration::from_millis(2999));
        assert_eq!(seen.all(), [0, 1, 2, 3, 5]);
    });
}

#[test]
fn a_cast_that_waits_for_room_is_sent_in_its_turn_or_given_back_at_its_deadline() {
    testing::run(async {
        let seen = Log::default();
        let clerk = clerk(&seen).await;
        clerk.wait(Duration::from_secs(3)).cast().unwrap();
        settle().await;
        for n in 0..4 {
            clerk.note(n).cast_when_room().await.unwrap();
        }
        let start = Instant::now();
        let short = async {
            let given_up = clerk
                .note(4)
                .timeout(Duration::from_secs(1))
                .cast_when_room()
                .await;
            (given_up, start.elapsed())
        };
        let ((short, after), long, last) = tokio::join!(
            short,
            clerk.note(5).cast_when_room(),
            clerk.note(6).cast_when_room()
        );
        assert!(
            matches!(short, Err(CastError::Full(ClerkMessage::Note { n: 4 }))),
            "{short:?}"
        );
        assert_eq!(after, Duration::from_secs(1));
        assert!(long.is_ok() && last.is_ok());
        clerk.note(7).await.unwrap();
        let mut seen = seen.all();
        // Room comes in the order of waiting, and who has it sends when it likes.
        seen[4..6].sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 5, 6, 7]);
    });
}

#[test]
fn a_cast_that_waits_for_room_is_told_when_nobody_will_make_any() {
    testing::run(async {
        let system = System::new("test");
        let spec = Clerk::spec(Log::default(), 0).restart(Restart::Temporary);
        let clerk = system.spawn(spec).await.unwrap();
        clerk.fall(Duration::from_secs(1)).cast().unwrap();
        settle().await;
        for n in 70..74 {
            clerk.note(n).cast().unwrap();
        }
        let waited = clerk.note(74).cast_when_room().await;
        assert!(
            matches!(waited, Err(CastError::Gone(ClerkMessage::Note { n: 74 }))),
            "{waited:?}"
        );
    });
}

#[test]
fn a_thousand_who_wait_for_room_are_served_in_the_order_of_their_coming_and_who_gives_up_holds_nobody_up() {
    const SENDERS: u64 = 1000;
    testing::run(async {
        let seen = Log::default();
        let clerk = clerk(&seen).await;
        clerk.wait(Duration::from_secs(10)).cast().unwrap();
        settle().await;
        let mut waiting = tokio::task::JoinSet::new();
        let mut fickle = Vec::new();
        for n in 0..SENDERS {
            let sender = clerk.clone();
            let task = waiting
                .spawn(async move { sender.note(n).timeout(PATIENCE).cast_when_room().await.unwrap() });
            // Those beyond the bound wait, each behind those before.
            settle().await;
            if n > 4 && n % 10 == 0 {
                fickle.push(task);
            }
        }
        fickle.iter().for_each(tokio::task::AbortHandle::abort);
        while let Some(sent) = waiting.join_next().await {
            assert!(sent.is_ok() || sent.unwrap_err().is_cancelled());
        }
        clerk.note(SENDERS).await.unwrap();
        let expected: Vec<u64> = (0..=SENDERS)
            .filter(|n| *n <= 4 || n % 10 != 0 || *n == SENDERS)
            .collect();
        assert_eq!(seen.all(), expected);
    });
}

#[test]
fn a_restart_begins_with_an_empty_mailbox() {
    testing::run(async {
        let seen = Log::default();
        let clerk = clerk(&seen).await;
        clerk.fall(Duration::from_secs(1)).cast().unwrap();
        settle().await;
        clerk.note(41).cast().unwrap();
        let queued = clerk.note(42).await;
        assert!(
            matches!(queued, Err(CallError::Exited(ExitReason::Panic { .. }))),
            "{queued:?}"
        );
        assert_eq!(clerk.note(43).await, Ok(43), "the ref stays good");
        assert_eq!(seen.all(), [43]);
        assert!(UNDELIVERED.lock().unwrap().contains(&41));
    });
}

#[test]
fn what_is_sent_between_death_and_the_new_start_waits_for_it() {
    testing::run(async {
        let seen = Log::default();
        let system = System::new("test");
        let backoff = quorate::Backoff::new(Duration::from_secs(2), Duration::from_secs(2));
        let clerk = system
            .spawn(Clerk::spec(seen.clone(), 0).backoff(backoff))
            .await
            .unwrap();
        let start = Instant::now();
        assert!(clerk.fall(Duration::ZERO).await.is_err());
        clerk.note(1).cast().unwrap();
        assert_eq!(
            clerk.note(2).timeout(Duration::from_secs(1)).await,
            Err(CallError::Timeout)
        );
        assert_eq!(clerk.note(3).await, Ok(3));
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        assert_eq!(seen.all(), [1, 3], "within the bound and their deadlines");
    });
}

#[test]
fn what_waits_for_an_actor_that_does_not_come_back_is_answered_gone() {
    testing::run(async {
        let seen = Log::default();
        let system = System::new("test");
        let backoff = quorate::Backoff::new(Duration::from_secs(2), Duration::from_secs(2));
        let clerk = system
            .spawn(Clerk::spec(seen.clone(), 0).backoff(backoff))
            .await
            .unwrap();
        assert!(clerk.fall(Duration::ZERO).await.is_err());
        let (waiting, ()) = tokio::join!(clerk.note(1), async {
            settle().await;
            system.terminate(&clerk).await;
        });
        assert_eq!(waiting, Err(CallError::Gone));
        assert_eq!(clerk.note(2).await, Err(CallError::Gone));
    });
}

#[test]
fn order_is_kept_from_each_of_many_senders() {
    testing::run(async {
        let seen = Log::default();
        let clerk = clerk(&seen).await;
        let senders: Vec<_> = (0..8_u64)
            .map(|sender| {
                let clerk = clerk.clone();
                tokio::spawn(async move {
                    for n in 0..50 {
                        clerk.note(sender * 1000 + n).await.unwrap();
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.await.unwrap();
        }
        for sender in 0..8 {
            let own: Vec<_> = seen.all().into_iter().filter(|n| n / 1000 == sender).collect();
            assert_eq!(own, (0..50).map(|n| sender * 1000 + n).collect::<Vec<_>>());
        }
    });
}
