//! Every promise is broken by what it names, and by nothing else.

use super::super::report::{Calls, End, HandOff, Interval};
use super::*;

fn step(cause: Cause, before: u64, region_before: &str, region_after: &str) -> FailOver {
    FailOver {
        cause,
        killed_at_ms: before * 1_000,
        unavailable_ms: 4_800,
        epoch_before: before,
        epoch_after: before + 1,
        region_before: region_before.to_owned(),
        region_after: region_after.to_owned(),
        calls_failed: 200,
    }
}

fn good() -> Report {
    let ends = [
        ("us-east-1", End::Killed),
        ("us-east-2", End::Killed),
        ("us-west-1", End::HandedOff),
        ("us-east-3", End::Lapsed),
        ("us-east-1", End::Stopped),
    ];
    let interval = |(index, (node, end)): (usize, (&str, End))| Interval {
        node: node.to_owned(),
        epoch: index as u64 + 1,
        from_ms: index as u64 * 10_000,
        to_ms: index as u64 * 10_000 + 5_000,
        end,
    };
    Report {
        schema: SCHEMA,
        regions: ["us-east", "us-west", "eu-central"].map(str::to_owned).to_vec(),
        nodes: 9,
        fail_overs: vec![
            step(Cause::NodeKilled, 1, "us-east", "us-east"),
            step(Cause::RegionKilled, 2, "us-east", "us-west"),
            step(Cause::NodePaused, 4, "us-east", "us-east"),
        ],
        hand_offs: vec![HandOff {
            unavailable_ms: 300,
            epoch_before: 3,
            epoch_after: 4,
            region_before: "us-west".to_owned(),
            region_after: "us-east".to_owned(),
            calls_failed: 0,
        }],
        intervals: ends.into_iter().enumerate().map(interval).collect(),
        max_concurrent_holders: 1,
        stale_writes_offered: 5,
        fenced_writes_refused: 5,
        calls: Calls {
            ok: 2_000,
            failed: 600,
            max_ms: 420,
        },
        epochs: vec![1, 2, 3, 4, 5],
    }
}

#[test]
fn a_good_report_breaks_no_promise() {
    assert_eq!(broken(&good()), []);
}

#[test]
fn each_promise_is_broken_by_what_it_names() {
    type Spoil = fn(&mut Report);
    let table: &[(&str, Spoil, &str)] = &[
        ("schema", |it| it.schema = 2, "schema 2"),
        (
            "one-holder",
            |it| it.max_concurrent_holders = 2,
            "2 instances had effects",
        ),
        (
            "one-holder",
            |it| it.max_concurrent_holders = 0,
            "no instance wrote",
        ),
        (
            "one-holder",
            |it| it.intervals[0].to_ms = 10_001,
            "show 2 instances",
        ),
        (
            "epochs-grow",
            |it| it.epochs.push(5),
            "epoch 5 came after epoch 5",
        ),
        (
            "epochs-grow",
            |it| it.epochs.swap(0, 1),
            "epoch 1 came after epoch 2",
        ),
        ("epochs-grow", |it| it.epochs.clear(), "no epoch"),
        (
            "one-node-per-epoch",
            |it| (it.intervals[4].epoch, it.intervals[4].node) = (1, "us-west-2".to_owned()),
            "us-east-1 and us-west-2",
        ),
        (
            "moves-raise-the-epoch",
            |it| it.fail_overs[0].epoch_after = 1,
            "from epoch 1 to epoch 1",
        ),
        (
            "moves-raise-the-epoch",
            |it| it.hand_offs[0].epoch_after = 2,
            "from epoch 3 to epoch 2",
        ),
        (
            "moves-are-witnessed",
            |it| it.fail_overs[2].epoch_after = 9,
            "epoch 9",
        ),
        (
            "stale-writes-are-refused",
            |it| it.fenced_writes_refused = 4,
            "refused 4 of 5",
        ),
        (
            "node-killed",
            |it| it.fail_overs[0].unavailable_ms = 6_001,
            "6001 ms",
        ),
        ("node-killed", |it| drop(it.fail_overs.remove(0)), "node-killed"),
        (
            "region-killed",
            |it| it.fail_overs[1].unavailable_ms = 9_000,
            "9000 ms",
        ),
        (
            "region-killed",
            |it| it.fail_overs[1].region_after = "us-east".to_owned(),
            "us-east",
        ),
        (
            "region-killed",
            |it| drop(it.fail_overs.remove(1)),
            "region-killed",
        ),
        (
            "node-paused",
            |it| it.fail_overs[2].unavailable_ms = 8_000,
            "8000 ms",
        ),
        ("node-paused", |it| drop(it.fail_overs.pop()), "node-paused"),
        ("hand-off", |it| it.hand_offs[0].unavailable_ms = 1_001, "1001 ms"),
        (
            "hand-off",
            |it| it.hand_offs[0].calls_failed = 1,
            "1 calls failed",
        ),
        (
            "hand-off",
            |it| it.hand_offs[0].region_after = "us-west".to_owned(),
            "not its home",
        ),
        ("hand-off", |it| it.hand_offs.clear(), "no hand-off"),
        ("nine-nodes", |it| it.nodes = 8, "8 nodes"),
        ("nine-nodes", |it| drop(it.regions.pop()), "2 regions"),
        ("calls", |it| it.calls.ok = 0, "no call"),
    ];
    for (promise, spoil, words) in table {
        let mut report = good();
        spoil(&mut report);
        let found = broken(&report);
        let breach = found.iter().find(|it| it.promise == *promise);
        let breach = breach.unwrap_or_else(|| panic!("{promise} ({words}) is not among {found:?}"));
        assert!(breach.sentence.contains(words), "{breach} lacks {words}");
    }
}

#[test]
fn too_few_stale_writes_prove_nothing() {
    let mut report = good();
    (report.stale_writes_offered, report.fenced_writes_refused) = (3, 3);
    assert_eq!(broken(&report)[0].promise, "stale-writes-are-refused");
}
