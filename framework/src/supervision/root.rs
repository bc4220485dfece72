//! The root of a system: the supervisor of what is spawned.
//!
//! Spawned actors have nothing to do with one another, so each has a restart window of its own: too many restarts of one end that
//! one, and its refs answer `Gone`. They are stopped in reverse order of their spawning.
//!
//! As nothing waits for anything else here, its [driver](super::driver) lies behind a lock: who spawns adds the child and starts it, and who
//! ends tells of it, each on its own thread, without waiting for a task. There is no queue. A task has what is left: deadlines, back-offs,
//! retries, the shutdown. It owns the root, so that nothing is left when it is dropped with its runtime.
//!
//! What runs code of users is done when the lock is free again. Starts and signals are under the lock: they keep their order.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Flags;
use super::ask::{Done, Listed, Started, Which};
use super::casualties::Casualties;
use super::child::{Child, Event, ReportTo};
pub(crate) use super::driver::NotNow;
use super::driver::{Driver, Ended};
use super::server::next_signal;
use super::state::Kind;
use crate::label::Label;
use crate::scheduler::Entry;
use crate::seat::{Above, Seat, Type};

const ROOT: &Type = &Type {
    name: "quorate::Root",
    methods: &[],
};

/// The supervisor of what is spawned in a system.
pub(crate) struct Root {
    seat: Arc<Seat>,
    runtime: Handle,
    above: Arc<Above>,
    desk: Mutex<Desk>,
    /// The task is to look at the desk.
    woken: Notify,
}

struct Desk {
    /// `None` when it has ended.
    driver: Option<Driver>,
    /// Until when the task sleeps.
    sleeps_until: Option<Instant>,
}

/// The way to a root.
pub(crate) struct RootDoor {
    root: Weak<Root>,
    pub(crate) seat: Arc<Seat>,
}

/// Starts a root on the present runtime. `ended` is told of its end.
pub(crate) fn start(runtime: &Handle, casualties: &Arc<Casualties>, ended: oneshot::Sender<()>) -> RootDoor {
    let seat = Seat::new(ROOT, Some(Label::Name("root")), None);
    seat.begin();
    let root = Arc::new_cyclic(|root: &Weak<Root>| {
        let (booted, _) = oneshot::channel();
        let mut driver = Driver::new(
            &seat,
            Arc::clone(casualties),
            (Flags::DEFAULT, Kind::Root),
            &[],
            (booted, ReportTo::Root(Weak::clone(root))),
        );
        driver.boot();
        driver.step().run();
        Root {
            seat: Arc::clone(&seat),
            runtime: runtime.clone(),
            above: Arc::clone(&driver.above),
            desk: Mutex::new(Desk {
                driver: Some(driver),
                sleeps_until: None,
            }),
            woken: Notify::new(),
        }
    });
    let door = RootDoor {
        root: Arc::downgrade(&root),
        seat,
    };
    let casualties = Arc::clone(casualties);
    runtime.spawn(async move {
        let end = root.run().await;
        root.seat.end(&end.reason());
        root.seat.leave();
        for left in &end.left {
            casualties.stuck(left);
        }
        let _ = ended.send(());
    });
    door
}

impl RootDoor {
    /// Starts a child; `started` is told whether it has started, or dropped when the root has ended.
    pub(crate) fn add(&self, child: Arc<dyn Child>, started: Started) {
        if let Some(root) = self.root.upgrade() {
            root.with(|driver| driver.add(None, child, false, Some(started)));
        }
    }

    /// The same with nobody to tell. What it answers is for the caller to run.
    pub(crate) fn start(&self, child: &Arc<dyn Child>) -> Result<Option<Entry>, NotNow> {
        let root = self.root.upgrade().ok_or(NotNow)?;
        match &mut root.desk().driver {
            Some(driver) => driver.start(child),
            None => Err(NotNow),
        }
    }

    /// As in [`add`](Self::add), for a child that was started with nobody to tell.
    pub(crate) fn await_start(&self, seat: &Arc<Seat>, started: Started) {
        if let Some(root) = self.root.upgrade() {
            root.with(|driver| driver.await_start(seat, started));
        }
    }

    /// Stops a child; `done` is told when it has ended, or dropped when the root has.
    pub(crate) fn terminate(&self, seat: Arc<Seat>, done: Done) {
        if let Some(root) = self.root.upgrade() {
            root.with(|driver| driver.terminate(&Which::Seat(seat), done));
        }
    }

    /// What there is.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let root = self.root.upgrade();
        let listed = root.and_then(|root| root.desk().driver.as_ref().map(Driver::list));
        listed.unwrap_or_default()
    }
}

impl Root {
    /// Something has happened to a child.
    pub(super) fn told(&self, event: Event) {
        let ended = self
            .desk()
            .driver
            .as_mut()
            .and_then(|driver| driver.end_of(&event));
        if let Some(child) = ended {
            child.close();
            child.remove();
            return;
        }
        self.with(|driver| driver.handle_event(event));
    }

    /// Where the system runs.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// True when nobody is told any more.
    pub(super) fn has_ended(&self) -> bool {
        self.desk().driver.is_none()
    }

    /// Does something with the driver, and what follows from that. Nothing, when it has ended.
    fn with(&self, act: impl FnOnce(&mut Driver)) {
        let after = {
            let mut desk = self.desk();
            let Desk { driver, sleeps_until } = &mut *desk;
            let Some(driver) = driver else { return };
            act(driver);
            let after = driver.step();
            let is_due_sooner = driver
                .next_deadline()
                .is_some_and(|due| sleeps_until.is_none_or(|until| due < until));
            if is_due_sooner || !driver.retries.is_empty() || driver.outcome().is_some() {
                self.woken.notify_one();
            }
            after
        };
        after.run();
    }

    /// Runs until all children have ended.
    async fn run(&self) -> Ended {
        let mut heard = None;
        loop {
            let (deadline, is_retried) = {
                let mut desk = self.desk();
                let driver = desk.driver.take_if(|driver| driver.outcome().is_some());
                if let Some(driver) = driver {
                    drop(desk);
                    return driver.end();
                }
                let driver = desk.driver.as_ref();
                let deadline = driver.and_then(Driver::next_deadline);
                let is_retried = driver.is_some_and(|driver| !driver.retries.is_empty());
                desk.sleeps_until = deadline;
                (deadline, is_retried)
            };
            let mut due = pin!(sleep_until(deadline.unwrap_or_else(Instant::now)));
            tokio::select! {
                biased;
                signal = next_signal(&self.seat, heard) => {
                    heard = Some(signal);
                    self.with(|driver| driver.handle_signal(signal));
                }
                () = self.woken.notified() => {}
                () = self.above.lapsed.notified() => self.with(Driver::handle_lapsed),
                () = &mut due, if deadline.is_some() => self.with(Driver::handle_deadline),
                // Everything else comes first, other tasks too.
                () = tokio::task::yield_now(), if is_retried => self.with(|driver| {
                    if let Some(key) = driver.retries.pop_front() {
                        driver.handle_retry(key);
                    }
                }),
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
