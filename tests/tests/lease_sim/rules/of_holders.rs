//! Rules 10 to 18: candidates and holders before three regions with perfect clocks.
//!
//! Longer than most: a test for each rule of a holder, which share one small world.

use std::time::Duration;

use quorate_regions::id::{Epoch, ResourceId, Round, Uid};
use quorate_regions::lease::{
    Ask, Candidate, CandidateCommand, Drift, Ended, Fence, Fenced, HolderCommand, LeaseClock, NotNow,
    Readings, Reply, Request, Side, Time, Validity, valid_until,
};

use super::super::stage::{Player, Stage, TERM, TIMING, Way, global};

use Way::{Cut, Kept, Open};

fn candidate(uid: u128, resource: &ResourceId) -> Candidate {
    Candidate::new(Uid(uid), resource.clone(), TIMING, Duration::ZERO)
}

/// Everything that the candidate sends now, and how its attempt ended if it did.
fn drain(candidate: &mut Candidate) -> (Vec<(usize, Request)>, Option<Ended>) {
    let (mut sent, mut end) = (Vec::new(), None);
    while let Some(command) = candidate.poll_command() {
        match command {
            CandidateCommand::Send { region, request } => {
                sent.push((
                    ["a", "b", "c"]
                        .iter()
                        .position(|it| *it == region.as_str())
                        .unwrap(),
                    request,
                ));
            }
            CandidateCommand::Ended(ended) => end = Some(ended),
        }
    }
    (sent, end)
}

fn answer(stage: &mut Stage, candidate: &mut Candidate, at: usize, request: &Request) {
    let answer = stage.exchange(at, request);
    candidate.handle_answer(stage.now, &stage.name(at), answer);
}

fn sends(player: &mut Player, kind: fn(&Ask) -> bool) -> usize {
    let count = player
        .sent
        .iter()
        .filter(|(_, request)| kind(&request.ask))
        .count();
    player.sent.clear();
    count
}

fn is_renewal(ask: &Ask) -> bool {
    matches!(ask, Ask::Renew(_))
}

fn is_release(ask: &Ask) -> bool {
    matches!(ask, Ask::Release { .. })
}

#[test]
fn r07_a_region_with_another_memory_is_forgotten_and_asked_again() {
    let mut stage = Stage::new(None);
    let (billing, audit) = (global("billing"), global("audit"));
    let mut holder = stage.player(1, [Open, Open, Cut]);
    assert!(stage.attempt(&mut holder, &billing) && stage.attempt(&mut holder, &audit));
    let (epoch, before) = (holder.holder.validity(&billing).unwrap().epoch, stage.now);
    stage.restore(1, 99);
    holder.ways = [Open, Kept, Cut];
    stage.pass(12, &mut [&mut holder]);
    let (at, renewal) = holder.last_kept(is_renewal);
    let mismatch = stage.exchange(at, &renewal);
    holder.holder.handle_answer(stage.now, &stage.name(at), mismatch);
    // What the region had granted is gone, and with it the majority: no waiting for the term.
    assert_eq!(holder.holder.validity(&billing), None);
    assert!(stage.now.since(before) < TERM / 2);

    let resources = [&billing, &audit];
    for resource in resources {
        holder.holder.release(stage.now, resource, epoch);
    }
    holder.ways = [Open; 3];
    stage.pass(2, &mut [&mut holder]);
    assert!(stage.attempt(&mut holder, &billing));
    stage.pass(60, &mut [&mut holder]);
    assert!(
        holder
            .holder
            .validity(&billing)
            .is_some_and(|it| it.holds(stage.now))
    );
}

#[test]
fn r07_a_thousand_grants_are_one_renewal_and_one_that_is_missing_is_not_counted() {
    let mut stage = Stage::new(None);
    let many: Vec<_> = (0..1_000).map(|at| global(&format!("s{at}"))).collect();
    let mut holder = stage.player(1, [Open; 3]);
    for resource in &many {
        assert!(stage.attempt(&mut holder, resource));
    }
    stage.pass(20, &mut [&mut holder]);
    sends(&mut holder, is_renewal);
    // Region c loses one of them to somebody who reaches it alone.
    holder.ways = [Open, Open, Cut];
    stage.pass(45, &mut [&mut holder]);
    let mut rival = stage.player(2, [Open; 3]);
    let round = stage.acceptor(2).promised(&many[7]).after();
    let prepare = rival.holder.request(
        &stage.name(2),
        Ask::Prepare {
            resource: many[7].clone(),
            round,
        },
    );
    stage.exchange(2, &prepare.unwrap());
    holder.ways = [Open, Cut, Open];
    holder.loses_accepts = true;
    sends(&mut holder, is_renewal);
    stage.pass(40, &mut [&mut holder]);
    let messages = sends(&mut holder, |ask| matches!(ask, Ask::Renew(_) | Ask::List(_)));
    assert!(messages < 30, "{messages} messages for a thousand grants");
    let held = many
        .iter()
        .filter(|resource| holder.holder.validity(resource).is_some());
    assert_eq!(held.count(), 999);
    assert_eq!(holder.holder.validity(&many[7]), None);
}

#[test]
fn r10_nothing_is_prepared_before_a_majority_looks_open() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut holder, &billing));
    let before = stage.acceptor(0).clone();
    let mut other = candidate(2, &billing);
    other.start(stage.now, &stage.config.clone(), Round::default(), 0);
    let (probes, _) = drain(&mut other);
    assert!(
        probes
            .iter()
            .all(|(_, request)| matches!(request.ask, Ask::Probe(_)))
    );
    for (at, probe) in &probes {
        answer(&mut stage, &mut other, *at, probe);
    }
    let (sent, end) = drain(&mut other);
    let Some(Ended::Lost(lost)) = end else {
        panic!("two regions hold it")
    };
    assert!(sent.is_empty() && lost.round.is_none() && lost.asked.is_empty());
    assert!(
        lost.retry_after > Duration::from_secs(3),
        "it waits for the grant to expire"
    );
    assert_eq!(*stage.acceptor(0), before);
}

#[test]
fn r10_the_round_is_above_every_promise_seen_and_every_round_used() {
    let billing = global("billing");
    for (used, expected) in [(0, 41), (90, 91)] {
        let mut stage = Stage::new(None);
        let base = Round::floor(stage.config.version).0;
        let mut rival = stage.player(9, [Open; 3]);
        let ask = Ask::Prepare {
            resource: billing.clone(),
            round: Round(base + 40),
        };
        let prepare = rival.holder.request(&stage.name(1), ask).unwrap();
        stage.exchange(1, &prepare);
        stage.now = stage.now.after(Duration::from_secs(1));
        let mut new = candidate(2, &billing);
        new.start(stage.now, &stage.config.clone(), Round(base + used), 0);
        let (probes, _) = drain(&mut new);
        // Two answers that look open are enough; the second brings the rival's promise.
        answer(&mut stage, &mut new, 1, &probes[1].1);
        answer(&mut stage, &mut new, 0, &probes[0].1);
        let (prepares, _) = drain(&mut new);
        let Ask::Prepare { round, .. } = prepares[0].1.ask else {
            panic!("a majority looks open")
        };
        assert_eq!((prepares.len(), round), (3, Round(base + expected)));
    }
}

#[test]
fn r10_a_promise_younger_than_a_back_off_is_not_open() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut rival = stage.player(9, [Open; 3]);
    for at in 0..2 {
        let round = Round::floor(stage.config.version).after();
        let ask = Ask::Prepare {
            resource: billing.clone(),
            round,
        };
        let prepare = rival.holder.request(&stage.name(at), ask).unwrap();
        stage.exchange(at, &prepare);
    }
    let mut new = stage.player(2, [Open; 3]);
    assert!(!stage.attempt(&mut new, &billing));
    stage.now = stage.now.after(Duration::from_millis(20));
    assert!(stage.attempt(&mut new, &billing));
}

#[test]
fn r10_an_attempt_lives_half_a_term_from_its_prepare_and_asks_again_with_the_same_number() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut new = candidate(2, &billing);
    new.start(stage.now, &stage.config.clone(), Round::default(), 0);
    let (probes, _) = drain(&mut new);
    for (at, probe) in &probes[..2] {
        answer(&mut stage, &mut new, *at, probe);
    }
    let prepared = stage.now;
    let (prepares, _) = drain(&mut new);
    answer(&mut stage, &mut new, 0, &prepares[0].1);
    stage.now = new.next_deadline().unwrap();
    new.handle_timeout(stage.now);
    let (again, _) = drain(&mut new);
    assert_eq!(
        again,
        prepares[1..],
        "whoever has not answered is asked the same again"
    );
    stage.now = prepared.after(TERM / 2);
    new.handle_timeout(stage.now);
    let (_, end) = drain(&mut new);
    let Some(Ended::Lost(lost)) = end else {
        panic!("half a term is over")
    };
    assert!(
        lost.round.is_some() && lost.asked.is_empty(),
        "a promise holds nothing"
    );
}

#[test]
fn r10_a_candidate_that_lost_after_its_accept_gives_back_and_uses_a_new_round() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut new = stage.player(2, [Open; 3]);
    let used = new.holder.begin(stage.now, &billing).unwrap();
    let mut attempt = candidate(2, &billing);
    attempt.start(stage.now, &stage.config.clone(), used, 0);
    for _ in 0..2 {
        for (at, request) in &drain(&mut attempt).0[..2] {
            answer(&mut stage, &mut attempt, *at, request);
        }
    }
    let (accepts, _) = drain(&mut attempt);
    answer(&mut stage, &mut attempt, 0, &accepts[0].1);
    stage.now = stage.now.after(TERM / 2);
    attempt.handle_timeout(stage.now);
    let Some(ended @ Ended::Lost(_)) = drain(&mut attempt).1 else {
        panic!("one region is no majority")
    };
    new.holder.ended(stage.now, ended);
    stage.settle(&mut new);
    assert_eq!(sends(&mut new, is_release), 3);
    assert!(stage.acceptor(0).grant(&billing).is_none());
    let again = new.holder.begin(stage.now, &billing).unwrap();
    assert!(again > used && again >= stage.acceptor(0).promised(&billing));
}

#[test]
fn r11_validity_counts_from_the_first_byte_of_the_qth_newest_message() {
    let sent = [Time(10), Time(30), Time(20)].map(|time| Time(time.0 * 1_000_000_000));
    let term = Duration::from_secs(4);
    let stop = Duration::from_secs(1);
    let until =
        |quorum| valid_until(sent.into_iter(), quorum, term, stop).map(|until| until.0 / 1_000_000_000);
    assert_eq!([1, 2, 3, 4].map(until), [Some(33), Some(23), Some(13), None]);
}

#[test]
fn r11_the_arrival_of_an_answer_never_counts() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open, Open, Cut]);
    assert!(stage.attempt(&mut holder, &billing));
    let before = holder.holder.validity(&billing).unwrap().until;
    holder.ways = [Kept, Kept, Cut];
    stage.pass(10, &mut [&mut holder]);
    let kept: Vec<_> = holder
        .kept
        .drain(..)
        .filter(|(_, it)| is_renewal(&it.ask))
        .collect();
    let sent = stage.now;
    stage.now = stage.now.after(Duration::from_secs(2));
    for (at, renewal) in kept {
        let answer = stage.exchange(at, &renewal);
        holder.holder.handle_answer(stage.now, &stage.name(at), answer);
    }
    let until = holder.holder.validity(&billing).unwrap().until;
    assert!(until > before && until <= sent.after(TERM));
}

#[test]
fn r12_a_region_is_renewed_every_quarter_and_a_silent_one_every_sixteenth() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut holder, &billing));
    stage.pass(10, &mut [&mut holder]);
    sends(&mut holder, is_renewal);
    stage.pass(100, &mut [&mut holder]);
    assert_eq!(
        sends(&mut holder, is_renewal),
        30,
        "three regions, ten seconds, once a second"
    );
    holder.ways[2] = Cut;
    stage.pass(10, &mut [&mut holder]);
    holder.sent.retain(|(at, _)| *at == 2);
    assert_eq!(sends(&mut holder, is_renewal), 1);
    stage.pass(25, &mut [&mut holder]);
    holder.sent.retain(|(at, _)| *at == 2);
    assert!(
        sends(&mut holder, is_renewal) >= 5,
        "after half a term without an answer it hurries"
    );
}

#[test]
fn r12_a_missing_grant_is_added_again_under_the_same_epoch_in_a_raised_round() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open, Open, Cut]);
    assert!(stage.attempt(&mut holder, &billing));
    let epoch = holder.holder.validity(&billing).unwrap().epoch;
    let mut rival = stage.player(2, [Open; 3]);
    let round = Round(epoch.0 + 7);
    let ask = Ask::Prepare {
        resource: billing.clone(),
        round,
    };
    let prepare = rival.holder.request(&stage.name(2), ask).unwrap();
    stage.exchange(2, &prepare);
    holder.ways = [Open; 3];
    stage.pass(20, &mut [&mut holder]);
    let grant = stage
        .acceptor(2)
        .grant(&billing)
        .expect("the holder asked for it");
    assert_eq!((grant.uid, grant.epoch), (Uid(1), epoch));
    assert_eq!(stage.acceptor(2).promised(&billing), round.after());
    assert_eq!(holder.holder.validity(&billing).unwrap().epoch, epoch);
}

#[test]
fn r13_a_lapse_ends_the_epoch_and_is_given_back_after_the_stop() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut holder, &billing));
    let epoch = holder.holder.validity(&billing).unwrap().epoch;
    holder.ways = [Cut; 3];
    stage.pass(36, &mut [&mut holder]);
    let lapsed = HolderCommand::Lapsed {
        resource: billing.clone(),
        epoch,
    };
    assert_eq!(holder.events.iter().filter(|event| **event == lapsed).count(), 1);
    assert_eq!(holder.holder.validity(&billing), None);
    assert_eq!(holder.holder.begin(stage.now, &billing), Err(NotNow::Held));

    holder.ways = [Open; 3];
    stage.pass(10, &mut [&mut holder]);
    assert_eq!(
        sends(&mut holder, is_release),
        0,
        "its actor may still be stopping"
    );
    holder.holder.release(stage.now, &billing, epoch);
    stage.settle(&mut holder);
    assert_eq!(sends(&mut holder, is_release), 3);
    assert!(stage.attempt(&mut holder, &billing));
    assert!(holder.holder.validity(&billing).unwrap().epoch > epoch);
}

#[test]
fn r13_an_answer_that_comes_after_the_end_saves_nothing() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open, Open, Cut]);
    assert!(stage.attempt(&mut holder, &billing));
    holder.ways = [Kept, Kept, Cut];
    stage.pass(30, &mut [&mut holder]);
    let kept = std::mem::take(&mut holder.kept);
    stage.now = stage.now.after(Duration::from_secs(1));
    for (at, request) in kept {
        let answer = stage.exchange(at, &request);
        holder.holder.handle_answer(stage.now, &stage.name(at), answer);
    }
    assert_eq!(holder.holder.validity(&billing), None);
}

#[test]
fn r14_validity_ends_before_the_stop_budget_and_an_overrun_after_it() {
    let validity = Validity {
        epoch: Epoch(1),
        until: Time(1_000),
        stop: Duration::from_nanos(100),
    };
    assert!(validity.holds(Time(999)) && !validity.holds(Time(1_000)));
    assert!(!validity.is_overrun(Time(1_099)) && validity.is_overrun(Time(1_100)));
}

#[test]
fn r15_a_hand_off_renews_until_it_is_quiet_and_a_majority_lets_the_next_go_ahead() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open; 3]);
    assert!(stage.attempt(&mut holder, &billing));
    let epoch = holder.holder.validity(&billing).unwrap().epoch;
    // The actor stops for longer than the term; the lease lives on meanwhile.
    stage.pass(60, &mut [&mut holder]);
    assert!(holder.holder.validity(&billing).unwrap().holds(stage.now));
    holder.ways = [Open, Cut, Cut];
    holder.holder.release(stage.now, &billing, epoch);
    stage.settle(&mut holder);
    let released = HolderCommand::Released {
        resource: billing.clone(),
        epoch,
    };
    assert!(!holder.events.contains(&released), "one region is no majority");
    holder.ways = [Open, Open, Cut];
    stage.pass(10, &mut [&mut holder]);
    assert!(holder.events.contains(&released));
    let mut next = stage.player(2, [Open, Open, Cut]);
    assert!(stage.attempt(&mut next, &billing));
    // The third region is told until it answers, and the late Release hurts nobody.
    assert!(!holder.holder.is_quiet());
    holder.ways = [Open; 3];
    stage.pass(50, &mut [&mut holder, &mut next]);
    assert!(holder.holder.is_quiet() && next.holder.validity(&billing).is_some());
}

#[test]
fn r16_a_holder_goes_by_the_faster_clock_and_a_region_by_the_slower() {
    let at = |boottime, monotonic, monotonic_raw| Readings {
        boottime,
        monotonic,
        monotonic_raw,
    };
    let (start, second) = (at(0, 0, 0), 1_000_000_000);
    let mut holder = LeaseClock::new(Side::Holder, Drift::DEFAULT, start);
    let mut region = LeaseClock::new(Side::Region, Drift::DEFAULT, start);
    // The first clock leads in one second, the other one in the next: each second counts for itself.
    let first = at(second, second, second + 500);
    let then = at(2 * second + 1_000, 2 * second + 1_000, 2 * second + 500);
    assert_eq!(holder.read(first), (Time(second + 500), None));
    assert_eq!(region.read(first), (Time(second), None));
    assert_eq!(holder.read(then), (Time(2 * second + 1_500), None));
    assert_eq!(region.read(then), (Time(2 * second), None));
}

#[test]
fn r16_a_suspension_counts_for_the_holder_and_raises_an_alarm() {
    let at = |boottime, monotonic, monotonic_raw| Readings {
        boottime,
        monotonic,
        monotonic_raw,
    };
    let hour = 3_600_000_000_000;
    let mut holder = LeaseClock::new(Side::Holder, Drift::DEFAULT, at(0, 0, 0));
    let mut region = LeaseClock::new(Side::Region, Drift::DEFAULT, at(0, 0, 0));
    let woken = at(hour, 1_000, 1_000);
    let (now, alarm) = holder.read(woken);
    assert_eq!(
        (now, alarm.map(|it| it.most)),
        (Time(hour), Some(Duration::from_hours(1)))
    );
    assert_eq!(region.read(woken), (Time(1_000), None));
}

#[test]
fn r17_a_fence_never_lets_a_lower_epoch_through_after_a_higher_one() {
    let mut fence = Fence::default();
    assert_eq!(fence.admit(Epoch(4)), Ok(()));
    assert_eq!(fence.admit(Epoch(6)), Ok(()));
    assert_eq!(fence.admit(Epoch(6)), Ok(()));
    assert_eq!(
        fence.admit(Epoch(5)),
        Err(Fenced {
            offered: Epoch(5),
            highest: Epoch(6)
        })
    );
    assert_eq!(fence.highest(), Some(Epoch(6)));
}

#[test]
fn r17_a_lock_delay_follows_an_expiry_but_not_a_release() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut holder = stage.player(1, [Open; 3]);
    holder.lock_delay = Duration::from_secs(5);
    assert!(stage.attempt(&mut holder, &billing));
    stage.pass(5, &mut [&mut holder]);
    let mut next = stage.player(2, [Open; 3]);
    holder.ways = [Cut; 3];
    stage.pass(80, &mut [&mut holder]);
    assert!(!stage.attempt(&mut next, &billing));
    stage.pass(10, &mut [&mut holder]);
    assert!(stage.attempt(&mut next, &billing));

    let epoch = next.holder.validity(&billing).unwrap().epoch;
    next.holder.release(stage.now, &billing, epoch);
    stage.settle(&mut next);
    stage.now = stage.now.after(Duration::from_millis(20));
    let mut third = stage.player(3, [Open; 3]);
    assert!(stage.attempt(&mut third, &billing));
}

#[test]
fn r18_a_home_that_cannot_run_the_actor_releases_and_sits_out() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut home = stage.player(1, [Open; 3]);
    for seconds in [1, 2, 4] {
        assert!(stage.attempt(&mut home, &billing));
        let epoch = home.holder.validity(&billing).unwrap().epoch;
        home.holder.give_up(stage.now, &billing, epoch);
        let until = stage.now.after(Duration::from_secs(seconds));
        stage.settle(&mut home);
        assert_eq!(
            home.holder.begin(stage.now, &billing),
            Err(NotNow::SittingOut(until))
        );
        let mut other = stage.player(seconds.into(), [Open; 3]);
        stage.now = stage.now.after(Duration::from_millis(100));
        assert!(stage.attempt(&mut other, &billing), "somebody else gets its turn");
        let epoch = other.holder.validity(&billing).unwrap().epoch;
        other.holder.release(stage.now, &billing, epoch);
        stage.settle(&mut other);
        stage.now = until;
    }
}

#[test]
fn an_answer_is_only_believed_from_the_group_that_was_asked() {
    let mut stage = Stage::new(None);
    let billing = global("billing");
    let mut new = candidate(2, &billing);
    new.start(stage.now, &stage.config.clone(), Round::default(), 0);
    let (probes, _) = drain(&mut new);
    for (at, probe) in &probes {
        let mut answer = stage.exchange(*at, probe);
        assert!(matches!(answer.reply, Reply::Looks(_)));
        answer.binding.group = quorate_regions::id::GroupId(77);
        new.handle_answer(stage.now, &stage.name(*at), answer);
    }
    assert_eq!(drain(&mut new), (vec![], None));
}
