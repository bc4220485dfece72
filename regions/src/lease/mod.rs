//! The lease: who may run a singleton, decided by a majority of regions, each of which is a majority of its voters.
//!
//! Pure state machines and nothing else: they take `now`, answer with commands, and know no module but [`id`](crate::id).
//!
//! ```text
//!   a node                                        each region
//!   ------                                        -----------
//!   Candidate  -- Probe, Prepare, Accept -->  Stamps::judge      the proposer's clock: is a grant over?
//!      | won                                      | Op, with evidence
//!      v                                          v
//!   Holder     -- Renew, List, Release   -->  the region's log
//!      |                                          | committed
//!      v                                          v
//!   Activated, Lapsed, Released               Acceptor::apply    no clock: is the evidence unchanged?
//! ```
//!
//! * [`Acceptor`] is the replicated state of a region, [`Stamps`] one replica's own sense of time beside it.
//! * [`Candidate`] tries to win one resource; [`Holder`] keeps what one process life has won, and gives it back.
//! * [`Fence`] is for whoever is written to by a holder: it refuses an older epoch than the newest it has seen.
//!
//! A singleton's name has one scope in all regions, whatever the nodes' files say: each region keeps it in its catalogue, writes it once, and
//! grants nothing under another. A region-scoped singleton needs a majority of regions to have it so once, before it is first held; then its
//! region grants it alone. Majorities share a region, so a name is never held globally and regionally at once (rule 20 of the design).
//!
//! Time is judged only by whoever *proposes* an entry. Applying compares the evidence. So a new leader of a region needs no waiting rule:
//! it waits until its own stamp is old enough, and a renewal that got into the log before its judgement makes that judgement void.

mod acceptor;
mod candidate;
mod clock;
mod config;
mod elapsed;
mod fence;
mod flaws;
mod holder;
mod message;
mod op;
mod stamps;
mod timing;
mod validity;

pub use acceptor::{Acceptor, Grant, Owner, Slot};
pub use candidate::{Candidate, CandidateCommand, Ended, Lost, Won};
pub use clock::{Drift, DriftTooLarge, Time};
pub use config::{Configuration, majority};
pub use elapsed::{Disagreement, LeaseClock, Readings, Side};
pub use fence::{Fence, Fenced};
#[cfg(any(test, feature = "mutations"))]
#[doc(hidden)]
pub use flaws::{Flaw, Flaws};
pub use holder::{Holder, HolderCommand, NotNow};
pub use message::{Answer, Ask, Live, Look, Member, PROBED_MAX, Reply, Request, Seq, Tenant};
pub use op::{
    Act, Binding, Declared, Evidence, Index, LISTED_MAX, LOCK_DELAY_MAX, MemberRecord, NAMES_MAX, OPS_MAX,
    Op, Outcome, RECORD_BYTES_MAX, RESOURCES_MAX, ROUND_GAP_MAX, Refusal, Standing, Tenancy,
};
pub use stamps::{Judgement, Stamps};
pub use timing::{Timing, TimingError};
pub use validity::{Validity, valid_until};
