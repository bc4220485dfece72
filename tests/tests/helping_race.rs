//! Who waits runs actors, while others run, end and call them, on one to four threads: nothing is lost, overtaken, run twice or waited for
//! without end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use quorate::InPlacePolicy;
use quorate::prelude::*;
use quorate::testing;
use tokio::task;

/// After this something hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who has sent what, in the order of its coming.
type Seen = Arc<Mutex<Vec<(u64, u64)>>>;

/// Notes what it is sent, in little room.
#[actor(mailbox = 4, restart = temporary)]
pub struct Sink {
    seen: Seen,
    is_busy: AtomicBool,
}

#[actor(local)]
impl Sink {
    #[init]
    fn new(seen: Seen) -> Self {
        Self {
            seen,
            is_busy: AtomicBool::new(false),
        }
    }

    /// Notes.
    pub fn put(&mut self, from: u64, n: u64) -> u64 {
        assert!(!self.is_busy.swap(true, Ordering::SeqCst));
        self.seen.lock().unwrap().push((from, n));
        assert!(self.is_busy.swap(false, Ordering::SeqCst));
        n
    }

    /// Notes, and waits now and then before that.
    pub async fn put_later(&mut self, from: u64, n: u64) -> u64 {
        assert!(!self.is_busy.swap(true, Ordering::SeqCst));
        if n.is_multiple_of(3) {
            task::yield_now().await;
        }
        self.seen.lock().unwrap().push((from, n));
        assert!(self.is_busy.swap(false, Ordering::SeqCst));
        n
    }

    /// How much it has noted.
    pub fn count(&mut self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// A relay's calls are noted beside its casts.
const CALLS: u64 = 1 << 32;

/// Passes on what it is sent, and waits for room to do so.
#[actor(mailbox = 2, restart = temporary)]
pub struct Relay {
    to: Vec<ActorRef<Sink>>,
    next: Option<ActorRef<Relay>>,
    stopped: Arc<AtomicU64>,
    id: u64,
    n: u64,
}

#[actor(local)]
impl Relay {
    #[init]
    fn new(to: Vec<ActorRef<Sink>>, next: Option<ActorRef<Relay>>, stopped: Arc<AtomicU64>, id: u64) -> Self {
        Self {
            to,
            next,
            stopped,
            id,
            n: 0,
        }
    }

    /// Sends to one of the sinks, and so many times to the next relay.
    pub async fn go(&mut self, hops: u64) -> u64 {
        self.n += 1;
        let at = (self.n % self.to.len() as u64) as usize;
        let n = self.n;
        // Sinks live longer than relays, but for a runtime that is shut down.
        let _ = if n.is_multiple_of(2) {
            self.to[at].put(self.id, n).cast_when_room().await.is_ok()
        } else {
            self.to[at].put_later(self.id, n).cast_when_room().await.is_ok()
        };
        if n.is_multiple_of(7) {
            let _ = self.to[at].put(self.id | CALLS, n).await;
        }
        if hops > 0
            && let Some(next) = &self.next
        {
            let _ = next.go(hops - 1).cast_when_room().await;
        }
        n
    }

    /// Panics, at its first poll or later.
    pub async fn fall(&mut self, soon: bool) {
        if !soon {
            task::yield_now().await;
        }
        panic!("fell");
    }

    /// Panics.
    pub fn fall_now(&mut self) {
        panic!("fell");
    }

    #[stopped]
    fn end(&mut self, _: &ExitReason) {
        self.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

/// What each has sent is in its order.
fn check_order(seen: &[(u64, u64)]) {
    let mut last = HashMap::new();
    for (from, n) in seen {
        let before = last.insert(*from, *n).unwrap_or(0);
        assert!(before < *n, "of {from}: {n} after {before}");
    }
}

fn multi(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

const POLICIES: [InPlacePolicy; 4] = [
    InPlacePolicy::Always,
    InPlacePolicy::Measured,
    InPlacePolicy::Seeded(1),
    InPlacePolicy::Never,
];

#[test]
fn messages_come_in_order_along_a_chain_of_those_who_wait_for_room() {
    for workers in [1, 2, 4] {
        for policy in POLICIES {
            multi(workers).block_on(async move {
                tokio::spawn(async move {
                    let system = System::builder("test").in_place(policy).start();
                    let seens: Vec<Seen> = (0..3).map(|_| Seen::default()).collect();
                    let mut sinks = Vec::new();
                    for s in &seens {
                        sinks.push(system.spawn(Sink::spec(s.clone())).await.unwrap());
                    }
                    let stopped = Arc::new(AtomicU64::new(0));
                    let mut next = None;
                    let mut relays = Vec::new();
                    for id in 0..12 {
                        let r = system
                            .spawn(Relay::spec(sinks.clone(), next.clone(), stopped.clone(), id))
                            .await
                            .unwrap();
                        relays.push(r.clone());
                        next = Some(r);
                    }
                    let tasks: Vec<_> = (0..6_u64)
                        .map(|t| {
                            let relays = relays.clone();
                            let sinks = sinks.clone();
                            tokio::spawn(async move {
                                for n in 1..400_u64 {
                                    let r = &relays[((n * 7 + t) % 12) as usize];
                                    if n.is_multiple_of(3) {
                                        let got = tokio::time::timeout(
                                            PATIENCE,
                                            r.go(11).timeout(Duration::from_secs(10)).into_future(),
                                        )
                                        .await;
                                        assert!(matches!(got, Ok(Ok(_))), "{got:?}");
                                    } else {
                                        r.go(11).cast_when_room().await.unwrap();
                                    }
                                    sinks[0].put(100 + t, 2 * n).cast_when_room().await.unwrap();
                                    let back = sinks[0].put(100 + t, 2 * n + 1).await.unwrap();
                                    assert_eq!(back, 2 * n + 1);
                                }
                            })
                        })
                        .collect();
                    for t in tasks {
                        t.await.unwrap();
                    }
                    // Quiet.
                    for r in relays.iter().rev() {
                        ActorRef::stop(r);
                        ActorRef::gone(r).await;
                    }
                    for s in &sinks {
                        s.count().await.unwrap();
                    }
                    assert_eq!(stopped.load(Ordering::SeqCst), 12);
                    for s in &seens {
                        check_order(&s.lock().unwrap());
                    }
                })
                .await
                .unwrap();
            });
        }
    }
}

#[test]
fn an_end_of_any_kind_is_seen_by_all_who_send_and_wait_and_stopped_runs_once_unless_it_is_killed() {
    for workers in [1, 2, 4] {
        for policy in POLICIES {
            multi(workers).block_on(async move {
                tokio::spawn(async move {
                    let system = System::builder("test").in_place(policy).start();
                    let seen = Seen::default();
                    let sink = system.spawn(Sink::spec(seen.clone())).await.unwrap();
                    let stopped = Arc::new(AtomicU64::new(0));
                    let mut expected = 0;
                    for round in 0..400_u64 {
                        let r = system
                            .spawn(Relay::spec(
                                vec![sink.clone()],
                                None,
                                stopped.clone(),
                                round << 34,
                            ))
                            .await
                            .unwrap();
                        let tasks: Vec<_> = (0..3_u64)
                            .map(|t| {
                                let r = r.clone();
                                tokio::spawn(async move {
                                    for n in 0..10 {
                                        if (n + t) % 3 == 0 {
                                            let _ = tokio::time::timeout(PATIENCE, r.go(0).into_future())
                                                .await
                                                .expect("hangs");
                                        } else {
                                            let _ = tokio::time::timeout(PATIENCE, r.go(0).cast_when_room())
                                                .await
                                                .expect("hangs");
                                        }
                                    }
                                })
                            })
                            .collect();
                        if round % 2 == 0 {
                            task::yield_now().await;
                        }
                        match round % 6 {
                            0 => {
                                ActorRef::stop(&r);
                                expected += 1;
                            }
                            1 => ActorRef::kill(&r),
                            2 => {
                                let _ = r.fall(true).cast_when_room().await;
                                expected += 1;
                            }
                            3 => {
                                let _ = r.fall(false).cast_when_room().await;
                                expected += 1;
                            }
                            4 => {
                                let _ = r.fall_now().cast_when_room().await;
                                expected += 1;
                            }
                            _ => ActorRef::lapse(&r),
                        }
                        tokio::time::timeout(PATIENCE, ActorRef::gone(&r))
                            .await
                            .expect("gone");
                        for t in tasks {
                            t.await.unwrap();
                        }
                    }
                    assert_eq!(stopped.load(Ordering::SeqCst), expected);
                    sink.count().await.unwrap();
                    check_order(&seen.lock().unwrap());
                })
                .await
                .unwrap();
            });
        }
    }
}

#[test]
fn a_runtime_that_is_shut_down_while_senders_help_ends() {
    for round in 0..300 {
        let runtime = multi(2);
        runtime.block_on(async move {
            tokio::spawn(async move {
                let system = System::builder("test").in_place(InPlacePolicy::Always).start();
                let mut sinks = Vec::new();
                for _ in 0..3 {
                    sinks.push(system.spawn(Sink::spec(Seen::default())).await.unwrap());
                }
                let stopped = Arc::new(AtomicU64::new(0));
                let mut relays: Vec<ActorRef<Relay>> = Vec::new();
                for id in 0..4 {
                    let r = system
                        .spawn(Relay::spec(
                            sinks.clone(),
                            relays.last().cloned(),
                            stopped.clone(),
                            id,
                        ))
                        .await
                        .unwrap();
                    relays.push(r);
                }
                for t in 0..4_usize {
                    let relays = relays.clone();
                    tokio::spawn(async move {
                        for n in 0.. {
                            if relays[(n + t) % 4].go(3).cast_when_room().await.is_err() {
                                return;
                            }
                            if n % 64 == 63 {
                                task::yield_now().await;
                            }
                        }
                    });
                }
            })
            .await
            .unwrap();
        });
        std::thread::sleep(Duration::from_micros(200 + 37 * (round % 40)));
        if round % 2 == 0 {
            runtime.shutdown_background();
        } else {
            drop(runtime);
        }
    }
}

#[test]
fn a_panic_amid_many_messages_ends_the_actor_behind_those_before_it_and_before_those_behind_it() {
    for soon in [None, Some(true), Some(false)] {
        for policy in POLICIES {
            testing::run(async move {
                tokio::spawn(async move {
                    let system = System::builder("test").in_place(policy).start();
                    let stopped = Arc::new(AtomicU64::new(0));
                    let sink = system.spawn(Sink::spec(Seen::default())).await.unwrap();
                    let r = system
                        .spawn(Relay::spec(vec![sink], None, stopped.clone(), 0).mailbox(64))
                        .await
                        .unwrap();
                    task::yield_now().await;
                    let mut calls: Vec<_> = Vec::new();
                    r.go(0).cast().unwrap();
                    for n in 0..9_u64 {
                        if n == 4 {
                            match soon {
                                None => r.fall_now().cast().unwrap(),
                                Some(s) => r.fall(s).cast().unwrap(),
                            }
                        } else {
                            let mut c = Box::pin(r.go(0).into_future());
                            let first = std::future::poll_fn(|cx| Poll::Ready(c.as_mut().poll(cx))).await;
                            calls.push((n, c, first));
                        }
                    }
                    for (n, c, first) in calls {
                        let got = match first {
                            Poll::Ready(g) => g,
                            Poll::Pending => c.await,
                        };
                        if n < 4 {
                            assert!(got.is_ok());
                        } else {
                            assert!(
                                matches!(got, Err(CallError::Exited(_) | CallError::Gone)),
                                "{got:?}"
                            );
                        }
                    }
                    ActorRef::gone(&r).await;
                    assert_eq!(stopped.load(Ordering::SeqCst), 1);
                })
                .await
                .unwrap();
            });
        }
    }
}
