//! The short way of a root's children, most of which start, run and end with nothing else to it: what the long way has done by commands,
//! whoever calls these does at once.

use super::{Cause, Child, ChildState, Key, Kind, Phase, SharedPolicy, State, comes_back};
use crate::exit::ExitReason;

impl<S> State<S> {
    /// As [`add`](Self::add) and [`Command::Start`](super::Command::Start). `None` when nothing is started now.
    #[inline(always)]
    pub(crate) fn add_started(&mut self, policy: SharedPolicy, slot: impl FnOnce() -> S) -> Option<Key> {
        if self.kind != Kind::Root || self.phase != Phase::Running {
            return None;
        }
        Some(self.push(|| Child::new(slot, policy, ChildState::Starting(Cause::Added))))
    }

    /// As [`handle_started`](Self::handle_started), if it has, and [`handle_exited`](Self::handle_exited), when they come to
    /// [`Command::Remove`](super::Command::Remove), of a child that is plain. False when they do not: nothing has changed.
    #[inline(always)]
    pub(crate) fn end(
        &mut self,
        key: Key,
        has_started: bool,
        reason: &ExitReason,
        is_plain: impl FnOnce(&S) -> bool,
    ) -> bool {
        let may_be_short = self.kind == Kind::Root && self.phase == Phase::Running;
        let is_short = |child: &Child<S>| {
            let runs = match child.state {
                ChildState::Running => true,
                ChildState::Starting(_) => has_started,
                _ => false,
            };
            runs && is_plain(&child.slot)
                && child.is_plain()
                && !child.policy().is_significant
                && !comes_back(child.policy().restart, reason)
        };
        may_be_short && self.children.forget_if(key, is_short)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::{ChildPolicy, Command};
    use super::*;
    use crate::policy::{Restart, Shutdown};
    use crate::supervision::Flags;

    const NOTHING: &[Command] = &[];

    fn policy(restart: Restart) -> ChildPolicy {
        ChildPolicy {
            restart,
            shutdown: Shutdown::Infinity,
            backoff: None,
            is_significant: false,
        }
    }

    fn state(kind: Kind, now: Instant) -> State {
        let mut state = State::new(Flags::DEFAULT, kind, 1);
        state.handle_boot(now);
        commands(&mut state);
        state
    }

    fn commands(state: &mut State) -> Vec<Command> {
        std::iter::from_fn(|| state.poll_command()).collect()
    }

    /// What the table of commands that are done makes no difference for.
    fn shown(mut state: State) -> String {
        state.commands.shrink_to_fit();
        format!("{state:?}")
    }

    #[test]
    fn the_short_way_comes_to_what_the_long_one_does() {
        let now = Instant::now();
        let mut ends = 0;
        for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            for reason in [
                ExitReason::Normal,
                ExitReason::Shutdown,
                ExitReason::Killed,
                ExitReason::Lapsed,
                ExitReason::error("x"),
            ] {
                for (has_started, is_told, is_asked) in [
                    (false, false, false),
                    (true, false, false),
                    (true, true, false),
                    (true, true, true),
                ] {
                    let case = format!("{restart:?} {reason:?} {has_started} {is_told} {is_asked}");
                    let (mut long, mut short) = (state(Kind::Root, now), state(Kind::Root, now));
                    let key = long.add(policy(restart), ()).unwrap();
                    assert_eq!(commands(&mut long), [Command::Start(key)]);
                    assert_eq!(short.add_started(policy(restart).into(), || ()), Some(key));
                    assert_eq!(shown(long.clone()), shown(short.clone()), "{case}");
                    for state in [&mut long, &mut short] {
                        if is_told {
                            state.handle_started(now, key);
                        }
                        if is_asked {
                            state.terminate(now, key);
                            commands(state);
                        }
                    }
                    let before = shown(short.clone());
                    if has_started {
                        long.handle_started(now, key);
                    }
                    long.handle_exited(now, key, &reason);
                    let done = commands(&mut long);
                    if short.end(key, has_started, &reason, |()| true) {
                        ends += 1;
                        assert_eq!(done, [Command::Remove(key, ())], "{case}");
                        assert_eq!(shown(long), shown(short), "{case}");
                    } else {
                        assert_eq!(before, shown(short), "{case}");
                    }
                }
            }
        }
        // A temporary one for all five reasons, a transient one for three of them, a permanent one when its tenure has ended.
        assert_eq!(ends, 2 * (5 + 3 + 1));
    }

    #[test]
    fn only_a_root_that_runs_has_it() {
        let now = Instant::now();
        for kind in [Kind::Declared, Kind::Dynamic { children_max: 9 }] {
            let mut state = state(kind, now);
            assert_eq!(state.add_started(policy(Restart::Temporary).into(), || ()), None);
            let key = state.add(policy(Restart::Temporary), ()).unwrap();
            state.handle_started(now, key);
            commands(&mut state);
            assert!(!state.end(key, true, &ExitReason::Normal, |()| true));
            assert_eq!(commands(&mut state), NOTHING);
        }
        let mut root = state(Kind::Root, now);
        let key = root
            .add_started(policy(Restart::Temporary).into(), || ())
            .unwrap();
        root.handle_shutdown(now);
        assert_eq!(commands(&mut root), [Command::Ask(key)]);
        assert_eq!(root.add_started(policy(Restart::Temporary).into(), || ()), None);
        assert!(!root.end(key, true, &ExitReason::Shutdown, |()| true));
    }
}
