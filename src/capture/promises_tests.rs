//! Whose bytes stand at a path that several records promise.

use super::super::inspect;
use crate::capture::tree::Tree;
use crate::digest::Digest;
use crate::snapshot::content::Verbatim;
use crate::snapshot::entry::{Node, PrefixUse};
use crate::snapshot::promise::Promises;
use base64::Engine as _;

const SITE: &str = "lib/python3.11/site-packages";

/// A conda record that promises these contents; with `None` no digest.
fn conda(name: &str, files: &[(&str, Option<&str>)]) -> String {
    let path = |(path, content): &(&str, Option<&str>)| match content {
        Some(content) => format!(
            r#"{{"_path": "{path}", "path_type": "hardlink", "sha256": "{}"}}"#,
            Digest::of(content.as_bytes())
        ),
        None => format!(
            r#"{{"_path": "{path}", "path_type": "softlink", "sha256": "{}"}}"#,
            Digest::of(b"")
        ),
    };
    let paths: Vec<String> = files.iter().map(path).collect();
    format!(
        r#"{{"name": "{name}", "version": "1", "build": "0", "paths_data": {{"paths": [{}]}}}}"#,
        paths.join(", ")
    )
}

/// A dist-info with a RECORD that promises these contents beneath the folder of packages.
fn pip(tree: &Tree, name: &str, version: &str, files: &[(&str, &str)]) {
    let info = format!("{SITE}/{name}-{version}.dist-info");
    let line = |(path, content): &(&str, &str)| {
        let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Digest::of(content.as_bytes()).as_bytes());
        format!("{path},sha256={hash},{}\n", content.len())
    };
    let record: String = files.iter().map(line).collect();
    tree.write(
        &format!("{info}/METADATA"),
        format!("Name: {name}\nVersion: {version}\n"),
    );
    tree.write(&format!("{info}/INSTALLER"), "pip\n");
    tree.write(
        &format!("{info}/RECORD"),
        format!("{record}{name}-{version}.dist-info/RECORD,,\n{name}/__pycache__/a.cpython-311.pyc,,\n"),
    );
}

fn look(tree: &Tree) -> Vec<Promises> {
    inspect(tree.root(), &tree.entries(), &Verbatim).promises
}

fn told(promises: &Promises) -> String {
    let names = |paths: &[crate::snapshot::path::RelPath]| {
        let names = paths.iter().map(|path| path.to_string().replace(SITE, "…"));
        names.collect::<Vec<_>>().join(" ")
    };
    let mut text = format!("{} of {}", promises.intact(), promises.promised);
    for (word, paths) in [("missing", &promises.missing), ("altered", &promises.altered)] {
        if !paths.is_empty() {
            text.push_str(&format!("; {word} {}", names(paths)));
        }
    }
    for (word, map) in [("replaced", &promises.replaced), ("shared", &promises.shared)] {
        for (record, paths) in map {
            let record = record.to_string().replace(SITE, "…");
            text.push_str(&format!("; {word} {record}: {}", names(paths)));
        }
    }
    text
}

#[test]
fn files_are_held_against_their_digests() {
    let tree = Tree::new(&[("a", "as promised"), ("b", "edited"), ("link", "")]);
    tree.write(
        "conda-meta/x-1-0.json",
        conda(
            "x",
            &[
                ("a", Some("as promised")),
                ("b", Some("b")),
                ("c", Some("c")),
                ("link", None),
            ],
        ),
    );
    let promises = look(&tree);
    assert_eq!(told(&promises[0]), "2 of 4; missing c; altered b");
    assert_eq!(promises[0].hashed, 3);
}

/// What pip installed into a clone elsewhere: its record has the bytes of there.
#[test]
fn a_script_is_made_for_the_place_where_it_was_installed() {
    let tree = Tree::new(&[("bin/tool", "#!/e/bin/python\n"), ("bin/other", "changed")]);
    let there = "#!/another/place/bin/python\n";
    let files = [
        ("../../../bin/tool", there),
        ("../../../bin/other", there),
        ("tool/a.py", there),
    ];
    pip(&tree, "tool", "1.0", &files);
    tree.write(&format!("{SITE}/tool/a.py"), "/e/share");
    let mut entries = tree.entries();
    for entry in &mut entries {
        if let Node::File(file) = &mut entry.node
            && !entry.path.as_bytes().ends_with(b"other")
        {
            file.prefix = PrefixUse::Text;
        }
    }
    let promises = inspect(tree.root(), &entries, &Verbatim).promises;
    assert_eq!(told(&promises[0]), "2 of 4; altered bin/other …/tool/a.py");
}

#[test]
fn pip_over_conda_and_pip_twice() {
    let site = |path: &str| format!("{SITE}/{path}");
    let tree = Tree::new(&[
        (&site("n/a.py"), "two"),
        (&site("n/b.py"), "same"),
        (&site("n/c.py"), "three"),
    ]);
    tree.write(
        "conda-meta/n-1-0.json",
        conda(
            "n",
            &[
                (&site("n/a.py"), Some("one")),
                (&site("n/b.py"), Some("same")),
                (&site("n/old.py"), Some("old")),
            ],
        ),
    );
    pip(
        &tree,
        "n",
        "2",
        &[("n/a.py", "two"), ("n/b.py", "same"), ("n/c.py", "two too")],
    );
    pip(&tree, "n", "3", &[("n/c.py", "three"), ("../../../bin/n", "script")]);
    let promises = look(&tree);
    let told: Vec<String> = promises.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "1 of 3; missing …/n/old.py; replaced …/n-2.dist-info: …/n/a.py; shared …/n-2.dist-info: …/n/b.py",
            "3 of 4; replaced …/n-3.dist-info: …/n/c.py; shared conda-meta/n-1-0.json: …/n/b.py",
            "2 of 3; missing bin/n",
        ]
    );
}

#[test]
fn where_nothing_fits_the_weaker_claim_is_replaced_and_the_stronger_altered() {
    let path = format!("{SITE}/n/a.py");
    let tree = Tree::new(&[(&path, "edited")]);
    tree.write("conda-meta/n-1-0.json", conda("n", &[(&path, Some("one"))]));
    pip(&tree, "n", "2", &[("n/a.py", "two")]);
    let told: Vec<String> = look(&tree).iter().map(told).collect();
    assert_eq!(
        told,
        ["0 of 1; replaced …/n-2.dist-info: …/n/a.py", "1 of 2; altered …/n/a.py"]
    );
}

#[test]
fn what_rattler_put_aside_is_a_promise_of_the_original_path() {
    let aside = "__clobbers__/b/share/x";
    let tree = Tree::new(&[("share/x", "of a"), (aside, "of b")]);
    tree.write("conda-meta/a-1-0.json", conda("a", &[("share/x", Some("of a"))]));
    let record = conda("b", &[(aside, Some("of b"))]);
    let record = record.replace("\"path_type\"", "\"original_path\": \"share/x\", \"path_type\"");
    tree.write("conda-meta/b-1-0.json", &record);
    let inspection = inspect(tree.root(), &tree.entries(), &Verbatim);
    let told: Vec<String> = inspection.promises.iter().map(told).collect();
    assert_eq!(told, ["1 of 1", "0 of 1; replaced conda-meta/a-1-0.json: share/x"]);
    let unit = |path: &str| {
        let path = crate::snapshot::path::RelPath::new(path).unwrap();
        inspection.owners.unit_of(&path).to_string()
    };
    assert_eq!([unit("share/x"), unit(aside)], ["conda/a", "conda/b"]);
}
