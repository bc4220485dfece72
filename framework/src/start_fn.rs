//! How an actor is started: a function of its user's, as three words.
//!
//! One of two words or less, as most are, lies in them; any other behind an `Arc`, which is one word. So an idle actor takes no memory beside
//! its place for what would start it again.

use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::actor::Actor;
use crate::context::Context;
use crate::exit::ExitReason;
use crate::spec::{Start, StartFuture};
use crate::turn::Starting;

/// Where it lies.
type Words = MaybeUninit<[usize; 2]>;

/// A function that makes the state of an incarnation, again and again.
pub(crate) struct StartFn<A: Actor> {
    words: Words,
    kind: &'static Kind<A>,
}

/// What is known of the type of what lies in the words.
///
/// # Safety
///
/// Its functions are given words in which such a value lies.
struct Kind<A: Actor> {
    call: Call<A>,
    clone: unsafe fn(&Words) -> Words,
    drop: unsafe fn(&mut Words),
}

/// # Safety
///
/// As above.
enum Call<A: Actor> {
    Now(unsafe fn(&Words, Starting<'_, A>)),
    Later(for<'c> unsafe fn(&Words, &'c mut Context<A>) -> StartFuture<'c, A>),
    Otherwise,
}

// SAFETY: what lies in the words may be sent: `lies` asks for that.
unsafe impl<A: Actor> Send for StartFn<A> {}
// SAFETY: what lies in the words may be shared: as above.
unsafe impl<A: Actor> Sync for StartFn<A> {}

impl<A: Actor> StartFn<A> {
    /// One that does not wait.
    #[inline]
    pub(crate) fn now<F>(start: F) -> Self
    where
        F: Fn(&mut Context<A>) -> Result<Start<A>, ExitReason> + Clone + Send + Sync + 'static,
    {
        if fits::<F>() {
            return Self::lies(start, Kind::now);
        }
        let start = Arc::new(start);
        Self::lies(move |cx: &mut Context<A>| start(cx), Kind::now)
    }

    /// One that waits.
    pub(crate) fn later<F>(start: F) -> Self
    where
        F: for<'c> Fn(&'c mut Context<A>) -> StartFuture<'c, A> + Clone + Send + Sync + 'static,
    {
        if fits::<F>() {
            return Self::lies(start, Kind::later);
        }
        Self::lies(shared(start), Kind::later)
    }

    /// None: its place is filled otherwise, that of a supervisor or a probe.
    pub(crate) fn otherwise() -> Self {
        Self::lies((), Kind::otherwise)
    }

    #[inline]
    fn lies<F: Send + Sync + 'static>(start: F, kind: fn(&F) -> &'static Kind<A>) -> Self {
        assert!(fits::<F>(), "whoever calls this has seen to it");
        let (kind, mut words) = (kind(&start), Words::uninit());
        // SAFETY: there is room for it.
        unsafe { words.as_mut_ptr().cast::<F>().write(start) };
        Self { words, kind }
    }

    /// Starts with it, if it does not wait; false when it does.
    #[inline]
    pub(crate) fn run(&self, starting: Starting<'_, A>) -> bool {
        match self.kind.call {
            // SAFETY: it is of this kind.
            Call::Now(call) => unsafe { call(&self.words, starting) },
            Call::Later(_) | Call::Otherwise => return false,
        }
        true
    }

    /// Whether it waits.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.kind.call, Call::Later(_))
    }

    /// Begins it, if it waits.
    pub(crate) fn begin<'c>(&self, cx: &'c mut Context<A>) -> Option<StartFuture<'c, A>> {
        match self.kind.call {
            // SAFETY: it is of this kind.
            Call::Later(call) => Some(unsafe { call(&self.words, cx) }),
            Call::Now(_) | Call::Otherwise => None,
        }
    }
}

impl<A: Actor> Clone for StartFn<A> {
    fn clone(&self) -> Self {
        Self {
            // SAFETY: it is of this kind.
            words: unsafe { (self.kind.clone)(&self.words) },
            kind: self.kind,
        }
    }
}

impl<A: Actor> Drop for StartFn<A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is of this kind, and not used again.
        unsafe { (self.kind.drop)(&mut self.words) };
    }
}

impl<A: Actor> Kind<A> {
    fn now<F>(_: &F) -> &'static Self
    where
        F: Fn(&mut Context<A>) -> Result<Start<A>, ExitReason> + Clone + 'static,
    {
        const {
            &Self {
                // SAFETY: who calls it has words in which an `F` lies.
                call: Call::Now(|words, starting| starting.run(unsafe { lying::<F>(words) })),
                clone: clone::<F>,
                drop: drop::<F>,
            }
        }
    }

    fn later<F>(_: &F) -> &'static Self
    where
        F: for<'c> Fn(&'c mut Context<A>) -> StartFuture<'c, A> + Clone + 'static,
    {
        const {
            &Self {
                // SAFETY: as above.
                call: Call::Later(|words, cx| unsafe { lying::<F>(words)(cx) }),
                clone: clone::<F>,
                drop: drop::<F>,
            }
        }
    }

    fn otherwise<F: Clone>(_: &F) -> &'static Self {
        const {
            &Self {
                call: Call::Otherwise,
                clone: clone::<F>,
                drop: drop::<F>,
            }
        }
    }
}

/// The same function, as one word.
fn shared<A, F>(start: F) -> impl for<'c> Fn(&'c mut Context<A>) -> StartFuture<'c, A> + Clone + Send + Sync
where
    A: Actor,
    F: for<'c> Fn(&'c mut Context<A>) -> StartFuture<'c, A> + Send + Sync + 'static,
{
    let start = Arc::new(start);
    move |cx| start(cx)
}

const fn fits<F>() -> bool {
    size_of::<F>() <= size_of::<Words>() && align_of::<F>() <= align_of::<Words>()
}

/// # Safety
///
/// An `F` lies in the words.
unsafe fn lying<F>(words: &Words) -> &F {
    // SAFETY: as the caller says.
    unsafe { &*words.as_ptr().cast() }
}

/// # Safety
///
/// An `F` lies in the words.
unsafe fn clone<F: Clone>(words: &Words) -> Words {
    let mut to = Words::uninit();
    // SAFETY: as the caller says; there is room for the one as for the other.
    unsafe { to.as_mut_ptr().cast::<F>().write(lying::<F>(words).clone()) };
    to
}

/// # Safety
///
/// An `F` lies in the words, and does not any more.
unsafe fn drop<F>(words: &mut Words) {
    // SAFETY: as the caller says.
    unsafe { words.as_mut_ptr().cast::<F>().drop_in_place() };
}
