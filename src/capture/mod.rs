//! Looking at the world: which roots there are, what they leave out, variables, system facts.

pub mod configs;
pub mod detect;
pub mod ignored;
pub mod patterns;
pub mod secrets;
pub mod system;
pub mod variables;
