//! Packs: objects in one file, for other repositories.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix_pack::data::output;

use super::History;
use super::error::Error;
use super::id::ObjectId;
use super::objects::publish;
use crate::fsx::{Context as _, atomic};

/// The largest object that is taken from a pack of somebody else, in bytes. The file list of a unit with a million files
/// has 150 MB.
const MAX_OBJECT: usize = 512 << 20;

/// No object takes fewer bytes in a pack: a byte of header, and the shortest zlib stream.
const MIN_STORED: u64 = 9;

/// A pack and its index, under names that follow from what is in them.
#[derive(Clone, Debug)]
pub struct PackFiles {
    /// `…/pack-<hash>.pack`
    pub pack: PathBuf,
    /// `…/pack-<hash>.idx`
    pub index: PathBuf,
}

impl History {
    /// Writes these objects as one pack with its index into `dir`. The same objects give the same bytes.
    ///
    /// # Errors
    /// Names the object that is missing, or what cannot be written.
    pub fn export(&self, objects: &[ObjectId], dir: &Path) -> Result<PackFiles, Error> {
        let draft = dir.join("objects");
        let file = File::create(&draft).at("create", &draft)?;
        let mut out = BufWriter::new(file);
        self.stream_pack(objects, &mut out)?;
        out.flush().at("write", &draft)?;
        drop(out);
        let files = index_pack(&draft, dir)?;
        std::fs::remove_file(&draft).at("remove", &draft)?;
        Ok(files)
    }

    fn stream_pack(&self, objects: &[ObjectId], out: &mut impl std::io::Write) -> Result<(), Error> {
        let failed = |source: gix::Error| Error::write("a pack", source);
        let mut sorted = objects.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let count = u32::try_from(sorted.len())
            .map_err(|_| failed(gix::error::message("too many objects for one pack").into()))?;
        let missing = |id: &ObjectId| Error::Missing {
            kind: "object",
            id: id.to_string(),
        };
        // An iterator of gix's cannot carry an error of ours.
        let mut stopped = None;
        let entries = sorted.iter().map_while(|id| {
            let (kind, data) = match self.try_read_object(id.oid()) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    stopped = Some(missing(id));
                    return None;
                }
                Err(error) => {
                    stopped = Some(error);
                    return None;
                }
            };
            let data = gix::objs::Data::new(&data, kind, gix::hash::Kind::Sha1);
            let count = output::Count::from_data(id.oid(), None);
            Some(output::Entry::from_data(&count, &data, gix::zlib::Compression::DEFAULT).map(|entry| vec![entry]))
        });
        let writer = output::bytes::FromEntriesIter::new(
            entries,
            out,
            count,
            gix_pack::data::Version::V2,
            gix::hash::Kind::Sha1,
        );
        let mut outcome = Ok(());
        for written in writer {
            if let Err(error) = written {
                outcome = Err(failed(error));
                break;
            }
        }
        match stopped {
            Some(error) => Err(error),
            None => outcome,
        }
    }

    /// Takes all objects of a pack that somebody else made. Each is hashed; they are durable when this returns.
    ///
    /// # Errors
    /// [`Error::Refused`] says what is wrong with the pack; nothing of it is taken then.
    pub fn import(&self, pack: &Path) -> Result<(), Error> {
        check_header(pack)?;
        let dir = self.path("objects");
        // git takes directories of this name for leftovers and prunes them when they are old.
        let staging = tempfile::Builder::new()
            .prefix("tmp_objdir-envgit-")
            .tempdir_in(&dir)
            .at("create a directory in", &dir)?;
        let files = index_pack(pack, staging.path())?;
        let packs = dir.join("pack");
        // The index comes last: a pack counts from the moment that its index stands beside it.
        publish(&files.pack, &packs)?;
        publish(&files.index, &packs)?;
        atomic::sync_dir(&packs)?;
        Ok(())
    }
}

/// A pack that promises more objects than it can hold is refused before anything is made ready for them.
fn check_header(pack: &Path) -> Result<(), Error> {
    let refused = |why: &str| Error::Refused {
        what: "a pack".to_owned(),
        why: why.to_owned(),
    };
    let mut header = [0; 12];
    let mut file = File::open(pack).at("read", pack)?;
    let size = file.metadata().at("look at", pack)?.len();
    file.read_exact(&mut header).map_err(|_| refused("it is cut short"))?;
    let [magic @ .., a, b, c, d] = header;
    if magic != *b"PACK\0\0\0\x02" {
        return Err(refused("it is no git pack of version 2"));
    }
    let count = u64::from(u32::from_be_bytes([a, b, c, d]));
    if count.saturating_mul(MIN_STORED) > size {
        return Err(refused("it promises more objects than its length can hold"));
    }
    Ok(())
}

/// Copies a pack into `dir`, hashing every object, and writes its index.
fn index_pack(pack: &Path, dir: &Path) -> Result<PackFiles, Error> {
    let file = File::open(pack).at("read", pack)?;
    let options = gix_pack::bundle::write::Options {
        iteration_mode: gix_pack::data::input::Mode::Verify,
        alloc_limit_bytes: Some(MAX_OBJECT),
        ..gix_pack::bundle::write::Options::default()
    };
    let refused = |error: &dyn std::fmt::Display| Error::Refused {
        what: "a pack".to_owned(),
        why: error.to_string(),
    };
    let written = gix_pack::Bundle::write_to_directory(
        &mut BufReader::new(file),
        Some(dir),
        &mut gix::progress::Discard,
        &AtomicBool::new(false),
        None::<gix::objs::find::Never>,
        gix::hash::Kind::Sha1,
        options,
    )
    .map_err(|error| refused(&error))?;
    match (written.data_path, written.index_path) {
        (Some(pack), Some(index)) => Ok(PackFiles { pack, index }),
        _ => Err(refused(&"it holds nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_files, history};
    use super::super::{CommitId, Error};
    use super::*;

    fn packed() -> (tempfile::TempDir, History, PackFiles, CommitId) {
        let (dir, history) = history();
        let commit = commit_files(&history, &[("a", "1"), ("b/c", "2")], &[]);
        let beyond = history.beyond(&[commit.into()], &[]).unwrap();
        let out = dir.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let files = history.export(&beyond.objects, &out).unwrap();
        (dir, history, files, commit)
    }

    #[test]
    fn a_pack_brings_a_commit_to_another_history() {
        let (_a, from, files, commit) = packed();
        let (_b, to) = history();
        to.import(&files.pack).unwrap();
        assert_eq!(to.inventory(commit).unwrap(), from.inventory(commit).unwrap());
        // Taking it again changes nothing.
        to.import(&files.pack).unwrap();
        let name = files.pack.file_name().unwrap();
        assert!(to.path("objects/pack").join(name).is_file());
    }

    #[test]
    fn equal_objects_give_equal_packs() {
        let (dir, history, files, commit) = packed();
        let mut objects = history.beyond(&[commit.into()], &[]).unwrap().objects;
        objects.reverse();
        let again = dir.path().join("again");
        std::fs::create_dir(&again).unwrap();
        let other = history.export(&objects, &again).unwrap();
        assert_eq!(other.pack.file_name(), files.pack.file_name());
        let bytes = |path| std::fs::read(path).unwrap();
        assert_eq!(bytes(&other.pack), bytes(&files.pack));
        assert_eq!(bytes(&other.index), bytes(&files.index));
    }

    #[test]
    fn broken_packs_leave_nothing() {
        let (_a, _, files, commit) = packed();
        let good = std::fs::read(&files.pack).unwrap();
        let mut gigantic = good.clone();
        gigantic[8..12].copy_from_slice(&[0xff; 4]);
        let mut flipped = good.clone();
        flipped[20] ^= 1;
        let middle = good.len() / 2;
        let mut torn = good.clone();
        torn[middle] ^= 0x40;
        for (bad, why) in [
            (&gigantic[..], "more objects than its length can hold"),
            (&good[..good.len() - 5], ""),
            (&good[..7], "cut short"),
            (&flipped[..], ""),
            (&torn[..], ""),
            (b"PACK\0\0\0\x09\0\0\0\x01xxxxxxxxxxxxxxxxxxxxxxxx", "version 2"),
        ] {
            let (dir, to) = history();
            let path = dir.path().join("bad");
            std::fs::write(&path, bad).unwrap();
            let error = to.import(&path).unwrap_err();
            assert!(
                matches!(&error, Error::Refused { why: said, .. } if said.contains(why)),
                "{error:?}"
            );
            assert!(to.commit_info(commit).is_err());
            assert_eq!(std::fs::read_dir(to.path("objects/pack")).unwrap().count(), 0);
        }
    }

    #[test]
    fn an_object_that_is_not_there_is_named() {
        let (dir, history) = history();
        let out = dir.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let error = history.export(&[ObjectId::from_bytes([7; 20])], &out).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the history lacks object {}", ObjectId::from_bytes([7; 20]))
        );
    }
}
