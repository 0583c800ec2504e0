//! Commits as they are read.

use gix::objs::Kind;

use super::History;
use super::error::Error;
use super::id::{CommitId, TreeId};
use super::person::{Person, Time, parse_signature};

/// What a commit says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// The tree with its inventory.
    pub tree: TreeId,
    /// The commits it follows.
    pub parents: Vec<CommitId>,
    /// Who made it.
    pub author: Person,
    /// When it was made.
    pub time: Time,
    /// The whole message.
    pub message: String,
}

impl CommitInfo {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.trim_start().lines().next().unwrap_or("").trim_end()
    }

    /// The message after the subject.
    pub fn body(&self) -> &str {
        let message = self.message.trim_start();
        message.split_once('\n').map_or("", |(_, body)| body.trim())
    }
}

impl History {
    /// Reads a commit.
    ///
    /// # Errors
    /// [`Error::Missing`], or names the damaged commit.
    pub fn commit_info(&self, id: CommitId) -> Result<CommitInfo, Error> {
        let data = self.read_object(id.oid(), Kind::Commit)?;
        parse(id, &data).ok_or_else(|| Error::damaged(format!("commit {id}"), "its header makes no sense"))
    }
}

/// The header lines up to the empty line, without continuation lines, and what follows.
pub(super) fn split_header(data: &[u8]) -> (impl Iterator<Item = (&[u8], &[u8])>, &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n");
    let (header, message) = end.map_or((data, &b""[..]), |end| (&data[..end], &data[end + 2..]));
    let lines = header
        .split(|b| *b == b'\n')
        .filter(|line| !line.starts_with(b" "))
        .map(|line| {
            let space = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
            (&line[..space], line.get(space + 1..).unwrap_or(b""))
        });
    (lines, message)
}

fn parse(id: CommitId, data: &[u8]) -> Option<CommitInfo> {
    let (lines, message) = split_header(data);
    let mut tree = None;
    let mut parents = Vec::new();
    let mut author = None;
    for (key, value) in lines {
        match key {
            // git takes the first tree, and parents up to the first other line: another order is told differently
            // by different readers, so it is none.
            b"tree" if tree.is_some() => return None,
            b"parent" if tree.is_none() || author.is_some() => return None,
            b"author" if author.is_some() => return None,
            b"tree" => tree = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            b"parent" => parents.push(std::str::from_utf8(value).ok()?.parse().ok()?),
            b"author" => author = Some(parse_signature(value)?),
            _ => {}
        }
    }
    let (author, time) = author?;
    Some(CommitInfo {
        id,
        tree: tree?,
        parents,
        author,
        time,
        message: String::from_utf8_lossy(message).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_merge_is_read() {
        let id = |n: u8| CommitId::from_bytes([n; 20]);
        let text = format!(
            "tree {}\nparent {}\nparent {}\nauthor A <a@b> 5 +0130\ncommitter C <c@d> 6 +0000\n\
             gpgsig -----BEGIN\n tree x\n -----END\n\nSubject \n\nBody\n",
            id(1),
            id(2),
            id(3)
        );
        let info = parse(id(9), text.as_bytes()).unwrap();
        assert_eq!(info.parents, [id(2), id(3)]);
        assert_eq!(
            info.time,
            Time {
                seconds: 5,
                offset: 5400
            }
        );
        assert_eq!((info.subject(), info.body()), ("Subject", "Body"));
        assert_eq!(parse(id(9), b"tree zz\n\n"), None);
        for (line, again) in [
            ("tree ", id(7)),
            ("parent ", id(7)),
            ("author A <a@b> 5 +0000\nx ", id(7)),
        ] {
            let twice = text.replacen("committer", &format!("{line}{again}\ncommitter"), 1);
            assert_eq!(parse(id(9), twice.as_bytes()), None, "{twice}");
        }
        assert_eq!(parse(id(9), b""), None);
    }
}
