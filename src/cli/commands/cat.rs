//! `envgit cat`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::ops::inspect::cat;

/// Write the content of a recorded file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit cat v1:configs/G2P_replace_dict.jsonl
  envgit cat HEAD~1:env/bin/activate > activate.old    env is the name of the root")]
pub(in crate::cli) struct Args {
    /// The commit and the file: ROOT/PATH, or PATH when only one root has it.
    #[arg(value_name = "REV:PATH")]
    spec: std::ffi::OsString,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let spec = crate::cli::context::path_texts(std::slice::from_ref(&args.spec)).concat();
    if !spec.contains(':') {
        return Err(CliError::usage(format!("{spec:?} names no file of a commit")).hinting("write REV:PATH"));
    }
    let bars = cmd.bars();
    let mut session = cmd.session("cat", &bars)?;
    let mut out = Watched {
        out: cmd.ui.raw(),
        failure: None,
    };
    let done = cat(&mut session, &spec, &mut out);
    match out.failure {
        // The operation can only say that it could not write; the output itself knows why.
        Some(error) => Err(error.into()),
        None => Ok(done.map(|()| ExitCode::SUCCESS)?),
    }
}

/// Remembers why the output failed: a closed pipe is no failure of the command.
struct Watched<'a> {
    out: &'a mut (dyn std::io::Write + Send),
    failure: Option<std::io::Error>,
}

impl std::io::Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let kind = |error: &std::io::Error| error.kind().into();
        let written = self.out.write(bytes);
        written.map_err(|error| {
            let same = kind(&error);
            self.failure = Some(error);
            same
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
