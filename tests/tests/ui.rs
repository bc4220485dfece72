//! What a wrong annotation is told: one error for one mistake, at the user's token, with what to write instead.
//! A second annotated impl is rustc's to find: it says so more than once, and among it what to write.
//!
//! One case is one rule. `TRYBUILD=overwrite cargo test -p tests --test ui` writes the texts anew.

#[test]
fn a_wrong_annotation_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
