//! The annotations of quorate: `#[actor]`, `#[supervisor]`, `#[message]`.
