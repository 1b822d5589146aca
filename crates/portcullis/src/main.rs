//! The `portcullis` binary.

fn main() -> std::process::ExitCode {
    portcullis::run::main()
}
