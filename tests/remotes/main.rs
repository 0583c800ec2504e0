//! Remotes: one contract, held on every kind of place against a real server of that kind.
//!
//! Servers are started by the tests on loopback. They must be installed (`.ci/run` does), so these tests are behind the
//! feature `network-tests`; those of a directory always run.

#[cfg(feature = "network-tests")]
mod azure;
#[cfg(feature = "network-tests")]
#[path = "../common/mod.rs"]
mod common;
mod contract;
mod directory;
#[cfg(feature = "network-tests")]
mod gcs;
#[cfg(feature = "network-tests")]
mod memory;
#[cfg(feature = "network-tests")]
mod oci;
#[cfg(feature = "network-tests")]
mod oss;
#[cfg(feature = "network-tests")]
mod s3;
#[cfg(feature = "network-tests")]
mod server;
#[cfg(feature = "network-tests")]
mod ssh;
#[cfg(feature = "network-tests")]
mod team;
#[cfg(feature = "network-tests")]
mod web;
