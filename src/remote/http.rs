//! The one HTTP client of all remotes, synchronous: ureq over rustls with ring.
//!
//! OpenDAL uses it too (`store/fetch.rs`).

use std::path::Path;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::uri::{Scheme, Uri};
use http::{Request, Response};
use ureq::config::RedirectAuthHeaders;
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody};

use super::Surroundings;

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a connection may stand still.
const IDLE: Duration = Duration::from_secs(120);
/// The same for the addresses at which clouds tell machines who they are, which elsewhere nobody answers.
const METADATA: Duration = Duration::from_secs(1);

/// Where systems keep the certificates that they trust, in the order of openssl-probe.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A client with its connections, which are used again.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
}

impl Client {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        let tls = TlsConfig::builder().root_certs(roots(surroundings)).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(IDLE))
            .timeout_per_write(Some(IDLE))
            .max_idle_connections_per_host(8)
            .tls_config(tls)
            .user_agent(concat!("envgit/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: Agent::new_with_config(config),
        }
    }

    /// Sends a request and waits for the head of the answer, whatever its status.
    pub(super) fn run(&self, request: Request<impl AsSendBody>) -> Result<Response<ureq::Body>, ureq::Error> {
        let request = to_this_machine(request);
        let host = request.uri().host().unwrap_or_default().to_owned();
        let mut config = self.agent.configure_request(request);
        if is_loopback(&host) {
            config = config.proxy(None);
        }
        if matches!(
            host.as_str(),
            "169.254.169.254" | "169.254.170.2" | "metadata.google.internal" | "100.100.100.200"
        ) {
            config = config
                .proxy(None)
                .timeout_resolve(Some(METADATA))
                .timeout_connect(Some(METADATA));
        }
        self.agent.run(config.build())
    }
}

/// All names below localhost are this machine (RFC 6761), but many resolvers do not know them. So clients reach a server of
/// buckets here that are named in front of its name.
fn to_this_machine<T>(request: Request<T>) -> Request<T> {
    let (mut parts, body) = request.into_parts();
    let named = parts.uri.authority().cloned();
    if let Some(named) = named.filter(|named| is_below_localhost(named.host()))
        && parts.uri.scheme() == Some(&Scheme::HTTP)
        && let Ok(host) = HeaderValue::from_str(named.as_str())
    {
        let port = named.port().map_or(String::new(), |port| format!(":{port}"));
        let mut uri = std::mem::take(&mut parts.uri).into_parts();
        uri.authority = format!("localhost{port}").parse().ok();
        parts.uri = Uri::from_parts(uri).unwrap_or_default();
        parts.headers.entry(HOST).or_insert(host);
    }
    Request::from_parts(parts, body)
}

fn is_below_localhost(host: &str) -> bool {
    host.to_ascii_lowercase().ends_with(".localhost")
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || is_below_localhost(host) || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The certificates that this system trusts, else those that browsers do.
fn roots(surroundings: &Surroundings) -> RootCerts {
    let own = surroundings.var(&["SSL_CERT_FILE"]);
    let bundle = own
        .into_iter()
        .chain(BUNDLES.iter().copied())
        .find_map(|path| std::fs::read(Path::new(path)).ok());
    let items = bundle.iter().flat_map(|pem| ureq::tls::parse_pem(pem));
    let certificates: Vec<_> = items
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => RootCerts::WebPki,
        false => RootCerts::from(certificates),
    }
}

/// Whether the same request may succeed a little later.
pub(super) fn is_temporary(error: &ureq::Error) -> bool {
    match error {
        // These took long enough.
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => false,
        ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => error.kind() != std::io::ErrorKind::InvalidInput && !is_unknown_host(error),
        _ => false,
    }
}

/// Whether a server was not reached at all, and how that is said.
pub(super) fn unreachable(error: &ureq::Error) -> Option<String> {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    match error {
        ureq::Error::HostNotFound => Some("there is no host of that name".to_owned()),
        ureq::Error::Io(error) if is_unknown_host(error) => Some("there is no host of that name".to_owned()),
        ureq::Error::ConnectionFailed => Some("no connection was accepted".to_owned()),
        ureq::Error::Timeout(what) => Some(format!("it did not answer in time ({what})")),
        ureq::Error::Rustls(error) => Some(format!("TLS failed: {error}")),
        ureq::Error::Io(error)
            if matches!(
                error.kind(),
                ConnectionRefused | HostUnreachable | NetworkUnreachable | TimedOut
            ) =>
        {
            Some(error.to_string())
        }
        _ => None,
    }
}

/// Whether the resolver said no. The standard library has only words for it.
fn is_unknown_host(error: &std::io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address information")
}

/// Whether requests of a kind have a body even when it is empty.
pub(super) fn has_body(method: &http::Method) -> bool {
    matches!(*method, http::Method::PUT | http::Method::POST | http::Method::PATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_localhost_are_this_machine() {
        let sent = |uri: &str| {
            let request = to_this_machine(Request::get(uri).body(()).unwrap());
            let host = request
                .headers()
                .get(HOST)
                .map(|host| host.to_str().unwrap().to_owned());
            (request.uri().to_string(), host)
        };
        let named = (
            "http://localhost:80/a?b=c".to_owned(),
            Some("team.localhost:80".to_owned()),
        );
        assert_eq!(sent("http://team.localhost:80/a?b=c"), named);
        assert_eq!(sent("http://team.LocalHost/").0, "http://localhost/");
        for other in [
            "http://localhost:80/",
            "http://notlocalhost/",
            "https://team.localhost/",
        ] {
            assert_eq!(sent(other), (other.to_owned(), None));
        }
        assert!(is_loopback("team.localhost") && !is_loopback("localhost.team"));
    }
}
