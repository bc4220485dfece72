//! The driver: starts everyone, does harm, watches, and says what it saw.

mod cast;
mod finish;
mod harm;
mod moves;
mod seen;
mod story;

pub(super) use self::story::drive;
