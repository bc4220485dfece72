//! The registry: keys of incarnations, unique and duplicate, by Elixir's rules (R34 to R37) and under the names of its cases.

#[path = "registry/part.rs"]
pub mod part;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use quorate::prelude::*;
use quorate::registry::{LISTENER_MAX, RegistryEvent, Unique, UpdateError};
use quorate::testing::{self, Lease, Log};

use part::{Hall, Key, Part, Taken, crash, key, told};

#[test]
fn r34_a_unique_key_has_one_owner_a_duplicate_key_many() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let [one, two] = [hall.part().await, hall.part().await];
        assert_eq!(one.register(a.clone(), 1).await, Ok(Ok(())));
        assert!(two.register(a.clone(), 2).await.unwrap().is_err());
        for (part, value) in [(&one, 1), (&two, 2), (&one, 3)] {
            part.subscribe(a.clone(), value).await.unwrap();
        }
        assert_eq!(hall.values(&a), [1, 2, 3], "in the order of registration");
        assert_eq!(hall.keys.lookup(&a).map(|entry| entry.value), Some(1));
        assert_eq!((hall.keys.count(), hall.topics.count()), (1, 3));
        assert_eq!(hall.topics.keys(&one), [a], "each key once");
    });
}

#[test]
fn r35_keys_are_gone_before_the_end_is_told_whichever_way_it_ends() {
    testing::run(async {
        let hall = Hall::start();
        let (stopped, killed, crashed) = (hall.part().await, hall.part().await, hall.part().await);
        let all = [("s", &stopped), ("k", &killed), ("c", &crashed)];
        for (name, part) in all {
            assert_eq!(part.register(key(name), 1).await, Ok(Ok(())));
            part.subscribe(key("all"), 1).await.unwrap();
        }
        ActorRef::stop(&stopped);
        assert_eq!(ActorRef::exited(&stopped).await, ExitReason::Normal);
        assert_eq!((hall.keys.count(), hall.topics.count()), (2, 2));
        ActorRef::kill(&killed);
        assert_eq!(ActorRef::exited(&killed).await, ExitReason::Killed);
        assert_eq!((hall.keys.count(), hall.topics.count()), (1, 1));
        crash(&crashed).await;
        assert_eq!((hall.keys.count(), hall.topics.count()), (0, 0));
        for (name, part) in all {
            assert!(hall.keys.lookup(&key(name)).is_none());
            assert!(hall.keys.keys(part).is_empty());
        }
    });
}

#[test]
fn r35_a_key_belongs_to_the_incarnation_and_the_next_one_registers_anew() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let spec = Part::spec(hall.keys.clone(), hall.topics.clone(), Some(a.clone()));
        let part = hall.system.spawn(spec.restart(Restart::Permanent)).await.unwrap();
        let first = hall.keys.lookup(&a).unwrap().actor;
        assert_eq!(first, ActorRef::pin(&part));
        crash(&part).await;
        part.heard().await.expect("it has been restarted");
        let second = hall.keys.lookup(&a).unwrap().actor;
        assert_ne!(first, second);
        assert_eq!(first.heard().await, Err(CallError::Gone));
        assert_eq!(second.heard().await, Ok(vec![]));
        assert_eq!(hall.keys.keys(&part), [a]);
        assert!(hall.keys.keys(&first).is_empty());
    });
}

#[test]
fn a_start_that_fails_leaves_no_key() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let spec = Part::spec(hall.keys.clone(), hall.topics.clone(), Some(a.clone()));
        let part = hall.system.spawn(spec.clone()).await.unwrap();
        // The second finds the key taken, in its start.
        assert!(hall.system.spawn(spec).await.is_err());
        assert_eq!(
            hall.keys.lookup(&a).map(|entry| entry.actor),
            Some(ActorRef::pin(&part))
        );
        assert_eq!(hall.keys.count(), 1);
    });
}

#[test]
fn r36_update_value_only_by_the_owner() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let [owner, other] = [hall.part().await, hall.part().await];
        assert_eq!(owner.register(a.clone(), 21).await, Ok(Ok(())));
        assert_eq!(other.double(a.clone()).await, Ok(Err(UpdateError::NotOwner)));
        assert_eq!(
            owner.double(key("b")).await,
            Ok(Err(UpdateError::NotOwner)),
            "nobody's"
        );
        assert_eq!(hall.keys.lookup(&a).map(|entry| entry.value), Some(21));
    });
}

#[test]
fn update_value() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let owner = hall.part().await;
        assert_eq!(owner.register(a.clone(), 21).await, Ok(Ok(())));
        assert_eq!(owner.double(a.clone()).await, Ok(Ok(21)), "the one before");
        assert_eq!(hall.keys.lookup(&a).map(|entry| entry.value), Some(42));
    });
}

#[test]
fn r37_dispatch_to_all_of_a_duplicate_key() {
    testing::run(async {
        let (hall, news) = (Hall::start(), key("news"));
        let [one, two, three] = [hall.part().await, hall.part().await, hall.part().await];
        for part in [&one, &two] {
            part.subscribe(news.clone(), 1).await.unwrap();
        }
        three.subscribe(key("weather"), 1).await.unwrap();
        let dispatched = hall.topics.dispatch(&news, |entries| {
            for entry in entries {
                entry.actor.hear(9).cast().unwrap();
            }
            // It holds no lock.
            assert_eq!(hall.topics.lookup(&news).len(), 2);
        });
        assert_eq!(dispatched, 2);
        for (part, heard) in [(&one, vec![9]), (&two, vec![9]), (&three, vec![])] {
            assert_eq!(part.heard().await, Ok(heard));
        }
    });
}

#[test]
fn r37_listeners_get_register_and_unregister() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let part = hall.part().await;
        let mut listener = hall.keys.listen();
        assert_eq!(part.register(a.clone(), 1).await, Ok(Ok(())));
        let Some(RegistryEvent::Registered { key, actor, value }) = listener.recv().await else {
            panic!("expected a registration")
        };
        assert_eq!((key, actor, value), (a.clone(), ActorRef::pin(&part), 1));
        let pinned = ActorRef::pin(&part);
        crash(&part).await;
        let Some(RegistryEvent::Unregistered { key, actor }) = listener.recv().await else {
            panic!("expected its end")
        };
        assert_eq!((key, actor), (a, pinned));
    });
}

#[test]
fn unique_across_processes() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let [one, two] = [hall.part().await, hall.part().await];
        assert_eq!(one.register(a.clone(), 1).await, Ok(Ok(())));
        let by = ActorRef::pin(&one);
        let taken = |value| {
            Ok(Err(Taken {
                by: by.clone(),
                value,
            }))
        };
        assert_eq!(two.register(a.clone(), 2).await, taken(2));
        assert_eq!(one.register(a.clone(), 3).await, taken(3), "by itself");
        ActorRef::stop(&one);
        ActorRef::exited(&one).await;
        assert_eq!(two.register(a.clone(), 4).await, Ok(Ok(())));
        assert_eq!(hall.keys.lookup(&a).map(|entry| entry.value), Some(4));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unique_even_when_delayed() {
    let (hall, a) = (Hall::start(), key("a"));
    let spec = hall.spec().shutdown(Shutdown::After(Duration::from_millis(10)));
    let stuck = hall.system.spawn(spec).await.unwrap();
    let mut listener = hall.keys.listen();
    stuck.register(a.clone(), 1).await.unwrap().unwrap();
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let entered = Arc::new(AtomicBool::new(false));
    stuck
        .block(Arc::clone(&entered), Arc::new(Mutex::new(hold)))
        .cast()
        .unwrap();
    while !entered.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    assert!(!hall.system.terminate(&stuck).await, "it does not yield");
    // Its handler holds on to the key still; nobody has to wait for it.
    assert!(hall.keys.lookup(&a).is_none());
    assert!(hall.keys.keys(&stuck).is_empty());
    let next = hall.part().await;
    assert_eq!(next.register(a.clone(), 2).await, Ok(Ok(())));
    assert_eq!(told(&mut listener), ["+a 1", "-a", "+a 2"]);
    let holders = Arc::strong_count(&a);
    drop(release);
    // When it lets go at last, that is of its own.
    while Arc::strong_count(&a) == holders {
        tokio::task::yield_now().await;
    }
    assert_eq!(hall.keys.lookup(&a).map(|entry| entry.value), Some(2));
    assert_eq!((hall.keys.count(), told(&mut listener).len()), (1, 0));
}

#[test]
fn dispatch_does_not_call_when_there_is_nobody() {
    testing::run(async {
        let hall = Hall::start();
        let dispatched = hall.topics.dispatch(&key("none"), |_| panic!("nobody is there"));
        assert_eq!(dispatched, 0);
    });
}

#[test]
fn unregister_by_key() {
    testing::run(async {
        let (hall, a, b) = (Hall::start(), key("a"), key("b"));
        let [one, two] = [hall.part().await, hall.part().await];
        for name in [&a, &b] {
            one.register(name.clone(), 1).await.unwrap().unwrap();
        }
        assert_eq!(two.unregister(a.clone()).await, Ok(false), "another's");
        assert_eq!(one.unregister(a.clone()).await, Ok(true));
        assert_eq!(one.unregister(a.clone()).await, Ok(false));
        assert!(hall.keys.lookup(&a).is_none());
        assert_eq!(hall.keys.keys(&one), [b]);

        for (part, value) in [(&one, 1), (&two, 2), (&one, 3)] {
            part.subscribe(a.clone(), value).await.unwrap();
        }
        assert_eq!(one.unsubscribe(a.clone()).await, Ok(true));
        assert_eq!(hall.values(&a), [2], "all of its own, none of others");
    });
}

#[test]
fn listeners_that_are_slow_are_told_how_much_they_have_missed() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let part = hall.part().await;
        let mut listener = hall.topics.listen();
        let mut other = hall.topics.listen();
        for value in 0..LISTENER_MAX as u32 + 5 {
            part.subscribe(a.clone(), value).await.unwrap();
            drop(other.try_recv());
        }
        let first = told(&mut listener);
        assert_eq!(first.len(), LISTENER_MAX + 1);
        assert_eq!(first.last().map(String::as_str), Some("missed 5"));
        part.subscribe(a.clone(), 1).await.unwrap();
        assert_eq!(told(&mut listener), ["+a 1"]);
        assert_eq!(told(&mut other), ["+a 1"], "nobody waits for the slow one");

        ActorRef::stop(&part);
        ActorRef::exited(&part).await;
        let (ended, Hall { topics, .. }) = (told(&mut listener).len(), hall);
        assert_eq!(ended, LISTENER_MAX + 1);
        drop((part, topics));
        assert!(listener.recv().await.is_none(), "the registry is gone");
    });
}

#[test]
fn cleanup_on_crash() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let [one, two] = [hall.part().await, hall.part().await];
        for part in [&one, &two] {
            part.subscribe(a.clone(), 1).await.unwrap();
        }
        crash(&one).await;
        let left = hall.topics.lookup(&a);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].actor, ActorRef::pin(&two));
    });
}

#[test]
fn a_crash_storm_leaves_nothing_behind() {
    testing::run(async {
        let (hall, topic) = (Hall::start(), key("all"));
        let names: Vec<Key> = (0..100).map(|n| key(&n.to_string())).collect();
        for _ in 0..5 {
            let mut parts = Vec::new();
            for name in &names {
                let part = hall.part().await;
                part.register(name.clone(), 1).await.unwrap().unwrap();
                part.subscribe(topic.clone(), 1).await.unwrap();
                parts.push(part);
            }
            assert_eq!((hall.keys.count(), hall.topics.count()), (100, 100));
            for part in &parts {
                crash(part).await;
            }
            assert_eq!((hall.keys.count(), hall.topics.count()), (0, 0));
        }
        assert!(names.iter().all(|name| Arc::strong_count(name) == 1));
        assert_eq!(Arc::strong_count(&topic), 1);
    });
}

#[test]
fn does_not_grow_on_already_registered() {
    testing::run(async {
        let (hall, a) = (Hall::start(), key("a"));
        let [one, two] = [hall.part().await, hall.part().await];
        one.register(a.clone(), 1).await.unwrap().unwrap();
        let holders = Arc::strong_count(&a);
        for part in [&one, &two] {
            for value in 0..10 {
                assert!(part.register(a.clone(), value).await.unwrap().is_err());
            }
        }
        assert_eq!(Arc::strong_count(&a), holders);
        assert_eq!(hall.keys.count(), 1);
        assert!(hall.keys.keys(&two).is_empty());
    });
}

#[test]
fn select_and_for_each_see_what_is_in_all_partitions() {
    testing::run(async {
        for partitions in [1, 2, 7] {
            let keys =
                Registry::<Part, Key, u32, Unique>::with_partitions(NonZeroUsize::new(partitions).unwrap());
            let hall = Hall {
                keys,
                ..Hall::start()
            };
            let part = hall.part().await;
            for n in 0..20 {
                part.register(key(&n.to_string()), n).await.unwrap().unwrap();
            }
            // It holds no lock: the registry may be asked meanwhile.
            let mut odd = hall.keys.select(|key, entry| {
                assert_eq!(hall.keys.lookup(key).map(|entry| entry.value), Some(entry.value));
                (entry.value % 2 == 1).then_some(entry.value)
            });
            odd.sort_unstable();
            assert_eq!(odd, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
            let mut sum = 0;
            hall.keys.for_each(|_, entry| sum += entry.value);
            assert_eq!(sum, 190);
            assert_eq!((hall.keys.count(), hall.keys.keys(&part).len()), (20, 20));
        }
    });
}

#[test]
fn an_actor_without_its_tenure_registers_and_updates_nothing() {
    testing::run(async {
        let hall = Hall::start();
        let (lease, seen) = (Lease::new(), Log::default());
        let spec = hall.spec().tenure(lease.tenure("part", 1));
        let part = hall.system.spawn(spec).await.unwrap();
        part.register(key("early"), 1).await.unwrap().unwrap();
        let (lost, ended) = tokio::join!(part.try_without(lease, seen.clone()), ActorRef::exited(&part));
        assert!(lost.is_err());
        assert_eq!(ended, ExitReason::Lapsed);
        assert_eq!(seen.all(), ["late 7"], "key and value come back");
        assert_eq!(hall.keys.count(), 0);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unique_across_processes_that_race_for_a_key() {
    let hall = Hall::start();
    let mut parts = Vec::new();
    for _ in 0..4 {
        parts.push(hall.part().await);
    }
    for n in 0..100_u32 {
        let race = parts.iter().map(|part| {
            let part = part.clone();
            tokio::spawn(async move { part.register(n.to_string().into(), n).await.unwrap().is_ok() })
        });
        let race: Vec<_> = race.collect();
        let mut winners = 0;
        for one in race {
            winners += usize::from(one.await.unwrap());
        }
        assert_eq!(winners, 1, "of key {n}");
    }
    let owned = parts.iter().map(|part| hall.keys.keys(part).len());
    assert_eq!((owned.sum::<usize>(), hall.keys.count()), (100, 100));
}
