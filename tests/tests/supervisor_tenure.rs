//! Supervisors and tenures: whoever has lost its own neither starts nor is started.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::prelude::*;
use quorate::supervision::RestartError;
use quorate::{StartError, Tenure, Validity};
use tests::parts::{AllTrio, Log, Plan, Trio, plans, settle, trio};

/// A lease that a test ends.
#[derive(Debug, Default)]
pub struct Lease(AtomicBool);

impl Validity for Lease {
    fn is_valid(&self) -> bool {
        !self.0.load(Ordering::SeqCst)
    }
}

impl Lease {
    fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn tenure(lease: &Arc<Lease>) -> Tenure {
    Tenure::new("boss", 1, Arc::clone(lease) as Arc<dyn Validity>)
}

/// What a boss has heard.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<Vec<RestartError>>>);

/// Asks a supervisor for something.
#[actor]
pub struct Boss {
    lease: Arc<Lease>,
}

#[actor(local)]
impl Boss {
    #[init]
    fn new(lease: Arc<Lease>) -> Self {
        Self { lease }
    }

    /// Starts `b` and `d`, when it may not any more.
    pub async fn act_late(&mut self, trio: ActorRef<Trio>, log: Log, heard: Heard) {
        self.lease.end();
        let added = ActorRef::start_child(&trio, "d", Plan::new("d", &log).spec()).await;
        let again = ActorRef::restart_child(&trio, "b").await;
        let mut heard = heard.0.lock().unwrap();
        heard.extend(added.err().map(RestartError::Start));
        heard.extend(again.err());
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_lost_its_tenure_starts_no_child_and_none_again() {
    let (system, log) = (System::new("test"), Log::default());
    let (trio, _) = trio(&system, &log).await;
    ActorRef::terminate_child(&trio, "b").await.unwrap();
    let (lease, heard) = (Arc::<Lease>::default(), Heard::default());
    let boss = system
        .spawn(Boss::spec(Arc::clone(&lease)).tenure(tenure(&lease)))
        .await
        .unwrap();
    let late = boss.act_late(trio.clone(), log.clone(), heard.clone()).await;
    assert_eq!(late, Err(CallError::Lapsed));
    let lapsed = RestartError::Start(StartError::Lapsed);
    assert_eq!(*heard.0.lock().unwrap(), [lapsed.clone(), lapsed]);
    settle().await;
    assert_eq!(trio.b.ping().await, Err(CallError::Gone));
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_tenure_has_lapsed_is_gone_and_the_supervisor_goes_on_without_it() {
    let (system, log) = (System::new("test"), Log::default());
    let [a, b, c] = plans(&log);
    let lease = Arc::<Lease>::default();
    lease.end();
    let lapsed = a.spec().tenure(tenure(&lease));
    let trio = system
        .spawn(Trio::spec(lapsed, b.spec(), c.spec()))
        .await
        .unwrap();
    assert_eq!(trio.a.ping().await, Err(CallError::Gone));
    assert_eq!(trio.c.ping().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_lapses_while_its_group_waits_leaves_the_others_to_come_back() {
    let (system, log) = (System::new("test"), Log::default());
    let [a, b, c] = plans(&log);
    let lease = Arc::<Lease>::default();
    let minute = Duration::from_mins(1);
    let waits = b
        .spec()
        .tenure(tenure(&lease))
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
    assert_eq!(log.starts(), ["a started", "c started"], "at once");
    assert_eq!(all.b.ping().await, Err(CallError::Gone));
    assert_eq!((all.a.ping().await, all.c.ping().await), (Ok(()), Ok(())));
}
