//! What a wrong annotation is told: one error for one mistake, at the user's token, with what to write instead.
//!
//! One case is one rule. `TRYBUILD=overwrite cargo test -p tests --test ui` writes the texts anew.

#[test]
fn a_wrong_annotation_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
