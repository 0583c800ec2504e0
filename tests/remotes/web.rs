//! WebDAV: rclone's server, with a password. Read-only HTTP: rclone's server, which knows ranges, and Python's, which does
//! not. What they serve is a directory, which the test looks into.

use envgit::remote::{Directory, Error, Transport};

use crate::contract::{Expect, Noise, contract, key, long_listing};
use crate::memory::stays_bounded;
use crate::server::{Server, open, ports};
use crate::team::{is_cloned, shares};

const LOGIN: [(&str, &str); 2] = [("ENVGIT_HTTP_USER", "ann"), ("ENVGIT_HTTP_PASSWORD", "pass word")];

fn rclone(what: &str, dir: tempfile::TempDir) -> (Server, u16) {
    let [port] = ports();
    let served = dir.path().join("served");
    let address = format!("127.0.0.1:{port}");
    let served = served.display().to_string();
    let args: Vec<String> = [
        "serve",
        what,
        &served,
        "--addr",
        &address,
        "--user",
        "ann",
        "--pass",
        "pass word",
        "--config",
        "/dev/null",
        "--dir-cache-time",
        "0s",
    ]
    .map(str::to_owned)
    .into();
    (Server::start("rclone", "rclone", dir, &args, &[port]), port)
}

#[test]
fn webdav_by_rclone() {
    let dir = tempfile::tempdir().unwrap();
    let served = dir.path().join("served");
    std::fs::create_dir(&served).unwrap();
    let (_server, port) = rclone("webdav", dir);
    let address = format!("webdav://127.0.0.1:{port}/envs");
    let remote = open(&address, &LOGIN).unwrap();
    assert!(!remote.abilities().create);
    contract(remote.as_ref());
    long_listing(remote.as_ref(), 200);
    stays_bounded(&address, &LOGIN);
    shares(&format!("{address}/shared"), &LOGIN);
    let directory = Directory::new(served.join("envs"));
    assert_eq!(directory.get(&key("top")).unwrap().as_deref(), Some(&b"at the top"[..]));

    // The user can stand in the address; the password cannot.
    let named = format!("webdav://ann@127.0.0.1:{port}/envs");
    assert!(open(&named, &LOGIN[1..]).unwrap().get(&key("top")).unwrap().is_some());
    for wrong in [&[][..], &[LOGIN[0], ("ENVGIT_HTTP_PASSWORD", "wr0ng")]] {
        let remote = open(&address, wrong).unwrap();
        let errors = [
            remote.get(&key("top")).unwrap_err(),
            remote.list(&key("layers")).unwrap_err(),
            remote.put(&key("a"), &&b"x"[..]).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::Denied { .. }), "{error:?}");
            assert!(error.to_string().contains("~/.netrc"), "{error}");
            assert!(!format!("{error:?}").contains("wr0ng"));
        }
    }
    let remote = open(&format!("webdav://127.0.0.1:{port}/no/such"), &LOGIN).unwrap();
    let error = remote.put(&key("a"), &&b"x"[..]).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }), "{error:?}");
}

#[test]
fn http_with_and_without_ranges() {
    let dir = tempfile::tempdir().unwrap();
    let served = dir.path().join("served");
    let objects = Directory::new(served.clone());
    let body = Noise::new(5, 5_000_000);
    objects.put(&key("layers/big"), &body).unwrap();
    objects.put(&key("layers/empty"), &&b""[..]).unwrap();

    let [port] = ports();
    let args = ["-m", "http.server", "--bind", "127.0.0.1", "--directory"].map(str::to_owned);
    let args: Vec<String> = args
        .into_iter()
        .chain([served.display().to_string(), port.to_string()])
        .collect();
    let _python = Server::start("python3", "python3", tempfile::tempdir().unwrap(), &args, &[port]);
    reading(open(&format!("http://127.0.0.1:{port}"), &[]).unwrap().as_ref(), &body);

    let team = served.join("team");
    is_cloned(&team, &format!("http://127.0.0.1:{port}/team"), &[]);

    let (_rclone, port) = rclone("http", dir);
    reading(
        open(&format!("http://127.0.0.1:{port}/"), &LOGIN).unwrap().as_ref(),
        &body,
    );
    let error = open(&format!("http://127.0.0.1:{port}"), &[])
        .unwrap()
        .get(&key("a"))
        .unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
}

/// What a server that cannot be written must keep.
fn reading(remote: &dyn Transport, body: &Noise) {
    let big = key("layers/big");
    assert_eq!(remote.size(&big).unwrap(), Some(5_000_000));
    assert_eq!(remote.size(&key("layers/none")).unwrap(), None);
    assert_eq!(remote.get(&key("layers/none")).unwrap(), None);
    assert_eq!(remote.get(&key("layers/empty")).unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(remote.stream(&big, 0, &mut Expect::new(body)).unwrap(), 5_000_000);
    for start in [1, 4_999_999, 5_000_000] {
        let mut rest = Vec::new();
        assert_eq!(remote.stream(&big, start, &mut rest).unwrap(), 5_000_000 - start);
        let mut expected = vec![0; rest.len()];
        body.fill(start, &mut expected);
        assert!(rest == expected, "from {start}");
    }
    let mut expected = vec![0; 1000];
    body.fill(1_234_567, &mut expected);
    assert!(remote.read(&big, 1_234_567..1_235_567).unwrap() == expected);
    assert!(remote.read(&big, 4_999_999..5_000_001).is_err());
    let abilities = remote.abilities();
    assert!(!abilities.write && !abilities.list && !abilities.create);
    assert!(remote.list(&key("layers")).is_err());
    for error in [
        remote.put(&big, body).unwrap_err(),
        remote.create(&big, b"x").unwrap_err(),
        remote.replace(&big, b"x").unwrap_err(),
        remote.remove(&big).unwrap_err(),
    ] {
        assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
        assert!(error.to_string().ends_with("can only be read"), "{error}");
    }
}
