//! Partition supervisors: which key goes where, and what happens to a partition that ends. Rule R29, and the cases of Elixir's
//! `PartitionSupervisor` under their names.

use quorate::StartError;
use quorate::prelude::*;
use quorate::supervision::{ChildStatus, SpecProblem};
use quorate::testing;

/// Counts for its part of the keys.
#[actor]
#[derive(Default)]
struct Shard {
    seen: u64,
}

#[actor]
impl Shard {
    pub fn see(&mut self) -> u64 {
        self.seen += 1;
        self.seen
    }

    pub fn crash(&mut self) {
        panic!("as it was told")
    }
}

/// A tree with shards in it.
#[supervisor(strategy = rest_for_one, intensity = 3, period = "5s")]
struct Store {
    #[child]
    shards: PartitionSupervisor<Shard>,
    #[child(max_children = 2)]
    carts: DynamicSupervisor<Shard>,
    #[child]
    jobs: TaskSupervisor,
}

async fn shards(system: &System, count: usize) -> ActorRef<PartitionSupervisor<Shard>> {
    system
        .spawn(PartitionSupervisor::partitions(count, Shard::spec()))
        .await
        .expect("it starts")
}

#[test]
fn r29_an_integer_goes_to_its_absolute_value_modulo_the_count() {
    testing::run(async {
        let system = System::new("test");
        let shards = shards(&system, 4).await;
        for (number, at) in [(0, 0), (3, 3), (4, 0), (-5, 1), (i64::MIN, 0), (i64::MAX, 3)] {
            assert_eq!(shards.of_number(number), &shards.all()[at], "{number}");
        }
    });
}

#[test]
fn r29_any_other_key_goes_by_its_hash_always_to_the_same() {
    testing::run(async {
        let system = System::new("test");
        let shards = shards(&system, 4).await;
        let mut hit = [0_u32; 4];
        for key in 0..400 {
            let name = format!("user-{key}");
            let shard = shards.of(&name);
            assert_eq!(
                shard,
                shards.of(name.as_str()),
                "a String and its text are one key"
            );
            let at = shards.all().iter().position(|one| one == shard).unwrap();
            hit[at] += 1;
        }
        assert!(hit.iter().all(|count| *count > 50), "{hit:?}");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn r29_there_are_as_many_partitions_as_worker_threads() {
    let system = System::new("test");
    let shards = system
        .spawn(PartitionSupervisor::spec(Shard::spec()))
        .await
        .unwrap();
    assert_eq!(shards.all().len(), 3);
}

#[test]
fn bad_partitions_are_refused() {
    testing::run(async {
        let system = System::new("test");
        let spawned = system
            .spawn(PartitionSupervisor::partitions(0, Shard::spec()))
            .await;
        assert!(matches!(
            spawned.err(),
            Some(StartError::Spec {
                problem: SpecProblem::NoPartitions,
                ..
            })
        ));
    });
}

#[test]
fn counts_and_a_crash_of_one_partition_touches_no_other() {
    testing::run(async {
        let system = System::new("test");
        let shards = shards(&system, 3).await;
        for shard in shards.all() {
            assert_eq!(shard.see().await, Ok(1));
        }
        assert!(shards.of_number(1).crash().await.is_err());
        assert_eq!(shards.of_number(1).see().await, Ok(1), "it begins anew");
        assert_eq!(shards.of_number(2).see().await, Ok(2));
        let children = ActorRef::which_children(&shards).await;
        let ids: Vec<_> = children.iter().map(|child| &*child.id).collect();
        assert_eq!(ids, ["0", "1", "2"]);
        assert_eq!(ActorRef::count_children(&shards).await.active, 3);
    });
}

#[test]
fn synchronous_stop_all_partitions_have_ended_when_it_returns() {
    testing::run(async {
        let system = System::new("test");
        let shards = shards(&system, 3).await;
        assert!(system.terminate(&shards).await);
        for shard in shards.all() {
            assert!(!ActorRef::is_alive(shard));
            assert_eq!(shard.see().await, Err(CallError::Gone));
        }
        assert!(ActorRef::which_children(&shards).await.is_empty());
    });
}

#[test]
fn the_supervisors_of_this_crate_are_children_like_others() {
    testing::run(async {
        let system = System::new("test");
        let spec = Store::spec(PartitionSupervisor::partitions(2, Shard::spec()));
        let store = system.spawn(spec).await.unwrap();
        assert_eq!(store.shards.of_number(0).see().await, Ok(1));
        let cart = store.carts.start(Shard::spec()).await.unwrap();
        assert_eq!(cart.see().await, Ok(1));
        store.carts.start(Shard::spec()).await.unwrap();
        let third = store.carts.start(Shard::spec()).await;
        assert_eq!(third.err(), Some(StartError::MaxChildren));
        assert_eq!(store.jobs.run(async { 7 }).await.unwrap().await, 7);
        let children = ActorRef::which_children(&store).await;
        assert!(
            children
                .iter()
                .all(|child| matches!(child.status, ChildStatus::Running(_)))
        );
        assert_eq!(ActorRef::count_children(&store).await.supervisors, 3);

        // A crash of the shards beyond their intensity takes what stands behind them down, and back.
        for _ in 0..4 {
            assert!(store.shards.of_number(0).crash().await.is_err());
        }
        assert_eq!(store.shards.of_number(0).see().await, Ok(1));
        assert_eq!(cart.see().await, Err(CallError::Gone), "what was added is gone");
        while store.carts.start(Shard::spec()).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.carts.count_children().await.active, 1);
    });
}
