//! Tenure and moving refs: what the regions build singletons of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quorate::prelude::*;
use quorate::{Tenure, Validity};
use tokio::time::Instant;

/// A lease that a test ends.
struct Lease(AtomicBool);

impl Validity for Lease {
    fn is_valid(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Lease {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn end(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

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
pub struct Ledger {
    written: u64,
}

#[actor(local)]
impl Ledger {
    /// The epoch of who writes.
    pub fn write(&mut self, cx: &mut Context<Self>) -> Option<u64> {
        self.written += 1;
        cx.caller_epoch()
    }

    /// How often it was written to.
    pub fn written(&mut self) -> u64 {
        self.written
    }
}

async fn holder(system: &System, epoch: u64) -> (ActorRef<Holder>, Arc<Lease>) {
    let lease = Lease::new();
    let tenure = Tenure::new(epoch, Arc::clone(&lease) as Arc<dyn Validity>);
    (system.spawn(Holder::spec().tenure(tenure)).await.unwrap(), lease)
}

#[tokio::test(start_paused = true)]
async fn an_epoch_is_handed_to_the_actor_and_stamped_on_what_it_sends() {
    let system = System::new("test");
    let ledger = system.spawn(Ledger::spec()).await.unwrap();
    let (holder, _lease) = holder(&system, 7).await;
    assert_eq!(holder.epoch().await, Ok(Some(7)));
    assert_eq!(
        holder.write(ledger.clone(), Hook::new(|| ())).await,
        Ok(Ok(Some(7)))
    );
    assert_eq!(ledger.write().await, Ok(None), "a test has no epoch");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_not_handled_after_the_tenure() {
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
}

#[tokio::test(start_paused = true)]
async fn after_the_tenure_nothing_that_the_actor_does_has_an_effect() {
    let system = System::new("test");
    let ledger = system.spawn(Ledger::spec()).await.unwrap();

    let (one, lease) = holder(&system, 1).await;
    let end = Hook::new(move || lease.end());
    assert_eq!(
        one.write(ledger.clone(), end).await,
        Err(CallError::Lapsed),
        "its reply is an effect too"
    );

    let (two, lease) = holder(&system, 2).await;
    let end = Hook::new(move || lease.end());
    assert_eq!(two.note(ledger.clone(), end).await, Err(CallError::Lapsed));

    assert_eq!(ledger.written().await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn a_lapse_cuts_a_waiting_handler_off() {
    let system = System::new("test");
    let (holder, lease) = holder(&system, 1).await;
    let start = Instant::now();
    let (slow, ()) = tokio::join!(holder.slow(Duration::from_secs(4)), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lease.end();
        ActorRef::lapse(&holder);
    });
    assert_eq!(slow, Err(CallError::Exited(ExitReason::Lapsed)));
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_through_a_moving_ref_waits_for_a_location_within_its_deadline() {
    let system = System::new("test");
    let (mover, billing) = ActorRef::<Holder>::moving();
    let start = Instant::now();
    assert_eq!(
        billing.count().timeout(Duration::from_secs(1)).await,
        Err(CallError::Timeout)
    );
    assert!(matches!(billing.count().cast(), Err(CastError::Gone(_))));
    let (counted, ()) = tokio::join!(billing.count(), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        mover.set(&system.spawn(Holder::spec()).await.unwrap(), 1);
    });
    assert_eq!(counted, Ok(1));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert!(billing.count().cast().is_ok());
}

#[tokio::test(start_paused = true)]
async fn at_a_planned_move_no_call_fails() {
    let system = System::new("test");
    let (mover, billing) = ActorRef::<Holder>::moving();
    let (old, _lease) = holder(&system, 1).await;
    mover.set(&old, 1);
    // In hand, in the mailbox, and after the stop.
    let in_hand = billing.slow(Duration::from_secs(1));
    let queued = billing.epoch();
    let after = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        billing.epoch().await
    };
    let handed_over = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        system.terminate(&old).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (new, lease) = holder(&system, 2).await;
        mover.set(&new, 2);
        lease
    };
    let (in_hand, queued, after, _lease) = tokio::join!(in_hand, queued, after, handed_over);
    assert_eq!((in_hand, queued, after), (Ok(1), Ok(Some(2)), Ok(Some(2))));
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_handled_is_not_sent_again() {
    let system = System::new("test");
    let (mover, billing) = ActorRef::<Holder>::moving();
    let (old, _lease) = holder(&system, 1).await;
    mover.set(&old, 1);
    let (slow, _new) = tokio::join!(billing.slow(Duration::from_secs(4)), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
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
}

#[tokio::test(start_paused = true)]
async fn a_location_of_a_lower_epoch_is_ignored() {
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
}
