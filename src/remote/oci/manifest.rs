//! Manifests: one for each key, which names the object's blob as its only layer
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>).
//!
//! A registry keeps a blob as long as a manifest names it, and a manifest as long as a tag does, so that what is pushed
//! stays. A layer of envgit's is a layer for every other tool too, by its media type.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::remote::Key;

pub(super) const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const ARTIFACT_TYPE: &str = "application/vnd.envgit.object.v1";
/// What is removed where the registry removes nothing.
const REMOVED_TYPE: &str = "application/vnd.envgit.removed.v1";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const OTHER_TYPE: &str = "application/octet-stream";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const TITLE: &str = "org.opencontainers.image.title";

/// What an empty descriptor points to.
pub(super) const EMPTY: &[u8] = b"{}";

/// A blob: what it is, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: String,
    /// `sha256:…`.
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

impl Descriptor {
    pub(super) fn empty() -> Self {
        Self::new(EMPTY_TYPE, Digest::of(EMPTY), EMPTY.len() as u64)
    }

    fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{digest}"),
            size,
            annotations: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// The manifest by which a key leads to a blob.
pub(super) fn of(key: &Key, digest: Digest, size: u64) -> Vec<u8> {
    let media_type = if key.name().ends_with(".tar.zst") {
        LAYER_TYPE
    } else {
        OTHER_TYPE
    };
    write(key, ARTIFACT_TYPE, Descriptor::new(media_type, digest, size))
}

/// The manifest by which a key leads to nothing.
pub(super) fn removed(key: &Key) -> Vec<u8> {
    write(key, REMOVED_TYPE, Descriptor::empty())
}

fn write(key: &Key, artifact_type: &str, mut layer: Descriptor) -> Vec<u8> {
    // The title makes manifests of equal content differ, so that removing one key never removes another.
    layer.annotations = Some([(TITLE.to_owned(), key.to_string())].into());
    let manifest = Manifest {
        schema_version: 2,
        media_type: MEDIA_TYPE.to_owned(),
        artifact_type: artifact_type.to_owned(),
        config: Descriptor::empty(),
        layers: vec![layer],
    };
    serde_json::to_vec(&manifest).unwrap_or_default()
}

/// The blob that a manifest leads to, or nothing where it says that the object was removed.
pub(super) fn blob(json: &[u8]) -> Result<Option<Descriptor>, String> {
    let manifest: Manifest = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let [layer] = &manifest.layers[..] else {
        return Err("it is no manifest of envgit's: it does not have one layer".to_owned());
    };
    let hex = layer.digest.strip_prefix("sha256:").unwrap_or_default();
    if Digest::from_hex(hex.as_bytes()).is_none() {
        return Err(format!("{:?} is no digest", layer.digest));
    }
    Ok((manifest.artifact_type != REMOVED_TYPE).then(|| layer.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_leads_to_its_blob() {
        let key = Key::new("layers/a.tar.zst").unwrap();
        let json = of(&key, Digest::of(b"x"), 1);
        let layer = blob(&json).unwrap().unwrap();
        assert_eq!(layer.digest, format!("sha256:{}", Digest::of(b"x")));
        assert_eq!((layer.media_type.as_str(), layer.size), (LAYER_TYPE, 1));
        assert_eq!(blob(&removed(&key)).unwrap(), None);
        let other = of(&Key::new("layers/b.tar.zst").unwrap(), Digest::of(b"x"), 1);
        assert_ne!(json, other);
    }

    #[test]
    fn what_is_no_manifest_of_ours_is_an_error() {
        for json in [
            &b"x"[..],
            br#"{"schemaVersion":2,"manifests":[]}"#,
            br#"{"schemaVersion":2,"config":{"mediaType":"","digest":"","size":0},"layers":[]}"#,
            br#"{"schemaVersion":2,"config":{"mediaType":"","digest":"","size":0},
                "layers":[{"mediaType":"","digest":"sha256:../x","size":0}]}"#,
        ] {
            assert!(blob(json).is_err());
        }
    }
}
