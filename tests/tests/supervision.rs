//! Supervisors through their refs: start, restart, escalation and stop, by the rules of OTP.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::prelude::*;
use quorate::{StartError, Tenure, Validity};
use tokio::time::Instant;

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// What a part is told at its start.
#[derive(Clone)]
pub struct Plan {
    name: &'static str,
    log: Log,
    /// How many of the next starts fail.
    failures: Arc<AtomicU32>,
    /// How long it takes to stop.
    stop: Duration,
    /// Incarnations that run now, and the most there ever were.
    live: Arc<AtomicU32>,
}

impl Plan {
    fn new(name: &'static str, log: &Log) -> Self {
        Self {
            name,
            log: log.clone(),
            failures: Arc::default(),
            stop: Duration::ZERO,
            live: Arc::default(),
        }
    }

    fn stopping_for(self, stop: Duration) -> Self {
        Self { stop, ..self }
    }
}

/// One part of a tree.
#[actor]
pub struct Part {
    plan: Plan,
}

#[actor(local)]
impl Part {
    #[init]
    async fn new(plan: Plan) -> Result<Self, String> {
        // A start that takes a while shows that the next waits for it.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let failing = plan
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if failing {
            plan.log.add(format!("{} failed", plan.name));
            return Err("no luck".to_owned());
        }
        assert_eq!(
            plan.live.fetch_add(1, Ordering::SeqCst),
            0,
            "two incarnations overlap"
        );
        plan.log.add(format!("{} started", plan.name));
        Ok(Self { plan })
    }

    /// Is there.
    pub fn ping(&mut self) {}

    /// Panics.
    pub fn crash(&mut self) {
        panic!("crash");
    }

    /// Does not come back for a while.
    pub async fn sleep(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    #[stopped]
    async fn stopped(&mut self, reason: &ExitReason) {
        self.plan.log.add(format!("{} {reason}", self.plan.name));
        tokio::time::sleep(self.plan.stop).await;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.plan.live.fetch_sub(1, Ordering::SeqCst);
        self.plan.log.add(format!("{} ended", self.plan.name));
    }
}

/// Three parts.
#[supervisor(strategy = one_for_one, intensity = 3, period = "5s")]
pub struct Trio {
    /// First.
    #[child]
    pub a: Part,
    /// Second.
    #[child(restart = transient, shutdown = "2s")]
    pub b: Part,
    /// Third.
    #[child(restart = temporary)]
    pub c: Part,
}

/// A tree of two levels.
#[supervisor]
pub struct Tree {
    /// Above.
    #[child]
    pub top: Part,
    /// Below.
    #[child]
    pub trio: Trio,
}

async fn trio(system: &System, log: &Log) -> ActorRef<Trio> {
    let [a, b, c] = ["a", "b", "c"].map(|name| Part::spec(Plan::new(name, log)));
    let trio = system.spawn(Trio::spec(a, b, c)).await.expect("the trio starts");
    assert_eq!(log.take(), ["a started", "b started", "c started"]);
    trio
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

#[tokio::test(start_paused = true)]
async fn sup_start_normal_r6_order_of_children_r18_stop_in_reverse() {
    let (system, log) = (System::new("test"), Log::default());
    let trio = trio(&system, &log).await;
    assert_eq!(trio.a.ping().await, Ok(()));
    assert_eq!(trio.c.ping().await, Ok(()));
    system.shutdown().await.unwrap();
    let order = [
        "c was shut down",
        "c ended",
        "b was shut down",
        "b ended",
        "a was shut down",
        "a ended",
    ];
    assert_eq!(log.take(), order);
    assert_eq!(trio.a.ping().await, Err(CallError::Gone));
}

#[tokio::test(start_paused = true)]
async fn r7_sup_start_fail_stops_the_started_in_reverse_and_names_the_child() {
    let (system, log) = (System::new("test"), Log::default());
    let [a, b, c] = ["a", "b", "c"].map(|name| Plan::new(name, &log));
    c.failures.store(1, Ordering::SeqCst);
    let spec = Trio::spec(Part::spec(a), Part::spec(b), Part::spec(c));
    let Err(StartError::Failed(reason)) = system.spawn(spec).await else {
        panic!("expected a failure")
    };
    assert_eq!(reason.to_string(), "failed: child `c` failed: no luck");
    let order = [
        "a started",
        "b started",
        "c failed",
        "b was shut down",
        "b ended",
        "a was shut down",
        "a ended",
    ];
    assert_eq!(log.take(), order);
}

#[tokio::test(start_paused = true)]
async fn r11_permanent_is_restarted_always_transient_after_a_failure_temporary_never() {
    let (system, log) = (System::new("test"), Log::default());
    let trio = trio(&system, &log).await;

    ActorRef::stop(&trio.a);
    settle().await;
    assert_eq!(log.take(), ["a stopped", "a ended", "a started"]);

    assert!(trio.b.crash().await.is_err());
    assert_eq!(trio.b.ping().await, Ok(()), "the ref stays good, in siblings too");
    assert_eq!(log.take().last().map(String::as_str), Some("b started"));
    ActorRef::stop(&trio.b);
    settle().await;
    assert_eq!(log.take(), ["b stopped", "b ended"]);
    assert_eq!(trio.b.ping().await, Err(CallError::Gone));

    assert!(trio.c.crash().await.is_err());
    settle().await;
    assert_eq!(log.take().last().map(String::as_str), Some("c ended"));
    assert_eq!(trio.c.ping().await, Err(CallError::Gone));
    assert_eq!(trio.a.ping().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn one_for_one_a_crash_leaves_the_siblings_alone() {
    let (system, log) = (System::new("test"), Log::default());
    let trio = trio(&system, &log).await;
    let (b, c) = (ActorRef::pin(&trio.b), ActorRef::pin(&trio.c));
    assert!(trio.a.crash().await.is_err());
    assert_eq!(trio.a.ping().await, Ok(()));
    assert_eq!((b.ping().await, c.ping().await), (Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn multiple_restarts_spaced_beyond_the_window_survive() {
    let (system, log) = (System::new("test"), Log::default());
    let trio = trio(&system, &log).await;
    let pinned = ActorRef::pin(&trio);
    for _ in 0..10 {
        assert!(trio.a.crash().await.is_err());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert!(
        ActorRef::is_alive(&pinned),
        "the supervisor is the first one still"
    );
}

#[tokio::test(start_paused = true)]
async fn one_for_one_escalation_r14_the_fourth_restart_in_five_seconds_ends_the_supervisor_for_its_parent_to_decide()
 {
    let (system, log) = (System::new("test"), Log::default());
    let [top, a, b, c] = ["top", "a", "b", "c"].map(|name| Part::spec(Plan::new(name, &log)));
    let tree = system.spawn(Tree::spec(top, Trio::spec(a, b, c))).await.unwrap();
    let first = ActorRef::pin(&tree.trio);
    let top = ActorRef::pin(&tree.top);
    for _ in 0..3 {
        assert!(tree.trio.a.crash().await.is_err());
        assert_eq!(tree.trio.a.ping().await, Ok(()));
    }
    log.take();
    let (ended, crashed) = tokio::join!(ActorRef::exited(&tree.trio), tree.trio.a.crash());
    assert!(crashed.is_err());
    assert_eq!(ended, ExitReason::Shutdown);
    settle().await;
    // All children in reverse order, then the parent starts them all again, in their places.
    let log = log.take();
    let order = [
        "c was shut down",
        "c ended",
        "b was shut down",
        "b ended",
        "a started",
        "b started",
        "c started",
    ];
    assert_eq!(log[2..], order, "{log:?}");
    assert!(!ActorRef::is_alive(&first));
    assert_eq!(tree.trio.a.ping().await, Ok(()));
    assert_eq!(
        top.ping().await,
        Ok(()),
        "the parent's other child has seen nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn r15_failed_restarts_count_and_are_retried() {
    let (system, log) = (System::new("test"), Log::default());
    let plan = Plan::new("a", &log);
    let failures = Arc::clone(&plan.failures);
    let part = system.spawn(Part::spec(plan)).await.unwrap();
    failures.store(2, Ordering::SeqCst);
    assert!(part.crash().await.is_err());
    assert_eq!(part.ping().await, Ok(()), "the third restart");
    assert_eq!(log.take()[3..], ["a failed", "a failed", "a started"]);
    tokio::time::sleep(Duration::from_secs(6)).await;
    failures.store(3, Ordering::SeqCst);
    assert!(part.crash().await.is_err());
    assert_eq!(part.ping().await, Err(CallError::Gone));
}

#[tokio::test(start_paused = true)]
async fn hanging_restart_loop_a_supervisor_can_be_stopped_in_the_middle_of_it() {
    let (system, log) = (System::new("test"), Log::default());
    let plan = Plan::new("a", &log);
    let failures = Arc::clone(&plan.failures);
    let backoff = quorate::Backoff::new(Duration::from_mins(1), Duration::from_mins(1));
    let part = system.spawn(Part::spec(plan).backoff(backoff)).await.unwrap();
    failures.store(u32::MAX, Ordering::SeqCst);
    assert!(part.crash().await.is_err());
    let start = Instant::now();
    let (waiting, stopped) = tokio::join!(part.ping(), system.shutdown());
    assert_eq!((waiting, stopped), (Err(CallError::Gone), Ok(())));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn sup_stop_timeout_r19_a_slow_child_is_killed_after_its_own_time_and_the_others_get_theirs() {
    let (system, log) = (System::new("test"), Log::default());
    let slow = Plan::new("b", &log).stopping_for(Duration::from_mins(1));
    let patient = Plan::new("a", &log).stopping_for(Duration::from_secs(4));
    let spec = Trio::spec(
        Part::spec(patient),
        Part::spec(slow),
        Part::spec(Plan::new("c", &log)),
    );
    system.spawn(spec).await.unwrap();
    log.take();
    let start = Instant::now();
    system.shutdown().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2 + 4));
    let order = [
        "c was shut down",
        "c ended",
        "b was shut down",
        "b ended",
        "a was shut down",
        "a ended",
    ];
    assert_eq!(log.take(), order);
}

#[tokio::test(start_paused = true)]
async fn sup_stop_brutal_kill() {
    let (system, log) = (System::new("test"), Log::default());
    let spec = Part::spec(Plan::new("a", &log)).shutdown(Shutdown::Kill);
    let part = system.spawn(spec).await.unwrap();
    let (slept, stopped) = tokio::join!(part.sleep(Duration::from_secs(4)), async {
        settle().await;
        system.shutdown().await
    });
    assert_eq!(
        (slept, stopped),
        (Err(CallError::Exited(ExitReason::Killed)), Ok(()))
    );
    assert_eq!(log.take(), ["a started", "a ended"]);
}

#[tokio::test(start_paused = true)]
async fn sup_stop_infinity_waits_however_long_it_takes() {
    let (system, log) = (System::new("test"), Log::default());
    let slow = Plan::new("a", &log).stopping_for(Duration::from_hours(1));
    system
        .spawn(Part::spec(slow).shutdown(Shutdown::Infinity))
        .await
        .unwrap();
    let start = Instant::now();
    system.shutdown().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_hours(1));
}

#[tokio::test(start_paused = true)]
async fn two_incarnations_do_not_overlap() {
    let (system, log) = (System::new("test"), Log::default());
    let plan = Plan::new("a", &log).stopping_for(Duration::from_secs(3));
    let part = system.spawn(Part::spec(plan)).await.unwrap();
    let start = Instant::now();
    assert!(part.crash().await.is_err());
    // The start asserts it. The message waits until the dead one has stopped, too.
    assert_eq!(part.ping().await, Ok(()));
    assert!(start.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn under_the_root_too_many_restarts_end_only_the_one_that_crashes() {
    let (system, log) = (System::new("test"), Log::default());
    let sick = system.spawn(Part::spec(Plan::new("sick", &log))).await.unwrap();
    let well = system.spawn(Part::spec(Plan::new("well", &log))).await.unwrap();
    let well = ActorRef::pin(&well);
    for _ in 0..4 {
        assert!(sick.crash().await.is_err());
    }
    assert_eq!(sick.ping().await, Err(CallError::Gone));
    assert_eq!(well.ping().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn r10_a_failed_start_discards_the_spec_and_frees_the_name() {
    static NAME: Name<Part> = Name::new("part");
    let (system, log) = (System::new("test"), Log::default());
    let plan = Plan::new("a", &log);
    plan.failures.store(1, Ordering::SeqCst);
    let failed = system.spawn(Part::spec(plan.clone()).name(NAME)).await;
    assert_eq!(
        failed.err(),
        Some(StartError::Failed(ExitReason::Error("no luck".into())))
    );
    assert!(system.whereis(NAME).is_none());
    let part = system.spawn(Part::spec(plan).name(NAME)).await.unwrap();
    assert_eq!(system.whereis(NAME), Some(part));
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_shut_down_starts_nothing_and_shutting_it_down_again_is_no_error() {
    let (system, log) = (System::new("test"), Log::default());
    system.shutdown().await.unwrap();
    system.shutdown().await.unwrap();
    let spawned = system.spawn(Part::spec(Plan::new("a", &log))).await;
    assert_eq!(spawned.err(), Some(StartError::SystemDown));
    assert_eq!(log.take(), Vec::<String>::new());
}

/// May not be wanted.
#[actor]
pub struct Spare {}

#[actor(local)]
impl Spare {
    #[init]
    fn new(wanted: bool) -> Option<Self> {
        wanted.then_some(Self {})
    }

    /// Is there.
    pub fn ping(&mut self) {}
}

/// One that may be missing.
#[supervisor]
pub struct Crew {
    /// May be missing.
    #[child]
    pub optional: Spare,
    /// Is there.
    #[child]
    pub part: Part,
}

#[tokio::test(start_paused = true)]
async fn r7_a_start_that_panics_before_its_first_await_ends_the_boot() {
    let (system, log) = (System::new("test"), Log::default());
    let spare = ChildSpec::new(|| -> Option<Spare> { panic!("no luck") });
    let spec = Crew::spec(spare, Part::spec(Plan::new("part", &log)));
    let spawned = tokio::time::timeout(Duration::from_secs(1), system.spawn(spec)).await;
    let Ok(Err(StartError::Failed(reason))) = spawned else {
        panic!("not answered as failed: {spawned:?}");
    };
    assert!(
        reason.to_string().contains("child `optional` panicked"),
        "{reason}"
    );
    assert_eq!(log.take(), Vec::<String>::new());
}

/// Lost its tenure for good.
struct Never;

impl Validity for Never {
    fn is_valid(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_tenure_has_lapsed_is_gone_and_the_supervisor_goes_on_without_it() {
    let (system, log) = (System::new("test"), Log::default());
    let lapsed = Spare::spec(true).tenure(Tenure::new("spare", 1, Arc::new(Never)));
    let crew = system
        .spawn(Crew::spec(lapsed, Part::spec(Plan::new("part", &log))))
        .await
        .unwrap();
    assert_eq!(crew.optional.ping().await, Err(CallError::Gone));
    assert_eq!(crew.part.ping().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn r9_sup_start_ignore_child_the_supervisor_goes_on_without_it() {
    let (system, log) = (System::new("test"), Log::default());
    let part = || Part::spec(Plan::new("part", &log));
    let crew = system
        .spawn(Crew::spec(Spare::spec(false), part()))
        .await
        .unwrap();
    assert_eq!(crew.optional.ping().await, Err(CallError::Gone));
    assert_eq!(crew.part.ping().await, Ok(()));
    assert_eq!(
        system.spawn(Spare::spec(false)).await.err(),
        Some(StartError::Ignored)
    );
}
