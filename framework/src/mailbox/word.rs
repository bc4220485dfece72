//! The one word of a mailbox: everything that senders and the loop must agree on, changed in one step. Pure.
//!
//! ```text
//! 63        46 45                         4 3       0
//! |  count    |  address of the newest / 64 |  flags |
//! ```
//! The count is of the messages that take up room: those that lie in the mailbox, those that the loop has taken and not begun, and the
//! rooms that were granted to senders who waited. The newest message leads to the one before it. Nodes lie at multiples of 64 in a user
//! space of 48 bits, so that 42 bits hold their address.

use crate::store::{ADDRESS_BITS, ALIGN};

/// What the count can hold.
const COUNT_MAX: usize = 0x3_FFFF;
/// Messages in one mailbox, at most: the count holds one beyond the bound, too.
pub(super) const BOUND_MAX: usize = COUNT_MAX - 1;

/// The loop sleeps. Whoever takes this away wakes it.
const IDLE: u64 = 1;
/// Senders wait for room.
const AWAITED: u64 = 2;
/// A caller runs the actor, in place of the loop.
const IN_PLACE: u64 = 4;
/// The loop waits within a message, or before its first or after its last one: no message wakes it.
const SUSPENDED: u64 = IDLE | IN_PLACE;
/// Whose turn it is: one of the three above, or 0 for the loop's.
const TURN: u64 = IDLE | IN_PLACE;
/// The loop was woken meanwhile: whoever has the turn sees to it that it runs again.
const NUDGED: u64 = 8;

const COUNT_SHIFT: u32 = 46;
const ADDRESS_SHIFT: u32 = 4;
const ADDRESS: u64 = (1 << COUNT_SHIFT) - (1 << ADDRESS_SHIFT);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

impl Word {
    pub(super) const EMPTY: Self = Self(0);

    /// True when an address can be held.
    pub(super) fn can_hold(address: usize) -> bool {
        address.is_multiple_of(ALIGN) && address as u64 >> ADDRESS_BITS == 0
    }

    /// 0 when no message lies here.
    pub(super) fn newest(self) -> usize {
        ((self.0 & ADDRESS) >> ADDRESS_SHIFT) as usize * ALIGN
    }

    pub(super) fn count(self) -> usize {
        (self.0 >> COUNT_SHIFT) as usize
    }

    pub(super) fn is_idle(self) -> bool {
        self.0 & TURN == IDLE
    }

    pub(super) fn is_suspended(self) -> bool {
        self.0 & TURN == SUSPENDED
    }

    pub(super) fn is_in_place(self) -> bool {
        self.0 & TURN == IN_PLACE
    }

    pub(super) fn is_nudged(self) -> bool {
        self.0 & NUDGED != 0
    }

    pub(super) fn is_awaited(self) -> bool {
        self.0 & AWAITED != 0
    }

    /// With this as the newest message, and the loop awake if it was idle.
    pub(super) fn pushed(self, address: usize) -> Self {
        debug_assert!(Self::can_hold(address), "a node is aligned and in user space");
        let woken = if self.is_idle() { self.awake() } else { self };
        Self(woken.0 & !ADDRESS | ((address / ALIGN) as u64) << ADDRESS_SHIFT)
    }

    /// Without the messages.
    pub(super) fn taken(self) -> Self {
        Self(self.0 & !ADDRESS)
    }

    /// With more room taken.
    pub(super) fn plus(self, count: usize) -> Self {
        debug_assert!(self.count() + count <= COUNT_MAX, "the bound is within the count");
        Self(self.0 + ((count as u64) << COUNT_SHIFT))
    }

    /// With less room taken.
    pub(super) fn minus(self, count: usize) -> Self {
        debug_assert!(self.count() >= count, "no more room is given back than was taken");
        Self(self.0 - ((count as u64) << COUNT_SHIFT))
    }

    /// With the turn the loop's.
    pub(super) fn awake(self) -> Self {
        Self(self.0 & !TURN)
    }

    /// With the loop told to run once more.
    pub(super) fn nudged(self) -> Self {
        Self(self.0 | NUDGED)
    }

    /// With that forgotten.
    pub(super) fn heeded(self) -> Self {
        Self(self.0 & !NUDGED)
    }

    /// With a caller in place of a loop that slept.
    pub(super) fn entered(self) -> Self {
        Self(self.0 & !TURN | IN_PLACE)
    }

    /// Without the caller; asleep again when nothing has happened meanwhile and the caller left nothing to do.
    pub(super) fn left(self, is_done: bool) -> Self {
        if is_done && !self.is_nudged() && self.newest() == 0 {
            self.idle()
        } else {
            self.awake().heeded()
        }
    }

    /// Without the caller, who leaves the loop waiting within what it has begun.
    pub(super) fn left_waiting(self) -> Self {
        if self.is_nudged() {
            self.awake().heeded()
        } else {
            self.suspended()
        }
    }

    /// With the loop asleep.
    pub(super) fn idle(self) -> Self {
        Self(self.0 & !TURN | IDLE)
    }

    /// With the loop waiting for something else than a message.
    pub(super) fn suspended(self) -> Self {
        Self(self.0 | SUSPENDED)
    }

    pub(super) fn awaited(self, is_awaited: bool) -> Self {
        Self(if is_awaited {
            self.0 | AWAITED
        } else {
            self.0 & !AWAITED
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_parts_do_not_touch_each_other() {
        let address = 0xFFFF_FFFF_FFC0;
        let word = Word::EMPTY.idle().awaited(true).plus(COUNT_MAX);
        assert!(word.is_idle());
        let word = word.pushed(address);
        assert_eq!(
            (word.newest(), word.count(), word.is_idle(), word.is_awaited()),
            (address, COUNT_MAX, false, true)
        );
        assert!(
            word.suspended().pushed(address).is_suspended(),
            "no message wakes it"
        );
        let word = word.minus(COUNT_MAX - 1).idle().awaited(false);
        assert_eq!(
            (word.newest(), word.count(), word.is_idle(), word.is_awaited()),
            (address, 1, true, false)
        );
        assert_eq!(word.minus(1).taken().awake(), Word::EMPTY);
    }

    #[test]
    fn what_is_not_aligned_or_not_in_user_space_cannot_be_held() {
        for (address, expected) in [(0x1000, true), (0x1020, false), (1 << 48, false)] {
            assert_eq!(Word::can_hold(address), expected, "{address:x}");
        }
    }
}
