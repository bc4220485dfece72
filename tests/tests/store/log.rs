//! Proposals, leaders, restarts.

use std::time::Duration;

use quorate_regions::lease::{Drift, OPS_MAX, Outcome, Reply};
use quorate_regions::store::{ProposeError, RaftTiming, Role};

use crate::region::{
    PATIENCE, Region, TERM, acceptor, ask_claim, brisk, claim, initial, node, resource, until_level,
    until_status,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_the_same_on_every_replica() {
    let region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let outcomes = leader
        .propose(vec![claim(1, "x"), claim(2, "y"), claim(2, "x")], PATIENCE)
        .await
        .unwrap();
    assert!(matches!(
        outcomes[..],
        [
            Outcome::Accepted { .. },
            Outcome::Accepted { .. },
            Outcome::Refused(_)
        ]
    ));
    for store in region.others(&leader) {
        until_level(&store, &leader).await;
        assert_eq!(acceptor(&store), acceptor(&leader));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_names_the_leader_and_proposes_nothing() {
    let region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let name = region.name_of(&leader);
    let follower = region.others(&leader).remove(0);
    until_status(&follower, "a followed leader", |status| {
        status.role != Role::Follower { leader: None }
    })
    .await;
    let refused = follower.propose(vec![claim(1, "x")], PATIENCE).await;
    assert!(matches!(refused, Err(ProposeError::NotLeader(Some(leader))) if leader.name == name));
    let asked = follower.ask(&ask_claim(1, "x"), PATIENCE).await;
    assert!(matches!(asked, Err(ProposeError::NotLeader(Some(leader))) if leader.name == name));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_proposals_share_few_entries() {
    let region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let before = *leader.watch_applied().borrow();
    let proposals: Vec<_> = (0..1_000)
        .map(|number| {
            let leader = leader.clone();
            tokio::spawn(async move {
                leader
                    .propose(vec![claim(number, &format!("x{number}"))], PATIENCE)
                    .await
            })
        })
        .collect();
    for proposal in proposals {
        let outcomes = proposal.await.unwrap().unwrap();
        assert!(matches!(outcomes[..], [Outcome::Accepted { .. }]));
    }
    let entries = *leader.watch_applied().borrow() - before;
    assert!(entries <= 500, "1000 proposals took {entries} entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_of_too_many_operations_is_refused() {
    let region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let ops = vec![claim(1, "x"); OPS_MAX + 1];
    assert_eq!(
        leader.propose(ops, PATIENCE).await,
        Err(ProposeError::TooMany(OPS_MAX + 1))
    );
    assert_eq!(leader.propose(Vec::new(), PATIENCE).await, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_leads_when_the_leader_is_lost() {
    let mut region = Region::of_three(brisk()).await;
    let first = region.leader().await;
    first.propose(vec![claim(1, "x")], PATIENCE).await.unwrap();
    let lost = region.name_of(&first);
    region.stop(&lost).await;
    let second = region.leader().await;
    assert_ne!(second.id(), first.id());
    second.propose(vec![claim(2, "y")], PATIENCE).await.unwrap();
    assert!(acceptor(&second).grant(&resource("x")).is_some());

    // The lost one comes back and has it all.
    let back = region.start(&lost).await;
    until_level(&back, &second).await;
    assert_eq!(acceptor(&back), acceptor(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_restarts_keeps_every_grant_and_waits_its_whole_term_again() {
    let mut region = Region::of_three(brisk()).await;
    region
        .leader()
        .await
        .propose(vec![claim(1, "x")], PATIENCE)
        .await
        .unwrap();
    let before = acceptor(&region.leader().await);
    for (_, name) in initial() {
        region.stop(&name).await;
    }
    // On the old stamps the grant would be long over.
    region.turn_clock(Duration::from_hours(1));
    for (_, name) in initial() {
        region.start(&name).await;
    }
    let leader = region.leader().await;
    assert_eq!(acceptor(&leader), before);
    let answer = leader.ask(&ask_claim(2, "x"), PATIENCE).await.unwrap();
    let Reply::Busy(live) = answer.reply else {
        panic!("the grant is live, but the answer is {answer:?}")
    };
    assert_eq!(live.remaining, Drift::DEFAULT.stretch(TERM));

    region.turn_clock(Duration::from_hours(1) + Drift::DEFAULT.stretch(TERM));
    let answer = leader.ask(&ask_claim(2, "x"), PATIENCE).await.unwrap();
    assert!(
        matches!(
            answer.reply,
            Reply::Done(Outcome::Accepted { cleared: Some(_), .. })
        ),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_away_for_long_catches_up_by_a_snapshot() {
    let timing = RaftTiming {
        snapshot_every: 10,
        ..brisk()
    };
    let mut region = Region::of_three(timing).await;
    let away = region.name_of(&region.others(&region.leader().await)[0]);
    region.stop(&away).await;
    let leader = region.leader().await;
    for number in 0..100 {
        // One entry each: the log of that time is purged long before the end.
        leader
            .propose(vec![claim(number, &format!("x{number}"))], PATIENCE)
            .await
            .unwrap();
    }
    let back = region.start(&away).await;
    until_level(&back, &leader).await;
    assert_eq!(acceptor(&back), acceptor(&leader));

    // What came by snapshot is on its disk too.
    region.stop(&away).await;
    let again = region.start(&away).await;
    until_level(&again, &leader).await;
    assert_eq!(acceptor(&again), acceptor(&leader));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_one_needs_nobody_else() {
    let mut region = Region::stopped(brisk());
    let (id, name) = initial().remove(0);
    let formed = quorate_regions::formation::Formed {
        group: crate::region::GROUP,
        id,
        voters: std::collections::BTreeMap::new(),
    };
    region.remember(&name, formed).await;
    let store = region.start(&node("a")).await;
    let members = std::collections::BTreeMap::from([(id, crate::region::raft_node(&name))]);
    store.begin(members.clone()).await.unwrap();
    store.begin(members).await.unwrap();
    let leader = region.leader().await;
    assert_eq!(
        leader.propose(vec![crate::region::form()], PATIENCE).await,
        Ok(vec![Outcome::Formed])
    );
}
