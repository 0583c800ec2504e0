//! `doctor`: what would make envgit faster or safer here.

use super::Session;
use super::pinning::pins_of;
use crate::apply::pins::NoPins;

/// What was looked at.
#[derive(Clone, Debug)]
pub struct DoctorReport {
    /// One line each.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub subject: String,
    /// Nothing to do.
    pub is_fine: bool,
    /// What was found.
    pub found: String,
    /// What would help.
    pub remedy: Option<String>,
}

/// Looks around.
pub fn doctor(session: &Session<'_>) -> DoctorReport {
    let pins = session.repo.config().roots.iter().map(|root| {
        let subject = format!("pins of {}", root.name);
        let (is_fine, found, remedy) = match pins_of(session, root) {
            Ok(pins) => (true, format!("by {}", pins.method().as_str()), None),
            Err(error) => {
                let remedy = match &error {
                    NoPins::Apart { root, .. } => format!(
                        "going back to it copies every file; keep the project folder, or only .envgit, on the file \
                         system of {}",
                        root.display()
                    ),
                    NoPins::Overlay(_) => {
                        "going back to it copies every file; keep the environment and .envgit together \
                                           on a volume of the container"
                            .to_owned()
                    }
                    NoPins::NoLinks(_) => "going back to it copies every file; use a file system with hard links or \
                                           reflinks, such as ext4, XFS or btrfs"
                        .to_owned(),
                    NoPins::Io(error) => format!("{}", error.source),
                };
                (false, error.to_string(), Some(remedy))
            }
        };
        Check {
            subject,
            is_fine,
            found,
            remedy,
        }
    });
    DoctorReport { checks: pins.collect() }
}
