//! Clones from a folder on the same disk: layers are other names of the same files. What the clone reads of them is
//! checked as it is read, and the rest all the same.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use envgit::digest::Digest;
use envgit::store::Store;
use envgit::store::catalog::{Frame, LayerIndex};
use envgit::store::toc::Footer;

use super::common::cli::{Said, Shell};
use super::common::{differing, picture};
use super::places::{clone_for_ben, noise};

/// One file of many frames and some of one.
const LARGE: usize = 6 << 20;
const SMALL: usize = 200 << 10;

/// Two commits with a layer each, pushed. The second lacks what the first has in `env/lib/old`.
fn pushed() -> Shell {
    let shell = Shell::with_venv();
    shell.write("env/lib/large", noise(1, LARGE));
    shell.write("env/lib/old", noise(2, SMALL));
    shell.write("env/lib/same", noise(3, SMALL));
    shell.ok(&["commit", "-m", "first"]);
    std::fs::remove_file(shell.path("env/lib/old")).unwrap();
    shell.write("env/lib/new", noise(4, SMALL));
    shell.ok(&["commit", "-m", "second"]);
    shell.ok(&["remote", "add", "origin", shell.path("remote").to_str().unwrap()]);
    shell.ok(&["push"]);
    shell
}

fn clone_from(shell: &Shell, from: &str) -> Said {
    clone_for_ben(shell, shell.path(from).to_str().unwrap())
}

fn stands(shell: &Shell) {
    let there = picture(&shell.path("ben/env"));
    assert_eq!(differing(&picture(&shell.path("env")), &there), Vec::<String>::new());
}

fn nothing_stands(shell: &Shell) {
    assert!(
        !shell.path("ben/glm/.envgit/format.json").exists(),
        "it is no repository"
    );
    for layer in layers(shell, "ben/glm/.envgit") {
        assert_eq!(
            Digest::of(&std::fs::read(&layer).unwrap()),
            digest(&layer),
            "what has its name is sound"
        );
    }
    assert_eq!(picture(&shell.path("ben/env")).len(), 0);
}

fn layers(shell: &Shell, of: &str) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(shell.path(of).join("layers")).unwrap();
    let mut layers: Vec<PathBuf> = listing.map(|entry| entry.unwrap().path()).collect();
    layers.sort_unstable();
    layers
}

fn digest(layer: &std::path::Path) -> Digest {
    let name = layer.file_name().unwrap().to_str().unwrap();
    name.trim_end_matches(".tar.zst").parse().unwrap()
}

/// The layer at the remote in which a content lies, and its frames there.
fn frames_of(shell: &Shell, content: &[u8]) -> (PathBuf, Vec<Frame>) {
    let content = Digest::of(content);
    for layer in layers(shell, "remote") {
        let index = Store::cached_index(&shell.path("glm/.envgit/cache"), &digest(&layer)).unwrap();
        if let Some(whole) = index.wholes.iter().find(|whole| whole.digest == content) {
            let frames = &index.frames[whole.first as usize..][..whole.count as usize];
            return (layer, frames.to_vec());
        }
    }
    panic!("no layer holds it");
}

/// Changes one byte of a file, which keeps all its names; done twice it is as it was.
fn flip(path: &std::path::Path, at: u64, bits: u8) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at as usize] ^= bits;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn layers_of_the_same_disk_are_links() {
    let shell = pushed();
    let said = clone_from(&shell, "remote");
    assert_eq!(said.code, 0, "{}", said.transcript());
    stands(&shell);
    let inodes = |of: &str| {
        let inode = |path: &PathBuf| path.metadata().unwrap().ino();
        layers(&shell, of).iter().map(inode).collect::<Vec<_>>()
    };
    assert_eq!(inodes("ben/glm/.envgit"), inodes("remote"));
    shell.ok_in(&shell.path("ben/glm"), &["verify"]);
}

#[test]
fn damage_is_found_whether_the_clone_reads_what_is_damaged_or_not() {
    let large = noise(1, LARGE);
    let contents = [
        ("large", &large[..]),
        ("same", &noise(3, SMALL)),
        ("old", &noise(2, SMALL)),
    ];
    for (name, content) in contents {
        let shell = pushed();
        let (layer, frames) = frames_of(&shell, content);
        assert_eq!(frames.len() > 1, name == "large");
        let last = frames.last().unwrap();
        let place = last.offset + u64::from(last.stored) / 2;
        flip(&layer, place, 1);
        let said = clone_from(&shell, "remote");
        assert_eq!(said.code, 1, "{name}: {}", said.transcript());
        let which = format!("layer {} at ", digest(&layer).short());
        assert!(said.err.contains(&which), "{name}: {}", said.transcript());
        let words = format!("is refused: the frame at byte {} is damaged", last.offset);
        assert!(said.err.contains(&words), "{name}: {}", said.transcript());
        nothing_stands(&shell);
        // Where it was mended the same command goes on.
        flip(&layer, place, 1);
        let said = clone_from(&shell, "remote");
        assert_eq!(said.code, 0, "{name}: {}", said.transcript());
        stands(&shell);
        shell.ok_in(&shell.path("ben/glm"), &["verify"]);
    }
}

#[test]
fn what_stands_between_contents_is_checked() {
    let shell = pushed();
    let (layer, frames) = frames_of(&shell, &noise(3, SMALL));
    // The end of the tar headers before it.
    flip(&layer, frames[0].offset - 3, 0x10);
    let said = clone_from(&shell, "remote");
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(said.err.contains("is refused"), "{}", said.transcript());
    nothing_stands(&shell);
}

/// What is in the layer is all right then, and `verify` reads every byte.
#[test]
fn bytes_that_mean_nothing_are_left_to_verify() {
    let shell = pushed();
    let layer = &layers(&shell, "remote")[0];
    let bytes = std::fs::read(layer).unwrap();
    let footer = Footer::decode(&bytes[bytes.len() - Footer::LEN..]).unwrap();
    // Frames that zstd passes over begin with any of sixteen numbers.
    flip(layer, footer.toc_offset - 8, 0x0f);
    let said = clone_from(&shell, "remote");
    assert_eq!(said.code, 0, "{}", said.transcript());
    stands(&shell);
    let verify = shell.run_in(&shell.path("ben/glm"), &["verify"]);
    assert_eq!(verify.code, 4, "{}", verify.transcript());
    assert!(verify.out.contains("not that of its name"), "{}", verify.transcript());
}

/// A cache is as good as who wrote it, and that was somebody else.
#[test]
fn what_another_repository_remembers_of_its_layers_is_not_believed() {
    let shell = pushed();
    let cache = shell.path("glm/.envgit/cache");
    let (first, second) = (Digest::of(&noise(2, SMALL)), Digest::of(&noise(3, SMALL)));
    for layer in layers(&shell, "glm/.envgit") {
        let mut index: LayerIndex = Store::cached_index(&cache, &digest(&layer)).unwrap();
        let place = |of: &Digest| index.wholes.iter().position(|whole| whole.digest == *of);
        let (Some(a), Some(b)) = (place(&first), place(&second)) else {
            continue;
        };
        index.wholes[a].digest = second;
        index.wholes[b].digest = first;
        Store::renew_index(&cache, &digest(&layer), &index);
    }
    let said = clone_from(&shell, "glm");
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(
        said.err.contains("is refused: it lists other content"),
        "{}",
        said.transcript()
    );
    nothing_stands(&shell);
}
