//! Conditions that are known before a program runs: `sys.version_info >= (3, 8)`, `TYPE_CHECKING`, `os.name == "nt"`.

/// The interpreter that would import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    version: Vec<u32>,
}

impl Python {
    /// One of a version as recorded, `3.11.2`, on Linux. Of an unknown version no question about it is answered.
    pub fn new(version: Option<&str>) -> Self {
        let parts = version.unwrap_or_default().split('.');
        Self {
            version: parts.map_while(|part| part.parse().ok()).take(3).collect(),
        }
    }

    /// `311`, as in `cpython-311`.
    pub(super) fn tag(&self) -> Option<String> {
        match self.version[..] {
            [major, minor, ..] => Some(format!("{major}{minor}")),
            _ => None,
        }
    }

    /// The truth of a condition, from the text of a logical line; nothing where it depends on what is not known.
    pub(super) fn truth(&self, condition: &[u8]) -> Option<bool> {
        let mut reader = Reader {
            tokens: tokens(condition),
            at: 0,
            depth: 0,
            version: &self.version,
        };
        let value = reader.either();
        value.truth().filter(|_| reader.at == reader.tokens.len())
    }
}

/// Nothing deeper than this is looked into.
const DEPTH: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Known(bool),
    Numbers(Vec<u32>),
    /// The first parts of the interpreter's version, of which more follow.
    Version(Vec<u32>),
    Number(u32),
    Text(Vec<u8>),
    Unknown,
}

impl Value {
    fn truth(&self) -> Option<bool> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Number(number) => Some(*number != 0),
            _ => None,
        }
    }
}

impl From<Option<bool>> for Value {
    fn from(truth: Option<bool>) -> Self {
        truth.map_or(Self::Unknown, Self::Known)
    }
}

/// Words (dotted as they stand), numbers, strings with their first quote, and everything else byte by byte, the
/// operators of comparison in one.
fn tokens(text: &[u8]) -> Vec<&[u8]> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | 0x80..);
    while let Some(byte) = text.get(at) {
        let rest = &text[at..];
        let length = match byte {
            b' ' | b'\t' => {
                at += 1;
                continue;
            }
            b'"' => rest[1..]
                .iter()
                .position(|b| *b == b'"')
                .map_or(rest.len(), |end| end + 2),
            b if is_word(b) => rest.iter().position(|b| !is_word(b)).unwrap_or(rest.len()),
            _ if matches!(rest, [b'=' | b'!' | b'<' | b'>', b'=', ..]) => 2,
            _ => 1,
        };
        tokens.push(&rest[..length]);
        at += length;
    }
    tokens
}

struct Reader<'a> {
    tokens: Vec<&'a [u8]>,
    at: usize,
    depth: usize,
    version: &'a [u32],
}

impl<'a> Reader<'a> {
    fn peek(&self) -> &'a [u8] {
        self.tokens.get(self.at).copied().unwrap_or_default()
    }

    fn take(&mut self, token: &[u8]) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Value {
        let mut value = self.both();
        while self.take(b"or") {
            let other = self.both();
            value = match (value.truth(), other.truth()) {
                (Some(true), _) | (_, Some(true)) => Value::Known(true),
                (Some(false), Some(false)) => Value::Known(false),
                _ => Value::Unknown,
            };
        }
        value
    }

    fn both(&mut self) -> Value {
        let mut value = self.not();
        while self.take(b"and") {
            let other = self.not();
            value = match (value.truth(), other.truth()) {
                (Some(false), _) | (_, Some(false)) => Value::Known(false),
                (Some(true), Some(true)) => Value::Known(true),
                _ => Value::Unknown,
            };
        }
        value
    }

    fn not(&mut self) -> Value {
        let mut negated = false;
        let mut is_not = false;
        while self.take(b"not") {
            negated = !negated;
            is_not = true;
        }
        let value = self.comparison();
        match is_not {
            true => Value::from(value.truth().map(|truth| truth != negated)),
            false => value,
        }
    }

    fn comparison(&mut self) -> Value {
        let left = self.operand();
        let operator = self.peek();
        if matches!(operator, b"==" | b"!=" | b"<" | b">" | b"<=" | b">=") {
            self.at += 1;
            let right = self.operand();
            if self.ends() {
                return Value::from(compare(&left, operator, &right));
            }
        }
        if !self.ends() {
            self.pass_over();
            return Value::Unknown;
        }
        left
    }

    fn ends(&self) -> bool {
        matches!(self.peek(), b"" | b"and" | b"or" | b")")
    }

    /// Goes on to the end of what is not understood.
    fn pass_over(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() && (depth > 0 || !self.ends()) {
            match self.peek() {
                b"(" | b"[" | b"{" => depth += 1,
                b")" | b"]" | b"}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
    }

    fn operand(&mut self) -> Value {
        let token = self.peek();
        if token == b"(" {
            return self.brackets();
        }
        if self.ends() {
            return Value::Unknown;
        }
        self.at += 1;
        match token {
            b"True" => Value::Known(true),
            b"False" | b"None" | b"TYPE_CHECKING" | b"typing.TYPE_CHECKING" | b"t.TYPE_CHECKING" => Value::Known(false),
            // A module that is imported is not the program.
            b"__name__" => Value::Text(Vec::new()),
            b"os.name" => Value::Text(b"posix".to_vec()),
            b"sys.platform" => Value::Text(b"linux".to_vec()),
            b"sys.platform.startswith" => self.starts_with(b"linux"),
            b"sys.version_info" => self.version(),
            b"sys.version_info.major" => self.part(0),
            b"sys.version_info.minor" => self.part(1),
            [b'"', text @ .., b'"'] => Value::Text(text.to_vec()),
            // Set only while a package is built: `__SKLEARN_SETUP__`.
            [b'_', b'_', .., b'_', b'S', b'E', b'T', b'U', b'P', b'_', b'_'] => Value::Known(false),
            _ => number(token).map_or(Value::Unknown, Value::Number),
        }
    }

    /// A condition in brackets, or a tuple of numbers.
    fn brackets(&mut self) -> Value {
        self.at += 1;
        if self.depth == DEPTH {
            return Value::Unknown;
        }
        let start = self.at;
        let mut numbers = Vec::new();
        while let Some(number) = number(self.peek()) {
            numbers.push(number);
            self.at += 1;
            let more = self.take(b",");
            if self.take(b")") && (more || numbers.len() > 1) {
                return Value::Numbers(numbers);
            }
        }
        self.at = start;
        self.depth += 1;
        let mut value = self.either();
        self.depth -= 1;
        if self.peek() != b")" {
            value = Value::Unknown;
        }
        self.at += 1;
        value
    }

    fn starts_with(&mut self, text: &[u8]) -> Value {
        match self.tokens.get(self.at..self.at + 3) {
            Some([b"(", [b'"', prefix @ .., b'"'], b")"]) if !prefix.is_empty() => {
                self.at += 3;
                Value::Known(text.starts_with(prefix))
            }
            _ => Value::Unknown,
        }
    }

    /// `sys.version_info`, its first parts, or one part.
    fn version(&mut self) -> Value {
        match self.tokens.get(self.at..) {
            Some([b"[", b":", end, b"]", ..]) => {
                self.at += 4;
                let end = number(end).and_then(|end| self.version.get(..end as usize));
                end.map_or(Value::Unknown, |parts| Value::Numbers(parts.to_vec()))
            }
            Some([b"[", at, b"]", ..]) => {
                self.at += 3;
                number(at).map_or(Value::Unknown, |at| self.part(at as usize))
            }
            _ => Value::Version(self.version.to_vec()),
        }
    }

    fn part(&self, at: usize) -> Value {
        self.version.get(at).map_or(Value::Unknown, |part| Value::Number(*part))
    }
}

fn number(token: &[u8]) -> Option<u32> {
    std::str::from_utf8(token).ok()?.parse().ok()
}

fn compare(left: &Value, operator: &[u8], right: &Value) -> Option<bool> {
    use std::cmp::Ordering;
    let order = match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Numbers(a), Value::Numbers(b)) => a.cmp(b),
        (Value::Version(version), Value::Numbers(numbers)) => {
            let common = version.len().min(numbers.len());
            match version[..common].cmp(&numbers[..common]) {
                // What is known of the version is only its beginning.
                Ordering::Equal if common < numbers.len() => return None,
                Ordering::Equal => Ordering::Greater,
                order => order,
            }
        }
        // Strings that were left out of the line stand as empty ones.
        (Value::Text(a), Value::Text(b)) => match operator {
            b"==" => return Some(a == b && !a.is_empty()),
            b"!=" => return Some(a != b || a.is_empty()),
            _ => return None,
        },
        _ => return None,
    };
    match operator {
        b"==" => Some(order.is_eq()),
        b"!=" => Some(order.is_ne()),
        b"<" => Some(order.is_lt()),
        b">" => Some(order.is_gt()),
        b"<=" => Some(order.is_le()),
        b">=" => Some(order.is_ge()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_the_interpreter_decides() {
        let python = Python::new(Some("3.11.2"));
        for (condition, expected) in [
            ("TYPE_CHECKING", Some(false)),
            ("not typing.TYPE_CHECKING", Some(true)),
            ("False and x", Some(false)),
            ("x and False", Some(false)),
            ("x or 1", Some(true)),
            ("x", None),
            ("not x", None),
            ("True and x", None),
            ("x(True)", None),
            ("sys.version_info >= (3, 8)", Some(true)),
            ("sys.version_info < (3, 11)", Some(false)),
            ("sys.version_info > (3, 11)", Some(true)),
            ("sys.version_info >= (3, 11, 3)", Some(false)),
            ("sys.version_info >= (3, 11, 2, 1)", None),
            ("sys.version_info == (3, 11)", Some(false)),
            ("sys.version_info[:2] == (3, 11)", Some(true)),
            ("sys.version_info[0] == 2", Some(false)),
            ("sys.version_info[0] < 3 or sys.version_info.minor > 10", Some(true)),
            ("(3, 8) <= sys.version_info", None),
            ("sys.version_info >= (3,)", Some(true)),
            (
                "(sys.version_info >= (3, 8)) and not (sys.platform == \"win32\")",
                Some(true),
            ),
            ("sys.platform == \"linux\"", Some(true)),
            ("sys.platform.startswith(\"win\")", Some(false)),
            ("os.name != \"nt\"", Some(true)),
            ("__name__ == \"__main__\"", Some(false)),
            ("not __NUMPY_SETUP__", Some(true)),
            ("sys.platform in (\"a\", \"linux\")", None),
            ("sys.version_info >= (3, 8) and f(x) == 3 or y", None),
            ("a < sys.version_info[0] < 4", None),
            ("(", None),
            (")", None),
            ("", None),
            ("not", None),
            ("True)", None),
        ] {
            assert_eq!(python.truth(condition.as_bytes()), expected, "{condition}");
        }
        let unknown = Python::new(None);
        assert_eq!(unknown.truth(b"sys.version_info >= (3, 8)"), None);
        assert_eq!(unknown.truth(b"sys.version_info[0] == 2"), None);
        assert_eq!(unknown.tag(), None);
        assert_eq!(python.tag(), Some("311".to_owned()));
    }
}
