//! The `envgit` command.

fn main() {}
