//! Reports as text for people. Pure: values in, text out.

pub(super) mod changes;
pub(super) mod configs;
pub(super) mod history;
pub(super) mod numbers;
pub(super) mod plan;
