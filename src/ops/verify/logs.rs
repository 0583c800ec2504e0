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
    if faults.is_empty() {
        return Ok(None);
    }
    Ok(Some(Damage {
        kind: DamageKind::Audit,
        object: "audit.jsonl".to_owned(),
        what: faults
            .into_iter()
            .map(|fault| format!("line {}: {}", fault.line, fault.what))
            .collect(),
        needed_by: Vec::new(),
        paths: Vec::new(),
        lost: 0,
        remedy: "compare the log with a backup: somebody or something changed it after it was written".to_owned(),
    }))
}

/// Lines of the log of operations that make no sense.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn check_operations(session: &Session<'_>) -> Result<Option<Damage>, Error> {
    let senseless = OperationLog::of(session).senseless()?;
    if senseless.is_empty() {
        return Ok(None);
    }
    Ok(Some(Damage {
        kind: DamageKind::Operations,
        object: "operations.jsonl".to_owned(),
        what: senseless
            .into_iter()
            .map(|line| format!("line {line}: it makes no sense"))
            .collect(),
        needed_by: Vec::new(),
        paths: Vec::new(),
        lost: 0,
        remedy: "remove the line: `envgit undo` passes it over, and nothing else needs it".to_owned(),
    }))
}
