//! What compiled code needs of the world around it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::path::RelPath;
use super::unit::UnitName;

/// What the compiled code of one unit needs: one line of an inventory's `binaries.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binaries {
    /// The unit.
    pub unit: UnitName,
    /// Its ELF files: programs, shared libraries, extension modules.
    pub files: u64,
    /// The highest symbol version needed of each family (`GLIBC`, `GLIBCXX`, `CXXABI`), with the file that needs it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, Need>,
    /// Libraries needed (`DT_NEEDED`) that the unit does not hold, each with the first file that needs it. The CUDA
    /// runtime is named also if the unit holds it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub libraries: BTreeMap<String, RelPath>,
    /// The highest symbol version offered of each family, by the libraries that the families are of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub offers: BTreeMap<String, String>,
    /// Names of the libraries in it, by which others may need them: sonames, file names, links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<String>,
    /// Extension modules by the NumPy C interface they were built for.
    #[serde(default, skip_serializing_if = "NumpyModules::is_empty")]
    pub numpy: NumpyModules,
}

impl Binaries {
    /// A unit without compiled code.
    pub fn new(unit: UnitName) -> Self {
        Self {
            unit,
            files: 0,
            versions: BTreeMap::new(),
            libraries: BTreeMap::new(),
            offers: BTreeMap::new(),
            provides: Vec::new(),
            numpy: NumpyModules::default(),
        }
    }
}

/// The text of `binaries.jsonl`: one JSON object a line.
pub fn encode(binaries: &[Binaries]) -> Vec<u8> {
    super::lines::encode(binaries)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Names the line.
pub fn decode(text: &[u8]) -> Result<Vec<Binaries>, String> {
    super::lines::decode(text)
}

/// A version that some file needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The version, without its family: `2.34`.
    pub version: String,
    /// The first file that needs it.
    pub path: RelPath,
}

/// Extension modules that use NumPy's C interface
/// ([compatibility](https://numpy.org/doc/stable/dev/depending_on_numpy.html)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumpyModules {
    /// Built with NumPy 1.x: they do not work with NumPy 2, and most cannot even be imported. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one: Vec<RelPath>,
    /// Those of [`one`](Self::one) made by Cython, which check the size of types when they are imported: they fail
    /// with `ValueError`, the others with `ImportError`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sized: Vec<RelPath>,
    /// How many were built with NumPy 2, which run with 1.x too.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub two: u64,
}

impl NumpyModules {
    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.one.is_empty() && self.two == 0
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
