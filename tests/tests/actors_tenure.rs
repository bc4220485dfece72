//! Tenure and moving refs: what the regions build singletons of.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::{self, Lease, Log, Probe};
use quorate::{Backoff, StartError};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A singleton.
#[actor]
#[derive(Default)]
pub struct Holder {
    handled: u64,
}

#[actor(local)]
impl Holder {
    /// Counts.
    pub fn count(&mut self) -> u64 {
        self.handled += 1;
        self.handled
    }

    /// Its own epoch.
    pub fn epoch(&mut self, cx: &mut Context<Self>) -> Option<u64> {
        cx.epoch()
    }

    /// Waits, then answers.
    pub async fn slow(&mut self, time: Duration) -> u64 {
        tokio::time::sleep(time).await;
        self.count()
    }

    /// Writes to a ledger, after it has done `before`.
    pub async fn write(&mut self, ledger: ActorRef<Ledger>, before: Hook) -> Result<Option<u64>, CallError> {
        (before.0)();
        ledger.write().await
    }

    /// Casts to a ledger, after it has done `before`.
    pub fn note(&mut self, ledger: ActorRef<Ledger>, before: Hook) -> bool {
        (before.0)();
        matches!(ledger.write().cast(), Err(CastError::Lapsed(_)))
    }

    /// Answers from another task, when the test says so.
    pub fn later(&mut self, go: Go, reply: ReplyPort<u64>) {
        let answer = self.count();
        tokio::spawn(async move {
            if let Some(go) = go.take() {
                let _ = go.await;
            }
            reply.send(answer);
        });
    }

    /// Calls itself and writes to a ledger from a task of its own, when the test says so.
    pub fn beside(
        &mut self,
        ledger: ActorRef<Ledger>,
        go: Go,
        reply: ReplyPort<(u64, Option<u64>)>,
        cx: &mut Context<Self>,
    ) {
        let me = cx.me();
        let task = async move {
            if let Some(go) = go.take() {
                let _ = go.await;
            }
            if let (Ok(count), Ok(epoch)) = (me.count().await, ledger.write().await) {
                reply.send((count, epoch));
            }
        };
        cx.spawn(task).expect("it is the first task");
    }

    /// Starts a ledger, after it has done `before`, and leaves what came of it in `seen`.
    pub async fn open(&mut self, before: Hook, seen: Log<Result<(), StartError>>, cx: &mut Context<Self>) {
        (before.0)();
        let opened = cx.system().spawn(Ledger::spec().name(LEDGER)).await;
        seen.add(opened.map(drop));
    }
}

static LEDGER: Name<Ledger> = Name::new("ledger");

/// When a test says so.
#[derive(Clone)]
pub struct Go(Arc<Mutex<Option<oneshot::Receiver<()>>>>);

impl Go {
    fn new() -> (oneshot::Sender<()>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(Arc::new(Mutex::new(Some(receiver)))))
    }

    fn take(&self) -> Option<oneshot::Receiver<()>> {
        self.0.lock().unwrap().take()
    }
}

/// What a test does in the middle of a handler.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn() + Send + Sync>);

impl Hook {
    fn new(hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

/// What a singleton writes to.
#[actor]
#[derive(Default)]
pub struct Ledger;

#[actor(local)]
impl Ledger {
    /// The epoch of who writes.
    pub fn write(&mut self, cx: &mut Context<Self>) -> Option<u64> {
        cx.caller_epoch()
    }
}

async fn holder(system: &System, epoch: u64) -> (ActorRef<Holder>, Lease) {
    let lease = Lease::new();
    let spec = Holder::spec().tenure(lease.tenure("holder", epoch));
    (system.spawn(spec).await.unwrap(), lease)
}

/// How long a holder waits for its restart.
const BACKOFF: Duration = Duration::from_mins(1);

/// A holder that waits before it is restarted, and how often it was started.
async fn patient_holder(system: &System) -> (ActorRef<Holder>, Lease, Arc<AtomicU32>) {
    let (lease, starts) = (Lease::new(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&starts);
    let spec = Holder::spec_with(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Holder::default()
    });
    let backoff = Backoff::new(BACKOFF, BACKOFF);
    let holder = system
        .spawn(spec.tenure(lease.tenure("holder", 1)).backoff(backoff))
        .await
        .unwrap();
    (holder, lease, starts)
}

/// A patient holder that waits for its restart.
async fn waiting_holder(system: &System) -> (ActorRef<Holder>, Lease, Arc<AtomicU32>) {
    let (holder, lease, starts) = patient_holder(system).await;
    ActorRef::kill(&holder);
    assert_eq!(ActorRef::exited(&holder).await, ExitReason::Killed);
    (holder, lease, starts)
}

/// How long it takes until the actor is gone, if it ever is.
async fn gone_within(actor: &ActorRef<Holder>) -> Option<Duration> {
    let start = Instant::now();
    let gone = tokio::time::timeout(10 * BACKOFF, ActorRef::gone(actor)).await;
    gone.is_ok().then(|| start.elapsed())
}

#[test]
fn an_epoch_is_handed_to_the_actor_and_stamped_on_what_it_sends() {
    testing::run(async {
        let system = System::new("test");
        let ledger = system.spawn(Ledger::spec()).await.unwrap();
        let (holder, _lease) = holder(&system, 7).await;
        assert_eq!(holder.epoch().await, Ok(Some(7)));
        assert_eq!(
            holder.write(ledger.clone(), Hook::new(|| ())).await,
            Ok(Ok(Some(7)))
        );
        assert_eq!(ledger.write().await, Ok(None), "a test has no epoch");
    });
}

#[test]
fn a_task_of_an_actor_acts_in_its_name() {
    testing::run(async {
        let system = System::new("test");
        let ledger = system.spawn(Ledger::spec()).await.unwrap();
        let (holder, _lease) = holder(&system, 7).await;
        let (go, gate) = Go::new();
        go.send(()).unwrap();
        assert_eq!(holder.beside(ledger, gate).await, Ok((1, Some(7))));
    });
}

#[test]
fn a_task_of_an_actor_ends_with_its_tenure() {
    testing::run(async {
        let system = System::new("test");
        let mut ledger = Probe::<Ledger>::spawn(&system).await;
        let (holder, lease) = holder(&system, 7).await;
        let (go, gate) = Go::new();
        let (answer, ()) = tokio::join!(holder.beside(ledger.actor(), gate), async {
            assert_eq!(holder.count().await, Ok(1), "the task waits by now");
            lease.end();
            // Nobody receives it when the task is gone already.
            let _ = go.send(());
        });
        assert!(answer.is_err(), "{answer:?}");
        ledger.expect_none(Duration::from_secs(1)).await;
    });
}

#[test]
fn a_task_of_an_actor_ends_before_the_actor_is_gone() {
    testing::run(async {
        let system = System::new("test");
        let mut ledger = Probe::<Ledger>::spawn(&system).await;
        let (holder, _lease) = holder(&system, 7).await;
        let (go, gate) = Go::new();
        let (answer, ()) = tokio::join!(holder.beside(ledger.actor(), gate), async {
            assert_eq!(holder.count().await, Ok(1), "the task waits by now");
            system.terminate(&holder).await;
            assert!(go.send(()).is_err(), "the task and what it waits for are dropped");
        });
        assert!(answer.is_err(), "{answer:?}");
        ledger.expect_none(Duration::from_secs(1)).await;
    });
}

#[test]
fn a_message_is_not_handled_after_the_tenure() {
    testing::run(async {
        let system = System::new("test");
        let (holder, lease) = holder(&system, 1).await;
        assert_eq!(holder.count().await, Ok(1));
        lease.end();
        assert_eq!(holder.count().await, Err(CallError::Exited(ExitReason::Lapsed)));
        assert_eq!(
            holder.count().await,
            Err(CallError::Gone),
            "it does not come back by itself"
        );
    });
}

#[test]
fn after_the_tenure_nothing_that_the_actor_does_has_an_effect() {
    testing::run(async {
        let system = System::new("test");
        let mut ledger = Probe::<Ledger>::spawn(&system).await;

        let (one, lease) = holder(&system, 1).await;
        let end = Hook::new(move || lease.end());
        assert_eq!(
            one.write(ledger.actor(), end).await,
            Err(CallError::Lapsed),
            "its reply is an effect too"
        );

        let (two, lease) = holder(&system, 2).await;
        let end = Hook::new(move || lease.end());
        assert_eq!(two.note(ledger.actor(), end).await, Err(CallError::Lapsed));

        ledger.expect_none(Duration::from_secs(1)).await;
    });
}

#[test]
fn an_actor_is_not_started_after_its_tenure() {
    testing::run(async {
        let system = System::new("test");
        let (lease, started) = (Lease::new(), Arc::new(AtomicBool::new(false)));
        let start = Arc::clone(&started);
        let spec = Holder::spec_with(move || {
            start.store(true, Ordering::SeqCst);
            Holder::default()
        });
        lease.end();
        assert_eq!(
            system.spawn(spec.tenure(lease.tenure("holder", 1))).await.err(),
            Some(StartError::Failed(ExitReason::Lapsed))
        );
        assert!(!started.load(Ordering::SeqCst), "its start is its own code");
    });
}

#[test]
fn a_reply_from_another_task_is_an_effect_of_the_actor_too() {
    testing::run(async {
        let system = System::new("test");
        for (ends, answer) in [(false, Ok(1)), (true, Err(CallError::Lapsed))] {
            let (holder, lease) = holder(&system, 1).await;
            let (say, go) = Go::new();
            let (later, ()) = tokio::join!(holder.later(go), async {
                assert_eq!(holder.count().await, Ok(2), "the message before is handled");
                if ends {
                    lease.end();
                }
                say.send(()).unwrap();
            });
            assert_eq!(later, answer);
        }
    });
}

#[test]
fn after_the_tenure_the_actor_starts_nothing() {
    testing::run(async {
        let system = System::new("test");
        let (holder, lease) = holder(&system, 1).await;
        let (seen, end) = (Log::default(), Hook::new(move || lease.end()));
        assert_eq!(holder.open(end, seen.clone()).await, Err(CallError::Lapsed));
        assert_eq!(seen.all(), [Err(StartError::Lapsed)]);
        assert!(system.whereis(LEDGER).is_none());
    });
}

#[test]
fn a_lapse_ends_the_wait_for_a_restart() {
    testing::run(async {
        let system = System::new("test");
        for wait in [Duration::ZERO, Duration::from_secs(1)] {
            let (holder, _valid, starts) = waiting_holder(&system).await;
            testing::advance(wait).await;
            let (called, gone) = tokio::join!(holder.count().timeout(2 * BACKOFF), async {
                ActorRef::lapse(&holder);
                gone_within(&holder).await
            });
            assert_eq!(gone, Some(Duration::ZERO), "after {wait:?}");
            assert_eq!(called, Err(CallError::Gone));
            testing::advance(2 * BACKOFF).await;
            assert_eq!(starts.load(Ordering::SeqCst), 1);
        }
    });
}

#[test]
fn a_lapse_ends_that_wait_without_a_tenure_too() {
    testing::run(async {
        let system = System::new("test");
        let spec = Holder::spec().backoff(Backoff::new(BACKOFF, BACKOFF));
        let holder = system.spawn(spec).await.unwrap();
        ActorRef::kill(&holder);
        assert_eq!(ActorRef::exited(&holder).await, ExitReason::Killed);
        ActorRef::lapse(&holder);
        assert_eq!(gone_within(&holder).await, Some(Duration::ZERO));
    });
}

#[test]
fn a_lapse_is_not_masked_by_a_kill_that_has_nobody_to_end() {
    testing::run(async {
        let system = System::new("test");
        let (holder, _valid, starts) = waiting_holder(&system).await;
        ActorRef::lapse(&holder);
        ActorRef::kill(&holder);
        assert_eq!(gone_within(&holder).await, Some(Duration::ZERO));
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_tenure_that_has_ended_unheard_during_the_wait_for_a_restart_ends_it_then() {
    testing::run(async {
        let system = System::new("test");
        let (holder, lease, starts) = waiting_holder(&system).await;
        testing::advance(Duration::from_secs(1)).await;
        lease.end();
        let gone = gone_within(&holder).await;
        assert!(
            gone.is_some_and(|time| time <= BACKOFF),
            "one wait, not two: {gone:?}"
        );
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn an_actor_that_panics_after_its_tenure_does_not_wait_for_a_restart() {
    testing::run(async {
        let system = System::new("test");
        let ledger = system.spawn(Ledger::spec()).await.unwrap();
        let (holder, lease, starts) = patient_holder(&system).await;
        let end = Hook::new(move || {
            lease.end();
            panic!("in the middle of it");
        });
        let note = holder.note(ledger, end).await;
        assert!(matches!(note, Err(CallError::Exited(ExitReason::Panic { .. }))));
        assert_eq!(gone_within(&holder).await, Some(Duration::ZERO));
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_lapse_cuts_a_waiting_handler_off() {
    testing::run(async {
        let system = System::new("test");
        let (holder, lease) = holder(&system, 1).await;
        let start = Instant::now();
        let (slow, ()) = tokio::join!(holder.slow(Duration::from_secs(4)), async {
            testing::advance(Duration::from_secs(1)).await;
            lease.end();
            ActorRef::lapse(&holder);
        });
        assert_eq!(slow, Err(CallError::Exited(ExitReason::Lapsed)));
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    });
}

#[test]
fn a_call_through_a_moving_ref_waits_for_a_location_within_its_deadline() {
    testing::run(async {
        let system = System::new("test");
        let (mover, billing) = ActorRef::<Holder>::moving();
        let start = Instant::now();
        assert_eq!(
            billing.count().timeout(Duration::from_secs(1)).await,
            Err(CallError::Timeout)
        );
        assert!(matches!(billing.count().cast(), Err(CastError::Gone(_))));
        let (counted, ()) = tokio::join!(billing.count(), async {
            testing::advance(Duration::from_secs(2)).await;
            mover.set(&system.spawn(Holder::spec()).await.unwrap(), 1);
        });
        assert_eq!(counted, Ok(1));
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        assert!(billing.count().cast().is_ok());
    });
}

#[test]
fn at_a_planned_move_no_call_fails() {
    testing::run(async {
        let system = System::new("test");
        let (mover, billing) = ActorRef::<Holder>::moving();
        let (old, _lease) = holder(&system, 1).await;
        mover.set(&old, 1);
        // In hand, in the mailbox, and after the stop.
        let in_hand = billing.slow(Duration::from_secs(1));
        let queued = billing.epoch();
        let after = async {
            testing::advance(Duration::from_millis(1500)).await;
            billing.epoch().await
        };
        let handed_over = async {
            testing::advance(Duration::from_millis(500)).await;
            system.terminate(&old).await;
            testing::advance(Duration::from_secs(1)).await;
            let (new, lease) = holder(&system, 2).await;
            mover.set(&new, 2);
            lease
        };
        let (in_hand, queued, after, _lease) = tokio::join!(in_hand, queued, after, handed_over);
        assert_eq!((in_hand, queued, after), (Ok(1), Ok(Some(2)), Ok(Some(2))));
    });
}

#[test]
fn what_may_have_been_handled_is_not_sent_again() {
    testing::run(async {
        let system = System::new("test");
        let (mover, billing) = ActorRef::<Holder>::moving();
        let (old, _lease) = holder(&system, 1).await;
        mover.set(&old, 1);
        let (slow, _new) = tokio::join!(billing.slow(Duration::from_secs(4)), async {
            testing::advance(Duration::from_secs(1)).await;
            ActorRef::kill(&old);
            let (new, lease) = holder(&system, 2).await;
            mover.set(&new, 2);
            (new, lease)
        });
        assert_eq!(slow, Err(CallError::Exited(ExitReason::Killed)));
        assert_eq!(
            billing.count().await,
            Ok(1),
            "the new one has handled nothing before"
        );
    });
}

#[test]
fn a_location_of_a_lower_epoch_is_ignored() {
    testing::run(async {
        let system = System::new("test");
        let (mover, billing) = ActorRef::<Holder>::moving();
        let ((old, _a), (new, _b)) = (holder(&system, 1).await, holder(&system, 2).await);
        mover.set(&new, 2);
        mover.set(&old, 1);
        assert_eq!(billing.epoch().await, Ok(Some(2)));
        mover.clear();
        mover.set(&old, 1);
        assert_eq!(
            billing.epoch().timeout(Duration::from_secs(1)).await,
            Err(CallError::Timeout)
        );
    });
}
