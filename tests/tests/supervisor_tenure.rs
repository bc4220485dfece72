//! Supervisors and tenures: whoever has lost its own neither starts nor is started.

use std::time::Duration;

use quorate::StartError;
use quorate::prelude::*;
use quorate::supervision::RestartError;
use quorate::testing::{self, Lease, Log};
use tests::parts::{AllTrio, Plan, Trio, plans, settle, starts, trio};

/// Asks a supervisor for something.
#[actor]
pub struct Boss {
    lease: Lease,
}

#[actor(local)]
impl Boss {
    #[init]
    fn new(lease: Lease) -> Self {
        Self { lease }
    }

    /// Starts `b` and `d`, when it may not any more.
    pub async fn act_late(&mut self, trio: ActorRef<Trio>, log: Log, heard: Log<RestartError>) {
        self.lease.end();
        let added = ActorRef::start_child(&trio, "d", Plan::new("d", &log).spec()).await;
        let again = ActorRef::restart_child(&trio, "b").await;
        let refusals = [added.err().map(RestartError::Start), again.err()];
        for refusal in refusals.into_iter().flatten() {
            heard.add(refusal);
        }
    }
}

#[test]
fn whoever_has_lost_its_tenure_starts_no_child_and_none_again() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        ActorRef::terminate_child(&trio, "b").await.unwrap();
        let (lease, heard) = (Lease::new(), Log::default());
        let boss = system
            .spawn(Boss::spec(lease.clone()).tenure(lease.tenure("boss", 1)))
            .await
            .unwrap();
        let late = boss.act_late(trio.clone(), log.clone(), heard.clone()).await;
        assert_eq!(late, Err(CallError::Lapsed));
        let lapsed = RestartError::Start(StartError::Lapsed);
        assert_eq!(heard.all(), [lapsed.clone(), lapsed]);
        settle().await;
        assert_eq!(trio.b.ping().await, Err(CallError::Gone));
    });
}

#[test]
fn a_child_whose_tenure_has_lapsed_is_gone_and_the_supervisor_goes_on_without_it() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let lease = Lease::new();
        lease.end();
        let lapsed = a.spec().tenure(lease.tenure("boss", 1));
        let trio = system
            .spawn(Trio::spec(lapsed, b.spec(), c.spec()))
            .await
            .unwrap();
        assert_eq!(trio.a.ping().await, Err(CallError::Gone));
        assert_eq!(trio.c.ping().await, Ok(()));
    });
}

#[test]
fn a_child_that_lapses_while_its_group_waits_leaves_the_others_to_come_back() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let lease = Lease::new();
        let minute = Duration::from_mins(1);
        let waits = b
            .spec()
            .tenure(lease.tenure("boss", 1))
            .backoff(quorate::Backoff::new(minute, minute));
        let all = system
            .spawn(AllTrio::spec(a.spec(), waits, c.spec()))
            .await
            .unwrap();
        all.b.fail().await.unwrap();
        settle().await;
        log.take();
        lease.end();
        ActorRef::lapse(&all.b);
        settle().await;
        assert_eq!(starts(&log), ["a started", "c started"], "at once");
        assert_eq!(all.b.ping().await, Err(CallError::Gone));
        assert_eq!((all.a.ping().await, all.c.ping().await), (Ok(()), Ok(())));
    });
}
