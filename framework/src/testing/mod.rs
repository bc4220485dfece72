//! For tests of programs with actors (feature `test-util`): virtual time, a probe in an actor's place, what an actor's life comes to,
//! a log of what happened, and a lease that ends when the test wants it to.
//!
//! Whatever waits here waits [`PATIENCE`] at most, then panics and says for what. In virtual time that costs nothing.
//!
//! ```
//! use quorate::prelude::*;
//! use quorate::testing::{self, Probe};
//!
//! /// Is told of each order.
//! #[actor]
//! #[derive(Default)]
//! pub struct Mailer;
//!
//! #[actor]
//! impl Mailer {
//!     /// Sends a confirmation.
//!     pub fn confirm(&mut self, order: u64) {}
//! }
//!
//! /// Takes orders.
//! #[actor]
//! pub struct Desk {
//!     mailer: ActorRef<Mailer>,
//! }
//!
//! #[actor]
//! impl Desk {
//!     #[init]
//!     fn new(mailer: ActorRef<Mailer>) -> Self {
//!         Self { mailer }
//!     }
//!
//!     /// Takes an order; it is confirmed a minute later.
//!     pub fn order(&mut self, order: u64) {
//!         assert!(order > 0, "no such order");
//!         self.mailer.confirm(order).after(Duration::from_secs(60));
//!     }
//! }
//!
//! testing::run(async {
//!     let system = System::new("test");
//!     let mut mailer = Probe::<Mailer>::spawn(&system).await;
//!     let desk = system.spawn(Desk::spec(mailer.actor())).await.unwrap();
//!
//!     desk.order(7).await.unwrap();
//!     mailer.expect_none(Duration::from_secs(59)).await; // takes no time
//!     assert!(matches!(mailer.next().await, MailerMessage::Confirm { order: 7 }));
//!
//!     let mut life = testing::Life::of(&desk);
//!     assert!(desk.order(0).await.is_err());
//!     assert!(matches!(life.ended().await, ExitReason::Panic { .. }));
//!     life.restarted().await;
//! });
//! ```

mod lease;
mod life;
mod log;
mod probe;

use std::panic::Location;
use std::time::Duration;

use crate::budget;
use crate::pace::{self, InPlacePolicy};

use tokio::time::timeout;

pub use self::lease::Lease;
pub use self::life::Life;
pub use self::log::{LOG_MAX, Log};
pub use self::probe::{PROBE_MAX, Probe};

/// How long anything here is waited for.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What a test's systems do about [`InPlacePolicy`] when this variable of the environment says so: `never` (as without it), `always`, or
/// the seed of [`InPlacePolicy::Seeded`].
pub const IN_PLACE_VAR: &str = "QUORATE_TEST_IN_PLACE";

/// Runs a test on a runtime of one thread whose time is virtual: it stands still while anything runs, and jumps to the next timer when
/// nothing does. Nothing is run in place, unless [`IN_PLACE_VAR`] says otherwise.
///
/// # Panics
/// When the test does, there is a runtime already, or the variable says something else.
pub fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread can be made");
    budget::reset();
    pace::with_default(in_place(), || runtime.block_on(test))
}

fn in_place() -> InPlacePolicy {
    match std::env::var(IN_PLACE_VAR).as_deref() {
        Err(_) | Ok("never") => InPlacePolicy::Never,
        Ok("always") => InPlacePolicy::Always,
        Ok(seed) => {
            let seed = seed.parse().ok();
            InPlacePolicy::Seeded(
                seed.unwrap_or_else(|| panic!("{IN_PLACE_VAR} is `never`, `always` or a number")),
            )
        }
    }
}

/// Lets virtual time pass, and everything that is due in it happen.
///
/// # Cancel safety
/// What has passed until it is dropped has passed.
pub async fn advance(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets everything happen that needs no time: it returns when nothing can run any more before the clock moves on.
///
/// It takes a millisecond of virtual time, the least that a timer knows; what is due in it happens too.
///
/// # Cancel safety
/// What has happened until it is dropped has happened.
pub async fn settle() {
    advance(Duration::from_millis(1)).await;
}

/// What comes of a future that does not take long, in virtual time or on a runtime of another kind.
///
/// # Panics
/// When it does not come; it says where it was waited for.
///
/// # Cancel safety
/// When it is dropped, the future is dropped.
#[track_caller]
pub fn soon<F: IntoFuture>(what: F) -> impl Future<Output = F::Output> {
    let place = Location::caller();
    async move {
        let Ok(came) = timeout(PATIENCE, what).await else {
            panic!("what is waited for at {place} did not come within {PATIENCE:?}");
        };
        came
    }
}
