//! Worker pools: who gets a worker, when it comes back, and what is answered when there is none.

use std::sync::{Arc, Mutex};

use quorate::prelude::*;
use quorate::supervision::SpecProblem;
use quorate::testing::{self, Log, settle};
use quorate::{PoolError, PoolStatus, StartError};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Works.
#[actor(restart = temporary)]
#[derive(Default)]
struct Worker {
    done: u64,
}

#[actor(local)]
impl Worker {
    pub fn work(&mut self) -> u64 {
        self.done += 1;
        self.done
    }

    pub fn crash(&mut self) {
        panic!("as it was told")
    }
}

/// Borrows a worker and keeps it.
#[actor(restart = temporary)]
struct Borrower {
    pool: ActorRef<Pool<Worker>>,
}

#[actor(local)]
impl Borrower {
    #[init]
    fn new(pool: ActorRef<Pool<Worker>>) -> Self {
        Self { pool }
    }

    pub async fn keep(&mut self, has: oneshot::Sender<()>) {
        let lent = self.pool.checkout().await.expect("one comes");
        let _ = has.send(());
        std::future::pending::<()>().await;
        drop(lent);
    }
}

async fn pool(system: &System, size: usize, waiting_max: usize) -> ActorRef<Pool<Worker>> {
    let spec = Pool::spec_with_queue(size, waiting_max, Worker::spec());
    system.spawn(spec).await.expect("it starts")
}

fn counts(pool: &ActorRef<Pool<Worker>>) -> (usize, usize, usize) {
    let PoolStatus {
        idle, busy, waiting, ..
    } = pool.status();
    (idle, busy, waiting)
}

#[test]
fn checkout_and_checkin() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 2, 9).await;
        let (a, b) = (pool.checkout().await.unwrap(), pool.checkout().await.unwrap());
        assert_ne!(a.actor(), b.actor());
        assert_eq!(counts(&pool), (0, 2, 0));
        assert_eq!(a.work().await, Ok(1));
        a.checkin();
        drop(b);
        assert_eq!(counts(&pool), (2, 0, 0));
    });
}

#[test]
fn callers_wait_in_the_order_in_which_they_came() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 9).await;
        let first = pool.checkout().await.unwrap();
        let order = Log::<u32>::default();
        let mut callers = Vec::new();
        for number in 0..5_u32 {
            let (pool, order) = (pool.clone(), order.clone());
            callers.push(tokio::spawn(async move {
                let lent = pool.checkout().await.unwrap();
                order.add(number);
                settle().await;
                drop(lent);
            }));
            settle().await;
        }
        assert_eq!(counts(&pool), (0, 1, 5));
        drop(first);
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(order.all(), [0, 1, 2, 3, 4]);
        assert_eq!(counts(&pool), (1, 0, 0));
    });
}

#[test]
fn busy_when_the_queue_is_full_and_when_one_does_not_want_to_wait() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 1).await;
        let lent = pool.checkout().await.unwrap();
        assert_eq!(
            pool.checkout_within(Duration::ZERO).await.err(),
            Some(PoolError::Busy)
        );
        let (waited, ()) = tokio::join!(pool.checkout(), async {
            settle().await;
            assert_eq!(pool.checkout().await.err(), Some(PoolError::Busy));
            drop(lent);
        });
        assert!(waited.is_ok());
    });
}

#[test]
fn the_deadline_ends_the_wait_and_gives_the_place_up() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 1).await;
        let _lent = pool.checkout().await.unwrap();
        let start = Instant::now();
        assert_eq!(pool.checkout().await.err(), Some(PoolError::Timeout));
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        assert_eq!(counts(&pool), (0, 1, 0));
    });
}

#[test]
fn a_worker_that_dies_while_checked_out_comes_back() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 1).await;
        let lent = pool.checkout().await.unwrap();
        assert_eq!(lent.work().await, Ok(1));
        assert!(lent.crash().await.is_err());
        assert_eq!(lent.work().await, Ok(1), "its successor, in its place");
        drop(lent);
        assert_eq!(pool.checkout().await.unwrap().work().await, Ok(2));
    });
}

#[test]
fn a_caller_that_dies_gives_its_worker_back_and_one_that_waits_its_place() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 9).await;
        let borrower = system.spawn(Borrower::spec(pool.clone())).await.unwrap();
        let (has, had) = oneshot::channel();
        borrower.keep(has).cast().unwrap();
        had.await.unwrap();
        let waiter = system.spawn(Borrower::spec(pool.clone())).await.unwrap();
        let (has, never) = oneshot::channel();
        waiter.keep(has).cast().unwrap();
        settle().await;
        assert_eq!(counts(&pool), (0, 1, 1));

        ActorRef::kill(&waiter);
        ActorRef::gone(&waiter).await;
        assert!(never.await.is_err());
        assert_eq!(counts(&pool), (0, 1, 0));

        ActorRef::kill(&borrower);
        ActorRef::gone(&borrower).await;
        assert_eq!(counts(&pool), (1, 0, 0));
    });
}

#[test]
fn a_worker_on_its_way_to_who_has_gone_goes_to_the_next() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 9).await;
        let lent = pool.checkout().await.unwrap();
        let mut first = Box::pin(pool.checkout());
        let mut second = Box::pin(pool.checkout());
        let waits = |poll: std::task::Poll<_>| poll.is_pending();
        std::future::poll_fn(|cx| {
            assert!(waits(first.as_mut().poll(cx)));
            assert!(waits(second.as_mut().poll(cx)));
            std::task::Poll::Ready(())
        })
        .await;
        drop(lent);
        drop(first);
        assert!(second.await.is_ok());
        assert_eq!(counts(&pool), (1, 0, 0));
    });
}

#[test]
fn with_worker_lends_for_as_long_as_the_work_runs() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 9).await;
        let worked = pool
            .with_worker(|worker| async move { worker.work().await })
            .await;
        assert_eq!(worked, Ok(Ok(1)));
        assert_eq!(counts(&pool), (1, 0, 0));
        let endless = pool.with_worker(|_| std::future::pending::<()>());
        assert!(
            tokio::time::timeout(Duration::from_secs(1), endless)
                .await
                .is_err()
        );
        assert_eq!(counts(&pool), (1, 0, 0));
    });
}

#[test]
fn a_pool_that_is_gone_says_so_to_those_who_wait_too() {
    testing::run(async {
        let system = System::new("test");
        let pool = pool(&system, 1, 9).await;
        let _lent = pool.checkout().await.unwrap();
        let (waited, ended) = tokio::join!(pool.checkout(), async {
            settle().await;
            system.terminate(&pool).await
        });
        assert!(ended);
        assert_eq!(waited.err(), Some(PoolError::Gone));
        assert_eq!(pool.checkout().await.err(), Some(PoolError::Gone));
    });
}

#[test]
fn a_pool_of_nobody_is_refused() {
    testing::run(async {
        let system = System::new("test");
        let spawned = system.spawn(Pool::spec(0, Worker::spec())).await;
        assert!(matches!(
            spawned.err(),
            Some(StartError::Spec {
                problem: SpecProblem::NoWorkers,
                ..
            })
        ));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_many_callers_no_worker_is_lent_twice_or_lost() {
    let system = System::new("test");
    let pool = pool(&system, 3, 1000).await;
    let lent_now = Arc::new(Mutex::new(Vec::new()));
    let callers: Vec<_> = (0..200)
        .map(|number: u64| {
            let (pool, lent_now) = (pool.clone(), Arc::clone(&lent_now));
            tokio::spawn(async move {
                for _ in 0..20 {
                    if number.is_multiple_of(7) {
                        // Gives up at once, or after a moment.
                        let _ = tokio::time::timeout(Duration::from_micros(number), pool.checkout()).await;
                        continue;
                    }
                    let lent = pool.checkout().await.unwrap();
                    let id = ActorRef::id(lent.actor());
                    {
                        let mut now = lent_now.lock().unwrap();
                        assert!(!now.contains(&id), "lent twice");
                        now.push(id);
                    }
                    lent.work().await.unwrap();
                    lent_now.lock().unwrap().retain(|other| *other != id);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(counts(&pool), (3, 0, 0));
}
