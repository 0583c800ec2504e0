//! Settings as a user writes, edits and breaks them.

use std::path::Path;

use super::{Config, Editor, Error, Origin, read};
use crate::snapshot::root::{Kind, Policy, Root};

fn root(name: &str, path: &str, kind: Kind) -> Root {
    Root {
        name: name.parse().unwrap(),
        path: path.into(),
        kind,
        policy: kind.default_policy(),
        base: None,
    }
}

const FILE: &str = "/srv/app/.envgit/config.toml";

fn initial() -> String {
    let roots = [
        root("glm", "/opt/conda/envs/glm", Kind::Conda),
        root("py3.11", "/srv/app/.venv", Kind::Venv),
        root("app", "/srv/app", Kind::Project),
    ];
    Config::initial_text(Path::new("/srv/app"), &roots).unwrap()
}

fn load(text: &str) -> Result<Config, Error> {
    read::config(text, Path::new(FILE))
}

fn editor(text: &str) -> Editor {
    Editor::parse(text, Path::new(FILE)).unwrap()
}

#[test]
fn the_initial_file_says_what_was_asked_and_the_defaults() {
    let text = initial();
    let config = load(&text).unwrap();
    let expected = Config {
        roots: vec![
            root("glm", "/opt/conda/envs/glm", Kind::Conda),
            root("py3.11", "/srv/app/.venv", Kind::Venv),
            root("app", "/srv/app", Kind::Project),
        ],
        ..Config::default()
    };
    assert_eq!(config, expected);
    for line in [
        "path = \".\"",
        "path = \".venv\"",
        "[roots.\"py3.11\"]",
        "# max_size = \"1 MiB\"",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    // What stands in comments is a valid file as well.
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.split(" = ").next().is_some_and(|name| !name.contains([' ', ':'])) => rest,
            _ => line,
        })
        .fold(String::new(), |all, line| all + line + "\n");
    let all = load(&uncommented).unwrap();
    assert_eq!(all.files.patterns, ["*.csv", "!*.txt"]);
    assert_eq!(all.user.email.as_deref(), Some("ada@example.org"));
}

#[test]
fn every_setting_is_read() {
    let text = r#"
        roots.app = { path = "sub/../x/.", kind = "project", policy = "exact" }
        [files]
        patterns = ["*.csv"]
        max_size = 7
        [vars]
        record = ["A"]
        secret = ["B"]
        [user]
        name = "Ada"
        email = "ada@example.org"
        [layers]
        level = 9
        [lock]
        wait = 3
    "#;
    let config = load(text).unwrap();
    assert_eq!(config.roots[0].policy, Policy::Exact);
    assert_eq!(config.roots[0].path, Path::new("/srv/app/x"));
    assert_eq!(
        (config.files.patterns, config.files.max_size),
        (vec!["*.csv".to_owned()], 7)
    );
    assert_eq!(
        (config.vars.record, config.vars.secret),
        (vec!["A".to_owned()], vec!["B".to_owned()])
    );
    assert_eq!((config.layers.level, config.lock.wait.as_secs()), (9, 3));
    assert_eq!(load("").unwrap(), Config::default());
}

#[test]
fn errors_name_file_line_key_and_remedy() {
    for (text, expected) in [
        (
            "[files]\nmax-size = 1",
            "line 2: there is no setting files.max-size; did you mean files.max_size?",
        ),
        ("\n[flies]\n", "line 2: there is no setting flies; did you mean files?"),
        (
            "[experimental]\n",
            "line 1: there is no setting experimental; see `envgit config`",
        ),
        (
            "[files]\nmax_size = \"1 MB\"",
            "line 2: files.max_size must be a number of bytes, or text such as",
        ),
        (
            "[service]\nsystemd = [\"-x\"]",
            "line 2: service.systemd must hold names",
        ),
        (
            "[service]\nquiesce = 1",
            "line 2: service.quiesce must be true or false",
        ),
        (
            "[files]\npatterns = \"*.csv\"",
            "line 2: files.patterns must be a list of texts",
        ),
        (
            "[files]\npatterns = [\"a{b\"]",
            "line 2: files.patterns holds a bad pattern: \"a{b\"",
        ),
        (
            "[layers]\n\nlevel = 99",
            "line 3: layers.level must be a whole number from 1 to 19",
        ),
        ("user = 1", "line 1: user must be a section; write [user]"),
        ("[user]\nname = \"\"", "line 2: user.name must be one line, not empty"),
        ("[user.name]\n", "user.name must be a value, not a section"),
        ("[roots.a]\nkind = \"venv\"", "line 1: roots.a lacks its path"),
        ("[roots.a]\npath = \"x\"", "line 1: roots.a lacks its kind"),
        (
            "[roots.a]\npath = \"\"\nkind = \"venv\"",
            "line 2: roots.a.path must name a directory",
        ),
        (
            "[roots.a]\npath = \"x\"\nkind = \"konda\"",
            "line 3: roots.a.kind is wrong: unknown kind",
        ),
        (
            "[roots.a]\npaht = \"x\"",
            "line 2: there is no setting roots.a.paht; did you mean roots.a.path?",
        ),
        (
            "[roots.\"a b\"]\npath = \"x\"\nkind = \"venv\"",
            "line 1: roots.\"a b\" has a bad name",
        ),
        (
            "[roots.a]\npath = \"x\"\nkind = \"venv\"\n[roots.b]\npath = \"./x/\"\nkind = \"venv\"",
            "line 4: roots.b is not alone: /srv/app/x is already under version control as root a",
        ),
        (
            "[roots.a]\npath = \"x\"\nkind = \"venv\"\n[roots.a]\n",
            "line 4: duplicate key in `[roots.a]`",
        ),
        ("[files]\nmax_size = ", "line 2: "),
    ] {
        let message = load(text).unwrap_err().to_string();
        assert!(message.starts_with(FILE), "{message}");
        assert!(message.contains(expected), "{text}\n{message}");
    }
    let message = read::utf8(b"a = 1\n# \xff", Path::new(FILE)).unwrap_err().to_string();
    assert!(message.contains("line 2: not UTF-8"), "{message}");
}

#[test]
fn edits_keep_all_else() {
    let before = initial();
    let mut edited = editor(&before);
    edited.add_root(&root("cache", "/data/hf", Kind::Cache)).unwrap();
    edited.set("layers.level", "3").unwrap();
    edited.set("roots.py3.11.policy", "tracked").unwrap();
    let after = edited.text();
    let added: Vec<&str> = after
        .lines()
        .filter(|line| !before.lines().any(|old| old == *line))
        .collect();
    let expected = ["[roots.cache]", "path = \"/data/hf\"", "kind = \"cache\"", "level = 3"];
    assert_eq!(added, expected, "{after}");
    assert!(
        before
            .lines()
            .filter(|l| l.starts_with('#'))
            .eq(after.lines().filter(|l| l.starts_with('#')))
    );
    let names: Vec<_> = load(&after).unwrap().roots.iter().map(|r| r.name.to_string()).collect();
    assert_eq!(names, ["glm", "py3.11", "app", "cache"]);
    assert!(after.find("[roots.cache]") < after.find("[files]"), "{after}");

    edited.remove_root("cache").unwrap();
    edited.set("roots.\"py3.11\".policy", "exact").unwrap();
    edited.unset("layers.level").unwrap();
    assert_eq!(edited.text(), before);
}

#[test]
fn comments_behind_values_stay() {
    let mut edited = editor("[layers]\nlevel = 1 # fast\n");
    edited.set("layers.level", "2").unwrap();
    edited.set("lock.wait", "5").unwrap();
    assert_eq!(edited.text(), "[layers]\nlevel = 2 # fast\n\n[lock]\nwait = 5\n");
}

#[test]
fn get_set_and_list() {
    let mut edited = editor(&initial());
    for (key, value, expected) in [
        ("files.max_size", "2 MiB", "2 MiB"),
        ("files.max_size", "12", "12"),
        ("files.patterns", "*.csv, !*.txt", "[\"*.csv\", \"!*.txt\"]"),
        ("files.patterns", "[\"a,b\"]", "[\"a,b\"]"),
        ("vars.record", "A_*", "[\"A_*\"]"),
        ("user.name", "Ada", "Ada"),
        ("roots.app.path", "/srv/app/sub", "sub"),
        ("roots.app.path", "/elsewhere", "/elsewhere"),
    ] {
        edited.set(key, value).unwrap();
        assert_eq!(edited.get(key).unwrap().as_deref(), Some(expected), "{key} {value}");
        assert_eq!(load(&edited.text()).unwrap(), *edited.config());
    }
    assert_eq!(edited.get("user.email").unwrap(), None);
    let listed = edited.list();
    let of = |key: &str| {
        listed
            .iter()
            .find(|l| l.key == key)
            .map(|l| (l.value.as_str(), l.origin))
    };
    assert_eq!(of("files.max_size"), Some(("12", Origin::File)));
    assert_eq!(of("layers.level"), Some(("1", Origin::Default)));
    assert_eq!(of("roots.\"py3.11\".kind"), Some(("venv", Origin::File)));
    assert_eq!(of("user.email"), None);
    assert!(
        listed
            .iter()
            .all(|l| edited.get(&l.key).unwrap().as_deref() == Some(l.value.as_str()))
    );
}

#[test]
fn a_refused_change_changes_nothing() {
    let mut edited = editor(&initial());
    let before = edited.text();
    for (key, value, expected) in [
        ("layers.level", "high", "layers.level must be a whole number"),
        ("layer.level", "3", "did you mean layers.level?"),
        ("files.patterns", "[\"a\"", "files.patterns must be a list"),
        ("roots.app.kind", "konda", "roots.app.kind is wrong: unknown kind"),
        (
            "roots.app.path",
            "/opt/conda/envs/glm",
            "already under version control as root glm",
        ),
        (
            "roots.new.path",
            "/x",
            "there is no root new; the roots are glm, py3.11, app",
        ),
        ("roots.app.plicy", "exact", "did you mean roots.app.policy?"),
        ("", "x", "there is no setting"),
    ] {
        let message = edited.set(key, value).unwrap_err().to_string();
        assert!(message.contains(expected), "{key} {value}: {message}");
        assert!(!message.contains("config.toml"), "{message}");
        assert_eq!(edited.text(), before);
    }
    assert!(edited.unset("roots.app.path").is_err());
    assert!(matches!(edited.remove_root("nothing"), Err(Error::NoRoot { .. })));
    let taken = edited.add_root(&root("glm", "/x", Kind::Venv)).unwrap_err();
    assert!(matches!(taken, Error::NameTaken { .. }));
    let taken = edited.add_root(&root("x", "/srv/app/.", Kind::Project)).unwrap_err();
    assert!(matches!(taken, Error::PathTaken { .. }));
}

#[test]
fn roots_are_added_to_files_of_any_style() {
    for text in [
        "",
        "[files]\nmax_size = 1\n",
        "roots = {}\n",
        "[roots]\n",
        "[roots]\na = { path = \"x\", kind = \"venv\" }\n",
    ] {
        let mut edited = editor(text);
        edited.add_root(&root("new", "/n", Kind::Venv)).unwrap();
        assert_eq!(
            load(&edited.text()).unwrap().root("new").unwrap().path,
            Path::new("/n"),
            "{}",
            edited.text()
        );
        edited.remove_root("new").unwrap();
        assert!(edited.config().root("new").is_none());
    }
}

#[test]
fn two_names_of_one_directory_are_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("real");
    std::fs::create_dir(&real).unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let roots = [
        root("a", real.to_str().unwrap(), Kind::Venv),
        root("b", link.to_str().unwrap(), Kind::Venv),
    ];
    assert!(matches!(
        Config::initial_text(dir.path(), &roots),
        Err(Error::PathTaken { .. })
    ));
}

#[test]
fn a_path_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let mut bad = root("a", "/x", Kind::Venv);
    bad.path = std::ffi::OsStr::from_bytes(b"/x/\xff").into();
    let message = Config::initial_text(Path::new("/p"), &[bad.clone()])
        .unwrap_err()
        .to_string();
    assert!(message.contains("/x/\\xff is not UTF-8"), "{message}");
    assert!(editor("").add_root(&bad).is_err());
}

#[test]
fn files_are_loaded_and_saved() {
    let dir = tempfile::tempdir().unwrap();
    let project = dir.path().canonicalize().unwrap();
    let path = project.join(".envgit/config.toml");
    std::fs::create_dir(project.join(".envgit")).unwrap();
    let app = root("app", project.to_str().unwrap(), Kind::Project);
    std::fs::write(
        &path,
        Config::initial_text(&project, std::slice::from_ref(&app)).unwrap(),
    )
    .unwrap();
    let mut edited = Editor::open(&path).unwrap();
    edited.set("lock.wait", "1").unwrap();
    edited.save().unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!((config.roots, config.lock.wait.as_secs()), (vec![app], 1));
    let message = Config::load(&project.join("none")).unwrap_err().to_string();
    assert!(message.contains("none"), "{message}");
}

#[test]
fn new_sections_stand_behind_the_comments_of_the_last() {
    let comments = "# keep = 20\n# keep_days = 30\n";
    for end in ["\n", ""] {
        let last = format!("[autosave]\n{}", comments.trim_end().to_owned() + end);
        let mut edited = editor(&format!("{}\n{last}", initial().split("[autosave]").next().unwrap()));
        edited.set_remote("origin", "/mnt/hub").unwrap();
        let upstream = super::Upstream {
            remote: "origin".to_owned(),
            branch: "main".to_owned(),
        };
        edited.set_upstream("main", &upstream).unwrap();
        let text = edited.text();
        assert!(
            text.contains(&format!("[autosave]\n{comments}\n[remotes.origin]\n")),
            "{text}"
        );
        assert!(
            text.ends_with("[branches.main]\nupstream = \"origin/main\"\n"),
            "{text}"
        );
        let uncommented = text.replace("# keep = 20", "keep = 21");
        assert_eq!(
            editor(&uncommented).get("autosave.keep").unwrap().as_deref(),
            Some("21")
        );
        edited.set("autosave.keep", "7").unwrap();
        assert_eq!(edited.get("autosave.keep").unwrap().as_deref(), Some("7"));
    }
    let mut last = editor("[roots.a]\npath = \"a\"\nkind = \"project\"\n# policy = \"exact\"\n");
    last.add_root(&root("b", "/srv/b", Kind::Project)).unwrap();
    assert!(
        last.text()
            .contains("kind = \"project\"\n# policy = \"exact\"\n\n[roots.b]\n"),
        "{}",
        last.text()
    );
    last.set("roots.b.policy", "exact").unwrap();
}
