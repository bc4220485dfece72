//! Random numbers from the system, for ids that must never repeat and for jitter.

/// A number that nobody has drawn before.
///
/// # Panics
///
/// When the system has no randomness at all: then no id is safe, and the process must not go on.
pub(crate) fn u128() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    u128::from_le_bytes(bytes)
}

/// Jitter.
pub(crate) fn u64() -> u64 {
    u128() as u64
}
