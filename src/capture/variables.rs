//! The environment variables that a snapshot records.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::activation::Activation;
use super::secrets;
use crate::relocate::Paths;
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
    "CONDA_*",
    // These tell what is active in a shell, not what is installed; so does VIRTUAL_ENV: see `Activation`.
    "!CONDA_PREFIX",
    "!CONDA_PREFIX_*",
    "!CONDA_DEFAULT_ENV",
    "!CONDA_PROMPT_MODIFIER",
    "!CONDA_SHLVL",
    "!CONDA_EXE",
    "!CONDA_PYTHON_EXE",
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

/// The variables worth recording, as they are recorded: without what activation puts into `PATH`, with the homes of the
/// roots that `paths` knows for where they stand here, and with secrets replaced by [`secrets::REDACTED`]. Names and values
/// are in the form of [`escape`], so that bytes which are no text survive and every value is one line.
pub fn collect(env: &[(OsString, OsString)], rules: &VarRules, activation: &Activation, paths: &Paths) -> Vars {
    env.iter()
        .map(|(name, value)| (escape(name.as_bytes()), value))
        .filter(|(name, _)| {
            let default = decide(DEFAULT_RECORD, name).unwrap_or(false);
            decide(&rules.record, name).unwrap_or(default)
        })
        .map(|(name, value)| {
            let value = match name.as_str() {
                "PATH" => activation.without(value.as_bytes()),
                _ => value.as_bytes().to_vec(),
            };
            let value = value_to_record(&name, &escape(&paths.recorded(&value)), rules);
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
    use crate::relocate::Pair;
    use std::os::unix::ffi::OsStringExt;
    use std::path::Path;

    fn recorded(env: &[(OsString, OsString)], rules: &VarRules, roots: &[(&str, &str)]) -> Vars {
        let pair = |(home, here): &(&str, &str)| Pair {
            home: home.as_bytes().to_vec(),
            here: here.as_bytes().to_vec(),
        };
        let activation = Activation::of(env, roots.iter().map(|(_, here)| Path::new(*here)));
        collect(env, rules, &activation, &Paths::new(roots.iter().map(pair).collect()))
    }

    fn collect_text(env: &[(&str, &str)], rules: &VarRules) -> Vars {
        let env: Vec<_> = env.iter().map(|(n, v)| (n.into(), v.into())).collect();
        recorded(&env, rules, &[])
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
            "CONDA_OVERRIDE_CUDA",
            "CUDA_VISIBLE_DEVICES",
            "HF_HOME",
            "TOKENIZERS_PARALLELISM",
        ];
        let left_out = [
            "HOME",
            "PWD",
            "SHLVL",
            "VIRTUAL_ENV",
            "CONDA_PREFIX",
            "CONDA_EXE",
            "CONDA_DEFAULT_ENV",
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
    fn values_are_those_of_the_home_wherever_roots_stand() {
        let roots = [("/opt/envs/glm", "/home/bob/e/glm"), ("/srv/glm", "/home/bob/glm")];
        let rules = VarRules {
            record: vec!["VIRTUAL_ENV".into()],
            secret: vec![],
        };
        let env = |text: &[(&str, &str)]| -> Vec<_> { text.iter().map(|(n, v)| (n.into(), v.into())).collect() };
        let at_home = env(&[
            ("VIRTUAL_ENV", "/opt/envs/glm"),
            ("PATH", "/opt/envs/glm/bin:/usr/bin"),
            ("PYTHONPATH", "/srv/glm/src:/srv/glm2"),
            ("LD_LIBRARY_PATH", "/opt/envs/glm/lib:/usr/local/cuda/lib64"),
        ]);
        let here = env(&[
            ("VIRTUAL_ENV", "/home/bob/e/glm"),
            ("PATH", "/home/bob/e/glm/bin:/usr/bin"),
            ("PYTHONPATH", "/home/bob/glm/src:/srv/glm2"),
            ("LD_LIBRARY_PATH", "/home/bob/e/glm/lib:/usr/local/cuda/lib64"),
        ]);
        let home = roots.map(|(home, _)| (home, home));
        let vars = recorded(&here, &rules, &roots);
        assert_eq!(vars, recorded(&at_home, &rules, &home));
        assert_eq!(vars["PATH"], "/usr/bin");
        assert_eq!(vars["PYTHONPATH"], "/srv/glm/src:/srv/glm2");
        // What names both places comes back as it was.
        let both = env(&[("PYTHONPATH", "/srv/glm:/home/bob/glm")]);
        assert_eq!(recorded(&both, &rules, &roots)["PYTHONPATH"], "/home/bob/glm:/srv/glm");
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let env = [(OsString::from("PYTHONPATH"), OsString::from_vec(b"/a\xff\nb".to_vec()))];
        let vars = recorded(&env, &VarRules::default(), &[]);
        assert_eq!(vars["PYTHONPATH"], "/a\\xff\\nb");
    }
}
