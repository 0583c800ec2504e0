//! Container registries: Debian's docker-registry, with passwords and open to all.

use std::path::Path;
use std::process::Command;

use envgit::remote::Error;

use crate::contract::{contract, key, long_listing};
use crate::memory::stays_bounded;
use crate::server::{Server, open, ports};
use crate::team::shares;

/// `team:team-password`, for htpasswd: bcrypt of little cost.
const USERS: &str = "team:$2b$04$abcdefghijklmnopqrstuuxUNT/lLYmQXJngF3l4ZCEG0HtvLcwma\n";

fn registry(auth: &str, deletes: bool) -> (Server, u16) {
    let dir = tempfile::tempdir().unwrap();
    let [port] = ports();
    std::fs::write(dir.path().join("users"), USERS).unwrap();
    let config = format!(
        "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: data\n  delete:\n    \
         enabled: {deletes}\nhttp:\n  addr: 127.0.0.1:{port}\n{auth}"
    );
    std::fs::write(dir.path().join("config.yml"), config).unwrap();
    let args = ["serve", "config.yml"].map(str::to_owned);
    (
        Server::start("docker-registry", "docker-registry", dir, &args, &[port]),
        port,
    )
}

const PASSWORDS: &str = "auth:\n  htpasswd:\n    realm: envgit\n    path: users\n";

#[test]
fn registry_with_passwords() {
    let (_server, port) = registry(PASSWORDS, true);
    let address = format!("oci://127.0.0.1:{port}/team/glm-tts");
    let docker = tempfile::tempdir().unwrap();
    // As `docker login` leaves it: team:team-password.
    let config = format!(r#"{{"auths": {{"127.0.0.1:{port}": {{"auth": "dGVhbTp0ZWFtLXBhc3N3b3Jk"}}}}}}"#);
    std::fs::write(docker.path().join("config.json"), config).unwrap();
    let vars = [("DOCKER_CONFIG", docker.path().to_str().unwrap())];
    let remote = open(&address, &vars).unwrap();
    assert!(!remote.abilities().create);
    contract(remote.as_ref());
    long_listing(remote.as_ref(), 120);

    shares(&format!("{address}-shared"), &vars);
    // Nobody's, and a wrong one that a helper gives.
    for config in [r#"{}"#.to_owned(), r#"{"credsStore": "envgit-test"}"#.to_owned()] {
        std::fs::write(docker.path().join("config.json"), &config).unwrap();
        let remote = open(&address, &vars);
        let error = remote.and_then(|remote| remote.get(&key("top"))).unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{config}: {error:?}");
        assert!(error.to_string().contains("docker"), "{error}");
    }
}

#[test]
fn registry_that_removes_nothing() {
    let (_server, port) = registry("", false);
    let remote = open(&format!("oci://localhost:{port}/glm"), &[]).unwrap();
    contract(remote.as_ref());
    stays_bounded(&format!("oci://localhost:{port}/glm"), &[]);
    let error = open("oci://localhost:1/glm", &[]).unwrap().size(&key("a")).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let long = key(&format!("a/{}", "x".repeat(130)));
    let error = remote.put(&long, &&b"x"[..]).unwrap_err();
    assert!(format!("{error:?}").contains("too long"), "{error:?}");
}

/// A layer is a layer for others too, and a registry that cleans up keeps it.
#[test]
fn what_is_pushed_is_a_layer_and_survives_garbage_collection() {
    let (server, port) = registry("", true);
    let remote = open(&format!("oci://localhost:{port}/glm"), &[]).unwrap();
    let name = envgit::digest::Digest::of(b"layer").to_string();
    let layer = key(&format!("layers/{name}.tar.zst"));
    remote.put(&layer, &&b"layer"[..]).unwrap();
    remote.put(&key("gone"), &&b"gone"[..]).unwrap();
    remote.remove(&key("gone")).unwrap();
    let manifest = Command::new("curl")
        .args(["-sS", "-H", "Accept: application/vnd.oci.image.manifest.v1+json"])
        .arg(format!(
            "http://localhost:{port}/v2/glm/manifests/layers__{name}.tar.zst"
        ))
        .output()
        .unwrap();
    let manifest = String::from_utf8(manifest.stdout).unwrap();
    for part in [
        "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+zstd\"",
        "\"artifactType\":\"application/vnd.envgit.object.v1\"",
        &format!("\"digest\":\"sha256:{name}\""),
    ] {
        assert!(manifest.contains(part), "{manifest}");
    }
    let blobs = |dir: &Path| {
        let found = Command::new("find")
            .arg(dir.join("data"))
            .args(["-path", "*blobs/sha256*", "-name", "data"])
            .output();
        String::from_utf8(found.unwrap().stdout).unwrap()
    };
    let gone = envgit::digest::Digest::of(b"gone").to_string();
    assert!(blobs(server.dir()).contains(&gone));
    let cleaned = Command::new("docker-registry")
        .args(["garbage-collect", "config.yml"])
        .current_dir(server.dir())
        .output()
        .unwrap();
    assert!(cleaned.status.success(), "{}", String::from_utf8_lossy(&cleaned.stderr));
    assert!(!blobs(server.dir()).contains(&gone), "nothing was cleaned up");
    assert_eq!(remote.get(&layer).unwrap().as_deref(), Some(&b"layer"[..]));
    assert_eq!(remote.list(&key("layers")).unwrap().len(), 1);
}

/// As Docker Hub, GitHub and GitLab do it: the registry sends to a service for tokens.
#[test]
fn registry_that_wants_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=envgit-test",
            "-keyout",
        ])
        .args([&format!("{at}/key.pem"), "-out", &format!("{at}/cert.pem")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let [tokens] = ports();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remotes/token.py");
    let args = ["-B".to_owned(), script.to_owned(), tokens.to_string(), at.to_owned()];
    let _tokens = Server::start("python3", "python3", tempfile::tempdir().unwrap(), &args, &[tokens]);
    let auth = format!(
        "auth:\n  token:\n    realm: http://127.0.0.1:{tokens}/token\n    service: envgit-registry\n    issuer: envgit-test\n    \
         rootcertbundle: {at}/cert.pem\n"
    );
    let (_registry, port) = registry(&auth, true);
    let address = format!("oci://127.0.0.1:{port}/team/glm");
    let vars = [("DOCKER_CONFIG", at)];
    for (n, entry) in [
        r#"{"auth": "dGVhbTp0ZWFtLXBhc3N3b3Jk"}"#,
        r#"{"identitytoken": "team+identity/token="}"#,
    ]
    .iter()
    .enumerate()
    {
        let config = format!(r#"{{"auths": {{"127.0.0.1:{port}": {entry}}}}}"#);
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        let remote = open(&address, &vars).unwrap();
        let name = key(&format!("layers/{n}"));
        remote.put(&name, &&b"layer"[..]).unwrap();
        assert_eq!(remote.get(&name).unwrap().as_deref(), Some(&b"layer"[..]));
        assert_eq!(remote.list(&key("layers")).unwrap().len(), n + 1);
    }
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    let error = open(&address, &vars).unwrap().get(&key("layers/0")).unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
}
