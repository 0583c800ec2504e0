//! The environment variables that a snapshot records.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::secrets;
use crate::snapshot::facts::Vars;
use crate::snapshot::path::escape;

/// The names recorded unless the repository says otherwise; a later entry outweighs an earlier one, `!` takes back.
pub const DEFAULT_RECORD: &[&str] = &[
    // Where programs and libraries are found.
    "PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LIBRARY_PATH",
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "PKG_CONFIG_PATH",
    "CMAKE_PREFIX_PATH",
    "CC",
    "CXX",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "GLIBC_TUNABLES",
    "MALLOC_*",
    "XDG_CACHE_HOME",
    // Python and its installers.
    "PYTHON*",
    "VIRTUAL_ENV",
    "CONDA_*",
    // These tell how deep a shell is nested, not what is installed.
    "!CONDA_SHLVL",
    "!CONDA_PROMPT_MODIFIER",
    "!CONDA_PREFIX_*",
    "MAMBA_ROOT_PREFIX",
    "PIP_*",
    "UV_*",
    // Processors.
    "CUDA_*",
    "CUDNN_*",
    "CUBLAS_*",
    "NVIDIA_*",
    "NCCL_*",
    "GLOO_*",
    "HIP_*",
    "HSA_*",
    "ROCM_*",
    "ROCR_*",
    "OMP_*",
    "KMP_*",
    "GOMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "NUMEXPR_*",
    "NUMBA_*",
    // Frameworks and models.
    "TORCH_*",
    "PYTORCH_*",
    "TRITON_*",
    "TF_*",
    "XLA_*",
    "JAX_*",
    "HF_*",
    "HUGGINGFACE_*",
    "TRANSFORMERS_*",
    "DIFFUSERS_*",
    "DATASETS_*",
    "TOKENIZERS_*",
    "ACCELERATE_*",
    "VLLM_*",
    "ORT_*",
    "MODEL_*",
    "MODELS_*",
    "MODELSCOPE_*",
];

/// What the repository says of variables, in addition to the built-in lists. Patterns are names with `*` and `?`; the
/// last one that matches decides, and `!` in front takes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VarRules {
    /// Names to record besides [`DEFAULT_RECORD`].
    pub record: Vec<String>,
    /// Names whose value is a secret. A name taken back with `!` is recorded as it is, whatever it looks like.
    pub secret: Vec<String>,
}

/// The variables worth recording, with secrets replaced by [`secrets::REDACTED`]. Names and values are in the form
/// of [`escape`], so that bytes which are no text survive and every value is one line.
pub fn collect(env: impl IntoIterator<Item = (OsString, OsString)>, rules: &VarRules) -> Vars {
    env.into_iter()
        .map(|(name, value)| (escape(name.as_bytes()), value))
        .filter(|(name, _)| {
            let default = decide(DEFAULT_RECORD, name).unwrap_or(false);
            decide(&rules.record, name).unwrap_or(default)
        })
        .map(|(name, value)| {
            let value = value_to_record(&name, &escape(value.as_bytes()), rules);
            (name, value)
        })
        .collect()
}

/// Whether a recorded value stands for a secret, as a whole or in part.
pub fn is_redacted(value: &str) -> bool {
    value.contains(secrets::REDACTED)
}

fn value_to_record(name: &str, value: &str, rules: &VarRules) -> String {
    match decide(&rules.secret, name) {
        Some(false) => value.to_owned(),
        Some(true) if !value.is_empty() => secrets::REDACTED.to_owned(),
        _ => secrets::redact(name, value).into_owned(),
    }
}

/// Whether a name matches a pattern with `*` and `?`.
pub fn fits(pattern: &str, name: &str) -> bool {
    glob(pattern.as_bytes(), name.as_bytes())
}

/// What the last matching pattern says, if one matches.
fn decide<S: AsRef<str>>(patterns: &[S], name: &str) -> Option<bool> {
    patterns.iter().rev().find_map(|pattern| {
        let pattern = pattern.as_ref();
        let (wanted, pattern) = match pattern.strip_prefix('!') {
            Some(rest) => (false, rest),
            None => (true, pattern),
        };
        glob(pattern.as_bytes(), name.as_bytes()).then_some(wanted)
    })
}

/// Whether a name matches a pattern of plain characters, `?` and `*`.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on when the text after a star turns out not to fit.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    fn collect_text(env: &[(&str, &str)], rules: &VarRules) -> Vars {
        collect(env.iter().map(|(n, v)| (n.into(), v.into())), rules)
    }

    #[test]
    fn globs() {
        for (pattern, name, expected) in [
            ("PATH", "PATH", true),
            ("PATH", "MANPATH", false),
            ("CUDA_*", "CUDA_", true),
            ("CUDA_*", "CUDA", false),
            ("*_TOKEN", "A_TOKEN_TOKEN", true),
            ("A*B*C", "AxBxBxC", true),
            ("A*B*C", "AxBxBxCx", false),
            ("A?", "A", false),
            ("*", "", true),
            ("", "", true),
            ("", "A", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_default_list_takes_what_makes_an_environment() {
        let recorded = [
            "PATH",
            "PYTHONPATH",
            "CONDA_PREFIX",
            "CUDA_VISIBLE_DEVICES",
            "HF_HOME",
            "TOKENIZERS_PARALLELISM",
        ];
        let left_out = [
            "HOME",
            "PWD",
            "SHLVL",
            "CONDA_SHLVL",
            "CONDA_PREFIX_1",
            "CONDA_PROMPT_MODIFIER",
            "SSH_AUTH_SOCK",
        ];
        let env: Vec<_> = recorded.iter().chain(&left_out).map(|name| (*name, "1")).collect();
        let vars = collect_text(&env, &VarRules::default());
        let mut expected = recorded.to_vec();
        expected.sort_unstable();
        assert_eq!(vars.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_repository_adds_and_takes_back() {
        let rules = VarRules {
            record: vec!["APP_*".into(), "!PATH".into(), "!APP_JUNK".into()],
            secret: vec!["APP_PIN".into(), "!APP_TOKEN_COUNT".into()],
        };
        let env = [
            ("PATH", "/bin"),
            ("APP_MODE", "fast"),
            ("APP_JUNK", "x"),
            ("APP_PIN", "1"),
            ("APP_TOKEN_COUNT", "4096"),
            ("APP_TOKEN", "tiger"),
            ("HF_HOME", "/models"),
        ];
        let vars = collect_text(&env, &rules);
        let expected = [
            ("APP_MODE", "fast"),
            ("APP_PIN", "<redacted>"),
            ("APP_TOKEN", "<redacted>"),
            ("APP_TOKEN_COUNT", "4096"),
            ("HF_HOME", "/models"),
        ];
        assert_eq!(
            vars.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let env = [(OsString::from("PYTHONPATH"), OsString::from_vec(b"/a\xff\nb".to_vec()))];
        let vars = collect(env, &VarRules::default());
        assert_eq!(vars["PYTHONPATH"], "/a\\xff\\nb");
    }
}
