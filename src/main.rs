//! The `envgit` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    envgit::cli::main()
}
