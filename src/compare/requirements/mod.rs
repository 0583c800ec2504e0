//! What packages require of each other, of Python and of the system, and whether it is there.
//!
//! Nothing is asked of pip or conda: requirements are read from records and held against what is installed, by the
//! rules of each manager ([PEP 440](https://peps.python.org/pep-0440/), [PEP 508](https://peps.python.org/pep-0508/),
//! [CEP 29](https://conda.org/learn/ceps/cep-0029)). Where the two meet, what counts is whose files are there
//! ([`records`](super::records)):
//!
//! ```text
//! packages, promises ──► Installed: one project, one record that counts ──► unmet: findings
//! facts of the system ─► Platform: markers, virtual packages, interpreter
//! ```
//!
//! What cannot be read is a finding, and what cannot be known is held to be well.

pub mod conda;
pub mod installed;
pub(super) mod interpreter;
mod marker;
pub mod names;
pub(super) mod pip;
pub mod platform;
mod texts;
mod unmet;

pub use installed::Installed;
pub use platform::Platform;
pub use texts::Texts;
pub use unmet::unmet;

#[cfg(test)]
pub(super) mod testing;
