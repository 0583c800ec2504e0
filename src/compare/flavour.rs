//! For which kind of processor a package was built: read from local versions (`+cu128`), build strings (`cuda120_0`),
//! and what it requires.

use crate::snapshot::package::{Manager, Package};

/// What a build can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// The processor only.
    Cpu,
    /// NVIDIA GPUs, with the version of CUDA as far as it is told: `12.8`, `12`.
    Cuda(Option<String>),
    /// AMD GPUs.
    Rocm,
    /// Intel GPUs.
    Xpu,
    /// GPUs of some kind.
    Gpu,
}

/// What a change of flavour means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Something is lost that worked.
    pub critical: bool,
    /// In words: `GPU build replaced by CPU build`.
    pub text: String,
}

impl Flavour {
    /// Of a package that says it in any of the places.
    pub fn of(package: &Package) -> Option<Self> {
        let told = match package.manager {
            Manager::Pip => package.version.split_once('+').and_then(|(_, local)| of_words(local)),
            Manager::Conda => package.build.as_deref().and_then(of_words),
        };
        told.or_else(|| of_name(&package.name))
            .or_else(|| of_requirements(package))
    }

    fn uses_gpu(&self) -> bool {
        *self != Self::Cpu
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda(_) => "CUDA",
            Self::Rocm => "ROCm",
            Self::Xpu => "XPU",
            Self::Gpu => "GPU",
        }
    }
}

/// What it means that one package stands where another stood, if both tell their flavour and it differs.
pub fn shift(from: &Package, to: &Package) -> Option<Shift> {
    let (from, to) = (Flavour::of(from)?, Flavour::of(to)?);
    let text = match (&from, &to) {
        (from, Flavour::Cpu) if from.uses_gpu() => "GPU build replaced by CPU build".to_owned(),
        (Flavour::Cpu, to) if to.uses_gpu() => "CPU build replaced by GPU build".to_owned(),
        (Flavour::Cuda(Some(from)), Flavour::Cuda(Some(to))) if major(from) != major(to) => {
            format!("CUDA {from} build replaced by CUDA {to} build")
        }
        (from, to) if from.name() != to.name() && *from != Flavour::Gpu && *to != Flavour::Gpu => {
            format!("{} build replaced by {} build", from.name(), to.name())
        }
        _ => return None,
    };
    Some(Shift {
        critical: from.uses_gpu() && from.name() != to.name(),
        text,
    })
}

/// Whether two packages are the GPU and the CPU variant of one project, by their names: `onnxruntime-gpu` and
/// `onnxruntime`.
pub fn is_cpu_variant(gpu: &str, cpu: &str) -> bool {
    let base = gpu.strip_suffix("-gpu");
    base.is_some_and(|base| cpu == base || cpu.strip_suffix("-cpu") == Some(base))
}

/// The text of the shift from one to the other.
pub fn gpu_lost() -> Shift {
    Shift {
        critical: true,
        text: "GPU build replaced by CPU build".to_owned(),
    }
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}

/// Of a local version (`cu128`, `pt21cu118`, `rocm6.2`, `cpu.cxx11.abi`) or a build string
/// (`py3.11_cuda12.1_cudnn8.9.2_0`, `cpu_py311h…`).
fn of_words(text: &str) -> Option<Flavour> {
    let text = text.to_ascii_lowercase();
    // What stands for a version may hold dots: only other signs separate words.
    let words = || text.split(['_', '-']).filter(|word| !word.is_empty());
    words().find_map(of_word)
}

fn of_word(word: &str) -> Option<Flavour> {
    if word.starts_with("nocuda") || word == "nogpu" {
        return Some(Flavour::Cpu);
    }
    if let Some(at) = word.find("cuda") {
        return Some(Flavour::Cuda(cuda_version(&word[at + "cuda".len()..])));
    }
    if word.contains("rocm") {
        return Some(Flavour::Rocm);
    }
    if word == "xpu" {
        return Some(Flavour::Xpu);
    }
    if word.starts_with("gpu") {
        return Some(Flavour::Gpu);
    }
    if word == "cpu" || word.starts_with("cpu.") || word.starts_with("cpuonly") || ends_in_cpu(word) {
        return Some(Flavour::Cpu);
    }
    // `cu128`, also after the version of PyTorch (`pt21cu118`), also with more behind it (`cu12.cudnn89`).
    let at = word.match_indices("cu").map(|(at, _)| at).find(|at| {
        let own = *at == 0 || word[..*at].ends_with(|c: char| c.is_ascii_digit());
        own && word[at + 2..].starts_with(|c: char| c.is_ascii_digit())
    })?;
    Some(Flavour::Cuda(cuda_version(&word[at + 2..])))
}

/// `pt21cpu`: not the end of another word.
fn ends_in_cpu(word: &str) -> bool {
    let rest = word.strip_suffix("cpu");
    rest.is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()))
}

/// `12.8` of `128`, `12.8`, `128py311h…`; `12` of `12`, `12.cudnn89`.
fn cuda_version(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number = text[..end].trim_matches('.');
    match (number.len(), number.contains('.')) {
        (0, _) => None,
        (_, true) => Some(number.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")),
        (3.., false) => Some(format!(
            "{}.{}",
            &number[..number.len() - 1],
            &number[number.len() - 1..]
        )),
        _ => Some(number.to_owned()),
    }
}

fn of_name(name: &str) -> Option<Flavour> {
    if name.ends_with("-gpu") {
        Some(Flavour::Gpu)
    } else if name.ends_with("-cpu") {
        Some(Flavour::Cpu)
    } else {
        None
    }
}

/// A wheel of PyTorch from the index has no local version, but on Linux it requires the libraries of NVIDIA. Packages
/// of conda require `cuda-version`, `cudatoolkit` or a metapackage that tells (`pytorch-mutex 1.0 cpu`).
fn of_requirements(package: &Package) -> Option<Flavour> {
    package.requires.iter().find_map(|text| {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        let name = name.to_ascii_lowercase();
        match (package.manager, &*name) {
            (Manager::Pip, name) if name.starts_with("nvidia-") && !rest.contains("extra") => {
                let version = name.rsplit_once("-cu").map(|(_, version)| version.to_owned());
                let plain = version.filter(|version| version.bytes().all(|b| b.is_ascii_digit()));
                Some(Flavour::Cuda(plain))
            }
            (Manager::Conda, "pytorch-mutex") => rest.split_whitespace().last().and_then(of_word),
            (Manager::Conda, "cpuonly") => Some(Flavour::Cpu),
            (Manager::Conda, "cuda-version" | "cudatoolkit" | "pytorch-cuda" | "cuda-cudart") => {
                let from = rest.find(|c: char| c.is_ascii_digit());
                Some(Flavour::Cuda(from.and_then(|from| cuda_version(&rest[from..]))))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::requirements::testing::{conda, pip};

    fn cuda(version: &str) -> Option<Flavour> {
        Some(Flavour::Cuda(
            Some(version.to_owned()).filter(|version| !version.is_empty()),
        ))
    }

    #[test]
    fn local_versions_tell_the_flavour() {
        for (version, expected) in [
            ("2.9.0+cu128", cuda("12.8")),
            ("2.9.0+cpu", Some(Flavour::Cpu)),
            ("2.1.0+cpu.cxx11.abi", Some(Flavour::Cpu)),
            ("2.1.2+pt21cu118", cuda("11.8")),
            ("2.1.2+pt21cpu", Some(Flavour::Cpu)),
            ("0.4.20+cuda12.cudnn89", cuda("12")),
            ("0.4.1+cuda11.cudnn86", cuda("11")),
            ("2.9.0+rocm6.4", Some(Flavour::Rocm)),
            ("2.9.0+xpu", Some(Flavour::Xpu)),
            ("2.9.0+cu130", cuda("13.0")),
            ("2.9.0+cu92", cuda("92")),
            ("2.9.0", None),
            ("1.0+document1", None),
            ("1.0+g1234abc", None),
            ("1.0+ubuntu1", None),
        ] {
            assert_eq!(Flavour::of(&pip("a", version, &[])), expected, "{version}");
        }
    }

    #[test]
    fn build_strings_tell_the_flavour() {
        for (build, expected) in [
            ("py311_cuda12_0", cuda("12")),
            ("py3.11_cuda12.1_cudnn8.9.2_0", cuda("12.1")),
            ("cuda118py311h2b1a4e5_200", cuda("11.8")),
            ("cuda120_mkl_py311_0", cuda("12.0")),
            ("cuda_120_h1", cuda("")),
            ("py311_cpu", Some(Flavour::Cpu)),
            ("cpu_py311h1_0", Some(Flavour::Cpu)),
            ("cpu_generic_py311_0", Some(Flavour::Cpu)),
            ("gpu_py39h1_0", Some(Flavour::Gpu)),
            ("nocuda_h1_0", Some(Flavour::Cpu)),
            ("py311h1234cu_0", None),
            ("py311_0", None),
            ("h59595ed_0", None),
        ] {
            assert_eq!(Flavour::of(&conda(&format!("a 1 {build}"), &[])), expected, "{build}");
        }
    }

    #[test]
    fn requirements_and_names_tell_it_where_nothing_else_does() {
        let torch = pip(
            "torch",
            "2.9.0",
            &["filelock", "nvidia-cublas-cu12==12.8.4.1; platform_system == \"Linux\""],
        );
        assert_eq!(Flavour::of(&torch), cuda("12"));
        let optional = pip("cupy", "1", &["nvidia-cublas-cu12; extra == 'ctk'"]);
        assert_eq!(Flavour::of(&optional), None);
        let of_mutex = |text: &str| Flavour::of(&conda("pytorch 2.1 py3.11_0", &[text]));
        assert_eq!(of_mutex("pytorch-mutex 1.0 cpu"), Some(Flavour::Cpu));
        assert_eq!(of_mutex("pytorch-mutex 1.0 cuda"), cuda(""));
        assert_eq!(of_mutex("cuda-version >=12.0,<13"), cuda("12.0"));
        assert_eq!(of_mutex("cudatoolkit 11.8.*"), cuda("11.8"));
        assert_eq!(Flavour::of(&pip("onnxruntime-gpu", "1", &[])), Some(Flavour::Gpu));
    }

    #[test]
    fn losing_the_gpu_is_critical_and_other_shifts_are_told() {
        let of = |from: &str, to: &str| {
            let shift = shift(&pip("torch", from, &[]), &pip("torch", to, &[]))?;
            Some((shift.critical, shift.text))
        };
        let told = |critical: bool, text: &str| Some((critical, text.to_owned()));
        assert_eq!(
            of("2.9.0+cu128", "2.9.0+cpu"),
            told(true, "GPU build replaced by CPU build")
        );
        assert_eq!(
            of("2.9.0+rocm6.4", "2.9.0+cpu"),
            told(true, "GPU build replaced by CPU build")
        );
        assert_eq!(
            of("2.9.0+cpu", "2.9.0+cu128"),
            told(false, "CPU build replaced by GPU build")
        );
        assert_eq!(
            of("2.9.0+cu118", "2.9.0+cu128"),
            told(false, "CUDA 11.8 build replaced by CUDA 12.8 build")
        );
        assert_eq!(of("2.9.0+cu126", "2.9.0+cu128"), None);
        assert_eq!(
            of("2.9.0+cu126", "2.9.0+rocm6"),
            told(true, "CUDA build replaced by ROCm build")
        );
        assert_eq!(of("2.9.0+cu126", "2.9.0"), None);
        let builds = shift(
            &conda("pytorch 2.9 py311_cuda12", &[]),
            &conda("pytorch 2.9 py311_cpu", &[]),
        );
        assert_eq!(builds, Some(gpu_lost()));
        assert!(is_cpu_variant("onnxruntime-gpu", "onnxruntime") && is_cpu_variant("faiss-gpu", "faiss-cpu"));
        assert!(!is_cpu_variant("onnxruntime", "onnxruntime-gpu") && !is_cpu_variant("a-gpu", "b"));
    }
}
