//! The root of a system: the supervisor of what is spawned.
//!
//! Spawned actors have nothing to do with one another, so each has a restart window of its own: too many restarts of one end that
//! one, and its refs answer `Gone`. They are stopped in reverse order of their spawning.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Flags;
use super::ask::{ASKS_MAX, Door};
use super::casualties::Casualties;
use super::driver::Driver;
use super::state::Kind;
use crate::label::Label;
use crate::seat::{Seat, Type};

const ROOT: &Type = &Type {
    name: "quorate::Root",
    methods: &[],
};

/// Starts a root on the present runtime. `ended` is told of its end.
pub(crate) fn start(
    runtime: &tokio::runtime::Handle,
    casualties: &Arc<Casualties>,
    ended: oneshot::Sender<()>,
) -> Door {
    let (asks, mut asked) = mpsc::channel(ASKS_MAX);
    let seat = Seat::new(ROOT, Some(Label::Name("root")), None);
    seat.begin();
    let (booted, _) = oneshot::channel();
    let driver = Driver::new(
        Arc::clone(&seat),
        Arc::clone(casualties),
        (Flags::DEFAULT, Kind::Root),
        &[],
        booted,
    );
    let (own, casualties) = (Arc::clone(&seat), Arc::clone(casualties));
    runtime.spawn(async move {
        let end = driver.run(&mut asked).await;
        asked.close();
        own.end(&end.reason());
        own.leave();
        for left in &end.left {
            casualties.stuck(left);
        }
        let _ = ended.send(());
    });
    Door { asks, seat }
}
