//! Variables as lines that a shell takes over. They are run by somebody's shell: whatever a value holds, it stays a
//! value.

use crate::ops::env::EnvReport;
use crate::snapshot::path::escape;

/// For sh and those like it.
pub(in crate::cli) fn sh(report: &EnvReport) -> Vec<u8> {
    let line = |words: &[u8], name: &[u8], value: &[u8]| [words, name, b"='", value, b"'\n"].concat();
    script(
        report,
        |name, value| line(b"export ", name, &replace(value, b'\'', b"'\\''")),
        |name| [b"unset ", name, b"\n"].concat(),
    )
}

/// For fish, which reads `\\` and `\'` in single quotes.
pub(in crate::cli) fn fish(report: &EnvReport) -> Vec<u8> {
    let quote = |value: &[u8]| replace(&replace(value, b'\\', b"\\\\"), b'\'', b"\\'");
    script(
        report,
        |name, value| [b"set -gx ", name, b" '", &quote(value), b"'\n"].concat(),
        |name| [b"set -e ", name, b"\n"].concat(),
    )
}

fn script(report: &EnvReport, set: impl Fn(&[u8], &[u8]) -> Vec<u8>, unset: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let comment = |name: &[u8], what: &str| format!("# {} {what}\n", escape(name)).into_bytes();
    let mut script = Vec::new();
    for (name, value) in &report.set {
        script.extend(match is_name(name) {
            true => set(name, value),
            false => comment(name, "is no name that a shell can set"),
        });
    }
    for name in &report.secret {
        script.extend(comment(name, "is secret and was not recorded"));
    }
    for name in report.unset.iter().filter(|name| is_name(name)) {
        script.extend(unset(name));
    }
    script
}

fn replace(bytes: &[u8], what: u8, with: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = bytes.split(|b| *b == what).collect();
    pieces.join(with)
}

/// A name that every shell takes for one.
fn is_name(name: &[u8]) -> bool {
    let is_letter = |b: &u8| b.is_ascii_alphabetic() || *b == b'_';
    name.first().is_some_and(is_letter) && name.iter().all(|b| is_letter(b) || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::report::SideName;

    fn report() -> EnvReport {
        let set = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        EnvReport {
            side: SideName {
                commit: None,
                name: "v1".to_owned(),
            },
            set: vec![
                set("CUDA_HOME", "/usr/local/cuda"),
                set("PIP_A", "it's $HOME `id` \\ \"x\"\nsecond; rm -rf /"),
                set("PIP_B;id", "x"),
                set("PIP_C", ""),
            ],
            unset: vec![b"HF_HOME".to_vec(), b"x;id".to_vec()],
            secret: vec![b"HF_TOKEN".to_vec(), b"HF_\nid".to_vec()],
        }
    }

    #[test]
    fn values_stay_values() {
        insta::assert_snapshot!(String::from_utf8(sh(&report())).unwrap(), @r#"
        export CUDA_HOME='/usr/local/cuda'
        export PIP_A='it'\''s $HOME `id` \ "x"
        second; rm -rf /'
        # PIP_B;id is no name that a shell can set
        export PIP_C=''
        # HF_TOKEN is secret and was not recorded
        # HF_\nid is secret and was not recorded
        unset HF_HOME
        "#);
        insta::assert_snapshot!(String::from_utf8(fish(&report())).unwrap(), @r#"
        set -gx CUDA_HOME '/usr/local/cuda'
        set -gx PIP_A 'it\'s $HOME `id` \\ "x"
        second; rm -rf /'
        # PIP_B;id is no name that a shell can set
        set -gx PIP_C ''
        # HF_TOKEN is secret and was not recorded
        # HF_\nid is secret and was not recorded
        set -e HF_HOME
        "#);
    }

    #[test]
    fn a_shell_reads_them_back() {
        let script = [
            &sh(&report())[..],
            b"printf '%s|' \"$CUDA_HOME\" \"$PIP_A\" \"$PIP_C\"\n",
        ]
        .concat();
        let mut child = std::process::Command::new("sh")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &script).unwrap();
        let output = child.wait_with_output().unwrap();
        let expected = "/usr/local/cuda|it's $HOME `id` \\ \"x\"\nsecond; rm -rf /||";
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
