//! The user's own commands around a change: stopping and starting services, asking whether they are well, who has files
//! open, and signing with the user's keys. The only module that runs commands.

pub mod command;
pub mod health;
pub mod processes;
pub mod ssh;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

pub use command::{Command, Failure};
pub use health::{Check, Health, Outcome};

/// Where and with which variables commands run.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The folder.
    pub cwd: &'a Path,
    /// The environment variables; no others.
    pub env: &'a [(OsString, OsString)],
}

/// What stands still while the live state changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    /// Stops what the user runs in a way of their own.
    pub stop: Option<Command>,
    /// Starts it again.
    pub start: Option<Command>,
    /// Units for `systemctl stop` and `start`.
    pub systemd: Vec<String>,
    /// Containers for `docker stop` and `start`.
    pub docker: Vec<String>,
    /// Also around a commit.
    pub quiesce: bool,
    /// How long one of these commands may take.
    pub timeout: Duration,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            stop: None,
            start: None,
            systemd: Vec::new(),
            docker: Vec::new(),
            quiesce: false,
            timeout: Duration::from_secs(60),
        }
    }
}

impl Services {
    /// Whether there is anything to stop.
    pub fn is_configured(&self) -> bool {
        self.stop.is_some() || !self.systemd.is_empty() || !self.docker.is_empty()
    }

    /// What is stopped, in the order in which it is: for people.
    pub fn names(&self) -> Vec<String> {
        let own = self.stop.iter().map(|command| command.to_string());
        let units = self.systemd.iter().map(|unit| format!("systemd unit {unit}"));
        let containers = self.docker.iter().map(|name| format!("docker container {name}"));
        own.chain(units).chain(containers).collect()
    }

    /// Stops all, in order, up to the first that fails.
    ///
    /// # Errors
    /// Names the command and shows what it said.
    pub fn stop(&self, place: Place<'_>) -> Result<(), Failure> {
        let ready_made = |tool: &str, name: &String| Command::argv(&[tool, "stop", name]);
        let units = self.systemd.iter().map(|name| ready_made("systemctl", name));
        let containers = self.docker.iter().map(|name| ready_made("docker", name));
        let own = self.stop.iter().cloned();
        own.chain(units)
            .chain(containers)
            .try_for_each(|command| command.run(place, self.timeout))
    }

    /// Starts all in the opposite order, each also when another fails.
    ///
    /// # Errors
    /// The first that failed.
    pub fn start(&self, place: Place<'_>) -> Result<(), Failure> {
        let ready_made = |tool: &str, name: &String| Command::argv(&[tool, "start", name]);
        let containers = self.docker.iter().rev().map(|name| ready_made("docker", name));
        let units = self.systemd.iter().rev().map(|name| ready_made("systemctl", name));
        let own = self.start.iter().cloned();
        let outcomes: Vec<_> = containers
            .chain(units)
            .chain(own)
            .map(|command| command.run(place, self.timeout))
            .collect();
        outcomes.into_iter().collect()
    }
}
