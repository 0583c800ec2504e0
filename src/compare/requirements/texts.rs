//! Requirements by their text, each read once for both states of a comparison.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::conda::Spec;
use super::pip::Requirement;

/// What a text says, or why it cannot be read.
pub(super) type Read<T> = Rc<Result<T, String>>;

/// Requirements that were read already.
#[derive(Debug, Default)]
pub struct Texts {
    pip: RefCell<HashMap<String, Read<Requirement>>>,
    conda: RefCell<HashMap<String, Read<Spec>>>,
}

impl Texts {
    /// A requirement of a Python package.
    pub(super) fn pip(&self, text: &str) -> Read<Requirement> {
        read(&self.pip, text, Requirement::parse)
    }

    /// A requirement of a conda package.
    pub(super) fn conda(&self, text: &str) -> Read<Spec> {
        read(&self.conda, text, Spec::parse)
    }
}

fn read<T>(known: &RefCell<HashMap<String, Read<T>>>, text: &str, parse: fn(&str) -> Result<T, String>) -> Read<T> {
    if let Some(known) = known.borrow().get(text) {
        return Rc::clone(known);
    }
    let parsed = Rc::new(parse(text));
    known.borrow_mut().insert(text.to_owned(), Rc::clone(&parsed));
    parsed
}
