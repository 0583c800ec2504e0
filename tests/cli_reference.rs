//! `docs/cli.md` says what the program says.

use std::path::Path;

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let expected = envgit::cli::markdown();
    if std::env::var_os("ENVGIT_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(
        written == expected,
        "docs/cli.md is not what the commands say (first difference: {differs:?}); write it anew with \
         ENVGIT_UPDATE_DOCS=1 cargo test --test cli_reference"
    );
}
