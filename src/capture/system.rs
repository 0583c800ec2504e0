//! Facts about the machine, read from files; nothing is run.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::elf;
use crate::snapshot::facts::SystemFacts;

/// How much of a text file is looked at, in bytes. `/proc/cpuinfo` grows with the number of cores, and every core's
/// part takes the kernel time to write.
const TEXT_LIMIT: u64 = 8 << 10;

/// How much of the C library is searched, in bytes.
const LIBRARY_LIMIT: usize = 8 << 20;

/// The machine as the file system under `root` (`/`, but for tests) shows it. Kernel and architecture are those of
/// the running kernel. What cannot be read is left empty.
pub fn facts(root: &Path) -> SystemFacts {
    let uname = rustix::system::uname();
    SystemFacts {
        os: os_name(root).unwrap_or_else(|| uname.sysname().to_string_lossy().into_owned()),
        kernel: uname.release().to_string_lossy().into_owned(),
        arch: uname.machine().to_string_lossy().into_owned(),
        glibc: glibc(root),
        libstdcxx: libstdcxx(root),
        cpu: cpu(root),
        nvidia_driver: nvidia_driver(root),
        gpus: gpus(root),
    }
}

fn os_name(root: &Path) -> Option<String> {
    let text = ["etc/os-release", "usr/lib/os-release"]
        .iter()
        .find_map(|path| read_text(&root.join(path)))?;
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
            .filter(|value| !value.is_empty())
    };
    field("PRETTY_NAME").or_else(|| field("NAME"))
}

fn cpu(root: &Path) -> Option<String> {
    let text = read_text(&root.join("proc/cpuinfo"))?;
    ["model name", "Model", "Processor", "cpu"]
        .iter()
        .find_map(|name| field(&text, name))
}

fn nvidia_driver(root: &Path) -> Option<String> {
    let text = read_text(&root.join("proc/driver/nvidia/version"))?;
    let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
    let is_version = |word: &&str| word.contains('.') && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    line.split_whitespace().find(is_version).map(str::to_owned)
}

fn gpus(root: &Path) -> Vec<String> {
    let Ok(list) = std::fs::read_dir(root.join("proc/driver/nvidia/gpus")) else {
        return Vec::new();
    };
    // By bus address, so that the order is that of the machine.
    let mut dirs: Vec<PathBuf> = list.flatten().map(|entry| entry.path()).collect();
    dirs.sort();
    dirs.iter()
        .filter_map(|dir| field(&read_text(&dir.join("information"))?, "Model"))
        .collect()
}

/// The value of a `name : value` line.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|value| !value.is_empty())
}

fn read_text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(TEXT_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The version that the C library states in its banner.
fn glibc(root: &Path) -> Option<String> {
    let names = ["libc.so.6", "libc.so"];
    library_dirs(root)
        .iter()
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find_map(|path| banner_version(&path))
}

/// The highest `GLIBCXX` version that the C++ library offers.
fn libstdcxx(root: &Path) -> Option<String> {
    const NAME: &str = "libstdc++.so.6";
    let offered = |dir: PathBuf| {
        let file = File::open(dir.join(NAME)).ok()?;
        elf::read(&file, NAME.as_bytes())?.offers.remove("GLIBCXX")
    };
    library_dirs(root).into_iter().find_map(offered)
}

/// Where a system keeps its libraries.
fn library_dirs(root: &Path) -> Vec<PathBuf> {
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let dirs = ["lib", "usr/lib"].map(|dir| root.join(dir).join(&multiarch));
    let plain = ["lib64", "usr/lib64", "lib", "usr/lib"].map(|dir| root.join(dir));
    dirs.into_iter().chain(plain).collect()
}

fn banner_version(library: &Path) -> Option<String> {
    const BANNER: &[u8] = b"GNU C Library ";
    const BANNER_LENGTH: usize = 256;
    let finder = memchr::memmem::Finder::new(BANNER);
    let mut file = File::open(library).ok()?.take(LIBRARY_LIMIT as u64);
    let mut window = vec![0; 256 << 10];
    let mut kept = 0;
    loop {
        let filled = file.read(&mut window[kept..]).ok()?;
        let seen = kept + filled;
        let at_end = filled == 0;
        // A banner at the very end of the window may be cut: it is looked at again with what follows.
        if let Some(at) = finder.find(&window[..seen])
            && (at_end || seen - at >= BANNER_LENGTH)
        {
            return version_in(&window[at..seen]);
        }
        if at_end {
            return None;
        }
        let keep = seen.min(BANNER_LENGTH + BANNER.len());
        window.copy_within(seen - keep..seen, 0);
        kept = keep;
    }
}

/// The `2.36` of `GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.`
fn version_in(banner: &[u8]) -> Option<String> {
    const MARK: &[u8] = b" version ";
    let at = memchr::memmem::find(banner, MARK)? + MARK.len();
    let version: Vec<u8> = banner[at..]
        .iter()
        .copied()
        .take_while(|b| b.is_ascii_digit() || *b == b'.')
        .collect();
    let text = String::from_utf8(version).ok()?;
    let text = text.trim_end_matches('.');
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, content: &[u8]) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    #[test]
    fn a_machine_with_gpus() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(
            root,
            "etc/os-release",
            b"NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        );
        write(
            root,
            "proc/cpuinfo",
            b"processor\t: 0\nmodel\t\t: 85\nmodel name\t: Intel(R)  Xeon(R) Gold\nprocessor\t: 1\n",
        );
        write(
            root,
            "proc/driver/nvidia/version",
            b"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (x)\nGCC version: 12.2.0\n",
        );
        for (bus, model) in [
            ("0000:c1:00.0", "NVIDIA A10"),
            ("0000:01:00.0", "NVIDIA A100-SXM4-80GB"),
        ] {
            let text = format!("Model: \t\t {model}\nIRQ:   \t\t 12\n");
            write(
                root,
                &format!("proc/driver/nvidia/gpus/{bus}/information"),
                text.as_bytes(),
            );
        }
        let mut libc = vec![0u8; (256 << 10) - 20];
        libc.extend_from_slice(b"GNU C Library (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.\nCopyright");
        write(root, "lib64/libc.so.6", &libc);
        let libstdcxx = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elf/libstdc++.so.6");
        write(root, "usr/lib64/libstdc++.so.6", &std::fs::read(libstdcxx).unwrap());
        let facts = facts(root);
        assert_eq!(facts.os, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(facts.libstdcxx.as_deref(), Some("3.4.30"));
        assert_eq!(facts.cpu.as_deref(), Some("Intel(R) Xeon(R) Gold"));
        assert_eq!(facts.nvidia_driver.as_deref(), Some("550.54.14"));
        assert_eq!(facts.gpus, ["NVIDIA A100-SXM4-80GB", "NVIDIA A10"]);
        assert_eq!(facts.glibc.as_deref(), Some("2.36"));
        assert!(!facts.kernel.is_empty() && !facts.arch.is_empty());
    }

    #[test]
    fn older_driver_text() {
        let dir = tempfile::tempdir().unwrap();
        let text = b"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n";
        write(dir.path(), "proc/driver/nvidia/version", text);
        assert_eq!(facts(dir.path()).nvidia_driver.as_deref(), Some("535.129.03"));
    }

    #[test]
    fn an_empty_machine_has_no_facts_but_the_kernel() {
        let dir = tempfile::tempdir().unwrap();
        let facts = facts(dir.path());
        assert_eq!(facts.os, "Linux");
        assert_eq!(
            (
                facts.glibc,
                facts.libstdcxx,
                facts.cpu,
                facts.nvidia_driver,
                facts.gpus.len()
            ),
            (None, None, None, None, 0)
        );
    }

    #[test]
    fn this_machine_is_read_quickly() {
        facts(Path::new("/"));
        let start = std::time::Instant::now();
        let facts = facts(Path::new("/"));
        let took = start.elapsed();
        assert!(facts.cpu.is_some(), "{facts:?}");
        assert!(took < std::time::Duration::from_millis(100), "{took:?}");
    }
}
