//! Rule 20: a name has one scope in all regions, whatever the files of the nodes say.

use std::time::Duration;

use quorate_regions::id::{RegionName, ResourceId, ResourceName, ScopeKind};
use quorate_regions::lease::{
    Acceptor, Act, Answer, Ask, Binding, Candidate, CandidateCommand, Declared, Ended, Flaw, Op, Outcome,
    Refusal, Reply,
};

use super::super::stage::{Player, Stage, TIMING, Way, global};

use ScopeKind::{Global, Regional};
use Way::{Cut, Open};

fn name() -> ResourceName {
    ResourceName::new("billing").unwrap()
}

fn regional(region: &str) -> ResourceId {
    ResourceId::regional(RegionName::new(region).unwrap(), name())
}

fn ask(stage: &mut Stage, player: &mut Player, at: usize, ask: Ask) -> Reply {
    let request = player.holder.request(&stage.name(at), ask).unwrap();
    let Answer { reply, .. } = stage.exchange(at, &request);
    reply
}

fn declared(kind: ScopeKind, settled: bool) -> Reply {
    Reply::Done(Outcome::Declared(Declared { kind, settled }))
}

fn known(stage: &Stage) -> [Option<(ScopeKind, bool)>; 3] {
    [0, 1, 2].map(|at| {
        let declared = stage.acceptor(at).declared(&name());
        declared.map(|it| (it.kind, it.settled))
    })
}

#[test]
fn r20_a_scope_is_written_once() {
    let mut stage = Stage::new(None);
    let mut node = stage.player(1, [Open; 3]);
    assert_eq!(
        ask(&mut stage, &mut node, 0, Ask::Declare(name(), Regional)),
        declared(Regional, false)
    );
    for _ in 0..2 {
        let answer = ask(&mut stage, &mut node, 0, Ask::Declare(name(), Global));
        assert_eq!(answer, declared(Regional, false));
    }
    let (resource, round) = (
        global("billing"),
        stage.acceptor(0).promised(&global("billing")).after(),
    );
    assert_eq!(
        ask(&mut stage, &mut node, 0, Ask::Prepare { resource, round }),
        Reply::Done(Outcome::Refused(Refusal::ScopeDiffers(Regional)))
    );
    // One region that lost a race is told what a majority has; what is settled stays.
    assert_eq!(
        ask(&mut stage, &mut node, 0, Ask::Settle(name(), Global)),
        declared(Global, true)
    );
    assert_eq!(
        ask(&mut stage, &mut node, 0, Ask::Settle(name(), Regional)),
        Reply::Done(Outcome::Refused(Refusal::ScopeDiffers(Global)))
    );
}

#[test]
fn r20_what_is_global_in_a_majority_is_never_held_regionally() {
    let play = |flaw| {
        let mut stage = Stage::new(flaw);
        let mut everywhere = stage.player(1, [Open, Open, Cut]);
        assert!(stage.attempt(&mut everywhere, &global("billing")));
        let mut here = stage.player(2, [Open; 3]);
        let won = stage.attempt(&mut here, &regional("c"));
        (stage, everywhere, won)
    };
    let (mut stage, mut everywhere, won) = play(None);
    assert!(!won);
    let global = Some((Global, false));
    assert_eq!(known(&stage), [global, global, Some((Regional, false))]);
    // Region c heard the loser first. The tenure is the proof that it lost, and region c grants it too.
    everywhere.ways = [Open; 3];
    stage.pass(30, &mut [&mut everywhere]);
    assert_eq!(known(&stage), [global, global, Some((Global, true))]);
    assert!(
        stage
            .acceptor(2)
            .grant(&super::super::stage::global("billing"))
            .is_some()
    );

    assert!(play(Some(Flaw::ScopeIsRewritten)).2);
}

#[test]
fn r20_what_is_regional_in_a_majority_is_never_held_globally() {
    let mut stage = Stage::new(None);
    let mut here = stage.player(1, [Open, Open, Cut]);
    assert!(stage.attempt(&mut here, &regional("a")));
    let mut everywhere = stage.player(2, [Open; 3]);
    assert!(!stage.attempt(&mut everywhere, &global("billing")));
    assert_eq!(
        known(&stage),
        [Some((Regional, true)), Some((Regional, false)), None]
    );
    // Each region has one of its own.
    let mut there = stage.player(3, [Open; 3]);
    assert!(stage.attempt(&mut there, &regional("c")));
}

#[test]
fn r20_a_regional_name_needs_a_majority_of_regions_once_and_then_none() {
    let mut stage = Stage::new(None);
    let mut node = stage.player(1, [Open, Cut, Cut]);
    assert!(!stage.attempt(&mut node, &regional("a")));
    node.ways = [Open, Cut, Open];
    assert!(stage.attempt(&mut node, &regional("a")));
    stage.pass(50, &mut []);
    stage.settle(&mut node);

    let mut restarted = stage.player(2, [Open, Cut, Cut]);
    assert!(stage.attempt(&mut restarted, &regional("a")));
}

#[test]
fn r20_who_lost_a_race_takes_the_scope_of_the_majority() {
    let mut stage = Stage::new(None);
    let mut node = stage.player(1, [Open; 3]);
    ask(&mut stage, &mut node, 0, Ask::Declare(name(), Global));
    assert!(stage.attempt(&mut node, &regional("a")));
    assert_eq!(known(&stage)[0], Some((Regional, true)));
}

#[test]
fn r20_a_tie_starts_nothing_and_says_where_the_other_scope_is() {
    let mut stage = Stage::new(None);
    let mut node = stage.player(1, [Open; 3]);
    ask(&mut stage, &mut node, 0, Ask::Declare(name(), Regional));
    ask(&mut stage, &mut node, 1, Ask::Declare(name(), Global));
    for (resource, other) in [(regional("a"), "b"), (global("billing"), "a")] {
        let mut candidate = Candidate::new(node.holder.uid(), resource.clone(), TIMING, Duration::ZERO);
        let used = node.holder.begin(stage.now, &resource).unwrap();
        candidate.start(stage.now, &stage.config, used, 0);
        let lost = loop {
            match candidate.poll_command() {
                Some(CandidateCommand::Send { region, request }) if region.as_str() != "c" => {
                    let at = usize::from(region.as_str() == "b");
                    let answer = stage.exchange(at, &request);
                    candidate.handle_answer(stage.now, &region, answer);
                }
                Some(CandidateCommand::Send { .. }) => {}
                Some(CandidateCommand::Ended(Ended::Lost(lost))) => break lost,
                Some(CandidateCommand::Ended(Ended::Won(won))) => panic!("{won:?}"),
                None => {
                    stage.now = candidate.next_deadline().unwrap().max(stage.now);
                    candidate.handle_timeout(stage.now);
                }
            }
        };
        let differs: Vec<_> = lost.differs.iter().map(RegionName::as_str).collect();
        assert_eq!(differs, [other]);
    }
}

#[test]
fn r20_removing_a_resource_frees_its_name() {
    let mut stage = Stage::new(None);
    let mut node = stage.player(1, [Open; 3]);
    let billing = global("billing");
    assert!(stage.attempt(&mut node, &billing));
    // Held: forgotten with the grant, and not before.
    ask(&mut stage, &mut node, 0, Ask::Remove(billing.clone()));
    assert_eq!(known(&stage)[0], Some((Global, false)));
    let epoch = node.holder.validity(&billing).unwrap().epoch;
    node.holder.release(stage.now, &billing, epoch);
    stage.pass(1, &mut [&mut node]);
    assert_eq!(
        known(&stage),
        [None, Some((Global, false)), Some((Global, false))]
    );
    // Another resource of the name does not free it.
    ask(&mut stage, &mut node, 1, Ask::Remove(regional("b")));
    assert_eq!(known(&stage)[1], Some((Global, false)));
    ask(&mut stage, &mut node, 1, Ask::Remove(billing));
    assert_eq!(known(&stage)[1], None);
}

#[test]
fn r20_a_region_alone_agrees_on_nothing() {
    let mut acceptor = Acceptor::default();
    let stage = Stage::new(None);
    let (region, group) = stage.config.regions.iter().next().unwrap();
    let own = quorate_regions::lease::Configuration::formed(
        region.clone(),
        *group,
        stage.config.drift,
        stage.config.term_max,
    );
    let binding = Binding {
        config: own.version,
        group: *group,
    };
    let incarnation = quorate_regions::id::Incarnation(1);
    let acts = [
        Act::Form {
            region: region.clone(),
            config: own,
            incarnation,
        },
        Act::Declare(name(), Regional),
        Act::Settle(name(), Regional),
    ];
    let uid = quorate_regions::id::Uid(1);
    let outcomes = acceptor.apply(1, &acts.map(|act| Op { binding, uid, act }));
    let inactive = Outcome::Refused(Refusal::Inactive);
    assert_eq!(outcomes[1..], [inactive.clone(), inactive]);
}
