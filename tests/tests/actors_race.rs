//! Ends in the middle of traffic, on two threads: whoever waits is answered, whatever the interleaving.

use std::time::Duration;

use quorate::prelude::*;

/// Counts.
#[actor(restart = temporary, mailbox = 4)]
#[derive(Default)]
pub struct Counter {
    total: u64,
}

#[actor(local)]
impl Counter {
    /// Adds one.
    pub fn add(&mut self) -> u64 {
        self.total += 1;
        self.total
    }

    /// Adds one after a while.
    pub async fn add_later(&mut self) -> u64 {
        tokio::task::yield_now().await;
        self.add()
    }
}

const ROUNDS: u32 = 200;
const CALLERS: u32 = 8;
/// Nothing here takes long: who waits this long has been forgotten.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// Calls until the actor is gone.
async fn call_until_gone(counter: ActorRef<Counter>) -> u64 {
    let mut answered = 0;
    loop {
        let called = if answered % 2 == 0 {
            counter.add().timeout(FORGOTTEN).await
        } else {
            counter.add_later().timeout(FORGOTTEN).await
        };
        match called {
            Ok(_) => answered += 1,
            Err(CallError::Exited(ExitReason::Normal | ExitReason::Killed)) => {}
            Err(CallError::Gone) => return answered,
            Err(other) => panic!("unexpected: {other:?}"),
        }
        if answered % 8 == 7 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_answered_when_the_actor_ends_in_the_middle_of_traffic() {
    let system = System::new("test");
    for round in 0..ROUNDS {
        let counter = system.spawn(Counter::spec()).await.unwrap();
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| tokio::spawn(call_until_gone(counter.clone())))
            .collect();
        for _ in 0..round % 16 {
            tokio::task::yield_now().await;
        }
        if round % 2 == 0 {
            ActorRef::stop(&counter);
        } else {
            ActorRef::kill(&counter);
        }
        for caller in callers {
            caller.await.expect("no caller is forgotten");
        }
    }
    system.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_through_a_moving_ref_is_answered_by_one_of_its_locations() {
    let system = System::new("test");
    let (mover, moving) = ActorRef::<Counter>::moving();
    let mut present = system.spawn(Counter::spec()).await.unwrap();
    mover.set(&present, 1);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let moving = moving.clone();
            tokio::spawn(async move {
                for _ in 0..500 {
                    moving
                        .add()
                        .timeout(FORGOTTEN)
                        .await
                        .expect("a planned move fails no call");
                }
            })
        })
        .collect();
    for epoch in 2..50 {
        tokio::task::yield_now().await;
        system.terminate(&present).await;
        present = system.spawn(Counter::spec()).await.unwrap();
        mover.set(&present, epoch);
    }
    for caller in callers {
        caller.await.expect("no caller is forgotten");
    }
    system.shutdown().await.unwrap();
}

/// Falls.
#[actor(mailbox = 4)]
#[derive(Default)]
pub struct Stumbler;

#[actor(local)]
impl Stumbler {
    /// Answers.
    pub fn stand(&mut self) {}

    /// Panics.
    pub fn fall(&mut self) {
        panic!("fell");
    }
}

#[supervisor(intensity = 1_000_000, period = "1h")]
struct Floor {
    #[child]
    stumbler: Stumbler,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_of_a_death_and_calls_again_at_once_calls_the_successor() {
    let system = System::new("test");
    let floor = system.spawn(Floor::spec(Stumbler::spec())).await.unwrap();
    let again = |stumbler: ActorRef<Stumbler>| async move {
        for _ in 0..2_000 {
            let fell = stumbler.fall().timeout(FORGOTTEN).await;
            assert!(
                matches!(fell, Err(CallError::Exited(ExitReason::Panic { .. }))),
                "{fell:?}"
            );
            let stood = stumbler.stand().timeout(FORGOTTEN).await;
            assert_eq!(stood, Ok(()));
        }
    };
    tokio::spawn(again(floor.stumbler.clone())).await.unwrap();
}
