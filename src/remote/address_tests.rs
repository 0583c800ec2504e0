//! Addresses good and bad.

use super::*;

fn place(text: &str) -> Place {
    Address::parse(text).unwrap_or_else(|error| panic!("{error}")).place
}

fn problem(text: &str) -> String {
    Address::parse(text).expect_err(text).to_string()
}

fn ssh(user: Option<&str>, host: &str, port: Option<u16>, path: &str) -> Place {
    Place::Ssh(Ssh {
        user: user.map(str::to_owned),
        host: host.to_owned(),
        port,
        path: path.to_owned(),
    })
}

fn store(service: Service, bucket: &str, prefix: &str, options: &[(&str, &str)]) -> Place {
    Place::Store(Store {
        service,
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        options: options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    })
}

fn web(is_webdav: bool, url: &str, user: Option<&str>) -> Place {
    Place::Web(Web {
        is_webdav,
        url: url.to_owned(),
        user: user.map(str::to_owned),
    })
}

fn oci(host: &str, name: &str) -> Place {
    Place::Oci(Oci {
        host: host.to_owned(),
        name: name.to_owned(),
    })
}

#[test]
fn each_form_leads_to_its_place() {
    let dir = |path: &str| Place::Directory(PathBuf::from(path));
    let cases = [
        ("/mnt/share/team", dir("/mnt/share/team")),
        ("../team", dir("../team")),
        ("./with:colon", dir("./with:colon")),
        ("/srv/a:b@c", dir("/srv/a:b@c")),
        ("/a/with:colon", dir("/a/with:colon")),
        ("file:///mnt/a%20b", dir("/mnt/a b")),
        ("file://localhost/mnt", dir("/mnt")),
        ("ssh://host/srv/envs", ssh(None, "host", None, "/srv/envs")),
        ("ssh://ann@host:2222/srv", ssh(Some("ann"), "host", Some(2222), "/srv")),
        ("sftp://host/~/envs", ssh(None, "host", None, "envs")),
        ("ssh://[::1]:22/srv", ssh(None, "::1", Some(22), "/srv")),
        ("host:envs/team", ssh(None, "host", None, "envs/team")),
        ("ann@host.example:/srv", ssh(Some("ann"), "host.example", None, "/srv")),
        ("ann@[fe80::1]:envs", ssh(Some("ann"), "fe80::1", None, "envs")),
        ("s3://bucket", store(Service::S3, "bucket", "", &[])),
        ("s3://bucket/a/b/", store(Service::S3, "bucket", "a/b", &[])),
        (
            "s3://b/p?endpoint=http%3A%2F%2Flocalhost:9000&region=eu-west-1",
            store(
                Service::S3,
                "b",
                "p",
                &[("endpoint", "http://localhost:9000"), ("region", "eu-west-1")],
            ),
        ),
        ("oss://b/p", store(Service::Oss, "b", "p", &[])),
        ("gs://b/p", store(Service::Gcs, "b", "p", &[])),
        ("gcs://b", store(Service::Gcs, "b", "", &[])),
        (
            "az://c/p?account=ann",
            store(Service::Azure, "c", "p", &[("account", "ann")]),
        ),
        ("webdav://host:81/dav/", web(true, "http://host:81/dav", None)),
        ("webdavs://ann@host/dav", web(true, "https://host/dav", Some("ann"))),
        ("https://host/envs/team", web(false, "https://host/envs/team", None)),
        ("https://host:8080/a@b:c", web(false, "https://host:8080/a@b:c", None)),
        ("http://[::1]:8000", web(false, "http://[::1]:8000", None)),
        ("oci://ghcr.io/team/glm-tts", oci("ghcr.io", "team/glm-tts")),
        ("oci://localhost:5000/a.b/c_d", oci("localhost:5000", "a.b/c_d")),
    ];
    for (text, expected) in cases {
        assert_eq!(place(text), expected, "{text}");
        assert_eq!(Address::parse(text).unwrap().to_string(), text);
        assert!(!holds_password(text), "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_its_reason() {
    for (text, expected) in [
        ("", "it is empty"),
        ("a\nb", "control character"),
        ("ftp://host/x", "ftp:// is not known; known are file, ssh"),
        ("file://host/x", "absolute path"),
        ("file:///a%zz", "two hexadecimal digits"),
        ("ssh://host", "a path must follow"),
        ("ssh:///x", "\"\" is not a host"),
        ("ssh://-oProxyCommand=x/y", "is not a host"),
        ("ssh://-l@host/y", "is not a user"),
        ("-oProxyCommand=x:y", "is not a host"),
        ("ssh://host:port/y", "\"port\" is not a port"),
        ("ssh://host:99999/y", "is not a port"),
        ("host:", "a path must follow"),
        ("s3://", "is not the name of a bucket"),
        ("s3://b u/x", "is not the name of a bucket"),
        ("s3://b/a/../c", "is no prefix"),
        ("s3://b?colour=x", "?colour= is not known; known are account"),
        ("https://host/a?b=c", "a query or fragment"),
        ("oci://host", "is no name in a registry"),
        ("oci://host/Team", "is no name in a registry"),
        ("oci://host/team:tag", "is no name in a registry"),
        ("oci://ann@host/team", "docker login"),
    ] {
        assert!(problem(text).contains(expected), "{text:?}: {}", problem(text));
        assert!(!holds_password(text), "{text:?}");
    }
}

#[test]
fn passwords_are_refused_and_never_repeated() {
    for text in [
        "ssh://ann:hunter2@host/srv",
        "webdavs://ann:hunter2@host/dav",
        "https://ann:hunter2@host/x",
        "https://ann:hun@ter2/hunter2@host/x",
        "s3://AKIA:hunter2@bucket/x",
        "s3://AKIA:hunter2/x@bucket/x",
        "oci://ann:hunter2@host/x",
        "ftp://ann:hunter2@host/x",
        "ann:hunter2@host:x",
    ] {
        let said = problem(text);
        assert!(!said.contains("hunter2"), "{said}");
        assert!(holds_password(text), "{text}");
    }
    let said = problem("s3://b?endpoint=http://ann:hunter2@host");
    assert!(said.contains("does not belong in an address"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn tokens_are_refused_and_never_repeated() {
    for text in [
        "https://ghp_hunter2hunter2hunter2@host/x",
        "https://host/x?token=hunter2",
        "s3://b/x?region=r&secret_access_key=hunter2",
        "s3://b?secret=hunter2",
        "az://c?sig=hunter2",
    ] {
        assert!(problem(text).contains("token or key"), "{text:?}: {}", problem(text));
        assert!(
            !Address::parse(text).unwrap_err().to_string().contains("hunter2"),
            "{text:?}"
        );
        assert!(holds_password(text), "{text:?}");
    }
}
