//! Config files of every format, well and badly formed. What holds for all of them is in `properties`.

use super::*;

/// What changed in words: `~ key: from → to`, `+ key: to`, `- key: from`, then the notes; or why there are no records.
fn told(name: &str, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> String {
    said(&config(&path(name), Some(from.as_ref()), Some(to.as_ref())).unwrap())
}

fn path(name: &str) -> RelPath {
    RelPath::new(name).unwrap()
}

fn said(change: &ConfigChange) -> String {
    let records = match &change.meaning {
        ConfigMeaning::Text { why } => return format!("text: {}", why.as_deref().unwrap_or("no format")),
        ConfigMeaning::Records(records) => records,
    };
    let mut lines: Vec<String> = records
        .changes
        .iter()
        .map(|change| match (&change.from, &change.to) {
            (Some(from), Some(to)) => format!("~ {}: {from} → {to}", change.key),
            (None, Some(to)) => format!("+ {}: {to}", change.key),
            (Some(from), None) => format!("- {}: {from}", change.key),
            (None, None) => unreachable!(),
        })
        .collect();
    lines.extend(records.notes.iter().map(|note| match note {
        ConfigNote::DuplicateKey { key, side } => format!("! twice: {key} {side:?}"),
        note => format!("! {note:?}"),
    }));
    lines.join("\n")
}

#[test]
fn the_text_is_always_there() {
    let path = path("configs/a.jsonl");
    let before = b"{\"a\": 1}\n{\"b\": 2}\n";
    let after = b"{\"a\": 1}\n{\"b\": 3}";
    let change = config(&path, Some(before), Some(after)).unwrap();
    assert_eq!(change.change, ChangeKind::Changed);
    assert_eq!(
        change.diff,
        "--- a/configs/a.jsonl\n+++ b/configs/a.jsonl\n@@ -1,2 +1,2 @@\n {\"a\": 1}\n-{\"b\": 2}\n\
         +{\"b\": 3}\n\\ No newline at end of file\n"
    );
    let added = config(&path, None, Some(before)).unwrap();
    assert!(
        added
            .diff
            .starts_with("--- /dev/null\n+++ b/configs/a.jsonl\n@@ -0,0 +1,2 @@\n")
    );
    assert!(config(&path, Some(before), Some(before)).is_none());
}

#[test]
fn formats_are_known_by_name() {
    for (name, expected) in [
        ("configs/G2P_replace_dict.jsonl", Some(ConfigFormat::Jsonl)),
        ("a.NDJSON", Some(ConfigFormat::Jsonl)),
        ("a.json", Some(ConfigFormat::Json)),
        ("a.yml", Some(ConfigFormat::Yaml)),
        ("pyproject.toml", Some(ConfigFormat::Toml)),
        ("setup.cfg", Some(ConfigFormat::Ini)),
        (".env", Some(ConfigFormat::Env)),
        (".env.local", Some(ConfigFormat::Env)),
        ("prod.env", Some(ConfigFormat::Env)),
        ("requirements-dev.txt", Some(ConfigFormat::Requirements)),
        ("requirements/base.txt", Some(ConfigFormat::Requirements)),
        ("dev.in", Some(ConfigFormat::Requirements)),
        ("config.h.in", None),
        ("MANIFEST.in", None),
        ("notes.txt", None),
        ("start.sh", None),
        ("json", None),
        ("a.env.bak", None),
    ] {
        assert_eq!(document::format_of(&path(name)), expected, "{name}");
    }
    assert_eq!(told("start.sh", "a", "b"), "text: no format");
}

#[test]
fn a_dictionary_of_single_pairs_goes_by_key() {
    insta::assert_snapshot!(told("a.jsonl", "{\"重庆\": \"a\"}\n{\"弦\": \"<|IAN2|>\"}\n{\"x\": 1}\n", "{\"弦\": \"<|IAN1|>\"}\n\n{\"重庆\": \"a\"}\n{\"y\": {\"z\": [1]}}\n"), @r#"
    ~ "弦": "<|IAN2|>" → "<|IAN1|>"
    - x: 1
    + y: {"z": [1]}
    ! Order
    "#);
    insta::assert_snapshot!(told("a.jsonl", "{\"弦\": 1}\n{\"b\": 1}\n{\"弦\": 2}\n", "{\"弦\": 3}\n{\"b\": 1}\n"), @r#"
    ~ "弦": 2 → 3
    ! Overruled
    ! twice: "弦" From
    "#);
    insta::assert_snapshot!(told("a.jsonl", "{\"a\": 1}\n{\"b\": 2}\n", "{\"b\":2}\n{\"a\":1}\n"), @"! Order");
    insta::assert_snapshot!(told("a.jsonl", "{\"a\": 1}\n", "{\"a\": 1}\n\n"), @"! Formatting");
    insta::assert_snapshot!(told("a.jsonl", "", "{\"a\": 1}\n"), @"+ a: 1");
}

#[test]
fn records_go_by_id_where_it_is_unique() {
    insta::assert_snapshot!(told("a.jsonl", "{\"id\": \"u1\", \"text\": \"a\"}\n{\"id\": \"u2\", \"text\": \"b\"}", "{\"id\": \"u2\", \"text\": \"c\"}\n{\"id\": \"u 3\", \"text\": \"b\"}"), @r#"
    - [id=u1]: {"id": "u1", "text": "a"}
    ~ [id=u2].text: "b" → "c"
    + [id="u 3"]: {"id": "u 3", "text": "b"}
    "#);
    insta::assert_snapshot!(told("a.jsonl", "{\"utt_id\": 1, \"t\": \"a\"}\n", "{\"utt_id\": 1, \"t\": \"b\"}\n{\"utt_id\": 2, \"t\": \"b\"}"), @r#"
    ~ [utt_id=1].t: "a" → "b"
    + [utt_id=2]: {"utt_id": 2, "t": "b"}
    "#);
    insta::assert_snapshot!(told("a.jsonl", "{\"id\": 1, \"t\": 1}\n{\"id\": 1, \"t\": 2}\n", "{\"id\": 1, \"t\": 1}\n{\"id\": 1, \"t\": 3}\n"), @r#"
    - line 2: {"id": 1, "t": 2}
    + line 2: {"id": 1, "t": 3}
    "#);
}

#[test]
fn other_records_go_by_content() {
    insta::assert_snapshot!(told("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": \"b\"}\n", "{\"text\": \"b\"}\n[1]\n{\"text\": \"a\"}\n"), @r#"
    - line 3: {"text": "b"}
    + line 2: [1]
    ! Order
    "#);
    insta::assert_snapshot!(told("a.jsonl", "[1]\n[2]\n[1]\n", "[2]\n[1]\n[1]\n"), @"! Order");
    insta::assert_snapshot!(told("a.jsonl", "{\"a\": 1, \"b\": 2}\n", "{\"b\": 2, \"a\": 1}\n"), @"! Order");
    insta::assert_snapshot!(told("a.jsonl", "{\"a\": 1}\n{\"a\": 1,}\n", "[]"), @"text: the older text does not read as JSON Lines: trailing comma at line 2 column 9");
}

#[test]
fn json_goes_by_key_path() {
    insta::assert_snapshot!(told("a.json", r#"{"model": {"dim": 512, "layers": [1, 2, 3], "a b": null}, "x": true}"#, r#"{"model": {"dim": 1024, "layers": [1, 3], "a b": "null"}, "y": {"z": []}}"#), @r#"
    ~ model.dim: 512 → 1024
    - model.layers[1]: 2
    ~ model."a b": null → "null"
    - x: true
    + y: {"z": []}
    "#);
    insta::assert_snapshot!(told("a.json", r#"{"a": [{"id": 1, "v": 2}, {"id": 2, "v": 2}]}"#, r#"{"a": [{"id": 2, "v": 3}, {"id": 1, "v": 2}]}"#), @"
    ~ a[id=2].v: 2 → 3
    ! Order
    ");
    insta::assert_snapshot!(told("a.json", "[1, 2, 3]", "[0, 1, 2, 3]"), @"+ [0]: 0");
    insta::assert_snapshot!(told("a.json", "{\"a\": 1}", "[1]"), @r#"~ .: {"a": 1} → [1]"#);
    insta::assert_snapshot!(told("a.json", "1", "2"), @"~ .: 1 → 2");
}

#[test]
fn numbers_are_compared_as_written() {
    insta::assert_snapshot!(told("a.json", r#"{"a": 1e10, "b": 12345678901234567890123, "c": [1.0, -0], "d": "1"}"#, r#"{"a": 10000000000, "b": 12345678901234567890124, "c": [1.00, 0], "d": "\u0031"}"#), @"
    ~ a: 1e10 → 10000000000
    ~ b: 12345678901234567890123 → 12345678901234567890124
    ~ c[0]: 1.0 → 1.00
    ~ c[1]: -0 → 0
    ");
    insta::assert_snapshot!(told("a.json", r#"{"a\"1": "x2", "b": 3}"#, r#"{"a\"1": "x2", "b": 4}"#), @"~ b: 3 → 4");
}

#[test]
fn what_is_not_meaning_is_told_apart() {
    insta::assert_snapshot!(told("a.json", "{\"a\":1,\"b\":\"重\"}", "{\n  \"a\": 1,\n  \"b\": \"\\u91cd\"\n}\n"), @"! Formatting");
    insta::assert_snapshot!(told("a.json", "{\"a\":1,\"b\":{\"c\":1,\"d\":2}}", "{\"a\":1,\"b\":{\"d\":2,\"c\":1}}"), @"! Order");
    insta::assert_snapshot!(told("a.json", "{\n}", "{\r\n}"), @"! LineEndings");
    insta::assert_snapshot!(told("a.json", "{}", "\u{feff}{}"), @"! ByteOrderMark");
}

#[test]
fn of_duplicate_keys_the_last_wins() {
    insta::assert_snapshot!(told("a.json", r#"{"a": 1, "b": 1, "a": 2}"#, r#"{"a": 2, "b": 2}"#), @"
    ~ b: 1 → 2
    ! Overruled
    ! twice: a From
    ");
    insta::assert_snapshot!(told("a.json", r#"{"x": {"a": 1, "a": 2}}"#, r#"{"x": {"a": 9, "a": 2}}"#), @"
    ! Overruled
    ! twice: x.a Both
    ");
    insta::assert_snapshot!(told("a.json", r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "a":  2}"#), @"
    ! Formatting
    ! twice: a Both
    ");
}

#[test]
fn what_does_not_parse_says_why() {
    insta::assert_snapshot!(told("a.json", "{\"a\": 1,\n}", "{\"a\": 1}"), @"text: the older text does not read as JSON: trailing comma at line 2 column 1");
    insta::assert_snapshot!(told("a.json", "{}", ""), @"text: the newer text does not read as JSON: EOF while parsing a value at line 1 column 0");
    insta::assert_snapshot!(told("a.json", "{}", "{\"a\": NaN}"), @"text: the newer text does not read as JSON: expected value at line 1 column 7");
    insta::assert_snapshot!(told("a.json", "{}", "{} {}"), @"text: the newer text does not read as JSON: trailing characters at line 1 column 4");
    insta::assert_snapshot!(told("a.json", "{}", b"{\"\xff\": 1}"), @"text: the newer text is not UTF-8");
    insta::assert_snapshot!(told("a.json", "{}", "[".repeat(100_000)), @"text: the newer text does not read as JSON: recursion limit exceeded at line 1 column 128");
    let key = "k".repeat(600);
    insta::assert_snapshot!(told("a.json", "{}", format!("{{\"{key}\": {{\"{key}\": [1]}}}}")), @"text: the newer text has lists or maps below keys of more than 1024 bytes");
    insta::assert_snapshot!(told("a.yaml", "", format!("{key}:\n  {key}: [1]")), @"text: the newer text has lists or maps below keys of more than 1024 bytes");
    insta::assert_snapshot!(told("a.yaml", "", format!("{key}:\n  {key}: &a 1")), @"text: the newer text does not read as YAML: an anchor below keys of more than 1024 bytes at line 2");
    insta::assert_snapshot!(told("a.yaml", "a: 1", "a: ["), @"text: the newer text does not read as YAML: while parsing a node, did not find expected node content at line 2");
    insta::assert_snapshot!(told("a.yaml", "a: 1", "? [a]\n: 1\n"), @"text: the newer text does not read as YAML: a list or map for a key at line 1");
    insta::assert_snapshot!(told("a.yaml", "a: 1", "- ".repeat(100_000)), @"text: the newer text does not read as YAML: nested more than 128 deep at line 1");
    insta::assert_snapshot!(told("a.yaml", "a: 1", "[".repeat(100_000)), @"text: the newer text does not read as YAML: recursion limit exceeded at line 1");
    insta::assert_snapshot!(told("a.yaml", "a: &x 1\na: 2\nb: *x\n", "a: 1"), @"text: the older text does not read as YAML: aliases beside duplicate keys");
    insta::assert_snapshot!(told("a.toml", "a = 1", "a = 1\na = 2\n"), @"text: the newer text does not read as TOML: duplicate key at line 2");
    insta::assert_snapshot!(told("a.toml", "a = 1", format!("a = {}", "[".repeat(100_000))), @"text: the newer text does not read as TOML: cannot recurse further; max recursion depth met at line 1");
    insta::assert_snapshot!(told("a.ini", "[a]\nb = 1", "[a]\nb\n"), @"text: the newer text does not read as INI: neither a section nor a key with a value at line 2");
    insta::assert_snapshot!(told("a.ini", "[a]\nb = 1", "x = 1\n[a]\nb = 1"), @"text: the newer text does not read as INI: keys before the first section");
    insta::assert_snapshot!(told(".env", "A=1", "A='1\nB=2"), @"text: the newer text does not read as .env: a quote that is not closed at line 1");
    insta::assert_snapshot!(told(".env", "A=1", "A='1' 2"), @"text: the newer text does not read as .env: text after a value at line 1");
    insta::assert_snapshot!(told(".env", "A=1", "# x\n=2"), @"text: the newer text does not read as .env: no variable at line 2");
}

#[test]
fn yaml_goes_by_key_path() {
    insta::assert_snapshot!(told("a.yaml", "train:\n  lr: 1e-4\n  steps: 100\n  name: base\ntags: [a, b]\n", "train:\n  lr: 1e-5 # slower\n  steps: \"100\"\n  name: 'base'\ntags:\n- a\n- b\n- c\n"), @r#"
    ~ train.lr: 1e-4 → 1e-5
    ~ train.steps: 100 → "100"
    + tags[2]: "c"
    ! Comments
    "#);
    insta::assert_snapshot!(told("a.yaml", "a: 1 # x\nb: 'y # z'\n", "# w\na: 1\nb: y # z\n"), @r#"
    ~ b: "y # z" → "y"
    ! Comments
    "#);
    insta::assert_snapshot!(told("a.yaml", "a: {b: c, d: ~}\n", "a:\n  b: \"c\"\n  d:\n"), @"! Formatting");
    insta::assert_snapshot!(told("a.yaml", "b: 1\na: 2\n", "a: 2\nb: 1\n"), @"! Order");
    insta::assert_snapshot!(told("a.yaml", "a: |\n  x\n  # no comment\n", "a: |\n  x\n  # no remark\n"), @r#"~ a: "x\n# no comment\n" → "x\n# no remark\n""#);
    insta::assert_snapshot!(told("a.yaml", "a: 1\nb: 2\na: 3\n", "a: 3\nb: 2\n"), @"
    ! Overruled
    ! twice: a From
    ");
    insta::assert_snapshot!(told("a.yaml", "on: x\n1: a\n", "\"on\": x\n1: a\n"), @r#"
    - on: "x"
    + "\"on\"": "x"
    "#);
    insta::assert_snapshot!(told("a.yaml", "a: yes\nb: !x 1\nc: !!str 1\n", "a: \"yes\"\nb: !y 1\nc: \"1\"\n"), @r#"
    ~ a: yes → "yes"
    ~ b: !x 1 → !y 1
    "#);
    insta::assert_snapshot!(told("a.yaml", "a: 1\r\n", "a: 2\r\n"), @"~ a: 1 → 2");
    insta::assert_snapshot!(told("a.yaml", "", "a: 1\n"), @"+ a: 1");
    insta::assert_snapshot!(told("a.yaml", "# nothing\n", "# nothing at all\n"), @"! Comments");
}

#[test]
fn yaml_anchors_go_by_place() {
    insta::assert_snapshot!(told("a.yaml", "base: &b {x: 1}\nt:\n  <<: *b\n", "base: &c {x: 1}\nt:\n  <<: *c\n"), @"! Formatting");
    insta::assert_snapshot!(told("a.yaml", "x: &a 1\ny: &a 2\nz: *a\n", "y: &a 2\nx: &a 1\nz: *a\n"), @"
    ~ z: *y → *x
    ! Order
    ");
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";
    insta::assert_snapshot!(told("a.yaml", bomb, bomb.replace("x, x", "x, y")), @r#"~ a[1]: "x" → "y""#);
}

#[test]
fn yaml_documents_go_by_place() {
    insta::assert_snapshot!(told("a.yaml", "a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n---\nc: 1\n"), @r#"
    ~ [1].b: 1 → 2
    + [2]: {"c": 1}
    "#);
    insta::assert_snapshot!(told("a.yaml", "a: 1\n", "a: 1\n---\nb: 2\n"), @r#"+ [1]: {"b": 2}"#);
}

#[test]
fn toml_goes_by_key_path() {
    insta::assert_snapshot!(told("a.toml", "[a]\nb = 1\nc = 'x'\n[[p]]\nname = 'n'\nv = 1\n", "a.b = 0x1\na.c = \"x\"\np = [{ name = 'n', v = 2 }]\n[z]\nt = 2024-01-01\n"), @r#"
    ~ a.b: 1 → 0x1
    ~ p[name=n].v: 1 → 2
    + z: {"t": 2024-01-01}
    "#);
    insta::assert_snapshot!(told("a.toml", "# x\na = '# y' # z\n", "a = \"# y\"\n"), @"! Comments");
    insta::assert_snapshot!(told("a.toml", "a = \"\"\"\n# no \\\"\"\"\" # c1\n", "a = \"\"\"\n# no \\\"\"\"\" # c2\n"), @"! Comments");
    insta::assert_snapshot!(told("a.toml", "[x]\na=1\n[y]\nb=1\n", "[y]\nb = 1\n[x]\na = 1\n"), @"! Order");
    insta::assert_snapshot!(told("a.toml", "a = 1\r\n", "a = 1\n"), @"! LineEndings");
    insta::assert_snapshot!(told("a.toml", "", "a = 1\n"), @"+ a: 1");
}

#[test]
fn ini_goes_by_section_and_key() {
    insta::assert_snapshot!(told("setup.cfg", "[metadata]\nname = x\n[options]\ninstall_requires =\n    numpy==1.24\n    # why\n    torch\n", "[options]\ninstall_requires =\n    numpy==1.26\n    torch\n[metadata]\nname: x\n"), @"
    ~ options.install_requires[1]: numpy==1.24 → numpy==1.26
    ! Order
    ! Comments
    ");
    insta::assert_snapshot!(told("a.ini", "[a]\nb = 1 ; x\n; c\n\n[a]\nd = 2\nb = 3", "[a]\nb=3\nd =2\n[tool:x y]\nk=\n"), @r#"
    + "tool:x y": {"k": ""}
    ! Comments
    ! Overruled
    ! twice: a.b From
    "#);
    insta::assert_snapshot!(told("a.cfg", "a = 1\nb : 2\n", "a = 1\nb : 3\n"), @"~ b: 2 → 3");
    insta::assert_snapshot!(told("a.ini", "[a]\nb = 1\r\n", "[a]\nb = 2\r\n"), @"~ a.b: 1 → 2");
}

#[test]
fn variables_go_by_name() {
    insta::assert_snapshot!(told(".env", "# keys\nexport A=1\nB=\"x y\"\nC='$HOME'\nD=a#b # c\nE=\nF\nexport G=1\n", "export G=2\nA='1'\nB=x y\nC=\"$HOME\"\nD=a#b\nE=\"\"\nF=\n"), @r#"
    ~ A: export 1 → 1
    ~ C: '$HOME' → $HOME
    ~ F:  → ""
    ~ G: 1 → 2
    ! Order
    ! Comments
    "#);
    insta::assert_snapshot!(told(".env", "A=1\nA=2\n", "A=2\n"), @"
    ! Overruled
    ! twice: A From
    ");
    insta::assert_snapshot!(told(".env", "KEY=\"a\\nb\n#c\"\nB=1", "KEY=\"a\\nb\n#d\"\nB=1"), @r#"~ KEY: "a\nb\n#c" → "a\nb\n#d""#);
    insta::assert_snapshot!(told(".env", "A=1\r\nB=2\r\n", "B=2\r\nA=1\r\n"), @"! Order");
    insta::assert_snapshot!(told(".env", "\u{feff}A=1\n", "A=2\n"), @"
    ~ A: 1 → 2
    ! ByteOrderMark
    ");
}

#[test]
fn requirements_go_by_normalized_name() {
    insta::assert_snapshot!(told("requirements.txt", "numpy==1.24.4\nTorch_Audio>=2, <3 ; python_version > '3.8'\nonnx\n-r base.txt\n--index-url https://a/simple\n", "Numpy == 1.26.4\ntorch-audio<3,>=2;python_version>\"3.8\" # why\nonnx[gpu]>=1\n-r other.txt\n-i https://b/simple\n"), @"
    ~ numpy: ==1.24.4 → ==1.26.4
    ~ onnx:  → [gpu]>=1
    - -r base.txt: 
    ~ --index-url: https://a/simple → https://b/simple
    + -r other.txt: 
    ! Comments
    ");
    insta::assert_snapshot!(told("requirements.txt", "a==1; python_version<'3.9'\na==2; python_version>='3.9'\n", "a==1; python_version<'3.9'\na==3; python_version>='3.9'\n"), @r#"~ a ; python_version >= "3.9": ==2 → ==3"#);
    insta::assert_snapshot!(told("requirements.txt", "a==1 \\\n    --hash=sha256:bb \\\n    --hash=sha256:aa\n", "a==2 --hash=sha256:aa --hash=sha256:cc\n"), @"
    ~ a: ==1 → ==2
    ~ a --hash: sha256:aa sha256:bb → sha256:aa sha256:cc
    ");
    insta::assert_snapshot!(told("requirements.txt", "a @ https://h/${TOKEN}/a.whl\n-e git+https://h/x#egg=x\n./local.whl\nfoo.>=1\nfoo[a-]\n", "a @ https://h/${OTHER}/a.whl\n-e git+https://h/y#egg=x\n./local.whl\n"), @"
    ~ a: @ https://h/${TOKEN}/a.whl → @ https://h/${OTHER}/a.whl
    - -e git+https://h/x#egg=x: 
    - foo.>=1: 
    - foo[a-]: 
    + -e git+https://h/y#egg=x:
    ");
    insta::assert_snapshot!(told("requirements.txt", "b\na\n", "a # x\nb\n"), @"
    ! Order
    ! Comments
    ");
    insta::assert_snapshot!(told("requirements.txt", "a==1\na==2\n", "a==2\n"), @"
    ! Overruled
    ! twice: a From
    ");
}

#[test]
fn one_sided_files_tell_all_they_hold() {
    let of = |name: &str, text: &str| {
        let bytes = Some(text.as_bytes());
        let (added, removed) = (config(&path(name), None, bytes), config(&path(name), bytes, None));
        format!("{}\n{}", said(&added.unwrap()), said(&removed.unwrap()))
    };
    insta::assert_snapshot!(of("a.json", r#"{"a": 1, "b": {"c": [1]}}"#), @r#"
    + a: 1
    + b: {"c": [1]}
    - a: 1
    - b: {"c": [1]}
    "#);
    insta::assert_snapshot!(of("a.json", "5"), @"
    + .: 5
    - .: 5
    ");
    insta::assert_snapshot!(of("a.jsonl", "{\"a\": 1}\n"), @"
    + a: 1
    - a: 1
    ");
    insta::assert_snapshot!(of("a.yaml", ""), @"");
}
