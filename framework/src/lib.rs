//! Typed actors with OTP's supervision and zero-copy messages between nodes.
