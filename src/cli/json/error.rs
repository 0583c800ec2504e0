//! Failures.

use serde::Serialize;

use super::FORMAT;
use crate::cli::error::CliError;

/// A failure, on standard error.
#[derive(Serialize)]
pub(in crate::cli) struct ErrorJson<'a> {
    format: u32,
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    kind: &'a str,
    message: &'a str,
    causes: &'a [String],
    hint: Option<&'a str>,
}

impl<'a> ErrorJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(error: &'a CliError) -> Self {
        Self {
            format: FORMAT,
            error: Inner {
                kind: error.kind,
                message: &error.message,
                causes: &error.causes,
                hint: error.hint.as_deref(),
            },
        }
    }
}
