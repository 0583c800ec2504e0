//! What belongs to a root and what does not.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::configs::ConfigPatterns;
use super::ignored::Ignored;
use super::walk::Filter;
use crate::digest::{Digest, Hasher};
use crate::snapshot::content::Form;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Root, STAGE_DIR};

/// By which rules a root is captured.
pub struct Rules {
    /// What its `.snapignore` says.
    pub ignored: Ignored,
    /// Inner roots, the repository itself, and the stage: never part of this root.
    pub excluded: BTreeSet<RelPath>,
    /// Which files are config files. None in roots that have none.
    pub configs: Option<ConfigPatterns>,
    /// In which form content is recorded.
    pub form: Arc<dyn Form>,
}

impl Rules {
    /// What the rules are, with the place they are for.
    pub(super) fn fingerprint(&self, root: &Root) -> Digest {
        let mut hasher = Hasher::new();
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add(root.path.as_os_str().as_encoded_bytes());
        add(root.kind.as_str().as_bytes());
        add(self.ignored.fingerprint().as_bytes());
        for path in &self.excluded {
            add(path.as_bytes());
        }
        for path in self.form.homes().iter().chain(self.form.sought()) {
            add(path);
        }
        if let Some(configs) = &self.configs {
            add(configs.fingerprint().as_bytes());
        }
        hasher.finish()
    }
}

impl Filter for Rules {
    fn skips(&self, path: &RelPath, is_dir: bool) -> bool {
        path.as_bytes() == STAGE_DIR.as_bytes()
            || self.excluded.contains(path)
            || self.ignored.is_ignored(path.as_bytes(), is_dir)
    }
}
