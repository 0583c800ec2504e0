//! Remotes: one contract, held on every kind of place against a real server of that kind.

mod contract;
mod directory;
