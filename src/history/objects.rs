//! Objects in and out of the repository.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::objs::{Exists as _, Kind};
use gix_pack::data::output;

use super::History;
use super::error::Error;
use super::id::object_id;
use crate::fsx::witness::{Change, saw};
use crate::fsx::{self, Context as _, atomic};

/// Up to so many new objects are written one file each, more as one pack.
pub(super) const MAX_LOOSE: usize = 20;

/// An object that is to be written.
pub(super) struct NewObject {
    pub(super) id: [u8; 20],
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
}

impl NewObject {
    pub(super) fn new(kind: Kind, data: Vec<u8>) -> Result<Self, Error> {
        let id = object_id(kind, &data).map_err(|e| Error::write(format!("a {kind}"), e))?;
        Ok(Self { id, kind, data })
    }
}

impl History {
    /// The content of an object, checked against its id.
    pub(super) fn read_object(&self, id: gix::ObjectId, wanted: Kind) -> Result<Vec<u8>, Error> {
        let what = || format!("{wanted} {id}");
        let (kind, data) = self.try_read_object(id)?.ok_or_else(|| Error::Missing {
            kind: name_of(wanted),
            id: id.to_string(),
        })?;
        if kind != wanted {
            return Err(Error::damaged(what(), "it is an object of another kind"));
        }
        Ok(data)
    }

    /// The kind and content of an object, if it is there.
    pub(super) fn try_read_object(&self, id: gix::ObjectId) -> Result<Option<(Kind, Vec<u8>)>, Error> {
        let what = || format!("object {id}");
        let Some(object) = self.repo.try_find_object(id).map_err(|e| Error::read(what(), e))? else {
            return Ok(None);
        };
        let object = object.detach();
        let actual = object_id(object.kind, &object.data).map_err(|e| Error::read(what(), e))?;
        if actual != id.as_bytes() {
            return Err(Error::damaged(what(), "its content does not match its id"));
        }
        Ok(Some((object.kind, object.data)))
    }

    /// Writes the objects that are not there yet. They are durable when this returns.
    pub(super) fn write_objects(&self, mut objects: Vec<NewObject>) -> Result<(), Error> {
        // What another process packs meanwhile is written twice, which harms nothing; looking again for each would.
        let mut known = self.repo.objects.clone();
        known.refresh_never();
        let mut seen = BTreeSet::new();
        objects.retain(|object| seen.insert(object.id) && !known.exists(&gix::ObjectId::Sha1(object.id)));
        if objects.is_empty() {
            return Ok(());
        }
        let dir = self.path("objects");
        // git takes directories of this name for leftovers and prunes them when they are old.
        let staging = tempfile::Builder::new()
            .prefix("tmp_objdir-envgit-")
            .tempdir_in(&dir)
            .at("create a directory in", &dir)?;
        if objects.len() <= MAX_LOOSE {
            write_loose(&objects, staging.path(), &dir)
        } else {
            write_pack(&objects, staging.path(), &dir.join("pack"))
        }
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Tree => "tree",
        Kind::Blob => "blob",
        Kind::Commit => "commit",
        Kind::Tag => "tag",
    }
}

fn write_loose(objects: &[NewObject], staging: &Path, dir: &Path) -> Result<(), Error> {
    let mut fan_outs = BTreeSet::new();
    let mut created = false;
    for object in objects {
        let hex = gix::ObjectId::Sha1(object.id).to_string();
        let draft = staging.join(&hex);
        let compress = || -> std::io::Result<()> {
            let mut out = gix::zlib::stream::deflate::Write::new(Vec::new(), gix::zlib::Compression::DEFAULT);
            out.write_all(&gix::objs::encode::loose_header(object.kind, object.data.len() as u64))?;
            out.write_all(&object.data)?;
            out.flush()?;
            let mut file = File::create_new(&draft)?;
            file.write_all(&out.into_inner())?;
            file.set_permissions(Permissions::from_mode(0o444))?;
            file.sync_all()
        };
        compress().at("write", &draft)?;
        let fan_out = dir.join(&hex[..2]);
        if !fan_out.is_dir() {
            fsx::create_dir_all(&fan_out)?;
            created = true;
        }
        let path = fan_out.join(&hex[2..]);
        saw(|| Change::File(draft.clone()));
        saw(|| Change::SyncFile(draft.clone()));
        fsx::rename(&draft, &path)?;
        fan_outs.insert(fan_out);
    }
    fan_outs.iter().try_for_each(|fan_out| atomic::sync_dir(fan_out))?;
    if created {
        atomic::sync_dir(dir)?;
    }
    Ok(())
}

fn write_pack(objects: &[NewObject], staging: &Path, dir: &Path) -> Result<(), Error> {
    let failed = |source: gix::Error| Error::write("a pack", source);
    let stream = pack_stream(objects).map_err(failed)?;
    let options = gix_pack::bundle::write::Options {
        iteration_mode: gix_pack::data::input::Mode::AsIs,
        ..gix_pack::bundle::write::Options::default()
    };
    let written = gix_pack::Bundle::write_to_directory(
        &mut stream.as_slice(),
        Some(staging),
        &mut gix::progress::Discard,
        &AtomicBool::new(false),
        None::<gix::objs::find::Never>,
        gix::hash::Kind::Sha1,
        options,
    )
    .map_err(failed)?;
    // The index comes last: a pack counts from the moment that its index stands beside it.
    for draft in [written.data_path, written.index_path].into_iter().flatten() {
        publish(&draft, dir)?;
    }
    atomic::sync_dir(dir)?;
    Ok(())
}

/// Gives a synced file its name in `dir`.
pub(super) fn publish(draft: &Path, dir: &Path) -> Result<PathBuf, Error> {
    let path = dir.join(draft.file_name().unwrap_or_default());
    std::fs::set_permissions(draft, Permissions::from_mode(0o444)).at("set the mode of", draft)?;
    saw(|| Change::File(draft.to_owned()));
    atomic::sync_file(draft)?;
    fsx::rename(draft, &path)?;
    Ok(path)
}

fn pack_stream(objects: &[NewObject]) -> Result<Vec<u8>, gix::Error> {
    let entries = objects.iter().map(|object| {
        let id = gix::ObjectId::Sha1(object.id);
        let data = gix::objs::Data::new(&object.data, object.kind, gix::hash::Kind::Sha1);
        let count = output::Count::from_data(id, None);
        output::Entry::from_data(&count, &data, gix::zlib::Compression::DEFAULT).map(|entry| vec![entry])
    });
    let count = u32::try_from(objects.len()).map_err(|_| gix::error::message("too many objects for one pack"))?;
    let mut stream = Vec::new();
    let writer = output::bytes::FromEntriesIter::new(
        entries,
        &mut stream,
        count,
        gix_pack::data::Version::V2,
        gix::hash::Kind::Sha1,
    );
    for written in writer {
        written?;
    }
    Ok(stream)
}
