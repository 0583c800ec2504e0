//! Real bytes to start from, made by the program itself where it makes them.

use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use envgit::history::{CommitId, History};
use envgit::store::frame::skippable;
use envgit::store::toc::Footer;

use crate::common::cli::Shell;

/// What a small repository holds.
struct Made {
    /// Files of inventories, with their paths.
    texts: Vec<(Vec<u8>, Vec<u8>)>,
    layers: Vec<Vec<u8>>,
    config: Vec<u8>,
    audit: Vec<u8>,
    operations: Vec<u8>,
    reflog: Vec<u8>,
}

const WHEEL: &str = "Metadata-Version: 2.1\nName: speech\nVersion: 1.2\nRequires-Dist: numpy (>=1.2,<3) ; python_version >= \
                     \"3.8\"\nRequires-Dist: einops[all]; extra == \"x\"\nRequires-Python: >=3.8\n\nText\n";

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let shell = Shell::with_venv();
        shell.write("env/lib/python3.11/site-packages/speech-1.2.dist-info/METADATA", WHEEL);
        shell.write(
            "env/lib/python3.11/site-packages/speech-1.2.dist-info/RECORD",
            "speech/a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n",
        );
        shell.write("env/bin/tool", "#!/bin/sh\n");
        shell.write("env/large.bin", vec![7; 5 << 20]);
        std::os::unix::fs::symlink("tool", shell.path("env/bin/link")).unwrap();
        std::fs::hard_link(shell.path("env/bin/tool"), shell.path("env/bin/same")).unwrap();
        shell.ok(&["commit", "-m", "first", "-t", "v1"]);
        shell.write("env/bin/tool", "#!/bin/sh\ntrue\n");
        shell.ok(&["commit"]);
        shell.ok(&["checkout", "--yes", "v1"]);
        shell.ok(&["undo", "--yes"]);
        shell.ok(&["redo", "--yes"]);
        let repo = shell.cwd.join(".envgit");
        let history = History::open(&repo.join("history")).unwrap();
        let mut texts = Vec::new();
        for rev in ["v1", "main"] {
            let files = history.inventory(history.resolve(rev).unwrap()).unwrap().files;
            texts.extend(files.into_iter().map(|(path, id)| (path, history.blob(id).unwrap())));
        }
        let mut layers: Vec<Vec<u8>> = std::fs::read_dir(repo.join("layers"))
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        layers.sort_by_key(|bytes| std::cmp::Reverse(bytes.len()));
        let read = |name: &str| std::fs::read(repo.join(name)).unwrap();
        Made {
            texts,
            layers,
            config: read("config.toml"),
            audit: read("audit.jsonl"),
            operations: read("operations.jsonl"),
            reflog: read("history/logs/HEAD"),
        }
    })
}

/// The files of inventories whose paths are wanted.
pub(crate) fn inventory_texts(wanted: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let texts = made().texts.iter().filter(|(path, _)| wanted(path));
    texts.map(|(_, text)| text.clone()).collect()
}

pub(crate) fn layers() -> Vec<Vec<u8>> {
    made().layers.clone()
}

fn parts(layer: &[u8]) -> (Footer, Vec<u8>, Vec<u8>) {
    let footer = Footer::decode(&layer[layer.len() - Footer::LEN..]).unwrap();
    let part = |offset: u64, length: u64| zstd::decode_all(&layer[offset as usize..][..length as usize]).unwrap();
    let toc = part(footer.toc_offset, footer.toc_stored);
    let split = part(footer.tarsplit_offset, footer.tarsplit_stored);
    (footer, toc, split)
}

pub(crate) fn tables() -> Vec<Vec<u8>> {
    layers().iter().map(|layer| parts(layer).1).collect()
}

/// The tables of contents and tar-splits of layers, each pair with dashes between.
pub(crate) fn tables_and_splits() -> Vec<Vec<u8>> {
    let pair = |layer: &Vec<u8>| {
        let (_, toc, split) = parts(layer);
        [&toc[..], b"---", &split].concat()
    };
    layers().iter().map(pair).collect()
}

/// A layer with these texts in the place of its own.
pub(crate) fn with_tables(layer: &[u8], toc: &[u8], split: &[u8]) -> Vec<u8> {
    let footer = Footer::decode(&layer[layer.len() - Footer::LEN..]).unwrap();
    let mut out = layer[..footer.toc_offset as usize - 8].to_vec();
    let mut add = |text: &[u8]| {
        let stored = zstd::encode_all(text, 1).unwrap();
        let at = out.len() as u64 + 8;
        out.extend(skippable(&stored));
        (at, stored.len() as u64, text.len() as u64)
    };
    let (toc_offset, toc_stored, toc_size) = add(toc);
    let (tarsplit_offset, tarsplit_stored, tarsplit_size) = add(split);
    let footer = Footer {
        toc_offset,
        toc_stored,
        toc_size,
        tarsplit_offset,
        tarsplit_stored,
        tarsplit_size,
    };
    out.extend(skippable(&footer.encode()));
    out
}

const ID: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

pub(crate) fn objects() -> Vec<Vec<u8>> {
    let commit = format!(
        "tree {ID}\nparent {ID}\nauthor A <a@b> 5 +0100\ncommitter C <c@d> 6 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n \
         -----END SSH SIGNATURE-----\n\nsaid\n"
    );
    let tag = format!(
        "object {ID}\ntype commit\ntag v1\ntagger A <a@b> 7 +0000\n\nsaid\n-----BEGIN SSH SIGNATURE-----\nAA\n-----END SSH \
         SIGNATURE-----\n"
    );
    let tree = [&b"100644 a\0"[..], &[7; 20], b"40000 b\0", &[9; 20]].concat();
    vec![commit.into_bytes(), tag.into_bytes(), tree]
}

/// Writes a loose object, whatever is in it.
pub(crate) fn write_object(history: &Path, kind: &str, data: &[u8]) -> CommitId {
    let kind_of = match kind {
        "commit" => gix::objs::Kind::Commit,
        "tag" => gix::objs::Kind::Tag,
        _ => gix::objs::Kind::Tree,
    };
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind_of, data)
        .unwrap()
        .to_string();
    let dir = history.join("objects").join(&id[..2]);
    std::fs::create_dir_all(&dir).unwrap();
    let mut out = gix::zlib::stream::deflate::Write::new(Vec::new(), gix::zlib::Compression::DEFAULT);
    out.write_all(format!("{kind} {}\0", data.len()).as_bytes()).unwrap();
    out.write_all(data).unwrap();
    out.flush().unwrap();
    std::fs::write(dir.join(&id[2..]), out.into_inner()).unwrap();
    id.parse().unwrap()
}

pub(crate) fn refs() -> Vec<Vec<u8>> {
    let packed =
        format!("# pack-refs with: peeled fully-peeled sorted \n{ID} refs/heads/main\n{ID} refs/tags/v1\n^{ID}\n");
    vec![
        made().reflog.clone(),
        packed.into_bytes(),
        b"ref: refs/heads/main\n".to_vec(),
        format!("{ID}\n").into_bytes(),
        b"v1~2^{commit}\n".to_vec(),
        b"@{2 days ago}\nmain@{1}\n".to_vec(),
    ]
}

pub(crate) fn requirements() -> Vec<Vec<u8>> {
    [
        "numpy (>=1.2,!=1.5.*,<3) ; python_version >= \"3.8\" and (extra == 'x' or sys_platform == \"linux\")\n",
        "numpy[all]~=1.4.2 ; os_name != 'nt'\nnumpy @ https://h/n.whl\nnumpy===1.0\n",
        "conda-forge/linux-64::numpy >=1.2,<2.0a0|3.* py311*\nnumpy=1.2=*_cpython\n",
        "numpy[version='>=1.2',build=py311_0,channel=main]\nnumpy 1.*\n__glibc >=2.17\n",
        "1!2.0.post1.dev3+local.7\n2.0rc1\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Programs of the system and extension modules are large; what the reader looks at is at their ends.
pub(crate) fn elf_files() -> Vec<Vec<u8>> {
    let shared = [
        "/bin/true",
        "/lib/x86_64-linux-gnu/libdl.so.2",
        "/lib/x86_64-linux-gnu/libutil.so.1",
    ];
    let found: Vec<Vec<u8>> = shared
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .filter(|b| b.len() < 200 << 10)
        .collect();
    assert!(!found.is_empty(), "no small ELF file is here");
    found
}

pub(crate) fn settings() -> Vec<Vec<u8>> {
    let text = String::from_utf8(made().config.clone()).unwrap();
    let plain: String = text
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
        .collect();
    vec![
        text.into_bytes(),
        plain.into_bytes(),
        b"[files]\nmax_size = \"1 MiB\"\n[roots.a]\npath = \"x\"\nkind = \"venv\"\n".to_vec(),
    ]
}

pub(crate) fn audit_logs() -> Vec<Vec<u8>> {
    vec![made().audit.clone()]
}

pub(crate) fn operation_logs() -> Vec<Vec<u8>> {
    vec![made().operations.clone()]
}

pub(crate) fn config_trees() -> Vec<Vec<u8>> {
    [
        "{\"a\": [1, 2.5, null, {\"b\": \"c\"}], \"d\": {\"e\": true}}\n",
        "{\"a\": 1}\n{\"a\": 2, \"b\": [3]}\n",
        "a: &x\n  b: [1, {c: d}]\n  e: |\n    text\n    more\nf: *x\ng: {<<: *x, h: 1}\n---\n- i\n- ? k\n  : v\n",
        "a = 1\n[b.c]\nd = [\"e\", { f = 1979-05-27T07:32:00Z }]\n[[g]]\nh = '''i'''\n",
        "[a]\nb = c ; d\n# e\nf: g\n  more\n",
        "export A=\"b c\"\nB='d' # e\nC=${A}\n",
        "a.b=c\\\n  d\n! e\nf\\:g : h\\u00e9\n",
        "numpy>=1.2 # a\n-r other.txt\n--index-url https://u:p@h/s\ngit+https://h/r@v#egg=x\n",
        "machine h login u password p\n//r/:_authToken=abc\n-----BEGIN PRIVATE KEY-----\nMIIabc\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

const RECORD: &str = "speech/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\"a,b.py\",,\nspeech-1.2.dist-info/RECORD,,\n";
const CONDA: &str = "{\"name\": \"openssl\", \"version\": \"3.0\", \"build\": \"h_0\", \"build_number\": 0, \"channel\": \
                     \"https://c/main/linux-64\", \"subdir\": \"linux-64\", \"depends\": [\"libgcc >=7\"], \"files\": [\"lib/a\"], \
                     \"paths_data\": {\"paths\": [{\"_path\": \"lib/a\", \"path_type\": \"hardlink\", \"sha256\": \"00\", \
                     \"prefix_placeholder\": \"/p\", \"file_mode\": \"text\"}], \"paths_version\": 1}}";
const MODULE: &str = "\"\"\"doc\"\"\"\nfrom __future__ import annotations\nimport os, sys as s\ntry:\n    from . import (a,\n        b as \
                      c)\nexcept (ImportError, ValueError):\n    a = None\nif sys.version_info >= (3, 8) and TYPE_CHECKING:\n    import \
                      numpy.core\nelse:\n    def f(x=lambda: 1): import y; return f\"{x!r:>{10}}\"\nclass C(object): \\\n    pass\n";

/// Records and sources: what `lay_out` takes apart at lines of dashes.
pub(crate) fn records() -> Vec<Vec<u8>> {
    let all = [
        WHEEL,
        RECORD,
        CONDA,
        MODULE,
        "[console_scripts]\ntool = speech:main\n",
        "{\"url\": \"file:///x\", \"dir_info\": {\"editable\": true}}",
    ];
    vec![all.join("\n----\n").into_bytes()]
}

/// An environment of one input.
pub(crate) fn lay_out(dir: &Path, input: &[u8]) {
    let env = dir.join("env");
    let _ = std::fs::remove_dir_all(&env);
    let site = env.join("lib/python3.11/site-packages");
    let info = site.join("speech-1.2.dist-info");
    for folder in [
        &info,
        &site.join("speech"),
        &site.join("numpy"),
        &env.join("conda-meta"),
    ] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(env.join("pyvenv.cfg"), "home = /usr/bin\nversion = 3.11.2\n").unwrap();
    // What is imported fails, so that sources are read.
    let broken = b"\x7fELF numpy.core.multiarray";
    std::fs::write(site.join("speech/_fast.cpython-311-x86_64-linux-gnu.so"), broken).unwrap();
    let files = [
        info.join("METADATA"),
        info.join("RECORD"),
        env.join("conda-meta/openssl-3.0-h_0.json"),
        site.join("speech/__init__.py"),
        info.join("entry_points.txt"),
        info.join("direct_url.json"),
    ];
    let mut rest = input;
    for file in files {
        let end = rest
            .windows(6)
            .position(|part| part == b"\n----\n")
            .unwrap_or(rest.len());
        std::fs::write(file, &rest[..end]).unwrap();
        rest = rest.get(end + 6..).unwrap_or_default();
    }
}
