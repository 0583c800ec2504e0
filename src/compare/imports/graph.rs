//! The modules that candidates may import, with what each of them does: read level by level.

use std::collections::HashSet;
use std::rc::Rc;

use super::locate::{Code, Finder, Found, Tree};
use super::scan::{Import, Names, Script, Step, scan};
use crate::snapshot::path::RelPath;

/// Where the content of files comes from.
pub trait Sources {
    /// The content of each file, in the same order; nothing for one that cannot be read.
    fn read(&self, paths: &[&RelPath]) -> Vec<Option<Vec<u8>>>;
}

/// Modules and their scripts.
pub(super) struct Graph<'a> {
    pub(super) finder: Finder<'a>,
    /// By number of the module; nothing for what is no source or was not read.
    scripts: Vec<Option<Rc<Script>>>,
    /// By number of the module, once it was asked for.
    bound: Vec<Option<Rc<Bound>>>,
}

/// The names that a module gives a value.
#[derive(Debug, Default)]
struct Bound {
    names: HashSet<String>,
    /// There may be others.
    open: bool,
}

/// A part of an import: the modules that it runs, in order.
pub(super) struct Target {
    /// As a chain names it.
    pub(super) name: String,
    pub(super) found: Found,
}

impl<'a> Graph<'a> {
    /// Reads all that the modules of these names may run when they are imported.
    pub(super) fn read(tree: &'a Tree<'a>, tops: Vec<&'a str>, sources: &impl Sources) -> Self {
        let mut graph = Self {
            finder: Finder::new(tree, tops.clone()),
            scripts: Vec::new(),
            bound: Vec::new(),
        };
        for top in tops {
            graph.finder.find(top);
        }
        let mut done = 0;
        while done < graph.finder.modules.len() {
            let level = done..graph.finder.modules.len();
            done = level.end;
            let mut wanted = Vec::new();
            for at in level {
                if let Code::Source(path) = graph.finder.modules[at].code {
                    wanted.push((at, path));
                }
            }
            let paths: Vec<&RelPath> = wanted.iter().map(|(_, path)| *path).collect();
            let texts = sources.read(&paths);
            graph.scripts.resize(done, None);
            for ((at, _), text) in wanted.into_iter().zip(texts) {
                let script = text.map(|text| {
                    let mut script = scan(&text, &tree.python);
                    script.steps.extend(loader(&graph.finder.modules[at].name, &text));
                    Rc::new(script)
                });
                if let Some(script) = &script {
                    graph.meet(at, &script.steps);
                }
                graph.scripts[at] = script;
            }
        }
        graph.scripts.resize(graph.finder.modules.len(), None);
        graph.bound.resize_with(graph.finder.modules.len(), || None);
        graph
    }

    /// What a module does, if its source was read.
    pub(super) fn script(&self, module: usize) -> Option<Rc<Script>> {
        self.scripts.get(module).cloned().flatten()
    }

    /// Finds the modules that steps import, so that they are read next. Those that are perhaps imported never count,
    /// so what they are does not matter.
    fn meet(&mut self, module: usize, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Import(import) => {
                    let Some(base) = self.base(module, import) else {
                        continue;
                    };
                    self.chain(&base);
                    for name in listed(import) {
                        self.finder.find(&format!("{base}.{name}"));
                    }
                }
                Step::Try(parts) => {
                    self.meet(module, &parts.body);
                    for handler in &parts.handlers {
                        self.meet(module, &handler.body);
                    }
                    self.meet(module, &parts.otherwise);
                    self.meet(module, &parts.finally);
                }
                Step::With { body, .. } => self.meet(module, body),
                Step::Raise { .. } | Step::Maybe(_) => {}
            }
        }
    }

    /// The dotted name of the module that an import names, from the top.
    fn base(&self, module: usize, import: &Import) -> Option<String> {
        if import.level == 0 {
            return Some(import.module.clone());
        }
        let from = &self.finder.modules[module];
        // A package is its own parent.
        let mut ups = import.level - usize::from(!from.folders.is_empty());
        let mut base = from.name.as_str();
        while ups > 0 {
            base = base.rsplit_once('.')?.0;
            ups -= 1;
        }
        Some(match import.module.as_str() {
            "" => base.to_owned(),
            rest => format!("{base}.{rest}"),
        })
    }

    /// `a`, `a.b`, `a.b.c` for `a.b.c`, up to the first that is no module of interest.
    fn chain(&mut self, name: &str) -> Vec<Target> {
        let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
        let mut chain = Vec::new();
        for end in ends {
            let found = self.finder.find(&name[..end]);
            chain.push(Target {
                name: name[..end].to_owned(),
                found,
            });
            if !matches!(found, Found::Module(_)) {
                break;
            }
        }
        chain
    }

    /// What an import certainly runs, in order.
    pub(super) fn targets(&mut self, module: usize, import: &Import) -> Vec<Target> {
        let Some(base) = self.base(module, import) else {
            return Vec::new();
        };
        let mut targets = self.chain(&base);
        let Some(Target {
            name,
            found: Found::Module(parent),
            ..
        }) = targets.last()
        else {
            return targets;
        };
        let parent = *parent;
        if *name != base || self.finder.modules[parent].folders.is_empty() {
            return targets;
        }
        for name in listed(import) {
            let full = format!("{base}.{name}");
            let found = self.finder.find(&full);
            // What the package itself calls so is taken, and no module is looked for.
            if matches!(found, Found::Module(_)) && !self.binds(parent, name) {
                targets.push(Target { name: full, found });
            }
        }
        targets
    }

    /// Whether a package may give a name a value other than by importing the module of that name.
    fn binds(&mut self, package: usize, name: &str) -> bool {
        let bound = self.bound(package, 0);
        bound.open || bound.names.contains(name)
    }

    fn bound(&mut self, module: usize, depth: usize) -> Rc<Bound> {
        if let Some(bound) = self.bound.get(module).and_then(Option::as_ref) {
            return Rc::clone(bound);
        }
        let mut bound = Bound::default();
        let script = self.script(module);
        match (&script, self.finder.modules[module].code) {
            (_, Code::None) => {}
            (None, _) => bound.open = true,
            (Some(script), _) => {
                bound.names.extend(script.bound.iter().cloned());
                for import in script.imports() {
                    self.bound_by_import(module, import, depth, &mut bound);
                }
            }
        }
        let bound = Rc::new(bound);
        // Within a circle of stars the answer is not complete.
        if let Some(place) = self.bound.get_mut(module).filter(|_| depth == 0) {
            *place = Some(Rc::clone(&bound));
        }
        bound
    }

    fn bound_by_import(&mut self, module: usize, import: &Import, depth: usize, bound: &mut Bound) {
        /// Stars of stars beyond this may bring anything.
        const STARS: usize = 4;
        let base = self.base(module, import);
        match &import.names {
            Names::Module => {}
            Names::These(names) => {
                let from_itself = base.as_deref() == Some(&self.finder.modules[module].name);
                let others = names.iter().filter(|(name, here)| !from_itself || name != here);
                bound.names.extend(others.map(|(_, here)| here.clone()));
            }
            Names::All => match base.map(|base| self.finder.find(&base)) {
                Some(Found::Module(other)) if depth < STARS && other != module => {
                    let more = self.bound(other, depth + 1);
                    bound.names.extend(more.names.iter().cloned());
                    bound.open |= more.open;
                }
                _ => bound.open = true,
            },
        }
    }
}

/// What OpenCV does in a function that it calls at once: it imports the extension `cv2` in the package `cv2`.
fn loader(module: &str, text: &[u8]) -> Option<Step> {
    let call = memchr::memmem::find(text, b"\nbootstrap()").filter(|_| module == "cv2")?;
    let line = memchr::memchr_iter(b'\n', &text[..=call]).count() as u32 + 1;
    Some(Step::Import(Import {
        line,
        level: 0,
        module: "cv2.cv2".to_owned(),
        names: Names::Module,
    }))
}

/// The names in `from a import b, c`.
fn listed(import: &Import) -> impl Iterator<Item = &str> {
    let names = match &import.names {
        Names::These(names) => names.as_slice(),
        Names::Module | Names::All => &[],
    };
    names.iter().map(|(name, _)| name.as_str())
}
