//! Azure Blob Storage: Azurite (npm: azurite), Microsoft's own emulator, which checks the signatures of its one account.

use envgit::remote::Error;

use crate::contract::{contract, key, long_listing};
use crate::server::{Server, open, ports, sign};
use crate::team::shares;

/// The key that every Azurite has.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

#[test]
fn azurite() {
    let dir = tempfile::tempdir().unwrap();
    let [port] = ports();
    let port_text = port.to_string();
    let args: Vec<String> = [
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        &port_text,
        "--location",
        "data",
        "--silent",
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ]
    .map(str::to_owned)
    .into();
    let _server = Server::start("azurite (npm)", "azurite-blob", dir, &args, &[port]);
    let endpoint = format!("http://127.0.0.1:{port}/devstoreaccount1");
    make_container(port);
    let address = format!("az://team/envs?account=devstoreaccount1&endpoint={endpoint}");
    let remote = open(&address, &[("AZURE_STORAGE_KEY", KEY)]).unwrap();
    contract(remote.as_ref());
    assert!(remote.abilities().create, "{:?}", remote.abilities());
    long_listing(remote.as_ref(), 300);

    shares(&address.replace("/envs?", "/shared?"), &[("AZURE_STORAGE_KEY", KEY)]);
    let remote = open(&address, &[("AZURE_STORAGE_KEY", "d3JvbmcK")]).unwrap();
    let error = remote.put(&key("a"), &&b"x"[..]).unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert!(error.to_string().contains("AZURE_STORAGE_KEY"), "{error}");
    let absent = address.replace("az://team", "az://nocontainer");
    let remote = open(&absent, &[("AZURE_STORAGE_KEY", KEY)]).unwrap();
    let error = remote.put(&key("a"), &&b"x"[..]).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }), "{error:?}");
}

/// Makes the container as any client would.
fn make_container(port: u16) {
    sign(&format!(
        "azure('127.0.0.1', {port}, 'devstoreaccount1', 'team', {KEY:?})"
    ));
}
