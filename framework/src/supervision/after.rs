//! What is left to do when a step of a [driver](super::driver) is over. It runs code of users (the drop of a message, `undelivered`), so no
//! lock is held meanwhile. Most steps leave one thing to do at most, which needs no memory.

use std::sync::Arc;

use super::ask::{ChildError, Done, Started};
use super::child::Child;
use crate::error::StartError;
use crate::exit::ExitReason;

#[derive(Default)]
#[must_use = "what is left to do is done"]
pub(super) struct After {
    actions: Few<Action>,
    /// To be told when all that is done: names are free then.
    answers: Few<(Started, Result<(), StartError>)>,
    ended: Few<(Done, Result<(), ChildError>)>,
}

enum Action {
    Close(Arc<dyn Child>),
    Discard(Arc<dyn Child>),
    Remove(Arc<dyn Child>),
    /// It is out of reach, in this handler.
    GiveUp(Arc<dyn Child>, Arc<str>),
}

impl After {
    pub(super) fn close(&mut self, child: &Arc<dyn Child>) {
        self.actions.push(Action::Close(Arc::clone(child)));
    }

    /// Closes it, and forgets its spec.
    pub(super) fn discard(&mut self, child: Arc<dyn Child>) {
        self.actions.push(Action::Discard(child));
    }

    /// Forgets the spec of one that has never begun.
    pub(super) fn remove(&mut self, child: Arc<dyn Child>) {
        self.actions.push(Action::Remove(child));
    }

    pub(super) fn give_up(&mut self, child: &Arc<dyn Child>, handler: Arc<str>) {
        self.actions.push(Action::GiveUp(Arc::clone(child), handler));
    }

    pub(super) fn answer(&mut self, started: Started, answer: Result<(), StartError>) {
        self.answers.push((started, answer));
    }

    pub(super) fn ended(&mut self, done: Vec<Done>, answer: Result<(), ChildError>) {
        for done in done {
            self.ended.push((done, answer));
        }
    }

    pub(super) fn run(self) {
        self.actions.each(|action| match action {
            Action::Close(child) => child.close(),
            Action::Remove(child) => child.remove(),
            Action::Discard(child) => {
                child.close();
                child.remove();
            }
            Action::GiveUp(child, handler) => child.seat().give_up(&ExitReason::Stuck { handler }),
        });
        self.answers.each(|(started, answer)| {
            let _ = started.send(answer);
        });
        self.ended.each(|(done, answer)| {
            let _ = done.send(answer);
        });
    }
}

/// A list of most often one.
struct Few<T> {
    first: Option<T>,
    others: Vec<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            first: None,
            others: Vec::new(),
        }
    }
}

impl<T> Few<T> {
    fn push(&mut self, value: T) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.others.push(value);
        }
    }

    fn each(self, mut act: impl FnMut(T)) {
        if let Some(first) = self.first {
            act(first);
            if !self.others.is_empty() {
                self.others.into_iter().for_each(act);
            }
        }
    }
}
