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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::id::ActorId;
use crate::seat::{Seat, SeatRef};

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
    seat: SeatRef,
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
pub(crate) struct Waits(Mutex<Notes>);

impl Waits {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn is over: it waits for nothing, even if calls that it began are kept for a later one.
    pub(crate) fn clear(&self) {
        self.lock().open.clear();
    }
}

/// A note; dropping it takes it back.
pub(crate) struct Waiting {
    me: SeatRef,
    token: u64,
    pub(crate) target: ActorId,
}

impl Waiting {
    /// Notes that the turn of `me` waits for `target`. `None` when it waits for too much already.
    pub(crate) fn new(me: SeatRef, target: SeatRef, method: &'static str) -> Option<Self> {
        let id = target.id;
        let mut notes = me.note_waits().lock();
        if notes.open.len() >= NOTES_MAX {
            return None;
        }
        let token = notes.token;
        notes.token += 1;
        notes.open.push(Note {
            token,
            seat: target,
            method,
        });
        drop(notes);
        Some(Self {
            me,
            token,
            target: id,
        })
    }

    /// The shortest chain from the call that is waited for back to who waits, if there is one.
    pub(crate) fn chain_back(&self) -> Option<Arc<[Awaited]>> {
        let chain = self.search()?;
        let is_there = |from: &Seat, note: &Note| open_of(from).iter().any(|now| now.token == note.token);
        let mut from = &self.me;
        for note in &chain {
            if !is_there(from, note) {
                return None;
            }
            from = &note.seat;
        }
        let awaited = |note: &Note| Awaited {
            actor: note.seat.id,
            name: note.seat.shared_name(),
            method: note.method,
        };
        Some(chain.iter().map(awaited).collect())
    }

    /// Breadth first, from this note; one lock at a time.
    fn search(&self) -> Option<Vec<Note>> {
        let mut mine = open_of(&self.me).into_iter();
        let first = mine.find(|note| note.token == self.token)?;
        let mut seen = vec![first.seat.id];
        let mut open = VecDeque::from([vec![first]]);
        while let Some(chain) = open.pop_front() {
            let last = chain.last().filter(|_| seen.len() <= SEARCHED_MAX)?;
            if last.seat.id == self.me.id {
                return Some(chain);
            }
            for note in open_of(&last.seat) {
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

/// What the turn of who sits there waits for now.
fn open_of(seat: &Seat) -> Vec<Note> {
    seat.waits()
        .map_or_else(Vec::new, |waits| waits.lock().open.clone())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let taken_back = {
            let Some(waits) = self.me.waits() else { return };
            let mut notes = waits.lock();
            let at = notes.open.iter().position(|note| note.token == self.token);
            at.map(|at| notes.open.swap_remove(at))
        };
        // A seat's last holder may be this note.
        drop(taken_back);
    }
}
