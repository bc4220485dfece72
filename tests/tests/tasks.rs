//! Task supervisors: linked and unlinked tasks, streams of them, and their end. Rules R30 to R33, and the cases of Elixir's
//! `Task.Supervisor` under their names.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quorate::StartError;
use quorate::prelude::*;
use quorate::supervision::TaskError;
use quorate::testing::{self, Life};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

async fn jobs(system: &System) -> ActorRef<TaskSupervisor> {
    system.spawn(TaskSupervisor::spec()).await.expect("it starts")
}

async fn sleep(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Counts what is alive.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn enter(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

struct Guard(Alive);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until no task is there.
async fn none_left(jobs: &ActorRef<TaskSupervisor>) {
    while jobs.count_children().await.specs > 0 {
        tokio::task::yield_now().await;
    }
}

/// Runs tasks.
#[actor(restart = temporary)]
struct Boss {
    jobs: ActorRef<TaskSupervisor>,
}

#[actor(local)]
impl Boss {
    #[init]
    fn new(jobs: ActorRef<TaskSupervisor>) -> Self {
        Self { jobs }
    }

    /// Awaits a linked task that panics.
    pub async fn linked_crash(&mut self) {
        let task = self.jobs.run(async { panic!("as it was told") }).await;
        task.expect("there is room").await;
    }

    /// Starts a linked task that never ends, and keeps waiting for it.
    pub async fn linked_wait(&mut self, alive: Alive, entered: oneshot::Sender<()>) {
        let work = async move {
            let _alive = alive.enter();
            let _ = entered.send(());
            std::future::pending::<()>().await;
        };
        self.jobs.run(work).await.expect("there is room").await;
    }

    /// Is told of the crash of a task.
    pub async fn unlinked_crash(&mut self) -> Option<ExitReason> {
        let task = self.jobs.run_nolink(async { panic!("as it was told") }).await;
        task.expect("there is room").await.err()
    }
}

fn is_told_panic(reason: &ExitReason) -> bool {
    matches!(reason, ExitReason::Panic { message, location }
        if &**message == "as it was told" && location.contains("tasks.rs"))
}

#[test]
fn r31_async_the_reply_is_awaited() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        assert_eq!(jobs.run(async { 1 + 2 }).await.unwrap().await, 3);
        none_left(&jobs).await;
    });
}

#[test]
fn r31_a_crash_of_a_linked_task_is_the_crash_of_who_awaits_it_with_the_same_reason() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let boss = system.spawn(Boss::spec(jobs.clone())).await.unwrap();
        let life = Life::of(&boss);
        let call = boss.linked_crash().await;
        let ended = life.ended().await;
        assert!(is_told_panic(&ended), "{ended:?}");
        assert_eq!(call, Err(CallError::Exited(ended)));
    });
}

#[test]
fn r31_a_linked_task_ends_with_its_owner() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let boss = system.spawn(Boss::spec(jobs.clone())).await.unwrap();
        let (alive, (entered, has_entered)) = (Alive::default(), oneshot::channel());
        let (call, ()) = tokio::join!(boss.linked_wait(alive.clone(), entered), async {
            has_entered.await.unwrap();
            assert_eq!(alive.count(), 1);
            ActorRef::kill(&boss);
        });
        assert_eq!(call, Err(CallError::Exited(ExitReason::Killed)));
        none_left(&jobs).await;
        assert_eq!(alive.count(), 0);
    });
}

#[test]
fn r32_async_nolink_the_caller_is_told_of_a_crash_and_lives() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let boss = system.spawn(Boss::spec(jobs.clone())).await.unwrap();
        for _ in 0..2 {
            let told = boss.unlinked_crash().await.unwrap().expect("it has crashed");
            assert!(is_told_panic(&told), "{told:?}");
        }
    });
}

#[test]
fn r32_a_task_that_is_not_linked_goes_on_when_its_answer_is_dropped() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let (done, is_done) = oneshot::channel();
        let task = jobs.run_nolink(async move {
            sleep(10).await;
            let _ = done.send(());
        });
        drop(task.await.unwrap());
        assert_eq!(is_done.await, Ok(()));
    });
}

#[test]
fn r30_tasks_are_never_restarted_and_a_crash_of_many_does_not_end_their_supervisor() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let runs = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let runs = Arc::clone(&runs);
            let task = jobs.run_nolink(async move {
                runs.fetch_add(1, Ordering::SeqCst);
                panic!("as it was told")
            });
            let ended: Result<(), _> = task.await.unwrap().await;
            assert!(ended.is_err());
        }
        none_left(&jobs).await;
        assert_eq!(runs.load(Ordering::SeqCst), 20);
    });
}

#[test]
fn r33_max_children_is_an_error() {
    testing::run(async {
        let system = System::new("test");
        let jobs = system
            .spawn(TaskSupervisor::spec().max_children(1))
            .await
            .unwrap();
        let first = jobs.run(std::future::pending::<()>()).await.unwrap();
        let second = jobs.run(async {}).await;
        assert_eq!(second.err(), Some(StartError::MaxChildren));
        drop(first);
        none_left(&jobs).await;
        assert!(jobs.run(async {}).await.is_ok());
    });
}

#[test]
fn r33_async_stream_is_in_order_slowest_first_with_bounded_concurrency() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let (alive, most) = (Alive::default(), Arc::new(AtomicUsize::new(0)));
        let start = Instant::now();
        let mut stream = jobs.stream([40, 30, 20, 10], 2, |millis| {
            let (alive, most) = (alive.clone(), Arc::clone(&most));
            async move {
                let _alive = alive.enter();
                most.fetch_max(alive.count(), Ordering::SeqCst);
                sleep(millis).await;
                millis
            }
        });
        let mut results = Vec::new();
        while let Some(result) = stream.next().await {
            results.push(result.unwrap());
        }
        assert_eq!(results, [40, 30, 20, 10]);
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert!(
            start.elapsed() >= Duration::from_millis(60),
            "{:?}",
            start.elapsed()
        );
        assert!(stream.next().await.is_none());
    });
}

#[test]
fn r33_an_unordered_stream_gives_what_is_there_first() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let mut stream = jobs
            .stream([40, 10, 20], 3, |millis| async move {
                sleep(millis).await;
                millis
            })
            .unordered();
        let mut results = Vec::new();
        while let Some(result) = stream.next().await {
            results.push(result.unwrap());
        }
        assert_eq!(results, [10, 20, 40]);
    });
}

#[test]
fn r33_stream_without_leaked_tasks_shuts_down_unused_tasks() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let (alive, started) = (Alive::default(), Arc::new(Notify::new()));
        let mut stream = jobs.stream(0..100, 4, |n| {
            let (alive, started) = (alive.clone(), Arc::clone(&started));
            async move {
                let _alive = alive.enter();
                started.notify_one();
                if n > 0 {
                    std::future::pending::<()>().await;
                }
                n
            }
        });
        assert_eq!(stream.next().await, Some(Ok(0)));
        drop(stream);
        none_left(&jobs).await;
        assert_eq!(alive.count(), 0);
    });
}

#[test]
fn r33_a_crash_in_a_stream_is_told_in_its_place_and_touches_no_other() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let mut stream = jobs.stream(0..3, 3, |n| async move {
            assert_ne!(n, 1, "as it was told");
            n
        });
        assert_eq!(stream.next().await, Some(Ok(0)));
        assert!(matches!(
            stream.next().await,
            Some(Err(TaskError::Exited(ExitReason::Panic { .. })))
        ));
        assert_eq!(stream.next().await, Some(Ok(2)));
        assert_eq!(stream.next().await, None);
    });
}

#[test]
fn a_stream_under_a_supervisor_with_less_room_says_what_was_not_started() {
    testing::run(async {
        let system = System::new("test");
        let jobs = system
            .spawn(TaskSupervisor::spec().max_children(1))
            .await
            .unwrap();
        let mut stream = jobs.stream(0..2, 2, |n| async move {
            sleep(10).await;
            n
        });
        assert_eq!(stream.next().await, Some(Ok(0)));
        assert_eq!(
            stream.next().await,
            Some(Err(TaskError::NotStarted(StartError::MaxChildren)))
        );
    });
}

#[test]
fn a_task_that_is_killed_says_so() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let mut task = jobs.run_nolink(std::future::pending::<()>()).await.unwrap();
        task.kill();
        assert_eq!((&mut task).await, Err(ExitReason::Killed));
    });
}

#[test]
fn a_task_is_dropped_at_its_await_when_its_supervisor_stops() {
    testing::run(async {
        let system = System::new("test");
        let jobs = jobs(&system).await;
        let alive = Alive::default();
        let own = alive.clone();
        let task = jobs
            .run_nolink(async move {
                let _alive = own.enter();
                std::future::pending::<()>().await;
            })
            .await
            .unwrap();
        let start = Instant::now();
        system.shutdown().await.unwrap();
        assert_eq!(task.await, Err(ExitReason::Shutdown));
        assert_eq!((alive.count(), start.elapsed()), (0, Duration::ZERO));
        let after = jobs.run(async {}).await;
        assert_eq!(after.err(), Some(StartError::SupervisorGone));
    });
}
