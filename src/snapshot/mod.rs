//! The nouns, without IO: paths, entries, units, packages, the parts of an inventory, changes.
//!
//! A *snapshot* is the full state of all roots at one moment; an *inventory* is a snapshot written down as a git tree:
//!
//! ```text
//! snapshot.json            facts::Manifest
//! vars.json                facts::Vars
//! <root>/packages.jsonl    package::Package, one a line
//! <root>/promises.jsonl    promise::Promises, one a line
//! <root>/binaries.jsonl    binary::Binaries, one a line
//! <root>/conda-history     conda's own history of the prefix, verbatim
//! <root>/configs/<path>    config files, verbatim
//! <root>/files/<unit>      filelist: the entries of one unit
//! ```

pub mod binary;
pub mod change;
pub mod content;
pub mod entry;
pub mod explanation;
pub mod facts;
pub mod filelist;
pub mod finding;
mod lines;
pub mod package;
pub mod path;
pub mod prefix;
pub mod promise;
pub mod records;
pub mod root;
pub mod unit;
pub mod url;
