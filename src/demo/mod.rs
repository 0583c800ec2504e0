//! What the demo is made of: tiny wheels of its own that really import, and the files of a small speech project.

mod record;
#[cfg(test)]
mod tests;
pub mod wheel;

/// `tinynum` 1.24.4: an array library of a few modules with the console script `tinynum-info`.
pub const TINYNUM_OLD: &[u8] = include_bytes!("wheels/tinynum-1.24.4-py3-none-any.whl");

/// `tinynum` 1.26.4: a module renamed, one function more.
pub const TINYNUM_NEW: &[u8] = include_bytes!("wheels/tinynum-1.26.4-py3-none-any.whl");

/// `tinypitch` 0.3.4, which requires `tinynum>=1.26`.
pub const TINYPITCH: &[u8] = include_bytes!("wheels/tinypitch-0.3.4-py3-none-any.whl");

/// The files of the demo's project: path beneath its folder, mode and content.
pub const PROJECT: &[(&str, u32, &str)] = &[
    (
        "configs/G2P_replace_dict.jsonl",
        0o644,
        include_str!("project/configs/G2P_replace_dict.jsonl"),
    ),
    (
        "configs/spk_prompt.yaml",
        0o644,
        include_str!("project/configs/spk_prompt.yaml"),
    ),
    ("start.sh", 0o755, include_str!("project/start.sh")),
];
