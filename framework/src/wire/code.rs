//! The numbers of refusals, ends of actors and ends of sessions: part of the format, never given twice.
//!
//! A number that a version does not know is kept as it came, with its text: a newer peer may say more.

/// Numbers in a lookup's answer.
pub mod lookup {
    /// Found; the target is valid for this session.
    pub const FOUND: u32 = 0;
    /// No actor has this name.
    pub const NOT_FOUND: u32 = 1;
    /// An actor of another wire name has this name; the text is its wire name.
    pub const OTHER_ACTOR: u32 = 2;
    /// The session has given out all the targets that it may.
    pub const FULL: u32 = 3;
}

/// Numbers in a refusal. Up to 19 the message was certainly not handled; from 20 on it may have been.
pub mod refusal {
    /// The actor has no message of this id.
    pub const UNKNOWN_MESSAGE: u32 = 1;
    /// The message has other arguments or another reply there.
    pub const SCHEMA_MISMATCH: u32 = 2;
    /// The arguments are not a valid archive.
    pub const MALFORMED: u32 = 3;
    /// The actor's mailbox had no room for as long as the receiver waits.
    pub const FULL: u32 = 4;
    /// The actor is gone for good, or the target was never given out.
    pub const GONE: u32 = 5;
    /// The message still waited when the actor ended; the value is a number of [`super::exit`].
    pub const DRAINED: u32 = 6;
    /// The tenure of the called actor ended before the message was handled.
    pub const LAPSED: u32 = 7;
    /// The deadline passed before the actor came to the message.
    pub const EXPIRED: u32 = 8;
    /// The receiver has heard from a later holder of the sender's singleton.
    pub const SUPERSEDED: u32 = 9;
    /// The actor handled the call and dropped its reply port.
    pub const NO_REPLY: u32 = 20;
    /// The actor ended before it answered; the value is a number of [`super::exit`].
    pub const EXITED: u32 = 21;
    /// The reply did not fit into what waits for the caller's node.
    pub const REPLY_OVERLOADED: u32 = 22;
    /// The tenure of the called actor ended before it replied.
    pub const REPLY_LAPSED: u32 = 23;
    /// The reply could not be archived, or is longer than a frame may be; the text tells.
    pub const REPLY_FAILED: u32 = 24;
}

/// Numbers in a `Down`.
pub mod exit {
    /// Ended of its own accord.
    pub const NORMAL: u32 = 0;
    /// Told to stop by its supervisor.
    pub const SHUTDOWN: u32 = 1;
    /// Killed.
    pub const KILLED: u32 = 2;
    /// Panicked; the text is the place, a line feed and the panic's message.
    pub const PANIC: u32 = 3;
    /// Its tenure ended.
    pub const LAPSED: u32 = 4;
    /// There was no such actor when the monitor arrived.
    pub const GONE: u32 = 5;
    /// Ended itself with the error in the text.
    pub const ERROR: u32 = 6;
    /// Does not yield; the text is the handler's name.
    pub const STUCK: u32 = 7;
    /// Its own node lost the link to it.
    pub const NODE_DOWN: u32 = 8;
    /// Ended as expected, for the reason in the text.
    pub const SHUTDOWN_WITH: u32 = 9;
}

/// Numbers in a goodbye.
pub mod goodbye {
    /// The node or its system shuts down.
    pub const SHUTDOWN: u32 = 0;
    /// The application closed the session.
    pub const CLOSED: u32 = 1;
    /// The other end broke the protocol; the text tells how.
    pub const PROTOCOL: u32 = 2;
    /// The other end did not read its answers.
    pub const OVERLOADED: u32 = 3;
    /// Nothing was heard for too long.
    pub const SILENT: u32 = 4;
}
