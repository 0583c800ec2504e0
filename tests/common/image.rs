//! File systems of their own, in a file: small enough to fill, and of a kind that is asked for.
//!
//! Mounting takes root. Where that cannot be had, a test fails and says so, unless `ENVGIT_WITHOUT_MOUNTS=1` declares
//! that these tests are left out.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, until dropped.
pub struct Image {
    /// Holds the image and, unless it is mounted elsewhere, the place.
    dir: tempfile::TempDir,
    at: PathBuf,
    kind: &'static str,
    size: u64,
}

/// Runs a command that must succeed.
pub fn shell(script: &str) {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}: {said}");
}

impl Image {
    /// A new file system of `ext4`, `xfs`, `btrfs` or `tmpfs`, of so many MiB, mounted at a folder of its own; nothing if
    /// such tests are left out.
    pub fn new(kind: &'static str, size: u64) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("at");
        std::fs::create_dir(&at).unwrap();
        Self::mounted(kind, size, dir, at)
    }

    /// The same, mounted at an empty folder that is given.
    pub fn at(kind: &'static str, size: u64, place: &Path) -> Option<Self> {
        Self::mounted(kind, size, tempfile::tempdir().unwrap(), place.to_owned())
    }

    fn mounted(kind: &'static str, size: u64, dir: tempfile::TempDir, at: PathBuf) -> Option<Self> {
        if std::env::var_os("ENVGIT_WITHOUT_MOUNTS").is_some_and(|value| value == "1") {
            eprintln!("left out, as ENVGIT_WITHOUT_MOUNTS says: needs a file system of its own");
            return None;
        }
        assert!(
            rustix::process::geteuid().is_root(),
            "this test mounts a file system and needs root; ENVGIT_WITHOUT_MOUNTS=1 leaves such tests out"
        );
        let image = Self { dir, at, kind, size };
        let file = image.file();
        let make = match kind {
            "tmpfs" => return image.mount().then_some(image),
            "ext4" => "mkfs.ext4 -q -F -m 0",
            "xfs" => "mkfs.xfs -q -m reflink=1",
            "btrfs" => "mkfs.btrfs -q",
            _ => panic!("{kind}"),
        };
        shell(&format!("truncate -s {size}M {0} && {make} {0}", file.display()));
        image.mount().then_some(image)
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Mounts it, and tells that it did.
    pub fn mount(&self) -> bool {
        let at = self.at.display();
        match self.kind {
            "tmpfs" => shell(&format!("mount -t tmpfs -o size={}m none {at}", self.size)),
            kind => shell(&format!("mount -t {kind} -o loop {} {at}", self.file().display())),
        }
        true
    }

    /// Unmounts it. Who has it open keeps it.
    pub fn unmount(&self) {
        shell(&self.unmounting());
    }

    /// The command that does so.
    pub fn unmounting(&self) -> String {
        format!("umount -l {}", self.at.display())
    }

    /// As after a power cut: what is not on the disk is gone. Nobody may have it open.
    pub fn mount_again(&self) {
        shell(&format!("umount {}", self.at.display()));
        self.mount();
    }

    /// Bytes that are taken on it.
    pub fn used(&self) -> u64 {
        shell(&format!("sync -f {}", self.at.display()));
        let stat = rustix::fs::statvfs(&self.at).unwrap();
        (stat.f_blocks - stat.f_bfree) * stat.f_frsize
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}

/// An overlay, as a container has one: what is at a place now is what the image brought.
pub struct Overlay {
    at: PathBuf,
    /// What was written since.
    pub upper: PathBuf,
}

impl Overlay {
    pub fn over(at: &Path, image: &Image) -> Self {
        let upper = image.path().join("upper");
        let (on, over) = (image.path().display(), at.display());
        shell(&format!(
            "cd {on} && mkdir upper work && \
             mount -t overlay overlay -o lowerdir={over},upperdir=upper,workdir=work {over}"
        ));
        Self {
            at: at.to_owned(),
            upper,
        }
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}
