//! Rules 1 to 9, and what there is of 19: one region, its log, and the clocks of its replicas.
//!
//! Longer than most: a test for each rule of a region, which share one small world.

use std::time::Duration;

use quorate_regions::id::{
    ConfigVersion, Epoch, GroupId, Incarnation, NodeName, RegionName, ResourceId, ResourceName, Round,
    ScopeKind, Uid,
};
use quorate_regions::lease::{
    Acceptor, Act, Ask, Binding, Configuration, Declared, Drift, Evidence, Index, Judgement, LOCK_DELAY_MAX,
    MemberRecord, OPS_MAX, Op, Outcome, ROUND_GAP_MAX, Refusal, Reply, Request, Seq, Stamps, Standing,
    Tenancy, Time,
};

const TERM: Duration = Duration::from_secs(2);
const TERM_MAX: Duration = Duration::from_secs(4);
const GROUP: GroupId = GroupId(7);
const A: Uid = Uid(1);
const B: Uid = Uid(2);

/// A region of one replica, with a log of its own.
struct Region {
    acceptor: Acceptor,
    stamps: Stamps,
    now: Time,
    log_index: u64,
    config: ConfigVersion,
}

impl Region {
    fn formed() -> Self {
        let (acceptor, stamps) = (Acceptor::default(), Stamps::default());
        let mut region = Self {
            acceptor,
            stamps,
            now: Time(0),
            log_index: 0,
            config: ConfigVersion::FORMED,
        };
        let (name, config) = (east(), formed_config());
        let act = Act::Form {
            region: name,
            config,
            incarnation: Incarnation(9),
        };
        assert_eq!(region.act(A, act), Outcome::Formed);
        region
    }

    fn active() -> Self {
        let mut region = Self::formed();
        assert_eq!(
            region.act(A, Act::AcceptConfig(first_config())),
            Outcome::ConfigAccepted
        );
        assert_eq!(
            region.act(A, Act::ActivateConfig(first_config())),
            Outcome::ConfigActive
        );
        region.config = ConfigVersion::FIRST;
        region
    }

    fn binding(&self) -> Binding {
        Binding {
            config: self.config,
            group: GROUP,
        }
    }

    fn op(&self, uid: Uid, act: Act) -> Op {
        Op {
            binding: self.binding(),
            uid,
            act,
        }
    }

    fn apply(&mut self, ops: &[Op]) -> Vec<Outcome> {
        self.log_index += 1;
        let outcomes = self.acceptor.apply(self.log_index, ops);
        self.stamps
            .applied(self.now, &self.acceptor, self.log_index, ops, &outcomes);
        outcomes
    }

    fn act(&mut self, uid: Uid, act: Act) -> Outcome {
        let op = self.op(uid, act);
        self.apply(&[op]).remove(0)
    }

    fn judge(&mut self, uid: Uid, ask: Ask) -> Judgement {
        let request = Request {
            binding: self.binding(),
            uid,
            seq: Seq(1),
            ask,
        };
        self.stamps.judge(&self.acceptor, self.now, &request)
    }

    /// Judges and, if there is something to propose, applies.
    fn ask(&mut self, uid: Uid, ask: Ask) -> Reply {
        match self.judge(uid, ask) {
            Judgement::Answer(reply) => reply,
            Judgement::Propose(op) => Reply::Done(self.apply(&[op]).remove(0)),
        }
    }

    fn prepare(&mut self, uid: Uid, round: u64) -> Reply {
        self.ask(
            uid,
            Ask::Prepare {
                resource: billing(),
                round: at(round),
            },
        )
    }

    fn accept(&mut self, uid: Uid, round: u64, epoch: u64) -> Outcome {
        self.act(
            uid,
            Act::Accept {
                resource: billing(),
                tenancy: tenancy(round, epoch),
            },
        )
    }

    fn release(&mut self, uid: Uid, epoch: u64, top: u64) -> Outcome {
        self.act(
            uid,
            Act::Release {
                resource: billing(),
                epoch: at(epoch).into(),
                top: at(top),
            },
        )
    }

    fn standing(&mut self, uid: Uid) -> Standing {
        let set_version = self.acceptor.owner(uid).expect("it holds something").set_version;
        Standing {
            incarnation: Incarnation(9),
            set_version,
        }
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }
}

fn east() -> RegionName {
    RegionName::new("east").unwrap()
}

fn drift() -> Drift {
    Drift::from_ppm(50_000).unwrap()
}

fn formed_config() -> Configuration {
    Configuration::formed(east(), GROUP, drift(), TERM_MAX)
}

fn first_config() -> Configuration {
    let mut config = formed_config();
    config.version = ConfigVersion::FIRST;
    config
        .regions
        .insert(RegionName::new("west").unwrap(), GroupId(8));
    config
}

fn billing() -> ResourceId {
    ResourceId::global(ResourceName::new("billing").unwrap())
}

/// A round of the first configuration.
fn at(round: u64) -> Round {
    Round(Round::floor(ConfigVersion::FIRST).0 + round)
}

fn tenancy(round: u64, epoch: u64) -> Tenancy {
    Tenancy {
        round: at(round),
        epoch: at(epoch).into(),
        term: TERM,
        lock_delay: Duration::ZERO,
    }
}

fn promised(reply: &Reply) -> bool {
    matches!(reply, Reply::Done(Outcome::Promised { .. }))
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

#[test]
fn r01_the_answer_is_what_apply_found_not_what_was_judged() {
    let mut region = Region::active();
    let Judgement::Propose(first) = region.judge(
        A,
        Ask::Prepare {
            resource: billing(),
            round: at(5),
        },
    ) else {
        panic!("nobody holds it");
    };
    let Judgement::Propose(second) = region.judge(
        B,
        Ask::Prepare {
            resource: billing(),
            round: at(5),
        },
    ) else {
        panic!("nobody holds it");
    };
    let outcomes = region.apply(&[first, second]);
    let lost = refused(Refusal::RoundTooLow { promised: at(5) });
    assert_eq!(outcomes, [Outcome::Promised { cleared: None }, lost]);
}

#[test]
fn r01_an_entry_has_a_bound_and_one_outcome_for_each_operation() {
    let mut region = Region::active();
    let ops: Vec<Op> = (1..=OPS_MAX as u64 + 1)
        .map(|round| {
            region.op(
                A,
                Act::Promise {
                    resource: billing(),
                    round: at(round),
                    evidence: None,
                },
            )
        })
        .collect();
    let outcomes = region.apply(&ops);
    assert_eq!(outcomes.len(), OPS_MAX + 1);
    assert_eq!(outcomes[OPS_MAX - 1], Outcome::Promised { cleared: None });
    assert_eq!(outcomes[OPS_MAX], refused(Refusal::TooMany));
}

#[test]
fn r01_equal_logs_give_equal_states_whatever_the_clocks() {
    let (mut fast, mut slow) = (Region::active(), Region::active());
    slow.pass(Duration::from_secs(100));
    for region in [&mut fast, &mut slow] {
        region.accept(A, 3, 3);
        region.act(
            B,
            Act::Promise {
                resource: billing(),
                round: at(4),
                evidence: None,
            },
        );
        region.release(A, 3, 3);
    }
    assert_eq!(fast.acceptor, slow.acceptor);
}

#[test]
fn r02_a_stamp_is_of_the_apply_and_a_replay_stamps_anew() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    region.pass(drift().stretch(TERM));
    let mut restarted = Stamps::default();
    restarted.reset(region.now, &region.acceptor);
    // The replica that saw the grant judges it expired; the one that restarted begins to count.
    let ask = || Ask::Prepare {
        resource: billing(),
        round: at(4),
    };
    assert!(matches!(region.judge(B, ask()), Judgement::Propose(_)));
    region.stamps = restarted;
    assert!(matches!(
        region.judge(B, ask()),
        Judgement::Answer(Reply::Busy(_))
    ));
    region.pass(drift().stretch(TERM));
    assert!(matches!(region.judge(B, ask()), Judgement::Propose(_)));
}

#[test]
fn r02_what_has_no_stamp_is_stamped_when_it_is_first_seen() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    region.stamps = Stamps::default();
    region.pass(Duration::from_secs(100));
    assert!(matches!(region.prepare(B, 4), Reply::Busy(_)));
    region.pass(drift().stretch(TERM));
    assert!(promised(&region.prepare(B, 4)));
}

#[test]
fn r03_expired_is_the_stored_term_stretched_and_the_lock_delay() {
    let mut region = Region::active();
    let lock_delay = Duration::from_secs(3);
    let tenancy = Tenancy {
        lock_delay,
        ..tenancy(3, 3)
    };
    region.act(
        A,
        Act::Accept {
            resource: billing(),
            tenancy,
        },
    );
    region.pass(drift().stretch(TERM) + lock_delay);
    region.now = region.now.before(Duration::from_nanos(1));
    let Reply::Busy(live) = region.prepare(B, 4) else {
        panic!("one nanosecond is left")
    };
    assert_eq!((live.uid, live.remaining), (A, Duration::from_nanos(1)));
    region.pass(Duration::from_nanos(1));
    assert!(promised(&region.prepare(B, 4)));
}

#[test]
fn r03_a_renewal_is_the_newer_stamp() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    region.pass(TERM);
    let standing = region.standing(A);
    assert_eq!(region.act(A, Act::Renew(standing)), Outcome::Renewed);
    region.pass(TERM);
    assert!(matches!(region.prepare(B, 4), Reply::Busy(_)));
}

#[test]
fn r04_a_new_leader_waits_for_nothing_but_its_own_stamp() {
    let mut region = Region::active();
    let mut follower = region.stamps.clone();
    region.accept(A, 3, 3);
    // The follower applied the same entry one second later.
    region.pass(Duration::from_secs(1));
    let ops = [region.op(
        A,
        Act::Accept {
            resource: billing(),
            tenancy: tenancy(3, 3),
        },
    )];
    let outcomes = [Outcome::Accepted {
        standing: region.standing(A),
        cleared: None,
    }];
    follower.applied(region.now, &region.acceptor, region.log_index, &ops, &outcomes);
    region.stamps = follower;
    region.pass(drift().stretch(TERM).saturating_sub(Duration::from_secs(1)));
    assert!(matches!(region.prepare(B, 4), Reply::Busy(_)));
    region.pass(Duration::from_secs(1));
    assert!(promised(&region.prepare(B, 4)));
}

#[test]
fn r05_a_live_grant_answers_busy_and_records_nothing() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    let before = region.acceptor.clone();
    assert!(matches!(region.prepare(B, 4), Reply::Busy(live) if live.epoch == at(3).into()));
    assert_eq!(region.acceptor, before);
}

#[test]
fn r05_evidence_is_void_when_either_part_of_it_changed() {
    let resource = billing();
    let judged = |region: &mut Region| {
        region.accept(A, 3, 3);
        region.pass(TERM_MAX);
        match region.judge(
            B,
            Ask::Prepare {
                resource: billing(),
                round: at(4),
            },
        ) {
            Judgement::Propose(op) => op,
            Judgement::Answer(reply) => panic!("the grant is expired, not {reply:?}"),
        }
    };
    let mut renewed = Region::active();
    let promise = judged(&mut renewed);
    let standing = renewed.standing(A);
    renewed.act(A, Act::Renew(standing));
    assert_eq!(renewed.apply(&[promise]), [refused(Refusal::StaleEvidence)]);

    let mut listed = Region::active();
    let promise = judged(&mut listed);
    listed.act(A, Act::List(vec![(resource.clone(), at(3).into())]));
    assert_eq!(listed.apply(&[promise]), [refused(Refusal::StaleEvidence)]);

    let mut unchanged = Region::active();
    let promise = judged(&mut unchanged);
    assert_eq!(
        unchanged.apply(&[promise]),
        [Outcome::Promised { cleared: Some(A) }]
    );
    assert_eq!(unchanged.acceptor.grant(&resource), None);

    let mut unjudged = Region::active();
    unjudged.accept(A, 3, 3);
    let promise = Act::Promise {
        resource,
        round: at(4),
        evidence: None,
    };
    assert_eq!(unjudged.act(B, promise), refused(Refusal::StaleEvidence));
}

#[test]
fn r05_the_same_round_is_answered_again_to_its_owner_alone() {
    let mut region = Region::active();
    assert!(promised(&region.prepare(A, 4)));
    let before = region.acceptor.clone();
    assert!(promised(&region.prepare(A, 4)));
    assert_eq!(region.acceptor, before);
    assert_eq!(
        region.prepare(B, 4),
        Reply::Done(refused(Refusal::RoundTooLow { promised: at(4) }))
    );
    assert_eq!(
        region.prepare(A, 3),
        Reply::Done(refused(Refusal::RoundTooLow { promised: at(4) }))
    );
}

#[test]
fn r05_an_own_grant_of_a_lower_epoch_is_cleared_without_evidence() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    assert!(promised(&region.prepare(A, 4)));
    assert_eq!(region.acceptor.grant(&billing()), None);
    // A late copy of the Prepare clears nothing that was granted since.
    region.accept(A, 4, 4);
    assert!(promised(&region.prepare(A, 4)));
    assert!(region.acceptor.grant(&billing()).is_some());
}

#[test]
fn r05_a_new_configuration_raises_every_promise_and_the_holder_keeps_its_epoch() {
    let mut region = Region::formed();
    let session = ResourceId::session(east(), &NodeName::new("n").unwrap());
    let (round, term, lock_delay) = (Round(1), TERM, Duration::ZERO);
    let claim = Ask::Claim {
        resource: session.clone(),
        round,
        term,
        lock_delay,
    };
    assert!(matches!(
        region.ask(A, claim),
        Reply::Done(Outcome::Accepted { .. })
    ));
    region.act(A, Act::AcceptConfig(first_config()));
    region.act(A, Act::ActivateConfig(first_config()));
    assert_eq!(region.acceptor.promised(&session), at(0));
    assert_eq!(region.acceptor.promised(&billing()), at(0));

    region.config = ConfigVersion::FIRST;
    let old = Tenancy {
        round,
        epoch: round.into(),
        term,
        lock_delay,
    };
    let accept = |tenancy| Act::Accept {
        resource: session.clone(),
        tenancy,
    };
    assert_eq!(
        region.act(A, accept(old)),
        refused(Refusal::RoundTooLow { promised: at(0) })
    );
    let raised = region.act(A, accept(Tenancy { round: at(1), ..old }));
    assert!(matches!(raised, Outcome::Accepted { .. }));
    assert_eq!(
        region.acceptor.grant(&session).map(|grant| grant.epoch),
        Some(Epoch(1))
    );
}

#[test]
fn r06_an_accept_needs_its_round_its_term_and_an_empty_or_own_place() {
    let mut region = Region::active();
    region.prepare(A, 4);
    let accept = |tenancy| Act::Accept {
        resource: billing(),
        tenancy,
    };
    assert_eq!(
        region.accept(A, 3, 3),
        refused(Refusal::RoundTooLow { promised: at(4) })
    );
    assert_eq!(region.accept(A, 4, 5), refused(Refusal::EpochTooHigh));
    let long = Tenancy {
        term: TERM_MAX + Duration::from_nanos(1),
        ..tenancy(4, 4)
    };
    assert_eq!(region.act(A, accept(long)), refused(Refusal::TermTooLong));
    let long = Tenancy {
        lock_delay: LOCK_DELAY_MAX * 2,
        ..tenancy(4, 4)
    };
    assert_eq!(region.act(A, accept(long)), refused(Refusal::TermTooLong));

    assert!(matches!(region.accept(A, 4, 4), Outcome::Accepted { .. }));
    assert_eq!(
        region.accept(B, 9, 9),
        refused(Refusal::Held {
            uid: A,
            epoch: at(4).into()
        })
    );
    assert_eq!(region.accept(A, 9, 9), refused(Refusal::OwnEpoch(at(4).into())));
    let other = Tenancy {
        term: TERM_MAX,
        ..tenancy(4, 4)
    };
    assert_eq!(region.act(A, accept(other)), refused(Refusal::OtherTerm));
}

#[test]
fn r06_an_accept_raises_the_promise_and_never_judges_time() {
    let mut region = Region::active();
    region.prepare(A, 4);
    region.pass(Duration::from_hours(1));
    let Outcome::Accepted { standing, .. } = region.accept(A, 6, 4) else {
        panic!("its round is high enough")
    };
    assert_eq!(region.acceptor.promised(&billing()), at(6));
    assert_eq!(
        (standing, standing.incarnation),
        (region.standing(A), Incarnation(9))
    );
    region.pass(Duration::from_hours(1));
    assert_eq!(
        region.accept(B, 7, 7),
        refused(Refusal::Held {
            uid: A,
            epoch: at(4).into()
        })
    );
}

#[test]
fn r07_a_renewal_needs_configuration_incarnation_and_set_version() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    let standing = region.standing(A);
    assert_eq!(region.act(A, Act::Renew(standing)), Outcome::Renewed);
    let set_version = Some(standing.set_version);
    let mismatch = Outcome::Mismatch {
        incarnation: Incarnation(9),
        set_version,
    };
    let elsewhere = Standing {
        incarnation: Incarnation(10),
        ..standing
    };
    assert_eq!(region.act(A, Act::Renew(elsewhere)), mismatch);
    let earlier = Standing {
        set_version: Index { log: 1, position: 0 },
        ..standing
    };
    assert_eq!(region.act(A, Act::Renew(earlier)), mismatch);
    let unknown = Outcome::Mismatch {
        incarnation: Incarnation(9),
        set_version: None,
    };
    assert_eq!(region.act(B, Act::Renew(standing)), unknown);
    region.config = ConfigVersion(2);
    assert_eq!(
        region.act(A, Act::Renew(standing)),
        refused(Refusal::Ahead(ConfigVersion::FIRST))
    );
}

#[test]
fn r07_a_set_that_lost_a_grant_to_another_is_not_renewed_until_it_is_listed() {
    let mut region = Region::active();
    let audit = ResourceId::global(ResourceName::new("audit").unwrap());
    region.accept(A, 3, 3);
    region.act(
        A,
        Act::Accept {
            resource: audit.clone(),
            tenancy: tenancy(3, 3),
        },
    );
    let before = region.standing(A);
    region.pass(TERM_MAX);
    assert!(promised(&region.prepare(B, 4)));
    assert!(matches!(
        region.act(A, Act::Renew(before)),
        Outcome::Mismatch {
            set_version: Some(_),
            ..
        }
    ));
    let named = vec![(billing(), at(3).into()), (audit.clone(), at(2).into())];
    let Outcome::Listed {
        present,
        extra,
        set_version,
        ..
    } = region.act(A, Act::List(named))
    else {
        panic!("a list is answered");
    };
    // Nothing that it named is there; what is there it did not name under this epoch.
    assert_eq!((present, extra), (vec![], vec![(audit.clone(), at(3).into())]));
    let standing = Standing {
        set_version: set_version.expect("it holds one"),
        ..before
    };
    assert_eq!(region.act(A, Act::Renew(standing)), Outcome::Renewed);
    assert!(region.acceptor.grant(&audit).is_some());
}

#[test]
fn r07_a_list_restamps_what_is_there() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    let granted = region.acceptor.grant(&billing()).expect("just granted").granted;
    region.pass(TERM);
    region.act(A, Act::List(vec![(billing(), at(3).into())]));
    assert!(region.acceptor.grant(&billing()).expect("still granted").granted > granted);
    region.pass(TERM);
    assert!(matches!(region.prepare(B, 4), Reply::Busy(_)));
}

#[test]
fn r08_a_release_makes_a_late_accept_fail_and_can_be_repeated() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    assert_eq!(region.release(A, 3, 5), Outcome::Released { cleared: true });
    assert_eq!(region.release(A, 3, 5), Outcome::Released { cleared: false });
    assert_eq!(
        region.accept(A, 5, 3),
        refused(Refusal::RoundTooLow { promised: at(6) })
    );
    // It marks no more rounds dead than its own: the next one is good.
    assert!(matches!(region.accept(B, 6, 6), Outcome::Accepted { .. }));
    assert_eq!(region.release(A, 3, 5), Outcome::Released { cleared: false });
    assert_eq!(region.acceptor.promised(&billing()), at(6));
}

#[test]
fn r08_a_release_goes_before_its_accept() {
    let mut region = Region::active();
    assert_eq!(region.release(A, 3, 3), Outcome::Released { cleared: false });
    assert_eq!(
        region.accept(A, 3, 3),
        refused(Refusal::RoundTooLow { promised: at(4) })
    );
}

#[test]
fn r08_a_release_clears_nothing_newer_and_nothing_of_others() {
    let mut region = Region::active();
    region.accept(A, 5, 5);
    assert_eq!(region.release(A, 4, 4), Outcome::Released { cleared: false });
    assert_eq!(region.release(B, 9, 4), Outcome::Released { cleared: false });
    assert!(region.acceptor.grant(&billing()).is_some());
}

#[test]
fn r08_a_release_applies_under_any_configuration_of_the_right_group() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    let act = Act::Release {
        resource: billing(),
        epoch: at(3).into(),
        top: at(3),
    };
    let mut op = region.op(A, act);
    op.binding = Binding {
        config: ConfigVersion(5),
        group: GroupId(99),
    };
    assert_eq!(region.apply(&[op.clone()]), [refused(Refusal::OtherGroup(GROUP))]);
    op.binding.group = GROUP;
    assert_eq!(region.apply(&[op]), [Outcome::Released { cleared: true }]);
}

#[test]
fn r09_removal_raises_the_floor_and_keeps_a_grant_until_it_ends() {
    let mut region = Region::active();
    region.accept(A, 6, 6);
    assert_eq!(region.act(A, Act::Remove(billing())), Outcome::Removed);
    assert!(region.acceptor.grant(&billing()).is_some());
    let unknown = ResourceId::global(ResourceName::new("unknown").unwrap());
    assert_eq!(region.acceptor.promised(&unknown), at(6));
    region.release(A, 6, 8);
    assert!(region.acceptor.slot(&billing()).is_none());
    assert_eq!(region.acceptor.promised(&billing()), at(9));
}

#[test]
fn r09_a_round_out_of_reach_is_refused() {
    let mut region = Region::active();
    region.prepare(A, 4);
    let far = Act::Promise {
        resource: billing(),
        round: Round(at(4).0 + ROUND_GAP_MAX + 1),
        evidence: None,
    };
    assert_eq!(region.act(A, far), refused(Refusal::RoundTooHigh));
    let near = Act::Promise {
        resource: billing(),
        round: Round(at(4).0 + ROUND_GAP_MAX),
        evidence: None,
    };
    assert_eq!(region.act(A, near), Outcome::Promised { cleared: None });
    let later = Round::floor(ConfigVersion(2)).after();
    let later = Act::Promise {
        resource: billing(),
        round: later,
        evidence: None,
    };
    assert_eq!(region.act(A, later), refused(Refusal::RoundTooHigh));
}

#[test]
fn r19_no_global_votes_before_the_first_common_configuration() {
    let mut region = Region::formed();
    let promise = Act::Promise {
        resource: billing(),
        round: Round(1),
        evidence: None,
    };
    assert_eq!(region.act(A, promise), refused(Refusal::Inactive));
    assert_eq!(
        region.act(A, Act::ActivateConfig(first_config())),
        refused(Refusal::NotAccepted)
    );
}

#[test]
fn r19_the_first_common_configuration_is_accepted_once_for_ever() {
    let mut region = Region::formed();
    let mut without_us = first_config();
    without_us.regions.insert(east(), GroupId(70));
    let mut longer = first_config();
    longer.term_max = TERM_MAX * 2;
    let mut looser = first_config();
    looser.drift = Drift::DEFAULT;
    for other in [without_us, longer.clone(), looser] {
        let outcome = region.act(A, Act::AcceptConfig(other));
        assert_eq!(outcome, refused(Refusal::OtherConfig(Box::new(formed_config()))));
    }
    assert_eq!(
        region.act(A, Act::AcceptConfig(first_config())),
        Outcome::ConfigAccepted
    );
    assert_eq!(
        region.act(A, Act::AcceptConfig(first_config())),
        Outcome::ConfigAccepted
    );
    let outcome = region.act(A, Act::AcceptConfig(longer));
    assert_eq!(outcome, refused(Refusal::OtherConfig(Box::new(first_config()))));
}

#[test]
fn r19_an_older_configuration_is_told_the_current_one_and_another_group_its_own() {
    let mut region = Region::active();
    region.config = ConfigVersion::FORMED;
    let outdated = refused(Refusal::Outdated(Box::new(first_config())));
    assert_eq!(region.prepare(A, 1), Reply::Done(outdated));
    let act = Act::Promise {
        resource: billing(),
        round: at(1),
        evidence: None,
    };
    let mut op = region.op(A, act);
    op.binding.group = GroupId(99);
    assert_eq!(region.apply(&[op]), [refused(Refusal::OtherGroup(GROUP))]);
}

#[test]
fn a_claim_is_for_one_region_and_promises_and_grants_at_once() {
    let mut region = Region::active();
    let (term, lock_delay) = (TERM, Duration::ZERO);
    let claim = |resource, round| Ask::Claim {
        resource,
        round: at(round),
        term,
        lock_delay,
    };
    assert_eq!(
        region.ask(A, claim(billing(), 1)),
        Reply::Done(refused(Refusal::OtherScope))
    );
    let local = ResourceId::regional(east(), ResourceName::new("local").unwrap());
    assert_eq!(
        region.ask(A, claim(local.clone(), 1)),
        Reply::Done(refused(Refusal::NotSettled))
    );
    let (kind, settled) = (ScopeKind::Regional, true);
    let settle = Ask::Settle(local.name.clone(), kind);
    assert_eq!(
        region.ask(A, settle),
        Reply::Done(Outcome::Declared(Declared { kind, settled }))
    );
    let won = region.ask(A, claim(local.clone(), 1));
    assert!(matches!(won, Reply::Done(Outcome::Accepted { .. })));
    assert!(matches!(region.ask(B, claim(local.clone(), 2)), Reply::Busy(_)));
    region.pass(TERM_MAX);
    let cleared = region.ask(B, claim(local, 2));
    assert!(matches!(
        cleared,
        Reply::Done(Outcome::Accepted { cleared: Some(A), .. })
    ));
    let west = ResourceId::regional(
        RegionName::new("west").unwrap(),
        ResourceName::new("local").unwrap(),
    );
    assert_eq!(
        region.ask(A, claim(west, 3)),
        Reply::Done(refused(Refusal::OtherScope))
    );
}

#[test]
fn a_member_announces_itself_under_its_own_session_only() {
    let mut region = Region::active();
    let node = NodeName::new("n-1").unwrap();
    let session = ResourceId::session(east(), &node);
    let addresses = vec!["10.0.0.1:7400".to_owned()];
    let record = MemberRecord {
        node,
        addresses,
        weight: 1,
        draining: false,
        opaque: vec![],
    };
    assert_eq!(
        region.act(A, Act::Announce(record.clone())),
        refused(Refusal::NoSession)
    );
    let (round, term, lock_delay) = (at(1), TERM, Duration::ZERO);
    region.ask(
        A,
        Ask::Claim {
            resource: session.clone(),
            round,
            term,
            lock_delay,
        },
    );
    assert_eq!(region.act(A, Act::Announce(record.clone())), Outcome::Announced);
    assert_eq!(
        region.act(B, Act::Announce(record.clone())),
        refused(Refusal::NoSession)
    );
    let Reply::Members(members) = region.ask(B, Ask::Members) else {
        panic!("a table was asked for")
    };
    assert_eq!(
        (members.len(), members[0].live, &members[0].record),
        (1, true, &Some(record))
    );
    region.pass(TERM_MAX);
    let Reply::Members(members) = region.ask(B, Ask::Members) else {
        panic!("a table was asked for")
    };
    assert!(!members[0].live);
    let Reply::Tenants(tenants) = region.ask(B, Ask::Tenants) else {
        panic!("a table was asked for")
    };
    assert_eq!((tenants.len(), &tenants[0].resource), (1, &session));
}

#[test]
fn evidence_names_the_grant_and_the_renewal() {
    let mut region = Region::active();
    region.accept(A, 3, 3);
    let granted = Index {
        log: region.log_index,
        position: 0,
    };
    let grant = *region.acceptor.grant(&billing()).expect("just granted");
    assert_eq!(
        region.acceptor.evidence(&grant),
        Evidence {
            granted,
            renewed: None
        }
    );
    let standing = region.standing(A);
    region.act(A, Act::Renew(standing));
    let renewed = Some(Index {
        log: region.log_index,
        position: 0,
    });
    assert_eq!(region.acceptor.evidence(&grant), Evidence { granted, renewed });
}
