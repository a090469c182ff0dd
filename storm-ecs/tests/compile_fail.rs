//! What must not compile: aliasing, references that outlive what they point into, and wrong declarations. Each file under tests/compile_fail is named for
//! what it tries; beside it is what the compiler says. What is refused by constants (a query that aliases itself, a slice of a sparse component) is in the
//! documentation tests instead: such errors appear only when code is generated.
//!
//! A binary of its own: what trybuild depends on would change which types the other tests have to name.

#[test]
fn wrong_uses_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
