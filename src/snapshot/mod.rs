//! The nouns, without IO: paths, entries, units, packages, the parts of an inventory, changes.
//!
//! A *snapshot* is the full state of all roots at one moment; an *inventory* is a snapshot written down as a git tree:
//!
//! ```text
//! snapshot.json            facts::Manifest
//! vars.json                facts::Vars
//! <root>/packages.jsonl    package::Package, one a line
//! <root>/configs/<path>    config files, verbatim
//! <root>/files/<unit>      filelist: the entries of one unit
//! ```

pub mod change;
pub mod content;
pub mod entry;
pub mod facts;
pub mod filelist;
pub mod package;
pub mod path;
pub mod prefix;
pub mod records;
pub mod root;
pub mod unit;
