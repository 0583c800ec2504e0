//! Which names of conda packages and Python projects mean the same.

use crate::snapshot::package::normalize;

/// Conda packages whose Python project goes by another name, where no record tells: once pip has installed over the
/// conda package, its own `dist-info` is gone.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("dask-core", "dask"),
    ("matplotlib-base", "matplotlib"),
    ("msgpack-python", "msgpack"),
    ("opencv", "opencv-python"),
    ("py-opencv", "opencv-python"),
    ("py-xgboost", "xgboost"),
    ("pytables", "tables"),
    ("python-graphviz", "graphviz"),
    ("pytorch", "torch"),
    ("redis-py", "redis"),
    ("seaborn-base", "seaborn"),
    ("tensorflow-base", "tensorflow"),
];

/// The name by which pip would know a conda package.
pub fn project(conda: &str) -> String {
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == conda);
    other.map_or_else(|| normalize(conda), |(_, project)| (*project).to_owned())
}
