//! What two repositories owe each other: pushing to a remote, and fetching from one or from another repository's
//! directory.
//!
//! What lies where at a remote says `layout.rs`; `docs/format.md` has the whole format. Three rules hold throughout:
//!
//! - a ref moves only when all that it needs is there and durable (those of a clone, before it is a repository);
//! - nothing that came is used before it was checked;
//! - the log of refs (`log.rs`) is the only thing that two pushers compete for, and who loses tries again with what the
//!   other made.

mod claim;
pub mod coming;
mod entry;
mod error;
pub mod fetch;
mod incoming;
mod index;
mod layout;
mod log;
mod memory;
pub mod mend;
mod needs;
pub mod parts;
pub mod push;
mod source;
mod stock;

pub use entry::{Entry, Pack};
pub use error::Error;
pub use incoming::{Way, clear as clear_incoming};
pub use log::{Newest, Seen};
pub use memory::Memory;
pub use source::{Offer, Peer, Source};
