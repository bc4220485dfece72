//! The deadlines of calls: each ends at its own, on whatever runtime it is awaited, and none leaves anything behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// Answers when it is told to.
#[actor]
#[derive(Default)]
pub struct Mute {
    kept: Vec<ReplyPort<u64>>,
}

#[actor(local)]
impl Mute {
    /// Is not answered before `speak`.
    pub fn ask(&mut self, reply: ReplyPort<u64>) {
        self.kept.push(reply);
    }

    /// Answers all who asked; says how many of them still wait.
    pub fn speak(&mut self) -> usize {
        let waiting = self.kept.iter().filter(|reply| !reply.is_abandoned()).count();
        self.kept.drain(..).for_each(|reply| reply.send(7));
        waiting
    }

    /// Answers at once, but not in place.
    pub async fn echo(&mut self, n: u64) -> u64 {
        std::future::ready(n).await
    }
}

fn threads(number: usize) -> Runtime {
    let mut builder = match number {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder
        .worker_threads(number.max(1))
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_thousand_calls_end_each_at_its_own_deadline() {
    testing::run(async {
        let mute = System::new("test").spawn(Mute::spec()).await.unwrap();
        let calls: Vec<_> = (0..1_000_u64)
            .map(|n| {
                let (mute, timeout) = (mute.clone(), Duration::from_millis(1 + n * 7919 % 1_000));
                tokio::spawn(async move {
                    let since = Instant::now();
                    let answer = mute.ask().timeout(timeout).await;
                    (answer, since.elapsed().checked_sub(timeout).expect("never early"))
                })
            })
            .collect();
        for call in calls {
            let (answer, late) = call.await.unwrap();
            assert_eq!(answer, Err(CallError::Timeout));
            assert!(late <= Duration::from_millis(1), "{late:?} late");
        }
        assert_eq!(mute.speak().await, Ok(0));
    });
}

#[test]
fn an_earlier_deadline_does_not_wait_for_a_later_one_that_was_set_before() {
    testing::run(async {
        let mute = System::new("test").spawn(Mute::spec()).await.unwrap();
        let since = Instant::now();
        let (late, early) = tokio::join!(
            mute.ask().timeout(Duration::from_hours(1)),
            mute.ask().timeout(Duration::from_millis(10)),
        );
        assert_eq!((late, early), (Err(CallError::Timeout), Err(CallError::Timeout)));
        assert!(since.elapsed() >= Duration::from_hours(1));
        let since = Instant::now();
        let early = mute.ask().timeout(Duration::from_millis(10)).await;
        assert_eq!(early, Err(CallError::Timeout));
        assert!(since.elapsed() <= Duration::from_millis(11));
    });
}

#[test]
fn a_call_of_another_runtime_has_its_deadline_there() {
    let actors = threads(1);
    let mute = actors.block_on(async { System::new("test").spawn(Mute::spec()).await.unwrap() });
    for number in [0, 2] {
        let callers = threads(number);
        let asked = callers.block_on(async { mute.ask().timeout(Duration::from_millis(5)).await });
        assert_eq!(asked, Err(CallError::Timeout));
        assert_eq!(callers.block_on(async { mute.echo(3).await }), Ok(3));
    }
}

#[test]
fn a_call_that_goes_on_to_another_runtime_keeps_its_deadline() {
    let (actors, first, second) = (threads(1), threads(1), threads(0));
    let mute = actors.block_on(async { System::new("test").spawn(Mute::spec()).await.unwrap() });
    let mut call = Box::pin(mute.ask().timeout(Duration::from_millis(50)).into_future());
    first.block_on(async {
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
    });
    drop(first);
    assert_eq!(second.block_on(call), Err(CallError::Timeout));
}

#[test]
fn replies_against_deadlines_and_against_callers_who_give_up() {
    const ROUNDS: u64 = 300;
    let runtime = threads(2);
    let mute = runtime.block_on(async { System::new("test").spawn(Mute::spec()).await.unwrap() });
    let is_over = Arc::new(AtomicBool::new(false));
    let (speaks, speaker) = (Arc::clone(&is_over), mute.clone());
    let speaker = thread::spawn(move || {
        let own = threads(0);
        while !speaks.load(Ordering::Relaxed) {
            own.block_on(async { speaker.speak().await.unwrap() });
        }
    });
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let mute = mute.clone();
            runtime.spawn(async move {
                for round in 0..ROUNDS {
                    let timeout = Duration::from_micros((caller * 131 + round * 17) % 1_500);
                    let asked = if round % 3 == 0 {
                        tokio::time::timeout(timeout, mute.ask().into_future())
                            .await
                            .unwrap_or(Err(CallError::Timeout))
                    } else {
                        mute.ask().timeout(timeout).await
                    };
                    assert!(matches!(asked, Ok(7) | Err(CallError::Timeout)), "{asked:?}");
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for caller in callers {
            caller.await.unwrap();
        }
    });
    is_over.store(true, Ordering::Relaxed);
    speaker.join().unwrap();
}
