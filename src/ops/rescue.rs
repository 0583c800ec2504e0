//! `rescue`: where the last good state is, and what going there leaves behind.

use super::error::Error;
use super::report::RescueReport;
use super::{Session, recover};
use crate::history::{Head, RevisionError};

/// The commit that was found good most recently.
///
/// # Errors
/// When none was, or the history cannot be read.
pub fn rescue(session: &mut Session<'_>) -> Result<RescueReport, Error> {
    recover::if_needed(session)?;
    let history = session.repo.history();
    let good = history.newest_good()?.ok_or_else(|| RevisionError::NoGood {
        rev: "@good".to_owned(),
    })?;
    let head = history.head()?;
    let rev = match &head {
        // Nobody is taken off their branch without need.
        Head::Branch { name, commit } if *commit == good.commit => name.clone(),
        _ => good.short_name().to_owned(),
    };
    let mut leaves = Vec::new();
    if let Some(tip) = head.commit() {
        let behind: std::collections::HashSet<_> = history
            .walk(&[good.commit])?
            .map(|info| info.map(|info| info.id))
            .collect::<Result<_, _>>()?;
        for info in history.walk(&[tip])? {
            let info = info?;
            if !behind.contains(&info.id) {
                leaves.push((history.short(info.id), info.subject().to_owned()));
            }
        }
    }
    let info = history.commit_info(good.commit)?;
    Ok(RescueReport {
        rev,
        commit: good.commit,
        short: history.short(good.commit),
        subject: info.subject().to_owned(),
        time: info.time,
        leaves,
    })
}
