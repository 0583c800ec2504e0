//! A failed command.

use serde::Serialize;

use super::FORMAT;
use crate::cli::error::CliError;

/// `{"format":1,"error":{…}}`
#[derive(Serialize)]
pub(in crate::cli) struct ErrorJson<'a> {
    format: u32,
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    kind: &'a str,
    message: &'a str,
    causes: &'a [String],
    hint: Option<&'a str>,
}

impl<'a> ErrorJson<'a> {
    /// The view of an error.
    pub(in crate::cli) fn of(error: &'a CliError) -> Self {
        Self {
            format: FORMAT,
            error: Body {
                kind: error.kind,
                message: &error.message,
                causes: &error.causes,
                hint: error.hint.as_deref(),
            },
        }
    }
}
