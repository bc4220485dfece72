//! Links through refs that move, and of actors with a tenure.

use quorate::ExitError;
use quorate::prelude::*;
use quorate::testing::{self, Lease, Log, settle};

use crate::side::{Side, side};

/// Ends its own lease, and links.
#[actor(restart = temporary)]
pub(crate) struct Holder {
    lease: Lease,
    log: Log,
}

#[actor(local)]
impl Holder {
    #[init]
    fn new(lease: Lease, log: Log) -> Self {
        Self { lease, log }
    }

    /// Its lease ends, and it does not know yet.
    pub fn link_too_late(&mut self, other: ActorRef<Side>, cx: &mut Context<Self>) {
        self.lease.end();
        self.log.add(format!("{:?}", cx.link(&other)));
        self.log
            .add(format!("{:?}", ActorRef::exit(&other, ExitReason::Shutdown)));
    }
}

#[test]
fn a_holder_whose_tenure_has_ended_links_nobody_and_sends_no_signal() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let lease = Lease::new();
        let spec = Holder::spec(lease.clone(), log.clone()).tenure(lease.tenure("one", 1));
        let (holder, (other, other_log)) = (system.spawn(spec).await.unwrap(), side(&system, true).await);
        holder.link_too_late(other.clone()).cast().unwrap();
        ActorRef::gone(&holder).await;
        assert_eq!(log.all(), ["Err(Lapsed)", "Err(Lapsed)"]);
        assert_eq!(other.note(1).await, Ok(()));
        assert_eq!(other_log.all(), ["note 1"]);
    });
}

#[test]
fn a_link_through_a_moving_ref_is_with_the_present_location() {
    testing::run(async {
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
    });
}

#[test]
fn a_link_through_a_pinned_ref_is_with_that_incarnation_only() {
    testing::run(async {
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
    });
}
