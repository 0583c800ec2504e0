//! Whether what runs on the live state is well: a command or a page over HTTP, asked several times.

use std::fmt;
use std::time::{Duration, Instant};

use super::Place;
use super::command::{Command, Failure, tail};

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A command: exit code 0 is well.
    Command(Command),
    /// A page, `http://…`: a status from 200 to 399 is well.
    Url(String),
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => command.fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// How to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What to ask, if anything.
    pub check: Option<Check>,
    /// How long one try may take.
    pub timeout: Duration,
    /// How often to try again.
    pub retries: u32,
    /// How long to wait between two tries.
    pub interval: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            check: None,
            timeout: Duration::from_secs(10),
            retries: 2,
            interval: Duration::from_secs(1),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All is well.
    pub healthy: bool,
    /// What was asked.
    pub check: String,
    /// How often.
    pub attempts: u32,
    /// How long it took in all.
    pub elapsed: Duration,
    /// What is wrong, by the last try.
    pub problem: Option<Failure>,
}

impl Health {
    /// Asks until the answer is good or the tries are used up. Nothing when there is nothing to ask.
    pub fn ask(&self, place: Place<'_>) -> Option<Outcome> {
        let check = self.check.as_ref()?;
        let start = Instant::now();
        let mut attempts = 0;
        let problem = loop {
            attempts += 1;
            let answer = match check {
                Check::Command(command) => command.run(place, self.timeout),
                Check::Url(url) => get(url, self.timeout),
            };
            match answer {
                Ok(()) => break None,
                Err(failure) if attempts > self.retries => break Some(failure),
                Err(_) => std::thread::sleep(self.interval),
            }
        };
        Some(Outcome {
            healthy: problem.is_none(),
            check: check.to_string(),
            attempts,
            elapsed: start.elapsed(),
            problem,
        })
    }
}

fn get(url: &str, timeout: Duration) -> Result<(), Failure> {
    /// How much of a bad answer is looked at.
    const BODY: u64 = 4096;
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("envgit/", env!("CARGO_PKG_VERSION")))
        .build();
    let fails = |what: String, output| Failure {
        command: url.to_owned(),
        what,
        output,
    };
    let mut response = ureq::Agent::new_with_config(config)
        .get(url)
        .call()
        .map_err(|error| fails(format!("does not answer: {error}"), Vec::new()))?;
    let status = response.status();
    if (200..400).contains(&status.as_u16()) {
        return Ok(());
    }
    let body = response.body_mut().with_config().limit(BODY).read_to_string();
    Err(fails(format!("answers {status}"), tail(&body.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers the requests one after the other, and hands back its address.
    fn server(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]);
                let _ = write!(stream, "HTTP/1.1 {answer}");
            }
        });
        format!("http://{address}/health")
    }

    fn ask(check: Check, retries: u32) -> Outcome {
        let health = Health {
            check: Some(check),
            retries,
            interval: Duration::from_millis(1),
            ..Health::default()
        };
        let env = [("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
        let place = Place {
            cwd: "/".as_ref(),
            env: &env,
        };
        health.ask(place).unwrap()
    }

    #[test]
    fn it_asks_again_until_all_is_well() {
        let url = server(&[
            "503 Service Unavailable\r\ncontent-length: 8\r\nconnection: close\r\n\r\nloading\n",
            "200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ]);
        let outcome = ask(Check::Url(url), 3);
        assert!(outcome.healthy, "{outcome:?}");
        assert_eq!((outcome.attempts, outcome.problem), (2, None));
    }

    #[test]
    fn a_bad_answer_is_told() {
        let url = server(&["500 Internal Server Error\r\ncontent-length: 11\r\nconnection: close\r\n\r\nno weights\n"]);
        let outcome = ask(Check::Url(url.clone()), 0);
        assert!(!outcome.healthy);
        let told = outcome.problem.unwrap().to_string();
        assert_eq!(
            told,
            format!("`{url}` answers 500 Internal Server Error\n  | no weights")
        );
    }

    #[test]
    fn a_redirect_is_an_answer_and_is_not_followed() {
        let url =
            server(&["302 Found\r\nlocation: https://example.org/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]);
        assert!(ask(Check::Url(url), 0).healthy);
    }

    #[test]
    fn nobody_there_is_told_after_all_tries() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let outcome = ask(Check::Url(url), 2);
        assert_eq!((outcome.healthy, outcome.attempts), (false, 3));
        assert!(outcome.problem.unwrap().what.starts_with("does not answer: "));
    }

    #[test]
    fn a_command_is_asked() {
        assert!(ask(Check::Command(Command::Shell("true".into())), 0).healthy);
        assert!(!ask(Check::Command(Command::Shell("false".into())), 1).healthy);
    }
}
