//! `verify`: whether everything that was recorded is still there and is what it was.

mod caches;
mod damages;
mod elsewhere;
mod live;
mod logs;
mod names;
mod promised;
mod repair;
pub mod report;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

pub use live::verify_live;
pub use report::VerifyReport;

use super::error::Error;
use super::survey::{Part, Reach, Survey, Text};
use super::{Session, recover};
use crate::cores;
use crate::digest::Digest;
use crate::history::{BlobId, CommitId};
use crate::progress::Phase;
use crate::snapshot::facts::{LayerFacts, Manifest, Vars};
use crate::snapshot::path::RelPath;
use crate::snapshot::{filelist, package};
use crate::store::verify::{Holdings, LayerCheck, check, list};

/// How to verify.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions {
    /// Bring back what can be brought back.
    pub repair: bool,
}

/// Reads all layers, the whole reachable history and the audit log. Caches that are damaged are made anew.
///
/// # Errors
/// What keeps it from looking; damage is no error but in the report.
pub fn verify(session: &mut Session<'_>, options: VerifyOptions) -> Result<VerifyReport, Error> {
    if !options.repair {
        return Ok(Examination::of(session)?.into_report());
    }
    let _lock = session.repo.lock(&session.purpose)?;
    recover::clear_drafts(session)?;
    let found = Examination::of(session)?;
    if found.report.damages.is_empty() {
        return Ok(found.into_report());
    }
    let outcome = repair::repair(session, &found)?;
    // What was repaired counts only when it is found sound.
    let mut report = Examination::of(session)?.into_report();
    report.notes = [found.report.notes, outcome.notes, report.notes].concat();
    report.repairs = outcome.done;
    report.fetched = outcome.fetched;
    report.aside = outcome.aside;
    Ok(report)
}

/// Everything that was found.
struct Examination {
    survey: Survey,
    checks: Vec<LayerCheck>,
    /// Contents that inventories name and no layer gives.
    lost: BTreeMap<Digest, Lost>,
    /// Texts that cannot be read or understood, with the reason.
    bad_texts: BTreeMap<BlobId, (Text, String)>,
    /// The layers that commits wrote.
    written: BTreeMap<Digest, BTreeSet<CommitId>>,
    report: VerifyReport,
}

/// A content that no layer gives.
struct Lost {
    /// File lists that name it.
    lists: BTreeSet<BlobId>,
    /// One of its paths, with its root.
    place: (String, RelPath),
    /// How many files have it, in all lists.
    files: u64,
}

/// What one text of an inventory says.
enum Said {
    Nothing,
    Layer(Box<LayerFacts>),
    /// The number of contents in a file list, and those that no layer gives.
    Files(u64, Vec<(Digest, RelPath)>),
}

impl Examination {
    /// Looks at everything.
    fn of(session: &Session<'_>) -> Result<Self, Error> {
        let history = session.repo.history();
        // Refs first: whatever they lead to was in the layers before. What is written meanwhile does not matter.
        let survey = Survey::of(history, &Reach::of(session, &[]));
        let (layers, strays) = list(&session.repo.layers_dir())?;
        let bytes = layers
            .values()
            .filter_map(|path| path.metadata().ok())
            .map(|meta| meta.len());
        session.progress.begin(Phase::Verify, Some(bytes.sum()));
        let threads = cores::count();
        let checks = check(&layers, threads, session.progress);
        session.progress.end();
        let holdings = Holdings::of(&checks);
        let mut found = Self {
            report: VerifyReport {
                layers: checks.len() as u64,
                bytes: checks.iter().map(|check| check.size).sum(),
                commits: survey.commits.len() as u64,
                objects: survey.objects(),
                refs: survey.refs,
                ..VerifyReport::default()
            },
            checks,
            lost: BTreeMap::new(),
            bad_texts: BTreeMap::new(),
            written: BTreeMap::new(),
            survey,
        };
        found.read_texts(session, &holdings)?;
        promised::set_aside(session, &mut found);
        found.report.damages = damages::assemble(session, &found, &strays);
        found.report.damages.extend(logs::check_audit(session)?);
        found.report.damages.extend(logs::check_operations(session)?);
        found.report.notes = caches::renew(session, &found.checks)?;
        Ok(found)
    }

    fn read_texts(&mut self, session: &Session<'_>, holdings: &Holdings) -> Result<(), Error> {
        let gives = |digest: &Digest, size: u64| holdings.size_of(digest) == Some(size);
        let readings = self
            .survey
            .read(session.repo.history(), |text, bytes| understand(text, bytes, &gives))?;
        let mut wrote: Vec<(BlobId, Digest)> = Vec::new();
        for (text, reading) in readings {
            match reading {
                Ok(Said::Nothing) => {}
                Ok(Said::Layer(facts)) => wrote.push((text.id, facts.digest)),
                Ok(Said::Files(count, missing)) => {
                    self.report.contents += count;
                    for (digest, path) in missing {
                        let lost = self.lost.entry(digest).or_insert_with(|| Lost {
                            lists: BTreeSet::new(),
                            place: (text.root(), path),
                            files: 0,
                        });
                        lost.lists.insert(text.id);
                        lost.files += 1;
                    }
                }
                Err(what) => {
                    self.bad_texts.insert(text.id, (text.clone(), what));
                }
            }
        }
        let manifests = wrote.iter().map(|(id, _)| *id.as_bytes()).collect();
        let commits = self.survey.dependents(&manifests);
        for (id, layer) in wrote {
            let wrote_it = commits.get(id.as_bytes()).into_iter().flatten();
            self.written.entry(layer).or_default().extend(wrote_it);
        }
        Ok(())
    }

    fn into_report(self) -> VerifyReport {
        self.report
    }
}

/// What a text of an inventory says; `gives` tells whether the layers give a content of that length.
fn understand(text: &Text, bytes: &[u8], gives: &dyn Fn(&Digest, u64) -> bool) -> Result<Said, String> {
    match text.part {
        Part::Manifest => {
            let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            Ok(manifest
                .layer
                .map_or(Said::Nothing, |layer| Said::Layer(Box::new(layer))))
        }
        Part::Vars => {
            serde_json::from_slice::<Vars>(bytes).map_err(|error| error.to_string())?;
            Ok(Said::Nothing)
        }
        Part::Packages => package::decode(bytes).map(|_| Said::Nothing),
        Part::Unit => {
            let entries = filelist::decode(bytes).map_err(|error| error.to_string())?;
            let files = entries.iter().filter_map(|entry| Some((entry, entry.file()?)));
            let (mut count, mut missing) = (0, Vec::new());
            for (entry, file) in files.filter(|(_, file)| file.size > 0) {
                count += 1;
                if !gives(&file.digest, file.size) {
                    missing.push((file.digest, entry.path.clone()));
                }
            }
            Ok(Said::Files(count, missing))
        }
        Part::Config | Part::Other => Ok(Said::Nothing),
    }
}
