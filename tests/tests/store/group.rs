//! Who votes: wiped nodes, further nodes, two nodes of one name.

use std::collections::BTreeMap;

use quorate_regions::formation::Formed;
use quorate_regions::id::NodeName;
use quorate_regions::store::{Admission, GroupError, RaftId, RegionStore};

use crate::region::{
    GROUP, PATIENCE, Region, acceptor, brisk, claim, node, raft_node, until_level, until_status,
};

/// Gives `name` an id and starts its replica on an empty disk.
async fn join(region: &mut Region, leader: &RegionStore, name: &NodeName) -> (RaftId, RegionStore) {
    let id = leader.assign_id(PATIENCE).await.unwrap();
    region
        .remember(
            name,
            Formed {
                group: GROUP,
                id,
                voters: BTreeMap::new(),
            },
        )
        .await;
    (id, region.start(name).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_never_given_twice() {
    let mut region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let mut ids = vec![
        leader.assign_id(PATIENCE).await.unwrap(),
        leader.assign_id(PATIENCE).await.unwrap(),
    ];
    let lost = region.name_of(&leader);
    region.stop(&lost).await;
    ids.push(region.leader().await.assign_id(PATIENCE).await.unwrap());
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    assert!(ids[0] > RaftId::initial(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_node_comes_back_as_a_new_replica_and_takes_its_seat_again() {
    let mut region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    leader.propose(vec![claim(1, "x")], PATIENCE).await.unwrap();
    let former = region.others(&leader).remove(0);
    let name = region.name_of(&former);
    region.wipe(&name).await;

    let (id, back) = join(&mut region, &leader, &name).await;
    // Until the silence of its former self has lasted, the name counts as in use.
    let admitted = loop {
        match leader.admit(id, raft_node(&name), 3, PATIENCE).await {
            Err(GroupError::NameInUse { .. } | GroupError::Busy) => tokio::task::yield_now().await,
            admitted => break admitted,
        }
    };
    assert_eq!(admitted, Ok(Admission::Voter));
    let status = until_status(&leader, "the new voters", |status| {
        status.voters.contains_key(&id)
    })
    .await;
    assert!(
        !status.voters.contains_key(&former.id()) && status.voters.len() == 3,
        "{status:?}"
    );
    until_level(&back, &leader).await;
    assert_eq!(acceptor(&back), acceptor(&leader));

    // Its vote counts: with it and without one of the others there is a majority.
    let other = region
        .others(&leader)
        .into_iter()
        .find(|other| other.id() != id)
        .expect("three replicas");
    let other = region.name_of(&other);
    region.stop(&other).await;
    region
        .leader()
        .await
        .propose(vec![claim(2, "y")], PATIENCE)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_of_one_name_is_refused() {
    let region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let other = region.others(&leader).remove(0);
    let name = region.name_of(&other);
    let id = leader.assign_id(PATIENCE).await.unwrap();
    let refused = leader.admit(id, raft_node(&name), 3, PATIENCE).await;
    assert!(
        matches!(refused, Err(GroupError::NameInUse { .. })),
        "{refused:?}"
    );
    assert_eq!(leader.status().voters.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_beyond_the_seats_follows_without_a_vote() {
    let mut region = Region::of_three(brisk()).await;
    let leader = region.leader().await;
    let (id, extra) = join(&mut region, &leader, &node("d")).await;
    assert_eq!(
        leader.admit(id, raft_node(&node("d")), 3, PATIENCE).await,
        Ok(Admission::Learner)
    );
    until_level(&extra, &leader).await;
    assert_eq!(acceptor(&extra), acceptor(&leader));
    assert!(leader.status().learners.contains_key(&id) && leader.status().voters.len() == 3);
    // More seats make it a voter.
    assert_eq!(
        leader.admit(id, raft_node(&node("d")), 5, PATIENCE).await,
        Ok(Admission::Voter)
    );
}
