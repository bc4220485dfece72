//! Table tests of the pure core.
