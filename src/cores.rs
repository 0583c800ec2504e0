//! How many cores there are to work on, and what can be left to another one.

use std::sync::OnceLock;

/// How many threads keep all cores busy. Asked once a process: the answer takes a look at files of the kernel, and a
/// checkout asks some forty times.
pub fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(2, usize::from))
}

/// Frees a value of very many parts on a thread of its own: nobody has to wait for that.
pub fn drop_later<T: Send + 'static>(value: T) {
    std::thread::spawn(move || drop(value));
}
