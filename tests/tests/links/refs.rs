//! Links through refs that move, and of actors with a tenure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quorate::prelude::*;
use quorate::{ExitError, Tenure, Validity};

use crate::side::{Log, Side, settle, side};

/// A lease that a test ends.
struct Lease(AtomicBool);

impl Validity for Lease {
    fn is_valid(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Ends its own lease, and links.
#[actor(restart = temporary)]
pub(crate) struct Holder {
    lease: Arc<Lease>,
    log: Log,
}

#[actor(local)]
impl Holder {
    #[init]
    fn new(lease: Arc<Lease>, log: Log) -> Self {
        Self { lease, log }
    }

    /// Its lease ends, and it does not know yet.
    pub fn link_too_late(&mut self, other: ActorRef<Side>, cx: &mut Context<Self>) {
        self.lease.0.store(false, Ordering::SeqCst);
        self.log.add(format!("{:?}", cx.link(&other)));
        self.log
            .add(format!("{:?}", ActorRef::exit(&other, ExitReason::Shutdown)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_whose_tenure_has_ended_links_nobody_and_sends_no_signal() {
    let (system, log) = (System::new("test"), Log::default());
    let lease = Arc::new(Lease(AtomicBool::new(true)));
    let spec = Holder::spec(Arc::clone(&lease), log.clone()).tenure(Tenure::new("one", 1, lease));
    let (holder, (other, other_log)) = (system.spawn(spec).await.unwrap(), side(&system, true).await);
    holder.link_too_late(other.clone()).cast().unwrap();
    ActorRef::gone(&holder).await;
    assert_eq!(log.all(), ["Err(Lapsed)", "Err(Lapsed)"]);
    assert_eq!(other.note(1).await, Ok(()));
    assert_eq!(other_log.all(), ["note 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_link_through_a_moving_ref_is_with_the_present_location() {
    let system = System::new("test");
    let (mover, moving) = ActorRef::<Side>::moving();
    let ((one, log), (location, _)) = (side(&system, true).await, side(&system, false).await);
    assert_eq!(one.link(moving.clone()).await, Ok(Ok(())));
    settle().await;
    let nobody = format!("{} was not there", ActorRef::id(&moving));
    assert_eq!(log.all(), std::slice::from_ref(&nobody));
    assert_eq!(
        ActorRef::exit(&moving, ExitReason::Shutdown),
        Err(ExitError::Gone)
    );

    mover.set(&location, 1);
    assert_eq!(one.link(moving.clone()).await, Ok(Ok(())));
    assert_eq!(ActorRef::exit(&moving, ExitReason::error("by exit")), Ok(()));
    ActorRef::gone(&location).await;
    settle().await;
    let told = format!("{} failed: by exit", ActorRef::id(&location));
    assert_eq!(log.all(), [nobody, told]);
}

#[tokio::test(start_paused = true)]
async fn a_link_through_a_pinned_ref_is_with_that_incarnation_only() {
    let system = System::new("test");
    let lasting = Side::spec(Log::default(), false).restart(Restart::Permanent);
    let lasting = system.spawn(lasting).await.unwrap();
    let pinned = ActorRef::pin(&lasting);
    lasting.end(ExitReason::error("once")).await.unwrap();
    assert_eq!(lasting.note(1).await, Ok(()), "it is there again");
    let (one, log) = side(&system, true).await;
    assert_eq!(one.link(pinned.clone()).await, Ok(Ok(())));
    settle().await;
    assert_eq!(log.all(), [format!("{} was not there", ActorRef::id(&pinned))]);
    assert_eq!(
        ActorRef::exit(&pinned, ExitReason::Shutdown),
        Err(ExitError::Gone)
    );
    assert!(ActorRef::is_alive(&lasting));
}
