//! The logs: every line of the audit log names the digest of the line before; every operation is a line.

use super::report::{Damage, DamageKind};
use crate::ops::operations::OperationLog;
use crate::ops::{Error, Session, audit};

/// What is wrong with the chain of the audit log; nothing when there is no log.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn check_audit(session: &Session<'_>) -> Result<Option<Damage>, Error> {
    let faults = audit::verdict(session)?.faults;
    let lines = faults.into_iter().map(|fault| (fault.line, fault.what));
    Ok(damage(
        DamageKind::Audit,
        "audit.jsonl",
        lines,
        "compare the log with a backup: somebody or something changed it after it was written",
    ))
}

/// Lines of the log of operations that make no sense.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn check_operations(session: &Session<'_>) -> Result<Option<Damage>, Error> {
    let senseless = OperationLog::of(session).senseless()?;
    let lines = senseless.into_iter().map(|line| (line, "it makes no sense"));
    Ok(damage(
        DamageKind::Operations,
        "operations.jsonl",
        lines,
        "remove the line: `envgit undo` passes it over, and nothing else needs it",
    ))
}

/// What is wrong with lines of a log, counted from 1; nothing when none is.
fn damage(
    kind: DamageKind,
    log: &str,
    lines: impl Iterator<Item = (usize, impl std::fmt::Display)>,
    remedy: &str,
) -> Option<Damage> {
    let what: Vec<String> = lines.map(|(line, what)| format!("line {line}: {what}")).collect();
    (!what.is_empty()).then(|| Damage {
        kind,
        object: log.to_owned(),
        what,
        needed_by: Vec::new(),
        paths: Vec::new(),
        lost: 0,
        remedy: remedy.to_owned(),
    })
}
