//! The life of an actor: monitors, stop and kill, its hooks, pinned refs, names.

use std::sync::Arc;
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::{self, Log, settle};
use tokio::time::Instant;

/// Notes its state's drop.
struct Dropped(Log);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

/// Does what it is told, and is watched.
#[actor(restart = temporary)]
pub struct Worker {
    log: Log,
    /// Says when the state is dropped.
    #[allow(dead_code)]
    dropped: Dropped,
}

#[actor(local)]
impl Worker {
    #[init]
    fn new(log: Log) -> Self {
        Self {
            dropped: Dropped(log.clone()),
            log,
        }
    }

    /// Notes.
    pub fn note(&mut self, what: String) {
        self.log.add(what);
    }

    /// Sleeps.
    pub async fn sleep(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        self.log.add("slept");
    }

    /// Panics.
    pub fn boom(&mut self) {
        panic!("boom");
    }

    /// Ends itself.
    pub fn end(&mut self, failed: bool, cx: &mut Context<Self>) {
        if failed {
            cx.fail("cannot go on");
        } else {
            cx.stop();
        }
    }

    /// Casts to a boss, then ends.
    pub fn report_and_end(&mut self, boss: ActorRef<Boss>, cx: &mut Context<Self>) {
        for n in 0..3 {
            boss.hear(n).cast().unwrap();
        }
        cx.stop();
    }

    /// Adds to its own later messages.
    pub fn remind(&mut self, cx: &mut Context<Self>) {
        cx.me().note("reminded".to_owned()).after(Duration::from_secs(1));
    }

    #[stopped]
    fn stopped(&mut self, reason: &ExitReason) {
        self.log.add(format!("stopped: {reason}"));
    }
}

/// Watches workers.
#[actor(mailbox = 4)]
pub struct Boss {
    log: Log,
    monitors: Vec<MonitorId>,
}

#[actor(local)]
impl Boss {
    #[init]
    fn new(log: Log) -> Self {
        Self {
            log,
            monitors: Vec::new(),
        }
    }

    /// Monitors.
    pub fn watch(&mut self, worker: ActorRef<Worker>, cx: &mut Context<Self>) {
        self.monitors.push(cx.monitor(&worker));
    }

    /// Takes all monitors back, after a while.
    pub async fn unwatch(&mut self, after: Duration, cx: &mut Context<Self>) {
        tokio::time::sleep(after).await;
        for monitor in self.monitors.drain(..) {
            cx.demonitor(monitor);
        }
    }

    /// Hears from a worker.
    pub fn hear(&mut self, n: u64) {
        self.log.add(format!("heard {n}"));
    }

    /// Is busy.
    pub async fn busy(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    #[down]
    fn down(&mut self, down: Down) {
        assert!(self.monitors.contains(&down.monitor));
        self.log.add(format!("down: it {}", down.reason));
    }
}

async fn worker(system: &System) -> (ActorRef<Worker>, Log) {
    let log = Log::default();
    (system.spawn(Worker::spec(log.clone())).await.unwrap(), log)
}

async fn boss(system: &System) -> (ActorRef<Boss>, Log) {
    let log = Log::default();
    (system.spawn(Boss::spec(log.clone())).await.unwrap(), log)
}

#[test]
fn r40_stopped_runs_on_stop_on_failure_and_on_shutdown_and_then_the_state_is_dropped() {
    testing::run(async {
        let system = System::new("test");
        let (stopped, stopped_log) = worker(&system).await;
        ActorRef::stop(&stopped);
        assert_eq!(ActorRef::exited(&stopped).await, ExitReason::Normal);
        assert_eq!(stopped_log.all(), ["stopped: stopped", "dropped"]);

        let (failed, failed_log) = worker(&system).await;
        failed.end(true).await.unwrap();
        settle().await;
        assert_eq!(failed_log.all(), ["stopped: failed: cannot go on", "dropped"]);

        let (panicked, panicked_log) = worker(&system).await;
        assert!(panicked.boom().await.is_err());
        settle().await;
        let log = panicked_log.all();
        assert!(
            log[0].starts_with("stopped: panicked at") && log[0].ends_with(": boom"),
            "{log:?}"
        );
        assert_eq!(log[1], "dropped");

        let (_shut, shut_log) = worker(&system).await;
        system.shutdown().await.unwrap();
        assert_eq!(shut_log.all(), ["stopped: was shut down", "dropped"]);
    });
}

#[test]
fn r40_stopped_does_not_run_on_a_kill() {
    testing::run(async {
        let system = System::new("test");
        let (worker, log) = worker(&system).await;
        ActorRef::kill(&worker);
        assert_eq!(ActorRef::exited(&worker).await, ExitReason::Killed);
        assert_eq!(log.all(), ["dropped"]);
    });
}

#[test]
fn a_stop_waits_for_the_message_in_hand_and_overtakes_those_behind_it() {
    testing::run(async {
        let system = System::new("test");
        let (worker, log) = worker(&system).await;
        let (slept, noted, ()) = tokio::join!(
            worker.sleep(Duration::from_secs(2)),
            worker.note("behind".into()),
            async {
                settle().await;
                ActorRef::stop(&worker);
            }
        );
        assert_eq!(slept, Ok(()));
        assert_eq!(noted, Err(CallError::Exited(ExitReason::Normal)));
        assert_eq!(log.all(), ["slept", "stopped: stopped", "dropped"]);
    });
}

#[test]
fn a_kill_takes_effect_at_the_next_await_and_answers_the_caller() {
    testing::run(async {
        let system = System::new("test");
        let (worker, log) = worker(&system).await;
        let start = Instant::now();
        let (slept, ()) = tokio::join!(worker.sleep(Duration::from_secs(4)), async {
            testing::advance(Duration::from_secs(1)).await;
            ActorRef::kill(&worker);
        });
        assert_eq!(slept, Err(CallError::Exited(ExitReason::Killed)));
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        assert_eq!(log.all(), ["dropped"]);
    });
}

#[test]
fn a_monitor_tells_the_reason_once() {
    testing::run(async {
        let system = System::new("test");
        let ((worker, _), (boss, log)) = (worker(&system).await, boss(&system).await);
        boss.watch(worker.clone()).await.unwrap();
        assert!(worker.end(true).await.is_ok());
        settle().await;
        assert_eq!(log.all(), ["down: it failed: cannot go on"]);
    });
}

#[test]
fn a_down_comes_behind_the_earlier_messages_of_the_dead() {
    testing::run(async {
        let system = System::new("test");
        let ((worker, _), (boss, log)) = (worker(&system).await, boss(&system).await);
        boss.watch(worker.clone()).await.unwrap();
        worker.report_and_end(boss.clone()).await.unwrap();
        settle().await;
        assert_eq!(log.all(), ["heard 0", "heard 1", "heard 2", "down: it stopped"]);
    });
}

#[test]
fn a_down_to_a_full_mailbox_waits_for_room_and_is_not_lost() {
    testing::run(async {
        let system = System::new("test");
        let ((worker, _), (boss, log)) = (worker(&system).await, boss(&system).await);
        boss.watch(worker.clone()).await.unwrap();
        boss.busy(Duration::from_secs(1)).cast().unwrap();
        settle().await;
        while boss.hear(9).cast().is_ok() {}
        ActorRef::kill(&worker);
        assert_eq!(ActorRef::exited(&worker).await, ExitReason::Killed);
        testing::advance(Duration::from_secs(2)).await;
        assert_eq!(
            log.all(),
            ["heard 9", "heard 9", "heard 9", "heard 9", "down: it was killed"]
        );
    });
}

#[test]
fn r42_monitoring_an_actor_that_is_dead_tells_at_once() {
    testing::run(async {
        let system = System::new("test");
        let ((worker, _), (boss, log)) = (worker(&system).await, boss(&system).await);
        ActorRef::stop(&worker);
        ActorRef::exited(&worker).await;
        boss.watch(worker).await.unwrap();
        settle().await;
        assert_eq!(log.all(), ["down: it was not there"]);
    });
}

#[test]
fn after_demonitor_no_down_comes_even_when_it_lies_in_the_mailbox() {
    testing::run(async {
        let system = System::new("test");
        let ((worker, _), (boss, log)) = (worker(&system).await, boss(&system).await);
        boss.watch(worker.clone()).await.unwrap();
        boss.unwatch(Duration::from_secs(1)).cast().unwrap();
        settle().await;
        ActorRef::kill(&worker);
        ActorRef::exited(&worker).await;
        testing::advance(Duration::from_secs(2)).await;
        assert_eq!(log.all(), Vec::<String>::new());
    });
}

#[test]
fn a_timer_ends_with_the_incarnation_that_started_it() {
    testing::run(async {
        let system = System::new("test");
        let log = Log::default();
        let worker = system
            .spawn(Worker::spec(log.clone()).restart(Restart::Permanent))
            .await
            .unwrap();
        worker.remind().await.unwrap();
        assert!(worker.boom().await.is_err());
        assert_eq!(worker.note("again".into()).await, Ok(()));
        testing::advance(Duration::from_secs(2)).await;
        assert!(!log.all().contains(&"reminded".to_owned()), "{:?}", log.all());
        worker.remind().await.unwrap();
        testing::advance(Duration::from_secs(2)).await;
        assert!(log.all().contains(&"reminded".to_owned()));
    });
}

#[test]
fn a_pinned_ref_leads_to_one_incarnation_only() {
    testing::run(async {
        let system = System::new("test");
        let log = Log::default();
        let worker = system
            .spawn(Worker::spec(log.clone()).restart(Restart::Permanent))
            .await
            .unwrap();
        let pinned = ActorRef::pin(&worker);
        assert_eq!(pinned.note("pinned".into()).await, Ok(()));
        assert!(worker.boom().await.is_err());
        assert_eq!(worker.note("again".into()).await, Ok(()));
        assert_eq!(pinned.note("lost".into()).await, Err(CallError::Gone));
        assert!(!ActorRef::is_alive(&pinned));
        assert!(ActorRef::is_alive(&worker));
        let again = ActorRef::pin(&pinned);
        assert!(!ActorRef::is_alive(&again), "it stays with its incarnation");
    });
}

static DESK: Name<Worker> = Name::new("desk");
static OTHER: Name<Boss> = Name::new("desk");

#[test]
fn r34_r35_a_name_is_unique_typed_kept_across_restarts_and_freed_at_the_end() {
    testing::run(async {
        let system = System::new("test");
        let spec = || Worker::spec(Log::default()).name(DESK);
        let worker = system.spawn(spec().restart(Restart::Permanent)).await.unwrap();
        assert_eq!(system.whereis(DESK).as_ref(), Some(&worker));
        assert!(system.whereis(OTHER).is_none());
        assert_eq!(
            system.spawn(spec()).await.err(),
            Some(quorate::StartError::NameTaken("desk"))
        );
        assert!(worker.boom().await.is_err());
        assert_eq!(system.whereis(DESK).as_ref(), Some(&worker));
        system.terminate(&worker).await;
        assert!(system.whereis(DESK).is_none());
        assert_ne!(system.spawn(spec()).await.unwrap(), worker);
    });
}

/// Ticks.
#[actor]
pub struct Clock {
    log: Log,
    start: Instant,
}

#[actor(local)]
impl Clock {
    #[init]
    fn new(log: Log) -> Self {
        Self {
            log,
            start: Instant::now(),
        }
    }

    /// Is there.
    pub fn ping(&mut self) {}

    #[tick(every = "1s")]
    fn second(&mut self) {
        self.log.add(format!("second at {:?}", self.start.elapsed()));
    }

    #[tick(every = "1500ms")]
    async fn longer(&mut self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.log.add(format!("longer at {:?}", self.start.elapsed()));
    }
}

#[test]
fn a_ref_to_an_actor_that_is_gone_does_not_keep_what_it_was_started_with() {
    testing::run(async {
        let (system, args) = (System::new("test"), Arc::new(()));
        // One that may start again keeps it until then.
        for (restart, kept, is_killed) in [(Restart::Transient, 2, false), (Restart::Temporary, 1, true)] {
            let log = Log::default();
            let held = Arc::clone(&args);
            let spec = ChildSpec::<Worker>::new(move || {
                let _ = &held;
                Worker {
                    log: log.clone(),
                    dropped: Dropped(log.clone()),
                }
            });
            let worker = system.spawn(spec.restart(restart)).await.unwrap();
            assert_eq!(Arc::strong_count(&args), kept);
            if is_killed {
                ActorRef::kill(&worker);
            } else {
                ActorRef::stop(&worker);
            }
            ActorRef::gone(&worker).await;
            settle().await;
            assert_eq!(Arc::strong_count(&args), 1);
            drop(worker);
        }
    });
}

/// What it takes to start it, and not beyond: as words, and as more of them.
#[actor]
pub struct Starter {
    sum: u64,
}

#[actor(local)]
impl Starter {
    #[init]
    fn new(held: Arc<()>, words: Vec<u64>, more: [u64; 4]) -> Self {
        drop(held);
        let sum = words.iter().chain(&more).sum();
        Self { sum }
    }

    /// What it was started with.
    pub fn sum(&mut self) -> u64 {
        self.sum
    }

    /// Panics.
    pub fn boom(&mut self) {
        panic!("boom");
    }
}

#[test]
fn a_temporary_actor_keeps_nothing_of_what_it_was_started_with() {
    testing::run(async {
        let (system, held) = (System::new("test"), Arc::new(()));
        let spec = |restart| Starter::spec(Arc::clone(&held), vec![1, 2], [3; 4]).restart(restart);
        for (restart, kept) in [
            (Restart::Permanent, 2),
            (Restart::Transient, 2),
            (Restart::Temporary, 1),
        ] {
            let starter = system.spawn(spec(restart)).await.unwrap();
            assert_eq!(Arc::strong_count(&held), kept, "{restart:?}");
            assert_eq!(starter.sum().await.unwrap(), 15);
            assert!(system.terminate(&starter).await);
            assert_eq!(Arc::strong_count(&held), 1, "{restart:?}");
        }
    });
}

#[test]
fn each_start_is_given_what_the_spec_holds_however_large_that_is() {
    testing::run(async {
        let (system, held) = (System::new("test"), Arc::new(()));
        let (a, b, c) = (Arc::clone(&held), 7_u64, [1_u64; 8]);
        let nothing = ChildSpec::<Starter>::new(|| Starter { sum: 1 });
        let two_words = ChildSpec::<Starter>::new(move || Starter {
            sum: b + u64::from(Arc::strong_count(&a) == 0),
        });
        let a = Arc::clone(&held);
        let many_words = ChildSpec::<Starter>::new_async(move || {
            let sum = c.iter().sum::<u64>() + u64::from(Arc::strong_count(&a) == 0);
            async move { Starter { sum } }
        });
        for (spec, sum) in [(nothing, 1), (two_words, 7), (many_words, 8)] {
            let starters = [spec.clone(), spec];
            for spec in starters {
                let starter = system.spawn(spec).await.unwrap();
                assert_eq!(starter.sum().await.unwrap(), sum);
                assert!(starter.boom().await.is_err());
                assert_eq!(starter.sum().await.unwrap(), sum, "started again");
                assert!(system.terminate(&starter).await);
            }
        }
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

#[test]
fn ticks_come_at_their_periods() {
    testing::run(async {
        let log = Log::default();
        let _clock = System::new("test").spawn(Clock::spec(log.clone())).await.unwrap();
        testing::advance(Duration::from_millis(2100)).await;
        assert_eq!(log.all(), ["second at 1s", "longer at 1.501s", "second at 2s"]);
    });
}
