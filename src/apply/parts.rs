//! Lists worked through in parts, one part a core.

use crate::cores;

/// Does the same with each part of a list, one part a core, and gives the results in the order of the parts.
pub(super) fn in_parts<T: Sync, R: Send>(items: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    /// Less is not worth a thread.
    const LEAST: usize = 256;
    let each = items.len().div_ceil(cores::count()).max(LEAST);
    if items.len() <= each {
        return vec![work(items)];
    }
    std::thread::scope(|scope| {
        let work = &work;
        let parts: Vec<_> = items.chunks(each).map(|part| scope.spawn(move || work(part))).collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, R>| {
            part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        parts.into_iter().map(join).collect()
    })
}
