//! Which modules can certainly not be imported, by what their source says.

mod condition;
mod exceptions;
mod lines;
mod scan;
mod statement;

pub use condition::Python;
