//! Cut links, bytes that mean nothing.

use std::time::{Duration, Instant};

use proptest::prelude::Rng;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use quorate_regions::store::{ProposeError, Role, RpcKind};

use crate::region::{
    PATIENCE, Region, acceptor, brisk, claim, patiently, resource, until_level, until_status,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_proposal_of_a_leader_that_is_cut_off_ends_as_unknown_in_time() {
    let region = Region::of_three(brisk()).await;
    let cut_off = region.leader().await;
    region.network.isolate(&region.name_of(&cut_off));
    let began = Instant::now();
    let deadline = Duration::from_millis(300);
    let outcome = cut_off.propose(vec![claim(1, "x")], deadline).await;
    assert_eq!(outcome, Err(ProposeError::Unknown));
    assert!(began.elapsed() >= deadline, "it gave up before its time");

    let leader = Region::leader_of(region.others(&cut_off)).await;
    leader.propose(vec![claim(2, "x")], PATIENCE).await.unwrap();
    region.network.heal();
    until_status(&cut_off, "a follower", |status| {
        matches!(status.role, Role::Follower { leader: Some(_) })
    })
    .await;
    until_level(&cut_off, &leader).await;
    assert_eq!(acceptor(&cut_off), acceptor(&leader));
    assert_eq!(
        acceptor(&leader).grant(&resource("x")).map(|grant| grant.uid.0),
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_hears_nobody_unseats_no_leader_when_it_comes_back() {
    let region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let term = leader.status().term;
    let lonely = region.others(&leader).remove(0);
    region.network.isolate(&region.name_of(&lonely));
    // It asks for pre-votes again and again; nobody hears it, and nobody's silence counts as a grant.
    let mut asked = region.pre_votes[&region.name_of(&lonely)].subscribe();
    let before = *asked.borrow();
    patiently("pre-votes", async {
        drop(asked.wait_for(|asked| *asked >= before + 6).await.unwrap());
    })
    .await;
    leader.propose(vec![claim(1, "x")], PATIENCE).await.unwrap();
    assert_eq!(lonely.status().term, term);
    region.network.heal();
    until_level(&lonely, &leader).await;
    assert_eq!((leader.status().term, leader.status().is_leader()), (term, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_mean_nothing_change_nothing() {
    let region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let rng = runner.rng();
    for store in region.stores.values() {
        for kind in RpcKind::ALL {
            for length in 0..200 {
                let mut bytes = vec![0; length];
                rng.fill_bytes(&mut bytes);
                store.handle_rpc(kind, &bytes).await;
                // The right group, id and kind, and then nonsense.
                let mut head = vec![7, 1, 1];
                head.append(&mut bytes);
                store.handle_rpc(kind, &head).await;
            }
        }
        assert!(!matches!(store.status().role, Role::Stopped(_)));
    }
    leader.propose(vec![claim(1, "x")], PATIENCE).await.unwrap();
}
