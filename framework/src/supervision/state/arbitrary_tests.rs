//! Random supervisors, children and exits, for the tests that make cases up.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;

use super::tests::WORKER;
use super::{ChildPolicy, Kind};
use crate::exit::ExitReason;
use crate::policy::Restart;
use crate::supervision::{AutoShutdown, Flags, Strategy};

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
