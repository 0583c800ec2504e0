//! Environment markers ([specification](https://packaging.python.org/en/latest/specifications/dependency-specifiers/)),
//! evaluated as pip evaluates them.
//!
//! `pep508_rs` is not used for them: it panics on some texts, after which a lock of its own stays poisoned, and it leaves
//! out comparisons that it takes for senseless. Metadata is not ours; no text may stop a comparison.

use pep440_rs::VersionSpecifier;

use super::pip::{PipVersion, admits_one};

/// A condition.
#[derive(Debug)]
pub(super) enum Marker {
    Or(Vec<Marker>),
    And(Vec<Marker>),
    Compare(Comparison),
}

/// A variable against a text.
#[derive(Debug)]
pub(super) struct Comparison {
    variable: Variable,
    operator: Operator,
    text: String,
    /// The text stands before the operator.
    reversed: bool,
    /// The text with its operator as PEP 440 reads them, where the variable is a version.
    specifier: Option<VersionSpecifier>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Variable {
    ImplementationName,
    ImplementationVersion,
    OsName,
    PlatformMachine,
    PlatformPythonImplementation,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    PythonFullVersion,
    PythonVersion,
    SysPlatform,
    Extra,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    In,
    NotIn,
    Less,
    LessEqual,
    Equal,
    NotEqual,
    GreaterEqual,
    Greater,
    Compatible,
    Identical,
}

/// The values of variables, but for the extra.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) implementation_name: &'static str,
    pub(super) platform_python_implementation: &'static str,
    pub(super) python_version: String,
    pub(super) python_full_version: String,
    pub(super) platform_machine: String,
    pub(super) platform_release: String,
}

impl Values {
    fn of(&self, variable: Variable) -> &str {
        match variable {
            Variable::ImplementationName => self.implementation_name,
            Variable::OsName => "posix",
            Variable::PlatformMachine => &self.platform_machine,
            Variable::PlatformPythonImplementation => self.platform_python_implementation,
            Variable::PlatformRelease => &self.platform_release,
            Variable::PlatformSystem => "Linux",
            Variable::PythonFullVersion | Variable::ImplementationVersion => &self.python_full_version,
            Variable::PythonVersion => &self.python_version,
            Variable::SysPlatform => "linux",
            Variable::PlatformVersion | Variable::Extra => "",
        }
    }
}

impl Marker {
    /// Reads what follows the semicolon.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text.trim() };
        let marker = parser.alternatives()?;
        match parser.rest {
            "" => Ok(marker),
            rest => Err(format!("{rest:?} follows its marker")),
        }
    }

    /// Whether it applies, with one extra or with none (an empty text).
    pub(super) fn applies(&self, values: &Values, extra: &str) -> bool {
        match self {
            Self::Or(markers) => markers.iter().any(|marker| marker.applies(values, extra)),
            Self::And(markers) => markers.iter().all(|marker| marker.applies(values, extra)),
            Self::Compare(comparison) => comparison.applies(values, extra),
        }
    }
}

impl Comparison {
    fn applies(&self, values: &Values, extra: &str) -> bool {
        let value = match self.variable {
            Variable::Extra => extra,
            variable => values.of(variable),
        };
        if self.is_of_version()
            && let Some(admitted) = self.as_versions(value)
        {
            return admitted;
        }
        let (left, right) = match self.reversed {
            false => (value, &*self.text),
            true => (&*self.text, value),
        };
        match self.operator {
            Operator::In => right.contains(left),
            Operator::NotIn => !right.contains(left),
            Operator::Equal | Operator::Identical | Operator::LessEqual | Operator::GreaterEqual => left == right,
            Operator::NotEqual => left != right,
            // Texts have no order.
            Operator::Less | Operator::Greater | Operator::Compatible => false,
        }
    }

    /// The comparison by the rules of PEP 440, if what stands on the right can be read by them.
    fn as_versions(&self, value: &str) -> Option<bool> {
        let read;
        let (specifier, version) = match self.reversed {
            false => (self.specifier.as_ref()?, value),
            true => {
                read = specifier(self.operator, value)?;
                (&read, &*self.text)
            }
        };
        Some(PipVersion::parse(version).is_some_and(|version| admits_one(specifier, &version)))
    }

    fn is_of_version(&self) -> bool {
        matches!(
            self.variable,
            Variable::PythonVersion
                | Variable::PythonFullVersion
                | Variable::ImplementationVersion
                | Variable::PlatformRelease
        )
    }
}

fn specifier(operator: Operator, version: &str) -> Option<VersionSpecifier> {
    let sign = match operator {
        Operator::In | Operator::NotIn => return None,
        Operator::Less => "<",
        Operator::LessEqual => "<=",
        Operator::Equal => "==",
        Operator::NotEqual => "!=",
        Operator::GreaterEqual => ">=",
        Operator::Greater => ">",
        Operator::Compatible => "~=",
        Operator::Identical => "===",
    };
    format!("{sign}{version}").parse().ok()
}

struct Parser<'a> {
    rest: &'a str,
}

/// One side of a comparison.
enum Side<'a> {
    Variable(Variable),
    Text(&'a str),
}

impl<'a> Parser<'a> {
    fn alternatives(&mut self) -> Result<Marker, String> {
        let mut markers = vec![self.conditions()?];
        while self.word("or") {
            markers.push(self.conditions()?);
        }
        Ok(match markers.len() {
            1 => markers.remove(0),
            _ => Marker::Or(markers),
        })
    }

    fn conditions(&mut self) -> Result<Marker, String> {
        let mut markers = vec![self.condition()?];
        while self.word("and") {
            markers.push(self.condition()?);
        }
        Ok(match markers.len() {
            1 => markers.remove(0),
            _ => Marker::And(markers),
        })
    }

    fn condition(&mut self) -> Result<Marker, String> {
        if !self.sign("(") {
            return self.comparison().map(Marker::Compare);
        }
        let marker = self.alternatives()?;
        match self.sign(")") {
            true => Ok(marker),
            false => Err("a bracket of its marker is not closed".to_owned()),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let left = self.side()?;
        let operator = self.operator()?;
        let (variable, text, reversed) = match (left, self.side()?) {
            (Side::Variable(variable), Side::Text(text)) => (variable, text, false),
            (Side::Text(text), Side::Variable(variable)) => (variable, text, true),
            _ => return Err("its marker does not compare a variable with a text".to_owned()),
        };
        let text = match variable {
            Variable::Extra => crate::snapshot::package::normalize(text),
            _ => text.to_owned(),
        };
        Ok(Comparison {
            specifier: specifier(operator, &text),
            variable,
            operator,
            text,
            reversed,
        })
    }

    fn side(&mut self) -> Result<Side<'a>, String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        if let Some(quote) = quote {
            let (text, rest) = self.rest[1..]
                .split_once(quote)
                .ok_or_else(|| format!("{:?} is not closed", self.rest))?;
            self.rest = rest.trim_start();
            return Ok(Side::Text(text));
        }
        let name = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        variable(name).map(Side::Variable).ok_or_else(|| match name {
            "" => "its marker is not complete".to_owned(),
            name => format!("no marker is called {name:?}"),
        })
    }

    fn operator(&mut self) -> Result<Operator, String> {
        if self.word("in") {
            return Ok(Operator::In);
        }
        if self.word("not") {
            let complete = self.word("in").then_some(Operator::NotIn);
            return complete.ok_or_else(|| "its marker says not, and not what".to_owned());
        }
        match self.take(|c| matches!(c, '<' | '>' | '=' | '!' | '~')) {
            "<" => Ok(Operator::Less),
            "<=" => Ok(Operator::LessEqual),
            "==" => Ok(Operator::Equal),
            "!=" => Ok(Operator::NotEqual),
            ">=" => Ok(Operator::GreaterEqual),
            ">" => Ok(Operator::Greater),
            "~=" => Ok(Operator::Compatible),
            "===" => Ok(Operator::Identical),
            other => Err(format!("{other:?} is no comparison")),
        }
    }

    /// Steps over a word, if it is next.
    fn word(&mut self, word: &str) -> bool {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let rest = self.rest.strip_prefix(word).filter(|rest| ends(rest));
        self.step(rest)
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.step(self.rest.strip_prefix(sign))
    }

    fn step(&mut self, rest: Option<&'a str>) -> bool {
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        taken
    }
}

/// Variables by name, also by their names in PEP 345 and in setuptools.
fn variable(name: &str) -> Option<Variable> {
    Some(match name {
        "implementation_name" => Variable::ImplementationName,
        "implementation_version" => Variable::ImplementationVersion,
        "os_name" | "os.name" => Variable::OsName,
        "platform_machine" | "platform.machine" => Variable::PlatformMachine,
        "platform_python_implementation" | "platform.python_implementation" | "python_implementation" => {
            Variable::PlatformPythonImplementation
        }
        "platform_release" => Variable::PlatformRelease,
        "platform_system" => Variable::PlatformSystem,
        "platform_version" | "platform.version" => Variable::PlatformVersion,
        "python_full_version" => Variable::PythonFullVersion,
        "python_version" => Variable::PythonVersion,
        "sys_platform" | "sys.platform" => Variable::SysPlatform,
        "extra" => Variable::Extra,
        _ => return None,
    })
}
