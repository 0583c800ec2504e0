//! The audit log: every line names the digest of the line before.

use super::report::{Damage, DamageKind};
use crate::ops::{Error, Session, audit};

/// What is wrong with the chain of the audit log; nothing when there is no log.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn check(session: &Session<'_>) -> Result<Option<Damage>, Error> {
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
