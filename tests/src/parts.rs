//! Actors and supervisors for the tests of supervision: parts that do as their plan says and write down what happens to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::{self, Log};

/// What a part does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name in the log.
    pub name: &'static str,
    /// Where it writes.
    pub log: Log,
    /// How many of the next starts fail.
    pub failures: Arc<AtomicU32>,
    /// How many of the next starts are ignored.
    pub ignores: Arc<AtomicU32>,
    /// How long it takes to stop.
    pub stop: Duration,
    /// Incarnations that run now.
    pub live: Arc<AtomicU32>,
}

impl Plan {
    /// One that starts and stops at once.
    pub fn new(name: &'static str, log: &Log) -> Self {
        Self {
            name,
            log: log.clone(),
            failures: Arc::default(),
            ignores: Arc::default(),
            stop: Duration::ZERO,
            live: Arc::default(),
        }
    }

    /// It takes this long to stop.
    #[must_use]
    pub fn stopping_for(self, stop: Duration) -> Self {
        Self { stop, ..self }
    }

    /// The next starts fail.
    #[must_use]
    pub fn failing(self, starts: u32) -> Self {
        self.fail(starts);
        self
    }

    /// The next starts fail.
    pub fn fail(&self, starts: u32) {
        self.failures.store(starts, Ordering::SeqCst);
    }

    /// The next starts are ignored.
    #[must_use]
    pub fn ignoring(self, starts: u32) -> Self {
        self.ignore(starts);
        self
    }

    /// The next starts are ignored.
    pub fn ignore(&self, starts: u32) {
        self.ignores.store(starts, Ordering::SeqCst);
    }

    /// The spec of a part with this plan.
    pub fn spec(&self) -> ChildSpec<Part> {
        Part::spec(self.clone())
    }

    fn takes(count: &AtomicU32) -> bool {
        let less = |left: u32| left.checked_sub(1);
        count
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .is_ok()
    }
}

/// Three plans, of `a`, `b` and `c`.
pub fn plans(log: &Log) -> [Plan; 3] {
    ["a", "b", "c"].map(|name| Plan::new(name, log))
}

/// One part of a tree.
#[actor]
pub struct Part {
    plan: Plan,
}

#[actor(local)]
impl Part {
    #[init]
    async fn new(plan: Plan) -> Result<Option<Self>, String> {
        // A start that takes a while shows that the next waits for it.
        tokio::time::sleep(Duration::from_millis(1)).await;
        if Plan::takes(&plan.failures) {
            plan.log.add(format!("{} failed", plan.name));
            return Err("no luck".to_owned());
        }
        if Plan::takes(&plan.ignores) {
            plan.log.add(format!("{} ignored", plan.name));
            return Ok(None);
        }
        Ok(Some(Self::of(plan)))
    }

    /// Is there.
    pub fn ping(&mut self) {}

    /// Panics.
    pub fn crash(&mut self) {
        panic!("crash");
    }

    /// Ends itself as failed (not logged by the panic hook).
    pub fn fail(&mut self, cx: &mut Context<Self>) {
        cx.fail("as asked");
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

impl Part {
    /// One that starts now.
    ///
    /// # Panics
    /// When another of its plan runs.
    pub fn of(plan: Plan) -> Self {
        let before = plan.live.fetch_add(1, Ordering::SeqCst);
        assert_eq!(before, 0, "two incarnations overlap");
        plan.log.add(format!("{} started", plan.name));
        Self { plan }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.plan.live.fetch_sub(1, Ordering::SeqCst);
        self.plan.log.add(format!("{} ended", self.plan.name));
    }
}

/// Three parts, restarted one by one.
#[supervisor(strategy = one_for_one)]
pub struct Trio {
    /// First.
    #[child]
    pub a: Part,
    /// Second.
    #[child]
    pub b: Part,
    /// Third.
    #[child]
    pub c: Part,
}

/// Three parts, restarted together.
#[supervisor(strategy = one_for_all)]
pub struct AllTrio {
    /// First.
    #[child]
    pub a: Part,
    /// Second.
    #[child]
    pub b: Part,
    /// Third.
    #[child]
    pub c: Part,
}

/// Three parts, restarted with those behind them.
#[supervisor(strategy = rest_for_one)]
pub struct RestTrio {
    /// First.
    #[child]
    pub a: Part,
    /// Second.
    #[child]
    pub b: Part,
    /// Third.
    #[child]
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

/// The spec of a `Trio`.
pub fn trio_spec(plans: &[Plan; 3]) -> quorate::supervision::SupervisorSpec<Trio> {
    let [a, b, c] = plans;
    Trio::spec(a.spec(), b.spec(), c.spec())
}

/// A trio that has started, with its plans.
///
/// # Panics
/// When it does not start, or in another order.
pub async fn trio(system: &System, log: &Log) -> (ActorRef<Trio>, [Plan; 3]) {
    let plans = plans(log);
    let trio = system.spawn(trio_spec(&plans)).await.expect("the trio starts");
    assert_eq!(log.take(), ["a started", "b started", "c started"]);
    (trio, plans)
}

/// The lines since the last time that say that something has started, failed or was ignored.
pub fn starts(log: &Log) -> Vec<String> {
    let mut lines = log.take();
    lines.retain(|line| line.ends_with("started") || line.ends_with("failed") || line.ends_with("ignored"));
    lines
}

/// Lets things happen: 20 ms of virtual time, as many starts of a part.
pub async fn settle() {
    testing::advance(Duration::from_millis(20)).await;
}
