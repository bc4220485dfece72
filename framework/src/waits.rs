//! Who waits for whom: the calls that an actor's turn waits for, and the search for a chain that leads back.
//!
//! A call notes itself when it begins to wait in a turn, and takes its note back when it is done or dropped; a call that is answered without
//! waiting notes nothing. The notes are read only at a deadline: a chain of them that leads back to the caller is a deadlock, told
//! instead of a timeout. It is searched twice: notes that are all still there the second time were there together.
//!
//! Deliberately not seen: calls to and from other nodes, calls of tasks beside the turn, calls kept for a later turn, and
//! a reply port that was passed on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::id::ActorId;
use crate::seat::Seat;

/// Calls of one turn that are noted; those beyond it end with a timeout, whatever they wait for.
const NOTES_MAX: usize = 64;

/// Actors that a search looks at.
const SEARCHED_MAX: usize = 256;

/// A step in the chain of a deadlock: who is waited for, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Awaited {
    /// The called actor.
    pub actor: ActorId,
    /// Its registered name, its id under its supervisor, or its type's name.
    pub name: Arc<str>,
    /// The called method.
    pub method: &'static str,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}{}.{}`", self.name, self.actor, self.method)
    }
}

/// A call that a turn waits for.
#[derive(Clone)]
struct Note {
    /// Unique among the notes of one incarnation.
    token: u64,
    seat: Arc<Seat>,
    method: &'static str,
}

#[derive(Default)]
struct Notes {
    open: Vec<Note>,
    /// Of the next note.
    token: u64,
}

/// The calls that the turn of an incarnation waits for now.
#[derive(Default)]
pub(crate) struct Waits {
    notes: Mutex<Notes>,
    /// Written and read in the actor's own turns: whether this turn has noted anything.
    is_noted: AtomicBool,
}

impl Waits {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn is over: it waits for nothing, even if calls that it began are kept for a later one.
    #[inline]
    pub(crate) fn end_turn(&self) {
        if self.is_noted.load(Ordering::Relaxed) {
            self.is_noted.store(false, Ordering::Relaxed);
            self.lock().open.clear();
        }
    }
}

/// A note; dropping it takes it back.
pub(crate) struct Waiting {
    waits: Arc<Waits>,
    token: u64,
    me: ActorId,
    pub(crate) target: ActorId,
}

impl Waiting {
    /// Notes that the turn of `me` waits for `target`. `None` when it waits for too much already.
    pub(crate) fn new(
        me: ActorId,
        waits: &Arc<Waits>,
        target: &Arc<Seat>,
        method: &'static str,
    ) -> Option<Self> {
        let mut notes = waits.lock();
        if notes.open.len() >= NOTES_MAX {
            return None;
        }
        let token = notes.token;
        notes.token += 1;
        notes.open.push(Note {
            token,
            seat: Arc::clone(target),
            method,
        });
        drop(notes);
        waits.is_noted.store(true, Ordering::Relaxed);
        Some(Self {
            waits: Arc::clone(waits),
            token,
            me,
            target: target.id,
        })
    }

    /// The shortest chain from the call that is waited for back to who waits, if there is one.
    pub(crate) fn chain_back(&self) -> Option<Arc<[Awaited]>> {
        let chain = self.search()?;
        let is_there =
            |from: &Arc<Waits>, note: &Note| from.lock().open.iter().any(|now| now.token == note.token);
        let mut from = &self.waits;
        for note in &chain {
            if !is_there(from, note) {
                return None;
            }
            from = &note.seat.waits;
        }
        let awaited = |note: &Note| Awaited {
            actor: note.seat.id,
            name: Arc::clone(&note.seat.label),
            method: note.method,
        };
        Some(chain.iter().map(awaited).collect())
    }

    /// Breadth first, from this note; one lock at a time.
    fn search(&self) -> Option<Vec<Note>> {
        let first = self
            .waits
            .lock()
            .open
            .iter()
            .find(|note| note.token == self.token)
            .cloned()?;
        let mut seen = vec![first.seat.id];
        let mut open = VecDeque::from([vec![first]]);
        while let Some(chain) = open.pop_front() {
            let last = chain.last().filter(|_| seen.len() <= SEARCHED_MAX)?;
            if last.seat.id == self.me {
                return Some(chain);
            }
            let next: Vec<Note> = last.seat.waits.lock().open.clone();
            for note in next {
                if !seen.contains(&note.seat.id) {
                    seen.push(note.seat.id);
                    let mut longer = chain.clone();
                    longer.push(note);
                    open.push_back(longer);
                }
            }
        }
        None
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let taken_back = {
            let mut notes = self.waits.lock();
            let at = notes.open.iter().position(|note| note.token == self.token);
            at.map(|at| notes.open.swap_remove(at))
        };
        // A seat's last holder may be this note.
        drop(taken_back);
    }
}
