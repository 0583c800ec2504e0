//! Exactness, on chosen cases and on whatever is made of the paths of both places.

use super::*;
use proptest::prelude::*;

fn pair(home: &str, here: &str) -> Pair {
    Pair {
        home: home.into(),
        here: here.into(),
    }
}

fn form(pairs: &[(&str, &str)]) -> Relocation {
    let pairs: Vec<Pair> = pairs.iter().map(|(home, here)| pair(home, here)).collect();
    let own = pairs[0].clone();
    Relocation::new(Arc::new(Paths::new(pairs)), own, Placeholders::new)
}

fn with_placeholder(pairs: &[(&str, &str)], path: &'static str, len: usize) -> Relocation {
    let form = form(pairs);
    let load = move || Placeholders::from([(RelPath::new(path).unwrap(), Placeholder { len })]);
    Relocation::new(form.paths.clone(), form.own.clone(), load)
}

fn at(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

fn live_text(form: &Relocation, text: &str) -> String {
    match form.live(&at("a"), text.as_bytes(), PrefixUse::Text) {
        Live::Same => text.to_owned(),
        Live::Moved(there) => String::from_utf8(there).unwrap(),
        Live::Stuck(why) => panic!("{why}"),
    }
}

#[test]
fn whole_paths_in_text_are_exchanged() {
    let form = form(&[("/home/alice/env", "/srv/bob/e")]);
    for (home, here) in [
        ("#!/home/alice/env/bin/python\n", "#!/srv/bob/e/bin/python\n"),
        ("P=/home/alice/env:/usr", "P=/srv/bob/e:/usr"),
        ("-L/home/alice/env/lib", "-L/srv/bob/e/lib"),
        ("file:///home/alice/env", "file:///srv/bob/e"),
        (
            "/home/alice/env2 /home/alice/env.bak",
            "/home/alice/env2 /home/alice/env.bak",
        ),
        ("/mnt/home/alice/env", "/mnt/home/alice/env"),
        ("https://host/home/alice/env", "https://host/home/alice/env"),
        // Both places in one text: exchanged, so that it can be taken back.
        ("/home/alice/env or /srv/bob/e", "/srv/bob/e or /home/alice/env"),
    ] {
        assert_eq!(live_text(&form, home), here);
        assert_eq!(
            form.take(&at("a"), here.into()).bytes,
            home.as_bytes(),
            "back from {here}"
        );
    }
}

#[test]
fn the_innermost_root_counts() {
    let form = form(&[("/a/p", "/b/q"), ("/a/p/.venv", "/envs/v")]);
    assert_eq!(
        live_text(&form, "/a/p/run.sh /a/p/.venv/bin /a/p/.venv2"),
        "/b/q/run.sh /envs/v/bin /b/q/.venv2"
    );
    assert_eq!(form.live_link(b"/a/p/.venv/bin/python"), b"/envs/v/bin/python");
    assert_eq!(form.live_link(b"/a/p/x"), b"/b/q/x");
    assert_eq!(form.live_link(b"/a/p2/x"), b"/a/p2/x");
    assert_eq!(form.live_link(b"../lib"), b"../lib");
    assert_eq!(
        form.recorded_link(b"/envs/v/bin/python".to_vec()),
        b"/a/p/.venv/bin/python"
    );
}

#[test]
fn roots_that_changed_places_change_back() {
    let form = form(&[("/r/a", "/r/b"), ("/r/b", "/r/c")]);
    assert_eq!(live_text(&form, "/r/a /r/b /r/c"), "/r/b /r/c /r/a");
    assert_eq!(form.take(&at("x"), b"/r/b /r/c /r/a".to_vec()).bytes, b"/r/a /r/b /r/c");
}

#[test]
fn a_url_is_escaped() {
    let form = form(&[("/home/alice/env", "/home/bob b/e")]);
    let home = r#"{"url":"file:///home/alice/env/p","path":"/home/alice/env/p"}"#;
    let here = r#"{"url":"file:///home/bob%20b/e/p","path":"/home/bob b/e/p"}"#;
    assert_eq!(live_text(&form, home), here);
    assert_eq!(form.take(&at("a"), here.into()).bytes, home.as_bytes());
}

#[test]
fn a_script_has_the_form_that_pip_would_give_it_here() {
    let long = format!("/srv/{}", "d".repeat(130));
    let (to_long, from_long) = (form(&[("/e", &long)]), form(&[(&long, "/e")]));
    let to_space = form(&[("/e", "/s p/e")]);
    let one = |env: &str| format!("#!{env}/bin/python3.11\nimport sys\n");
    let two = |env: &str, quote: &str, mark: &str| {
        let interpreter = format!("{quote}{env}/bin/python3.11{quote}");
        format!("#!/bin/sh\n\'\'\'exec\' {interpreter} \"$0\" \"$@\"{mark}\n\' \'\'\'\nimport sys\n")
    };
    for (form, home, here) in [
        (&to_long, one("/e"), two(&long, "", "")),
        (&to_space, one("/e"), two("/s p/e", "\"", "")),
        (&to_long, two("/e", "", ""), two(&long, "", " # two lines")),
        (&to_space, two("/e", "", ""), two("/s p/e", "\"", " # two lines")),
        (&to_long, two("/e", "\"", ""), two(&long, "", " # two lines, quoted")),
        (&from_long, two(&long, "", ""), one("/e")),
        (&from_long, two(&long, "", " # two lines"), two("/e", "", "")),
    ] {
        assert_eq!(live_text(form, &home), here);
        let recorded = form.take(&at("bin/f"), here.clone().into());
        assert_eq!(String::from_utf8(recorded.bytes).unwrap(), home, "back from {here}");
    }
    // A shell reads a long path well enough.
    assert_eq!(live_text(&to_long, "#!/e/bin/perl\n"), format!("#!{long}/bin/perl\n"));
}

#[test]
fn a_binary_of_conda_has_the_room_of_its_placeholder() {
    let (home, here) = ("/home/alice/env", "/a/much/longer/place/for/it");
    let string = |prefix: &str| {
        let mut bytes = format!("\x7fELF\0x\0{prefix}/lib:{prefix}").into_bytes();
        bytes.resize(8 + 2 * 255 + 5, 0);
        bytes.extend(b"next\0");
        bytes
    };
    let known = with_placeholder(&[(home, here)], "lib/a.so", 255);
    assert_eq!(
        known.live(&at("lib/a.so"), &string(home), PrefixUse::Binary),
        Live::Moved(string(here))
    );
    let recorded = known.recorded(&at("lib/a.so"), string(here));
    assert_eq!((recorded.bytes, recorded.prefix), (string(home), PrefixUse::Binary));
    // Of other files nobody knows whether the NULs are free.
    let stuck = known.live(&at("lib/b.so"), &string(home), PrefixUse::Binary);
    assert_eq!(stuck, Live::Stuck(Stuck::NoRoom));
    let kept = known.recorded(&at("lib/b.so"), string(home));
    assert_eq!(
        (kept.bytes, kept.prefix),
        (string(home), PrefixUse::Binary),
        "as at home"
    );
    let full = b"\0/home/alice/env\0next\0".to_vec();
    let stuck = known.live(&at("lib/a.so"), &full, PrefixUse::Binary);
    assert_eq!(stuck, Live::Stuck(Stuck::NoRoom));
}

#[test]
fn another_binary_shrinks_and_grows_back_only_to_what_is_known() {
    let here = b"\x7fELF\0/b/lib\0\0\0\0\0\0\0\0\0\0\0\0\0\0next\0".to_vec();
    let home = b"\x7fELF\0/home/alice/env/lib\0next\0".to_vec();
    assert_eq!(home.len(), here.len());
    let form = form(&[("/home/alice/env", "/b")]);
    let path = at("lib/x.so");
    assert_eq!(form.live(&path, &home, PrefixUse::Binary), Live::Moved(here.clone()));
    let new = form.recorded(&path, here.clone());
    assert_eq!(
        (new.bytes, new.prefix),
        (here.clone(), PrefixUse::Fixed),
        "nobody knows that it was longer"
    );
    assert_eq!(form.live(&path, &here, PrefixUse::Fixed), Live::Stuck(Stuck::Fixed));
    let digest = Digest::of(&home);
    let known = form.knowing(move |wanted| *wanted == digest).recorded(&path, here);
    assert_eq!((known.bytes, known.prefix), (home, PrefixUse::Binary));
}

/// A checkpoint of torch is a zip of pickles: lengths before its strings, and a sum behind them.
#[test]
fn data_is_never_changed() {
    let data = b"PK\x03\x04\0\0\x11\0/home/alice/env/d\0\0\0\0\0\0\0\0sum".to_vec();
    let path = at("model.pt");
    for here in ["/b", "/home/clara/env", "/a/much/longer/place"] {
        let there = form(&[("/home/alice/env", here)]);
        assert_eq!(there.live(&path, &data, PrefixUse::Binary), Live::Stuck(Stuck::Data));
        let digest = Digest::of(&data);
        let kept = there
            .knowing(move |wanted| *wanted == digest)
            .recorded(&path, data.clone());
        assert_eq!((kept.bytes, kept.prefix), (data.clone(), PrefixUse::Binary));
        // Written here, it names here for good.
        let made = [&b"PK\x03\x04\0"[..], here.as_bytes(), b"\0\0\0sum"].concat();
        let form = form(&[("/home/alice/env", here)]);
        let new = form.recorded(&path, made.clone());
        assert_eq!((new.bytes, new.prefix), (made, PrefixUse::Fixed));
    }
}

#[test]
fn the_base_of_a_virtual_environment_counts_in_its_settings_and_links() {
    let form = form(&[("/a/v", "/b/v")]).based_on(pair("/usr/bin", "/opt/py/bin"));
    let cfg = at("pyvenv.cfg");
    let home = b"home = /usr/bin\nexecutable = /usr/bin/python3.11\ncommand = /usr/bin/python3 -m venv /a/v\n";
    let here = b"home = /opt/py/bin\nexecutable = /opt/py/bin/python3.11\ncommand = /opt/py/bin/python3 -m venv /b/v\n";
    assert_eq!(form.live(&cfg, home, PrefixUse::Text), Live::Moved(here.to_vec()));
    let recorded = form.take(&cfg, here.to_vec());
    assert_eq!((&recorded.bytes[..], recorded.prefix), (&home[..], PrefixUse::Text));
    assert_eq!(form.live_link(b"/usr/bin/python3"), b"/opt/py/bin/python3");
    assert_eq!(form.recorded_link(b"/opt/py/bin/python3".to_vec()), b"/usr/bin/python3");
    assert_eq!(live_text(&form, "#!/usr/bin/env python\n"), "#!/usr/bin/env python\n");
    let at_home = self::form(&[("/a/v", "/a/v")]).based_on(pair("/usr/bin", "/usr/bin"));
    assert!(at_home.is_identity());
    assert!(
        !self::form(&[("/a/v", "/a/v")])
            .based_on(pair("/usr/bin", "/x"))
            .is_identity()
    );
}

#[test]
fn byte_code_stays() {
    let form = form(&[("/home/alice/env", "/b")]);
    let code = b"\0/home/alice/env/a.py\0\0".to_vec();
    let path = at("__pycache__/a.cpython-311.pyc");
    assert_eq!(form.live(&path, &code, PrefixUse::Binary), Live::Same);
    let recorded = form.take(&path, code.clone());
    assert_eq!((recorded.bytes, recorded.prefix), (code, PrefixUse::Binary));
}

/// Compiled here of a source that names here: elsewhere, and at home, it is of no source.
#[test]
fn byte_code_made_here_is_stale_elsewhere() {
    let path = at("__pycache__/a.cpython-311.pyc");
    let code = |head: [u8; 12]| [&head[..], &[20, 0, 0, 0], b"\x01/bob/e/__pycache__/a.py /bob/e/share\0"].concat();
    let by_time = code([0xa7, 0x0d, b'\r', b'\n', 0, 0, 0, 0, 1, 2, 3, 4]);
    let unchecked = code([0xa7, 0x0d, b'\r', b'\n', 1, 0, 0, 0, 1, 2, 3, 4]);
    let (bob, ada, carol) = (
        form(&[("/ada/e", "/bob/e")]),
        form(&[("/ada/e", "/ada/e")]),
        form(&[("/ada/e", "/car/l")]),
    );
    for (live, stale) in [(by_time, 8..12), (unchecked, 4..8)] {
        let recorded = bob.take(&path, live.clone());
        assert_eq!(recorded.prefix, PrefixUse::None);
        let mut expected = live.clone();
        expected[stale].iter_mut().for_each(|byte| *byte = !*byte);
        assert_eq!(recorded.bytes, expected);
        assert!(bob.may_change(&path, recorded.prefix));
        assert_eq!(bob.live(&path, &recorded.bytes, recorded.prefix), Live::Moved(live));
        for other in [&ada, &carol] {
            assert_eq!(other.live(&path, &recorded.bytes, recorded.prefix), Live::Same);
            assert_eq!(other.take(&path, recorded.bytes.clone()), recorded);
        }
    }
}

#[test]
fn conda_records_are_read_with_care() {
    let record = br#"{"paths_data":{"paths":[
        {"_path":"bin/a","prefix_placeholder":"/opt/p","file_mode":"binary"},
        {"_path":"bin/t","prefix_placeholder":"/opt/p","file_mode":"text"},
        {"_path":"../x","prefix_placeholder":"/opt/p","file_mode":"binary"},
        {"_path":"bin/n"}]}}"#;
    assert_eq!(
        placeholders(record),
        Placeholders::from([(at("bin/a"), Placeholder { len: 6 })])
    );
    assert_eq!(placeholders(b"{"), Placeholders::new());
}

/// Pieces of which texts and binaries are made: the paths of both places, and what only looks like them.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "/r/a",
        "/r/b",
        "/r/a/v",
        "/long/er/place",
        TOO_LONG,
        "/r",
        "/x",
        "a",
        "-L",
        " ",
        "\n",
        "\0",
        "\0\0\0\0\0\0\0\0\0\0\0\0",
        ":",
        "#!",
        "/bin/python3",
        "file://",
        "%20",
        "#!/bin/sh\n'''exec' ",
        " \"$0\" \"$@\"",
        " # two lines",
        "\n' '''\n",
        "\"",
        "é",
    ]);
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

/// No kernel reads an interpreter of such a path.
const TOO_LONG: &str = concat!(
    "/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
    "/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
);

fn places() -> impl Strategy<Value = Relocation> {
    let path = || {
        proptest::sample::select(vec![
            TOO_LONG,
            "/r/a",
            "/r/b",
            "/r/a/v",
            "/long/er/place",
            "/x",
            "/s p",
            "/r/a/v/w",
        ])
    };
    let placeholder = proptest::option::of(0usize..40);
    (proptest::collection::vec((path(), path()), 1..4), placeholder).prop_map(|(pairs, len)| match len {
        Some(len) => with_placeholder(&pairs, "f", len),
        None => form(&pairs),
    })
}

/// A file of any kind: its name, and what it holds.
fn file() -> impl Strategy<Value = (RelPath, Vec<u8>)> {
    let header =
        |flags: u8, time: [u8; 4]| [&[0xa7, 0x0d, b'\r', b'\n', flags, 0, 0, 0][..], &time, &[9, 0, 0, 0]].concat();
    let headers = vec![
        header(0, [1, 2, 3, 4]),
        header(0, *b"\0/r/"),
        header(1, *b"hash"),
        header(3, *b"hash"),
    ];
    let code = (proptest::sample::select(headers), content())
        .prop_map(|(header, text)| (at("__pycache__/x.cpython-311.pyc"), [header, text].concat()));
    prop_oneof![3 => content().prop_map(|text| (at("f"), text)), 1 => code]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is live comes back as it is from what is recorded of it.
    #[test]
    fn a_capture_loses_nothing(form in places(), (path, live) in file()) {
        let recorded = form.take(&path, live.clone());
        let back = match form.live(&path, &recorded.bytes, recorded.prefix) {
            Live::Moved(there) => there,
            Live::Same | Live::Stuck(_) => recorded.bytes,
        };
        prop_assert_eq!(back, live);
    }

    /// What was recorded at home, brought here and recorded again is what it was: both machines make the same commit.
    #[test]
    fn a_clone_records_what_it_got(form in places(), (path, home) in file()) {
        let prefix = form.holds_home(&path, &home);
        let digest = Digest::of(&home);
        let form = form.knowing(move |wanted| *wanted == digest);
        let here = match form.live(&path, &home, prefix) {
            Live::Moved(there) => there,
            Live::Same | Live::Stuck(_) => home.clone(),
        };
        let again = form.take(&path, here);
        prop_assert_eq!(again.bytes, home);
        prop_assert_eq!(again.prefix, prefix);
    }
}
