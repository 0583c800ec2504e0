//! How each service is spoken to: endpoint, region and credentials by the rules of its own tools.
//!
//! Credentials that the environment names are handed on. Where it names none, the service's own chain is asked, which
//! looks where its other tools do: profiles, files of a login, the role of the machine.

use opendal::Operator;
use opendal::services::{Azblob, Gcs, Oss, S3};

use crate::remote::Surroundings;
use crate::remote::address::{Service, Store};

/// A service that can be asked.
pub(super) struct Built {
    pub(super) operator: Operator,
    /// It is known to refuse the second create of a key.
    pub(super) creates: bool,
    /// Where credentials are looked for, for people.
    pub(super) credentials: &'static str,
}

/// # Errors
/// What is missing, and how it is said.
pub(super) fn build(place: &Store, surroundings: &Surroundings) -> Result<Built, String> {
    match place.service {
        Service::S3 => s3(place, surroundings),
        Service::Oss => oss(place, surroundings),
        Service::Gcs => gcs(place, surroundings),
        Service::Azure => azure(place, surroundings),
    }
}

/// What the address says, else the first of some variables.
fn setting<'a>(place: &'a Store, option: &str, from: &'a Surroundings, vars: &[&str]) -> Option<&'a str> {
    place.options.get(option).map(String::as_str).or_else(|| from.var(vars))
}

fn is_anonymous(place: &Store) -> bool {
    place.options.get("anonymous").is_some_and(|value| value == "true")
}

/// OpenDAL wants a root with slashes.
fn root(place: &Store) -> String {
    format!("/{}/", place.prefix).replace("//", "/")
}

fn finish<B: opendal::Builder>(builder: B) -> Result<Operator, String> {
    Operator::new(builder).map_err(|error| error.message().to_owned())
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
fn s3(place: &Store, from: &Surroundings) -> Result<Built, String> {
    let profile = AwsProfile::read(place, from);
    let endpoint = setting(place, "endpoint", from, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    let endpoint = endpoint.or(profile.endpoint.as_deref());
    let region = setting(place, "region", from, &["AWS_REGION", "AWS_DEFAULT_REGION"]).or(profile.region.as_deref());
    // What is compatible to S3 seldom has regions, but they are part of the signature.
    let region = match (region, endpoint) {
        (Some(region), _) => region,
        (None, Some(_)) => "us-east-1",
        (None, None) => {
            return Err("the region of the bucket is not known: set AWS_REGION, or add ?region=…".to_owned());
        }
    };
    let mut builder = S3::default().bucket(&place.bucket).root(&root(place)).region(region);
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint(endpoint);
    }
    // Amazon's buckets with dots have no certificate of their own, and few others answer to hosts named for a bucket.
    let is_virtual = match place.options.get("style").map(String::as_str) {
        Some("virtual") => true,
        Some("path") => false,
        Some(other) => return Err(format!("?style={other} is neither virtual nor path")),
        None => endpoint.is_none() && !place.bucket.contains('.'),
    };
    if is_virtual {
        builder = builder.enable_virtual_host_style();
    }
    if let Some(name) = setting(place, "profile", from, &["AWS_PROFILE"]) {
        builder = builder.profile(name);
    }
    let keys = (from.var(&["AWS_ACCESS_KEY_ID"]), from.var(&["AWS_SECRET_ACCESS_KEY"]));
    // A profile that the address names is meant, whatever else is set.
    if let (Some(id), Some(secret)) = keys
        && !place.options.contains_key("profile")
    {
        builder = builder.access_key_id(id).secret_access_key(secret);
        if let Some(token) = from.var(&["AWS_SESSION_TOKEN"]) {
            builder = builder.session_token(token);
        }
    }
    if is_anonymous(place) {
        builder = builder.skip_signature();
    }
    if from.var(&["AWS_EC2_METADATA_DISABLED"]) == Some("true") {
        builder = builder.disable_ec2_metadata();
    }
    Ok(Built {
        operator: finish(builder)?,
        creates: endpoint.is_none(),
        credentials: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile in ~/.aws, or the role of the machine",
    })
}

/// What a profile in `~/.aws/config` says of where to go. Its credentials are not read here.
#[derive(Default)]
struct AwsProfile {
    region: Option<String>,
    endpoint: Option<String>,
}

impl AwsProfile {
    fn read(place: &Store, from: &Surroundings) -> Self {
        let path = from
            .var(&["AWS_CONFIG_FILE"])
            .map(Into::into)
            .or_else(|| from.in_home(".aws/config"));
        let text = path.and_then(|path: std::path::PathBuf| std::fs::read_to_string(path).ok());
        let name = setting(place, "profile", from, &["AWS_PROFILE"]).unwrap_or("default");
        Self::parse(&text.unwrap_or_default(), name)
    }

    fn parse(text: &str, name: &str) -> Self {
        let mut profile = Self::default();
        let mut is_ours = false;
        for line in text.lines() {
            // Lines that are further in belong to a setting of another service.
            if let Some(section) = line
                .trim_end()
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                let section = section.trim();
                is_ours = section == name || section.strip_prefix("profile ").map(str::trim) == Some(name);
            } else if let Some((key, value)) = line.split_once('=').filter(|_| is_ours) {
                match key.trim_end() {
                    "region" => profile.region = Some(value.trim().to_owned()),
                    "endpoint_url" => profile.endpoint = Some(value.trim().to_owned()),
                    _ => {}
                }
            }
        }
        profile
    }
}

/// <https://www.alibabacloud.com/help/en/oss/developer-reference/configure-access-credentials>, and the variables of
/// ossutil.
fn oss(place: &Store, from: &Surroundings) -> Result<Built, String> {
    let endpoint = setting(place, "endpoint", from, &["OSS_ENDPOINT", "ALIBABA_CLOUD_OSS_ENDPOINT"]);
    let region = setting(place, "region", from, &["OSS_REGION", "ALIBABA_CLOUD_REGION_ID"]);
    let endpoint = match (endpoint, region) {
        (Some(endpoint), _) => with_scheme(endpoint),
        (None, Some(region)) => format!("https://oss-{}.aliyuncs.com", region.trim_start_matches("oss-")),
        (None, None) => {
            return Err(
                "the region of the bucket is not known: set OSS_REGION or OSS_ENDPOINT, or add ?region=…".into(),
            );
        }
    };
    let mut builder = Oss::default()
        .bucket(&place.bucket)
        .root(&root(place))
        .endpoint(&endpoint);
    let id = from.var(&["OSS_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_ID"]);
    let secret = from.var(&["OSS_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"]);
    if let (Some(id), Some(secret)) = (id, secret) {
        builder = builder.access_key_id(id).access_key_secret(secret);
        if let Some(token) = from.var(&["OSS_SESSION_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN"]) {
            builder = builder.security_token(token);
        }
    }
    if is_anonymous(place) {
        builder = builder.skip_signature();
    }
    Ok(Built {
        operator: finish(builder)?,
        // Where a bucket keeps versions, OSS takes no notice of x-oss-forbid-overwrite.
        creates: false,
        credentials: "OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, those of ALIBABA_CLOUD_, or the role of the machine",
    })
}

/// <https://cloud.google.com/docs/authentication/application-default-credentials>
fn gcs(place: &Store, from: &Surroundings) -> Result<Built, String> {
    let endpoint = setting(place, "endpoint", from, &["STORAGE_EMULATOR_HOST"]).map(with_scheme);
    let mut builder = Gcs::default().bucket(&place.bucket).root(&root(place));
    if let Some(endpoint) = &endpoint {
        builder = builder.endpoint(endpoint);
    }
    if let Some(path) = from.var(&["GOOGLE_APPLICATION_CREDENTIALS"]) {
        builder = builder.credential_path(path);
    }
    if is_anonymous(place) {
        builder = builder.skip_signature();
    }
    Ok(Built {
        operator: finish(builder)?,
        creates: endpoint.is_none(),
        credentials: "GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`, or the role of the machine",
    })
}

/// <https://learn.microsoft.com/en-us/azure/storage/blobs/authorize-data-operations-cli>
fn azure(place: &Store, from: &Surroundings) -> Result<Built, String> {
    let connection = from.var(&["AZURE_STORAGE_CONNECTION_STRING"]);
    let account = setting(
        place,
        "account",
        from,
        &["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"],
    );
    let endpoint = setting(
        place,
        "endpoint",
        from,
        &["AZURE_STORAGE_BLOB_ENDPOINT", "AZURE_STORAGE_SERVICE_ENDPOINT"],
    );
    let mut builder = match connection {
        Some(connection) if !place.options.contains_key("account") => {
            Azblob::from_connection_string(connection).map_err(|error| error.message().to_owned())?
        }
        _ => {
            let account =
                account.ok_or("the storage account is not known: set AZURE_STORAGE_ACCOUNT, or add ?account=…")?;
            Azblob::default()
                .account_name(account)
                .endpoint(&format!("https://{account}.blob.core.windows.net"))
        }
    };
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint(&with_scheme(endpoint));
    }
    if let Some(key) = from.var(&["AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY"]) {
        builder = builder.account_key(key);
    }
    if let Some(token) = from.var(&["AZURE_STORAGE_SAS_TOKEN"]) {
        builder = builder.sas_token(token.trim_start_matches('?'));
    }
    if is_anonymous(place) {
        builder = builder.skip_signature();
    }
    Ok(Built {
        operator: finish(builder.container(&place.bucket).root(&root(place)))?,
        creates: endpoint.is_none(),
        credentials: "AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_CONNECTION_STRING, the variables of a \
                      service principal, or the identity of the machine",
    })
}

fn with_scheme(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    match endpoint.contains("://") {
        true => endpoint.to_owned(),
        false => format!("https://{endpoint}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Address;
    use crate::remote::address::Place;

    fn store(address: &str) -> Store {
        match Address::parse(address).unwrap().place() {
            Place::Store(store) => store.clone(),
            _ => panic!("{address}"),
        }
    }

    fn with(vars: &[(&str, &str)]) -> Surroundings {
        Surroundings::new(
            "/".as_ref(),
            vars.iter().map(|(name, value)| (name.into(), value.into())),
        )
    }

    #[test]
    fn what_only_the_user_knows_is_asked_for() {
        for (address, expected) in [
            ("s3://b", "set AWS_REGION, or add ?region="),
            ("oss://b", "set OSS_REGION or OSS_ENDPOINT"),
            ("az://c", "set AZURE_STORAGE_ACCOUNT"),
            ("s3://b?region=x&style=y", "neither virtual nor path"),
        ] {
            let problem = build(&store(address), &with(&[])).err().expect(address);
            assert!(problem.contains(expected), "{problem}");
        }
        for (address, vars) in [
            ("s3://b", &[("AWS_DEFAULT_REGION", "eu-west-1")][..]),
            ("s3://b", &[("AWS_ENDPOINT_URL", "http://localhost:9000")]),
            ("s3://b?region=x&style=virtual", &[]),
            ("oss://b", &[("OSS_REGION", "cn-hangzhou")]),
            ("oss://b?endpoint=https://oss-cn-beijing.aliyuncs.com", &[]),
            ("gs://b", &[]),
            ("az://c", &[("AZURE_STORAGE_ACCOUNT", "team")]),
            ("az://c?account=team", &[("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=x")]),
        ] {
            let built = build(&store(address), &with(vars));
            assert!(built.is_ok(), "{address}: {:?}", built.err());
        }
    }

    #[test]
    fn a_profile_tells_its_region_and_endpoint() {
        let text = "[default]\nregion = a\n[profile team]\nregion=b\ns3 =\n  region = no\nendpoint_url = http://c\n";
        let profile = AwsProfile::parse(text, "team");
        assert_eq!(profile.region.as_deref(), Some("b"));
        assert_eq!(profile.endpoint.as_deref(), Some("http://c"));
        assert_eq!(AwsProfile::parse(text, "default").region.as_deref(), Some("a"));
        assert_eq!(AwsProfile::parse(text, "other").region, None);
    }
}
