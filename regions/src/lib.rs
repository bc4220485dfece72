//! The region-aware runtime of quorate.
