//! The driver: starts everyone, does harm, watches, and says what it saw. Its parts also drive `cut_regions`.

pub(crate) mod cast;
pub(crate) mod finish;
pub(crate) mod harm;
pub(crate) mod moves;
pub(crate) mod seen;
pub(crate) mod story;

pub(super) use self::story::drive;
