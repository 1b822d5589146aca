//! What the types must not let anybody write. Each file under `cheats/` is one way around a gate; the compiler's
//! refusal is kept beside it, so that a cheat that starts to compile, or fails for another reason, fails here.

#[test]
fn no_way_around_the_gates_compiles() {
    trybuild::TestCases::new().compile_fail("tests/cheats/*.rs");
}
