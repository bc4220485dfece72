//! The root of a system: the supervisor of what is spawned.
//!
//! Spawned actors have nothing to do with one another, so each has a restart window of its own: too many restarts of one end that
//! one, and its refs answer `Gone`. They are stopped in reverse order of their spawning.
//!
//! As nothing waits for anything else here, its [driver](super::driver) lies behind a lock: who spawns adds the child and starts it, and who
//! ends tells of it, each on its own thread, without waiting for a task. There is no queue. A task has what is left: deadlines, back-offs,
//! retries, the shutdown. With it the driver ends, so that nothing is left when it is dropped with its runtime.
//!
//! What runs code of users is done when the lock is free again. Starts and signals are under the lock: they keep their order.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Flags;
use super::ask::{Done, Listed, Started, Which};
use super::casualties::Casualties;
use super::child::{Child, Event, ReportTo};
use super::driver::Driver;
pub(crate) use super::driver::NotNow;
use super::ended::Ended;
use super::server::next_signal;
use super::state::{Key, Kind};
use crate::actor::Actor;
use crate::exit::ExitReason;
use crate::label::Label;
use crate::place::Place;
use crate::scheduler::{Entry, Unbegun};
use crate::seat::{Above, Seat, SeatRef, Type};

const ROOT: &Type = &Type {
    name: "quorate::Root",
    methods: &[],
};

/// The supervisor of what is spawned in a system.
pub(crate) struct Root {
    seat: SeatRef,
    runtime: Handle,
    above: Arc<Above>,
    desk: Mutex<Desk>,
    /// There is no driver any more.
    has_ended: AtomicBool,
    /// The task is to look at the desk.
    woken: Notify,
}

#[derive(Default)]
struct Desk {
    /// `None` when it has ended.
    driver: Option<Driver>,
    /// Until when the task sleeps.
    sleeps_until: Option<Instant>,
}

/// A root by its task: what is below it goes with that.
struct Owned(Arc<Root>);

impl Drop for Owned {
    fn drop(&mut self) {
        let driver = self.0.desk().driver.take();
        self.0.has_ended.store(true, Ordering::Release);
        // What it drops is code of users, so this is not under the lock.
        drop(driver);
    }
}

/// The way to a root.
pub(crate) struct RootDoor {
    root: Arc<Root>,
    pub(crate) seat: SeatRef,
}

/// Starts a root on the present runtime. `ended` is told of its end.
pub(crate) fn start(runtime: &Handle, casualties: &Arc<Casualties>, ended: oneshot::Sender<()>) -> RootDoor {
    let seat = SeatRef::new(Arc::new(Seat::new(ROOT, Some(Label::Name("root")), None)));
    seat.begin();
    let above = Above::new(&seat, true);
    let root = Arc::new(Root {
        seat: seat.clone(),
        runtime: runtime.clone(),
        above: Arc::clone(&above),
        desk: Mutex::default(),
        has_ended: AtomicBool::new(false),
        woken: Notify::new(),
    });
    let (booted, _) = oneshot::channel();
    let mut driver = Driver::new(
        above,
        Arc::clone(casualties),
        (Flags::DEFAULT, Kind::Root),
        &[],
        (booted, ReportTo::Root(Arc::clone(&root))),
    );
    driver.boot();
    driver.step().run();
    root.desk().driver = Some(driver);
    let door = RootDoor {
        root: Arc::clone(&root),
        seat,
    };
    let root = Owned(root);
    let casualties = Arc::clone(casualties);
    runtime.spawn(async move {
        let root = root;
        let end = root.0.run().await;
        root.0.seat.end(&end.reason());
        root.0.seat.leave();
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
        self.root
            .with(|driver| driver.add(None, child, false, Some(started)));
    }

    /// Who is asked and told.
    #[inline]
    pub(crate) fn supervisor(&self) -> &Arc<Root> {
        &self.root
    }

    /// Starts a new actor of its system with nobody to tell. What it answers is for the caller to run.
    #[inline]
    pub(crate) fn start<A: Actor>(
        &self,
        place: &Arc<Place<A>>,
        unbegun: &mut Option<Unbegun>,
    ) -> Result<Entry, NotNow> {
        match &mut self.root.desk().driver {
            Some(driver) => driver.start(place, unbegun),
            None => Err(NotNow),
        }
    }

    /// As in [`add`](Self::add), for a child that was started with nobody to tell.
    pub(crate) fn await_start(&self, seat: &Seat, started: Started) {
        self.root.with(|driver| driver.await_start(seat, started));
    }

    /// Stops a child; `done` is told when it has ended, or dropped when the root has.
    pub(crate) fn terminate(&self, seat: SeatRef, done: Done) {
        self.root
            .with(|driver| driver.terminate(&Which::Seat(seat), done));
    }

    /// The tenure of a child has ended.
    pub(crate) fn tell_lapse(&self) {
        self.root.above.lapsed.notify_one();
    }

    /// What there is.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let desk = self.root.desk();
        desk.driver.as_ref().map(Driver::list).unwrap_or_default()
    }
}

impl Root {
    /// An actor has ended: false when more follows from that than that it is forgotten, and it is to be [told](Self::told).
    #[inline]
    pub(super) fn ended<A: Actor>(&self, place: &Place<A>, key: Key, reason: &ExitReason) -> bool {
        let is_forgotten = {
            let driver = &mut self.desk().driver;
            driver
                .as_mut()
                .is_some_and(|driver| driver.end_of(key, &place.seat, reason))
        };
        if is_forgotten {
            place.close();
            place.forget();
        }
        is_forgotten
    }

    /// Something has happened to a child.
    pub(super) fn told(&self, event: Event) {
        self.with(|driver| driver.handle_event(event));
    }

    /// Where the system runs.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// True when nobody is told any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
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
                    self.has_ended.store(true, Ordering::Release);
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

    #[inline]
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
