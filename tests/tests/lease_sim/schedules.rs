//! Directed schedules: what random runs seldom find, played with and without the fault.
//!
//! Each answers whether invariant I1 broke: two process lives, each of which did what its machines said, are valid for one resource.

use quorate_regions::id::ResourceId;
use quorate_regions::lease::{Ask, Flaw, Judgement, Request};

use super::stage::{Player, Stage, Way, global};

use Way::{Cut, Kept, Open};

/// A renewal is judged before, and applied after, a Promise that clears one of its owner's two grants.
fn a_renewal_passes_a_promise(flaw: Option<Flaw>) -> bool {
    let mut stage = Stage::new(flaw);
    let (left, right) = (global("left"), global("right"));
    let mut old = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut old, &left) && stage.attempt(&mut old, &right));

    // Region a hears nothing for longer than the term, while b and c renew; then c hears nothing more either.
    old.ways = [Cut, Open, Open];
    stage.pass(40, &mut [&mut old]);
    old.ways = [Kept, Open, Cut];
    stage.pass(10, &mut [&mut old]);
    let (at, renewal) = old.last_kept(|ask| matches!(ask, Ask::Renew(_)));
    let Judgement::Propose(judged) = stage.judge(at, &renewal) else {
        panic!("a renewal is proposed")
    };

    // Somebody who reaches region a alone clears one grant there; only then is the renewal applied and answered.
    let mut new = stage.player(2, [Open, Cut, Open]);
    let prepare = prepare_at_first(&mut new, &stage, &left);
    stage.exchange(0, &prepare);
    let answer = stage.commit(at, &renewal, judged);
    old.holder.handle_answer(stage.now, &stage.name(at), answer);

    // Region c forgets the old holder: a and c are enough for the new one.
    old.ways = [Cut, Open, Cut];
    stage.pass(31, &mut [&mut old]);
    assert!(stage.attempt(&mut new, &left));
    stage.is_held_twice([&old, &new], &left)
}

/// A promise is judged after the term, and applied after a renewal that came at last.
fn a_promise_passes_a_renewal(flaw: Option<Flaw>) -> bool {
    let mut stage = Stage::new(flaw);
    let left = global("left");
    let mut old = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut old, &left));
    old.ways = [Cut, Open, Open];
    stage.pass(45, &mut [&mut old]);

    let mut new = stage.player(2, [Open, Cut, Open]);
    let prepare = prepare_at_first(&mut new, &stage, &left);
    let Judgement::Propose(judged) = stage.judge(0, &prepare) else {
        panic!("the grant is expired")
    };
    old.ways = [Open, Open, Cut];
    stage.pass(41, &mut [&mut old]);
    stage.commit(0, &prepare, judged);
    old.ways = [Cut, Open, Cut];
    let won = stage.attempt(&mut new, &left);
    won && stage.is_held_twice([&old, &new], &left)
}

/// Region c was never asked for one of two grants; renewals of the other one are answered there.
fn an_answer_about_another_grant(flaw: Option<Flaw>) -> bool {
    let mut stage = Stage::new(flaw);
    let (left, right) = (global("left"), global("right"));
    let mut old = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut old, &right));
    stage.pass(5, &mut [&mut old]);
    old.loses_accepts = true;
    old.ways = [Open, Open, Cut];
    assert!(stage.attempt(&mut old, &left));
    old.ways = [Open, Cut, Open];
    stage.pass(45, &mut [&mut old]);

    let mut new = stage.player(2, [Cut, Open, Open]);
    assert!(stage.attempt(&mut new, &left));
    stage.is_held_twice([&old, &new], &left)
}

/// A list is under way while its sender wins something more, which the answer then calls an extra.
fn a_list_from_before_a_win(flaw: Option<Flaw>) -> (bool, bool) {
    let mut stage = Stage::new(flaw);
    let (left, right, third) = (global("left"), global("right"), global("third"));
    let mut old = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut old, &right) && stage.attempt(&mut old, &third));

    // One grant is cleared in region a, so that the next renewal there is told to list.
    old.ways = [Cut, Open, Open];
    stage.pass(41, &mut [&mut old]);
    let mut rival = stage.player(3, [Open, Cut, Cut]);
    let prepare = prepare_at_first(&mut rival, &stage, &right);
    stage.exchange(0, &prepare);
    old.ways = [Kept, Open, Open];
    stage.pass(11, &mut [&mut old]);
    let (at, renewal) = old.last_kept(|ask| matches!(ask, Ask::Renew(_)));
    let answer = stage.exchange(at, &renewal);
    old.holder.handle_answer(stage.now, &stage.name(at), answer);
    stage.settle(&mut old);
    let (at, list) = old.last_kept(|ask| matches!(ask, Ask::List(_)));

    old.ways = [Open, Open, Cut];
    assert!(stage.attempt(&mut old, &left));
    let answer = stage.exchange(at, &list);
    old.holder.handle_answer(stage.now, &stage.name(at), answer);
    stage.settle(&mut old);
    let given_back = old
        .sent
        .iter()
        .any(|(_, request)| matches!(&request.ask, Ask::Release { resource, .. } if *resource == left));

    old.ways = [Cut, Open, Cut];
    stage.pass(1, &mut [&mut old]);
    let mut new = stage.player(2, [Open, Cut, Open]);
    stage.attempt(&mut new, &left);
    (stage.is_held_twice([&old, &new], &left), given_back)
}

fn prepare_at_first(player: &mut Player, stage: &Stage, resource: &ResourceId) -> Request {
    let round = stage.acceptor(0).promised(resource).after();
    let ask = Ask::Prepare {
        resource: resource.clone(),
        round,
    };
    player
        .holder
        .request(&stage.name(0), ask)
        .expect("region a is known")
}

#[test]
fn a_standing_compared_when_proposing_breaks_i1() {
    assert!(!a_renewal_passes_a_promise(None));
    assert!(a_renewal_passes_a_promise(Some(Flaw::StandingAtProposal)));
}

#[test]
fn evidence_that_is_not_compared_breaks_i1() {
    assert!(!a_promise_passes_a_renewal(None));
    assert!(a_promise_passes_a_renewal(Some(Flaw::NoEvidence)));
}

#[test]
fn evidence_without_the_renewal_breaks_i1() {
    assert!(a_promise_passes_a_renewal(Some(Flaw::EvidenceWithoutRenewal)));
}

#[test]
fn an_answer_credited_to_everything_held_breaks_i1() {
    assert!(!an_answer_about_another_grant(None));
    assert!(an_answer_about_another_grant(Some(Flaw::CreditsEverything)));
}

#[test]
fn a_list_taken_as_the_full_truth_breaks_i1_and_i11() {
    assert_eq!(a_list_from_before_a_win(None), (false, false));
    assert_eq!(a_list_from_before_a_win(Some(Flaw::ListIsTruth)), (true, true));
}
