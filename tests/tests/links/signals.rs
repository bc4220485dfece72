//! Exit signals that come of no link (OTP's `exit/2`), and to whom there are none.

use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::{self, Log, settle};
use quorate::{ActorId, ExitError};

use crate::side::{Side, side};

#[test]
fn an_exit_signal_without_a_link_ends_or_is_trapped_and_tells_who_sent_it() {
    testing::run(async {
        let system = System::new("test");
        let ((sender, _), (other, log)) = (side(&system, false).await, side(&system, false).await);
        let why = ExitReason::shutdown_with("by exit");
        assert_eq!(
            sender.send_exit(other.clone(), ExitReason::Normal).await,
            Ok(Ok(()))
        );
        assert_eq!(other.note(1).await, Ok(()), "a normal one ends nobody");
        assert_eq!(sender.send_exit(other.clone(), why.clone()).await, Ok(Ok(())));
        ActorRef::gone(&other).await;
        assert_eq!(log.all(), ["note 1", "stopped: was shut down: by exit"]);
        assert_eq!(ActorRef::exit(&other, why.clone()), Err(ExitError::Gone));

        let (trapping, log) = side(&system, true).await;
        assert_eq!(
            sender.send_exit(trapping.clone(), ExitReason::Normal).await,
            Ok(Ok(()))
        );
        assert_eq!(ActorRef::exit(&trapping, why), Ok(()));
        assert_eq!(trapping.note(1).await, Ok(()));
        let told = [
            format!("{} stopped", ActorRef::id(&sender)),
            format!("{} was shut down: by exit", ActorId::OUTSIDE),
            "note 1".into(),
        ];
        assert_eq!(log.all(), told);
        assert_eq!(ActorRef::exit(&trapping, ExitReason::Killed), Ok(()));
        assert_eq!(ActorRef::exited(&trapping).await, ExitReason::Killed);
    });
}

#[test]
fn an_exit_signal_without_a_link_to_a_full_mailbox_is_refused() {
    testing::run(async {
        let system = System::new("test");
        let (other, _) = side(&system, false).await;
        other.busy(Duration::from_secs(1)).cast().unwrap();
        settle().await;
        while other.note(9).cast().is_ok() {}
        assert_eq!(ActorRef::exit(&other, ExitReason::Shutdown), Err(ExitError::Full));
        assert_eq!(
            ActorRef::exit(&other, ExitReason::Killed),
            Ok(()),
            "a kill needs no room"
        );
        assert_eq!(ActorRef::exited(&other).await, ExitReason::Killed);
    });
}

#[test]
fn an_exit_signal_does_not_reach_the_next_incarnation() {
    testing::run(async {
        let system = System::new("test");
        let log = Log::default();
        let lasting = Side::spec(log.clone(), false).restart(Restart::Permanent);
        let lasting = system.spawn(lasting).await.unwrap();
        lasting.end(ExitReason::error("first")).cast().unwrap();
        assert_eq!(ActorRef::exit(&lasting, ExitReason::error("second")), Ok(()));
        assert!(lasting.note(1).await.is_err(), "it lay before the end");
        assert_eq!(lasting.note(2).await, Ok(()));
        assert_eq!(log.all(), ["stopped: failed: first", "note 2"]);
    });
}

/// Takes its time to end.
#[actor(restart = permanent)]
pub(crate) struct Slow {
    log: Log,
}

#[actor(local)]
impl Slow {
    #[init]
    fn new(log: Log) -> Self {
        log.add("started");
        Self { log }
    }

    /// Is there.
    pub fn ping(&mut self) {}

    #[stopped]
    async fn stopped(&mut self, reason: &ExitReason) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.log.add(format!("stopped: {reason}"));
    }
}

#[test]
fn an_exit_signal_to_one_that_is_ending_does_not_reach_the_next_incarnation() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let slow = system.spawn(Slow::spec(log.clone())).await.unwrap();
        assert_eq!(ActorRef::exit(&slow, ExitReason::error("first")), Ok(()));
        settle().await;
        assert_eq!(ActorRef::exit(&slow, ExitReason::error("second")), Ok(()));
        assert_eq!(slow.ping().await, Ok(()), "by the next incarnation");
        settle().await;
        assert_eq!(log.all(), ["started", "stopped: failed: first", "started"]);
    });
}

/// A tree.
#[supervisor]
pub(crate) struct Tree {
    /// Its child.
    #[child(restart = temporary)]
    side: Side,
}

/// Links to a supervisor.
#[actor]
#[derive(Default)]
pub(crate) struct Linker;

#[actor(local)]
impl Linker {
    /// Tries to.
    pub fn link(&mut self, tree: ActorRef<Tree>, cx: &mut Context<Self>) -> Result<(), LinkError> {
        cx.link(&tree)
    }
}

#[test]
fn a_supervisor_is_not_linked_and_takes_no_exit_signal() {
    testing::run(async {
        let system = System::new("test");
        let tree = Tree::spec(Side::spec(Log::default(), false));
        let tree = system.spawn(tree).await.unwrap();
        let linker = system.spawn(Linker::spec()).await.unwrap();
        assert_eq!(linker.link(tree.clone()).await, Ok(Err(LinkError::Supervisor)));
        assert_eq!(
            ActorRef::exit(&tree, ExitReason::Shutdown),
            Err(ExitError::Supervisor)
        );
    });
}
