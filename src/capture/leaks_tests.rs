//! Texts with secrets and without.

use super::*;

fn kinds(path: &str, text: &str) -> Vec<&'static str> {
    find(path.as_bytes(), text.as_bytes())
        .iter()
        .map(|leak| leak.kind.as_str())
        .collect()
}

/// Made here, so that no scanner of this source takes one for real.
fn token(prefix: &str, length: usize) -> String {
    let body = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8";
    prefix.to_owned() + &body.repeat(4)[..length]
}

#[test]
fn tokens_are_known_anywhere() {
    for (prefix, length, kind) in [
        ("hf_", 34, "huggingface-token"),
        ("ghp_", 36, "github-token"),
        ("github_pat_", 40, "github-token"),
        ("glpat-", 20, "gitlab-token"),
        ("sk-", 40, "sk-key"),
        ("npm_", 36, "npm-token"),
        ("pypi-", 60, "pypi-token"),
        ("xoxb-", 30, "slack-token"),
        ("AIza", 35, "google-api-key"),
    ] {
        let text = format!("# a comment\nmodel: {{ key: \"{}\" }}\n", token(prefix, length));
        let found = find(b"a/b.yaml", text.as_bytes());
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!((found[0].kind.as_str(), found[0].line), (kind, 2));
        assert!(
            found[0].masked.len() < 30 && !text.contains(&found[0].masked),
            "{found:?}"
        );
    }
    assert_eq!(kinds("c.txt", "id AKIAIOSFODNN7ABCDEFG\n"), ["aws-access-key"]);
    assert_eq!(kinds("c.txt", "id AKIAIOSFODNN7EXAMPLE\n"), [""; 0]);
    let jwt = format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", token("eyJ", 20), token("", 30));
    assert_eq!(kinds("c.json", &format!("{{\"a\": \"{jwt}\"}}")), ["web-token"]);
}

#[test]
fn private_keys_need_a_body() {
    let body = token("MII", 60);
    for name in ["RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED "] {
        let pem = format!("x\n-----BEGIN {name}PRIVATE KEY-----\n{body}\n");
        assert_eq!(kinds("a.pem", &pem), ["private-key"], "{name}");
    }
    assert_eq!(
        kinds("a.md", "write -----BEGIN PRIVATE KEY----- and then the key"),
        [""; 0]
    );
    assert_eq!(
        kinds("a.pem", &format!("-----BEGIN CERTIFICATE-----\n{body}\n")),
        [""; 0]
    );
    let account =
        format!("{{\"type\": \"service_account\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{body}\\n\"}}");
    assert_eq!(kinds("key.json", &account), ["google-service-account"]);
}

#[test]
fn files_for_secrets_are_read_by_their_own_rules() {
    assert_eq!(kinds(".env", "LOG=debug\nDB_PASSWORD=hunter2!\n"), ["password"]);
    assert_eq!(kinds("deploy/prod.env", "export API_KEY='abc123'\n"), ["password"]);
    assert_eq!(
        kinds(
            ".env",
            "DB_PASSWORD=\nA_TOKEN=${TOKEN}\nB_TOKEN=<yours>\nMAX_TOKENS=1000000\n"
        ),
        [""; 0]
    );
    assert_eq!(kinds(".env.example", "DB_PASSWORD=hunter2!\n"), [""; 0]);
    assert_eq!(
        kinds("home/.netrc", "machine h login bob password hunter2x\n"),
        ["password"]
    );
    assert_eq!(kinds(".npmrc", "//r.org/:_authToken=0123-4567-89ab\n"), ["password"]);
    assert_eq!(kinds(".npmrc", "//r.org/:_authToken=${NPM_TOKEN}\n"), [""; 0]);
    assert_eq!(
        kinds(".pypirc", "[pypi]\nusername = bob\npassword = hunter2x\n"),
        ["password"]
    );
    assert_eq!(
        kinds("pip.conf", "index-url = https://bob:s3cretpw@pypi.corp/simple\n"),
        ["url-password"]
    );
    let channel = format!("  - https://conda.corp/t/{}/ai\n", token("ab-", 20));
    assert_eq!(kinds(".condarc", &channel), ["conda-token"]);
}

#[test]
fn what_only_a_name_tells_must_look_random() {
    let value = token("", 32);
    assert_eq!(kinds("c.yaml", &format!("wandb_api_key: {value}\n")), ["password"]);
    assert_eq!(
        kinds("c.json", &format!("  \"client_secret\": \"{value}\",\n")),
        ["password"]
    );
    for harmless in [
        "eos_token: \"<|endoftext|>\"",
        "pad_token = \"[PAD]\"",
        "\"auth_token\": true,",
        "tokenizer_class: LlamaTokenizerFast",
        "password: changeme",
        "password: ${DB_PASSWORD}",
        "secret_name: my-team-production-secret-2024",
        "hf_token: hf_your_token_here_please_replace_it_1",
        "# api_key: aB3dE5gH7jK9mN1pQ2sT4vW6yZ8",
        "private_key_path: /etc/keys/server-2024-01-01.pem",
        "url: https://user:password@example.org/",
        "url: postgres://user:${PASSWORD}@db/x",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "token_embedding: model.embed_tokens.weight",
        "image: registry:5000/a@sha256:9f86d081884c7d659a2feaa0c55ad015",
        "git+https://github.com/a/b@0123456789abcdef0123456789abcdef01234567",
    ] {
        assert_eq!(kinds("c.yaml", harmless), [""; 0], "{harmless}");
    }
}

#[test]
fn every_member_of_a_line_counts() {
    let secret = "kJ8sNq2Lw9Xb4Vt7Rm1Yc6Zd3Hf5Gp0A";
    for text in [
        format!("{{\"aws_secret_access_key\": \"{secret}\"}}\n"),
        format!("{{\"a\": 1, \"b\": \"x\", \"client_secret\" : \"{secret}\", \"c\": \"y\"}}\n"),
    ] {
        assert_eq!(kinds("a.json", &text), ["password"], "{text}");
    }
    assert_eq!(
        kinds(
            "a.json",
            "{\"client_secret\": \"your-secret-here\", \"token_type\": \"bearer\"}\n"
        ),
        [""; 0]
    );
}

#[test]
fn any_text_is_taken() {
    for text in [
        "-----BEGIN ",
        "-----BEGIN 重庆PRIVATE KEY-----",
        "重: =",
        "=",
        "a=\"",
        "/t/",
        "x://@/t/重/",
        "export ",
    ] {
        for path in [".env", ".netrc", ".npmrc", "x", "重.env"] {
            find(path.as_bytes(), text.as_bytes());
        }
    }
    assert_eq!(mask("short"), "… (5 characters)");
}

#[test]
fn suspects() {
    for path in [
        ".env",
        "a/.env.local",
        "x/prod.env",
        ".ssh/id_rsa",
        "a.pem",
        ".aws/credentials",
        "pip.conf",
        "hub/huggingface/token",
        "/home/ada/.cache/huggingface/token",
    ] {
        assert!(is_suspect(path.as_bytes()), "{path}");
    }
    for path in [
        "env",
        "a/environment.yml",
        "token",
        "tokenizer.json",
        "config.json",
        "credentials",
        ".env.example",
    ] {
        assert!(!is_suspect(path.as_bytes()), "{path}");
    }
}

#[test]
fn long_lines_are_searched_in_windows() {
    let secret = token("hf_", 34);
    let url = "https://bob:s3cr3tpw@host/simple";
    // At every place relative to where a window ends and the next begins, also within letters of several bytes.
    for filler in ["x ", "é "] {
        let ends = [WINDOW, WINDOW - CONTEXT, WINDOW - 2 * CONTEXT, 2 * WINDOW - 2 * CONTEXT];
        for at in ends.iter().flat_map(|end| (end - 45..end + 5).step_by(3)) {
            let head = filler.repeat(at / filler.len());
            let tail = filler.repeat(2 * WINDOW);
            let line = format!("{head}\"{secret}\"{tail}\n");
            let found = find(b"a.json", line.as_bytes());
            assert_eq!(found.len(), 1, "{at}: {found:?}");
            assert_eq!((found[0].line, found[0].masked.as_str()), (1, "hf_a… (37 characters)"));
            let line = format!("{head}{url}{tail}");
            assert_eq!(kinds("a.json", &line), ["url-password"], "{at}");
        }
    }
    // At the very ends, and more than one.
    let line = format!("{secret}{} {secret}", " x".repeat(WINDOW));
    assert_eq!(kinds("a.json", &line), ["huggingface-token"; 2]);
    // What a name tells is told of long lines too.
    let line = format!("HF_PASSWORD={}", "aB3dE5gH7j".repeat(WINDOW / 5));
    assert_eq!(kinds(".env", &line), ["password"]);
}

#[test]
fn long_lines_of_data_are_data() {
    let secret = token("AKIA", 16);
    for mark in ["+", "/", "="] {
        let line = format!("{}{mark}{secret}{mark}{}", "QUJD".repeat(WINDOW), "QUJD".repeat(99));
        assert_eq!(kinds("a.ipynb", &line), [] as [&str; 0], "{mark}");
    }
    let line = format!("{}\"{secret}\"{}", "QUJD".repeat(WINDOW), "QUJD".repeat(99));
    assert_eq!(kinds("a.ipynb", &line), ["aws-access-key"]);
}

#[test]
fn passwords_that_somebody_chose() {
    for line in [
        r#"{"db": {"password": "Summer2026!x"}}"#,
        "password: Summer2026x",
        "db_passwd = \"Summer2026x\"",
        "smtpPassword=Summer2026x",
    ] {
        assert_eq!(kinds("configs/a.yaml", line), ["password"], "{line}");
    }
    for line in [
        "password: changeme",
        "password: ${DB_PASSWORD1}",
        "password: secrets/db1.txt here",
        "password: /run/secrets/db1",
        "password_length: abcdefgh12",
        "password: correcthorse",
    ] {
        assert_eq!(kinds("configs/a.yaml", line), [""; 0], "{line}");
    }
    assert_eq!(
        kinds(".env", "MYSQL_PWD=correct\nLOGIN_PASS=horse7\nPWD=/home/ann\n").len(),
        2
    );
    assert!(is_suspect(b"cache/.token"));
}
