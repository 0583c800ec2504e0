//! What differs between two states. Pure: values in, changes out.

pub mod abi;
pub mod causes;
pub mod check;
pub mod commands;
pub mod configs;
pub mod explain;
pub mod files;
pub mod flavour;
pub mod imports;
pub mod message;
pub mod ownership;
pub mod packages;
mod records;
pub mod relocated;
pub mod requirements;
pub mod requirers;
pub mod state;
pub mod vars;

pub use causes::causes;
pub use check::check;
pub use commands::commands;
pub use configs::config;
pub use explain::{explain, stories};
pub use files::files;
pub use message::describe;
pub use packages::packages;
pub use requirements::unmet;
pub use requirers::requirers;
pub use vars::vars;

/// Merges two lists sorted by key: calls `each` with what stands on either side, or both, of every key, in order.
fn merge<K: Ord, A, B>(
    from: impl IntoIterator<Item = A>,
    to: impl IntoIterator<Item = B>,
    key_a: impl Fn(&A) -> K,
    key_b: impl Fn(&B) -> K,
    mut each: impl FnMut(Option<A>, Option<B>),
) {
    use std::cmp::Ordering;
    let (mut from, mut to) = (from.into_iter().peekable(), to.into_iter().peekable());
    loop {
        let order = match (from.peek(), to.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => key_a(a).cmp(&key_b(b)),
        };
        let a = if order.is_le() { from.next() } else { None };
        let b = if order.is_ge() { to.next() } else { None };
        each(a, b);
    }
}
