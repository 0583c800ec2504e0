//! What a store's refusal means, without what it says of credentials.

use std::error::Error as StdError;

use opendal::ErrorKind;

use crate::remote::http;
use crate::remote::{Error, Key};

/// How a store is called in errors.
pub(super) struct Naming {
    /// Its address.
    pub(super) address: String,
    pub(super) bucket: String,
    /// Where credentials for it are looked for.
    pub(super) credentials: &'static str,
}

impl Naming {
    pub(super) fn absent(&self, key: &Key) -> Error {
        Error::Absent {
            key: key.to_string(),
            remote: self.address.clone(),
        }
    }

    /// OpenDAL's own text has the whole exchange in it, with signatures; only what was said is passed on.
    pub(super) fn error(&self, action: &'static str, key: &str, error: opendal::Error) -> Error {
        let remote = self.address.clone();
        if let Some(problem) = chain(&error).find_map(|cause| cause.downcast_ref().and_then(http::unreachable)) {
            return Error::Unreachable { remote, problem };
        }
        let said = said(error.message());
        let is_signing = chain(&error).any(|cause| cause.to_string().contains("sign"));
        match error.kind() {
            ErrorKind::NotFound if said.contains("NoSuchBucket") => self.no_bucket(),
            ErrorKind::ConfigInvalid if said.contains("NoSuchBucket") => self.no_bucket(),
            ErrorKind::NotFound if said.contains("ContainerNotFound") => self.no_bucket(),
            ErrorKind::NotFound if action == "write" || action == "list" => self.no_bucket(),
            ErrorKind::NotFound => Error::Absent {
                key: key.to_owned(),
                remote,
            },
            ErrorKind::PermissionDenied => self.denied(&said),
            _ if said.contains("credential") || (is_signing && said.starts_with("signing")) => self.denied(&said),
            _ => Error::failed(action, key, &remote, said),
        }
    }

    fn no_bucket(&self) -> Error {
        Error::NoPlace {
            what: format!("bucket {}", self.bucket),
            remote: self.address.clone(),
        }
    }

    fn denied(&self, said: &str) -> Error {
        Error::Denied {
            remote: self.address.clone(),
            problem: format!("{said} (credentials are taken from {})", self.credentials),
        }
    }
}

/// An error and what led to it.
fn chain(error: &opendal::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |cause| (*cause).source())
}

/// The code and the message of an answer, from OpenDAL's rendering of it: `S3Error { code: "…", message: "…", … }`.
fn said(message: &str) -> String {
    let field = |name: &str| {
        let (_, rest) = message.split_once(&format!("{name}: \""))?;
        let (value, _) = rest.split_once('"')?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    match (field("code"), field("message")) {
        (Some(code), Some(text)) => format!("{text} ({code})"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) if message.trim().is_empty() => "the server refused and said nothing".to_owned(),
        // A page of HTML helps nobody.
        (None, None) => message.lines().next().unwrap_or_default().chars().take(300).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming() -> Naming {
        Naming {
            address: "s3://team/x".to_owned(),
            bucket: "team".to_owned(),
            credentials: "the environment",
        }
    }

    #[test]
    fn what_was_said_is_told_and_the_exchange_is_not() {
        let message = r#"S3Error { code: "AccessDenied", message: "Access Denied", resource: "/a", request_id: "1" }"#;
        let error = opendal::Error::new(ErrorKind::PermissionDenied, message)
            .with_context("uri", "https://host/?sig=hunter2")
            .with_context("response", "x-secret: hunter2");
        let error = naming().error("write", "a", error);
        let text = format!("{error} {:?}", error.source().map(ToString::to_string));
        assert_eq!(
            error.to_string(),
            "s3://team/x refuses access: Access Denied (AccessDenied) (credentials are taken from the environment)"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_missing_bucket_is_no_missing_object() {
        let message = r#"S3Error { code: "NoSuchBucket", message: "The bucket does not exist", resource: "" }"#;
        let error = naming().error("read", "a", opendal::Error::new(ErrorKind::ConfigInvalid, message));
        assert_eq!(error.to_string(), "there is no bucket team at s3://team/x");
        let error = naming().error("read", "a", opendal::Error::new(ErrorKind::NotFound, "NoSuchKey"));
        assert!(error.is_absent());
    }
}
