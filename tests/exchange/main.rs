//! Exchange between repositories: what a push leaves at a remote, what a fetch takes from it, and what happens when
//! either is cut off, raced or lied to.

#![allow(unreachable_pub)]

mod arriving;
#[path = "../common/mod.rs"]
mod common;
mod cut;
mod hostile;
mod killed;
mod linked;
mod newcomer;
mod pip;
mod places;
mod plain;
mod preflight;
mod python;
mod races;
mod side_by_side;
mod verbs;
