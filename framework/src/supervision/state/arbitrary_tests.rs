//! Random supervisors, children and exits, for the tests that make cases up.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;

use super::world_tests::WORKER;
use super::{ChildPolicy, Kind};
use crate::exit::ExitReason;
use crate::policy::{Backoff, Restart, Shutdown};
use crate::supervision::{AutoShutdown, Flags, Strategy};

/// What happens in a storm; a number chooses among those that it can happen to.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Started(usize),
    Ignored(usize),
    StartFailed(usize),
    StartLapsed(usize),
    Exit(usize, ExitReason),
    Obey(usize),
    Retry,
    Wait(u64),
    Lapse(usize),
    Terminate(usize),
    StartAgain(usize),
    Delete(usize),
    Add(ChildPolicy),
    Shutdown,
    Kill,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) flags: Flags,
    pub(super) kind: Kind,
    pub(super) children: Vec<ChildPolicy>,
    pub(super) steps: Vec<Step>,
    /// What never ends, however it is killed.
    pub(super) deaf: BTreeSet<u64>,
}

pub(super) fn policies(kind: Kind) -> impl Generator<Value = ChildPolicy> + Clone {
    let restart = prop_oneof![
        3 => Just(Restart::Permanent),
        2 => Just(Restart::Transient),
        1 => Just(Restart::Temporary)
    ];
    (restart, any::<bool>()).prop_map(move |(restart, significant)| ChildPolicy {
        restart,
        is_significant: significant && restart != Restart::Permanent && kind == Kind::Declared,
        ..WORKER
    })
}

pub(super) fn reasons() -> impl Generator<Value = ExitReason> {
    prop_oneof![
        1 => Just(ExitReason::Normal),
        1 => Just(ExitReason::Shutdown),
        3 => Just(ExitReason::Killed),
        3 => Just(ExitReason::error("x")),
    ]
}

pub(super) fn kinds() -> impl Generator<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Declared),
        1 => Just(Kind::Dynamic { children_max: 100 }),
        1 => Just(Kind::Root)
    ]
}

pub(super) fn all_flags() -> impl Generator<Value = Flags> {
    let strategy = prop_oneof![
        Just(Strategy::OneForOne),
        Just(Strategy::OneForAll),
        Just(Strategy::RestForOne)
    ];
    let auto_shutdown = prop_oneof![
        3 => Just(AutoShutdown::Never),
        1 => Just(AutoShutdown::AnySignificant),
        1 => Just(AutoShutdown::AllSignificant)
    ];
    (strategy, auto_shutdown, 0..6_u32).prop_map(|(strategy, auto_shutdown, intensity)| Flags {
        strategy,
        intensity,
        period: Duration::from_secs(5),
        auto_shutdown,
    })
}

/// A storm.
pub(super) fn cases() -> impl Generator<Value = Case> {
    (all_flags(), kinds()).prop_flat_map(|(flags, kind)| {
        let which = 0..8_usize;
        let policy = (policies(kind), 0..4_u8, 0..3_u8).prop_map(|(policy, shutdown, backoff)| ChildPolicy {
            shutdown: match shutdown {
                0 => Shutdown::Kill,
                1 => Shutdown::Infinity,
                _ => policy.shutdown,
            },
            backoff: (backoff == 0).then(|| Backoff::new(Duration::from_millis(100), Duration::from_secs(2))),
            ..policy
        });
        let step = prop_oneof![
            10 => which.clone().prop_map(Step::Started),
            1 => which.clone().prop_map(Step::Ignored),
            3 => which.clone().prop_map(Step::StartFailed),
            1 => which.clone().prop_map(Step::StartLapsed),
            5 => (which.clone(), reasons()).prop_map(|(which, reason)| Step::Exit(which, reason)),
            6 => which.clone().prop_map(Step::Obey),
            3 => Just(Step::Retry),
            4 => (1..6000_u64).prop_map(Step::Wait),
            1 => which.clone().prop_map(Step::Lapse),
            2 => which.clone().prop_map(Step::Terminate),
            2 => which.clone().prop_map(Step::StartAgain),
            1 => which.prop_map(Step::Delete),
            2 => policy.clone().prop_map(Step::Add),
        ];
        let ends = prop_oneof![
            3 => Just(None),
            2 => Just(Some(Step::Shutdown)),
            1 => Just(Some(Step::Kill))
        ];
        let first = if kind == Kind::Declared { 6 } else { 1 };
        let deaf = prop::collection::btree_set(0..6_u64, 0..3);
        let steps = prop::collection::vec(step, 0..60);
        (
            prop::collection::vec(policy, 0..first),
            steps,
            ends,
            0..60_usize,
            deaf,
        )
            .prop_map(move |(children, mut steps, end, at, deaf)| {
                if let Some(end) = end {
                    steps.insert(at.min(steps.len()), end);
                }
                Case {
                    flags,
                    kind,
                    children,
                    steps,
                    deaf,
                }
            })
    })
}
