//! Alibaba Cloud OSS: no server of others can be had without an account. `oss.py` stands for one; it computes what a
//! request must be signed with by Alibaba's own client (pip: oss2), which also finds here what envgit wrote.

use std::process::Command;

use envgit::remote::Error;

use crate::contract::{contract, key, long_listing};
use crate::server::{Server, open, ports};
use crate::team::shares;

const TEAM: [(&str, &str); 2] = [
    ("OSS_ACCESS_KEY_ID", "TEAMKEY"),
    ("OSS_ACCESS_KEY_SECRET", "team-secret"),
];

/// The Python that has the client.
const PYTHON: &str = "python-oss2";

#[test]
fn oss() {
    let [port] = ports();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remotes/oss.py");
    let args = ["-I".to_owned(), "-B".to_owned(), script.to_owned(), port.to_string()];
    let _server = Server::start("oss2 (pip)", PYTHON, tempfile::tempdir().unwrap(), &args, &[port]);
    // The bucket stands in front of the name: http://team.localhost.
    let at = |rest: &str| format!("oss://{rest}?endpoint=http://localhost:{port}");
    let remote = open(&at("team/envs/glm"), &TEAM).unwrap();
    assert!(remote.abilities().create, "{:?}", remote.abilities());
    contract(remote.as_ref());
    long_listing(remote.as_ref(), 1100);
    shares(&at("team/envs/shared"), &TEAM);

    // What another client of that service makes of it.
    let look = format!(
        "import oss2\n\
         bucket = oss2.Bucket(oss2.Auth('TEAMKEY', 'team-secret'), 'http://127.0.0.1:{port}', 'team', is_path_style=True)\n\
         assert bucket.get_object('envs/glm/top').read() == b'at the top'\n\
         bucket.put_object('envs/glm/by/oss2', b'by another')\n\
         assert sum(1 for _ in oss2.ObjectIteratorV2(bucket, prefix='envs/glm/many/')) == 1100\n"
    );
    let looked = Command::new(PYTHON).args(["-B", "-c", &look]).output().unwrap();
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
    assert_eq!(
        remote.get(&key("by/oss2")).unwrap().as_deref(),
        Some(&b"by another"[..])
    );

    for vars in [
        [TEAM[0], ("OSS_ACCESS_KEY_SECRET", "wr0ng-secret")],
        [("OSS_ACCESS_KEY_ID", "NOBODY"), TEAM[1]],
    ] {
        let remote = open(&at("team/envs"), &vars).unwrap();
        let error = remote.put(&key("a"), &&b"x"[..]).unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        assert!(error.to_string().contains("OSS_ACCESS_KEY_ID"), "{error}");
        assert!(!format!("{error:?}").contains("wr0ng-secret"));
    }
    let error = open(&at("nobucket"), &TEAM).unwrap().get(&key("a")).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }), "{error:?}");
}
