//! ssh: Debian's own client and server on loopback, with keys and configuration of the test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use envgit::remote::{Error, Transport};

use crate::contract::{Noise, contract, key, long_listing};
use crate::memory::stays_bounded;
use crate::server::{Server, open, ports};
use crate::team::shares;

/// A server with the files of its client.
struct Sshd {
    server: Server,
    dir: PathBuf,
}

impl Sshd {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        for name in ["host", "user", "stranger"] {
            keygen(&path.join(name));
        }
        std::fs::copy(path.join("user.pub"), path.join("authorized")).unwrap();
        let [port] = ports();
        let host_key = std::fs::read_to_string(path.join("host.pub")).unwrap();
        std::fs::write(path.join("known"), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
        std::fs::write(path.join("known-none"), "").unwrap();
        let at = path.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\n\
             PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             Subsystem sftp internal-sftp\nMaxStartups 100\n"
        );
        std::fs::write(path.join("sshd_config"), config).unwrap();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        for (name, key, known) in [
            ("config", "user", "known"),
            ("config-stranger", "stranger", "known"),
            ("config-unknown", "user", "known-none"),
        ] {
            let config = format!(
                "Host team\nHostName 127.0.0.1\nPort {port}\nUser {user}\nIdentityFile {at}/{key}\nIdentitiesOnly yes\n\
                 UserKnownHostsFile {at}/{known}\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\nBatchMode yes\n\
                 IdentityAgent none\n"
            );
            std::fs::write(path.join(name), config).unwrap();
        }
        // Where root starts it, sshd wants its usual empty folder.
        let _ = std::fs::create_dir("/run/sshd");
        let args = ["-D", "-e", "-f", "sshd_config"].map(str::to_owned);
        let args: Vec<String> = match args {
            [daemon, stderr, file, name] => vec![daemon, stderr, file, path.join(name).display().to_string()],
        };
        let server = Server::start("openssh-server", "/usr/sbin/sshd", dir, &args, &[port]);
        Self { server, dir: path }
    }

    fn open(&self, address: &str, config: &str) -> Box<dyn Transport> {
        let command = format!("ssh -F {}", self.dir.join(config).display());
        open(address, &[("ENVGIT_SSH_COMMAND", &command)]).unwrap()
    }
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status();
    let made = made.unwrap_or_else(|error| panic!("cannot start ssh-keygen, of the package openssh-client: {error}"));
    assert!(made.success());
}

#[test]
fn openssh() {
    let sshd = Sshd::start();
    let remote = sshd.dir.join("remote");
    let address = format!("ssh://team{}", remote.display());
    let transport = sshd.open(&address, "config");
    assert!(transport.abilities().create);
    contract(transport.as_ref());
    long_listing(transport.as_ref(), 300);
    // All that is left are objects.
    let left = Command::new("find")
        .arg(&remote)
        .args(["-name", ".*"])
        .output()
        .unwrap()
        .stdout;
    assert_eq!(String::from_utf8_lossy(&left), "");

    // The other forms lead to the same place.
    for address in [
        format!("sftp://team{}", remote.display()),
        format!("team:{}", remote.display()),
    ] {
        assert!(
            sshd.open(&address, "config").get(&key("top")).unwrap().is_some(),
            "{address}"
        );
    }
    let command = format!("ssh -F {}", sshd.dir.join("config").display());
    stays_bounded(&address, &[("ENVGIT_SSH_COMMAND", &command)]);
    shares(&format!("{address}-shared"), &[("ENVGIT_SSH_COMMAND", &command)]);
    a_connection_that_broke_is_made_anew(transport.as_ref());
    a_connection_that_breaks_in_a_transfer_ends(transport.as_ref());
    errors(&sshd, &address);
}

/// The ssh processes that this one started.
fn clients() -> Vec<String> {
    let pid = std::process::id().to_string();
    let found = Command::new("pgrep")
        .args(["-x", "ssh", "-P", &pid])
        .output()
        .unwrap()
        .stdout;
    String::from_utf8(found).unwrap().lines().map(str::to_owned).collect()
}

fn a_connection_that_broke_is_made_anew(transport: &dyn Transport) {
    let before = clients();
    assert!(!before.is_empty());
    for pid in before {
        let killed = Command::new("kill").args(["-9", &pid]).status().unwrap();
        assert!(killed.success());
    }
    assert_eq!(transport.get(&key("top")).unwrap().as_deref(), Some(&b"at the top"[..]));
}

/// A transfer whose connection breaks goes on by another one, or fails; it never waits for ever.
fn a_connection_that_breaks_in_a_transfer_ends(transport: &dyn Transport) {
    let body = Noise::new(9, 60 << 20);
    for round in 0..6 {
        let name = key(&format!("breaks/{round}"));
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| transport.put(&name, &body));
            std::thread::sleep(Duration::from_millis(40 + 30 * round));
            for pid in clients() {
                let _ = Command::new("kill").args(["-9", &pid]).status();
            }
            let outcome = sending.join().unwrap();
            assert!(outcome.is_ok() || matches!(outcome, Err(Error::Unreachable { .. } | Error::Failed { .. })));
        });
    }
    transport.put(&key("breaks/last"), &body).unwrap();
}

fn errors(sshd: &Sshd, address: &str) {
    let name = key("a");
    // A key that the server does not know.
    let error = sshd.open(address, "config-stranger").size(&name).unwrap_err();
    assert!(
        matches!(error, Error::Denied { .. }),
        "{error:?}\n{}",
        sshd.server.log()
    );
    assert!(error.to_string().contains("Permission denied (publickey)"), "{error}");
    // A server that the user does not know.
    let error = sshd.open(address, "config-unknown").size(&name).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("Host key verification failed"), "{error}");
    // Nobody there.
    let [free] = ports();
    let error = sshd
        .open(&format!("ssh://127.0.0.1:{free}/x"), "config")
        .size(&name)
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
    // A directory above that is not there.
    let absent = sshd.open("ssh://team/nonexistent/envs", "config");
    assert_eq!(absent.list(&name).unwrap(), []);
    let error = absent.put(&name, &&b"x"[..]).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }), "{error:?}");
    // No ssh at all.
    let error = open(address, &[("ENVGIT_SSH_COMMAND", "/nonexistent/ssh")])
        .unwrap()
        .size(&name)
        .unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/ssh is not installed"),
        "{error}"
    );
}
