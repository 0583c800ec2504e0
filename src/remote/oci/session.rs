//! Being let in: what a registry asks for with status 401, and the tokens it then wants
//! (<https://distribution.github.io/distribution/spec/auth/token/>).

use std::sync::Mutex;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, StatusCode};
use serde::Deserialize;

use super::credentials::{self, Credentials};
use crate::remote::address::Oci;
use crate::remote::endpoint::{Answer, Asked, Endpoint, Head, Payload};
use crate::remote::http::is_loopback;
use crate::remote::{Error, Surroundings, login};

/// A registry, and what lets one in.
pub(super) struct Session {
    pub(super) endpoint: Endpoint,
    place: Oci,
    surroundings: Surroundings,
    authorization: Mutex<Option<HeaderValue>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Session {
    pub(super) fn new(endpoint: Endpoint, place: &Oci, surroundings: &Surroundings) -> Self {
        Self {
            endpoint,
            place: place.clone(),
            surroundings: surroundings.clone(),
            authorization: Mutex::new(None),
        }
    }

    /// Sends a request, and once more when it was refused for want of a token or because one is too old.
    pub(super) fn send(&self, asked: Asked, head: impl Fn() -> Head, payload: Payload) -> Result<Answer, Error> {
        let with_authorization = || match self.authorization() {
            Some(value) => head().header(AUTHORIZATION, value),
            None => head(),
        };
        let answer = self.endpoint.send(asked, with_authorization, payload)?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(value) = self.log_in(asked, &answer)? else {
            return Ok(answer);
        };
        if let Ok(mut held) = self.authorization.lock() {
            *held = Some(value);
        }
        self.endpoint.send(asked, with_authorization, payload)
    }

    /// What lets one in, as far as is known yet.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        self.authorization.lock().ok().and_then(|held| held.clone())
    }

    /// The header that a challenge asks for.
    fn log_in(&self, asked: Asked, answer: &Answer) -> Result<Option<HeaderValue>, Error> {
        let denied = |problem: String| Error::Denied {
            remote: self.endpoint.address.clone(),
            problem,
        };
        let credentials = credentials::find(&self.place.host, &self.place.name, &self.surroundings).map_err(denied)?;
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter();
        let Some(challenge) = challenges
            .filter_map(|value| Challenge::parse(value.to_str().ok()?))
            .next()
        else {
            return Ok(None);
        };
        let text = match (challenge, &credentials) {
            (Challenge::Basic, Some(Credentials::Password(user, password))) => login::basic(user, password),
            (Challenge::Basic, _) => return Ok(None),
            (Challenge::Bearer { realm, service }, _) => {
                let is_safe =
                    |uri: &http::Uri| uri.scheme_str() == Some("https") || uri.host().is_some_and(is_loopback);
                let uri: Option<http::Uri> = realm.parse().ok();
                if !uri.as_ref().is_some_and(is_safe) {
                    return Err(denied(format!("it sends to {realm:?} for tokens, which is not https")));
                }
                format!("Bearer {}", self.fetch_token(asked, &realm, &service, credentials)?)
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| denied("its token is no text".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn fetch_token(
        &self,
        asked: Asked,
        realm: &str,
        service: &str,
        credentials: Option<Credentials>,
    ) -> Result<String, Error> {
        // Without credentials only reading may be granted; asking for more is then no refusal.
        let scope = format!("repository:{}:pull,push,delete", self.place.name);
        let query = [("service", service), ("scope", &scope)].map(|(name, value)| format!("{name}={}", encode(value)));
        let body = match &credentials {
            Some(Credentials::Identity(token)) => Some(format!(
                "grant_type=refresh_token&client_id=envgit&refresh_token={}&{}",
                encode(token),
                query.join("&")
            )),
            _ => None,
        };
        let mark = if realm.contains('?') { '&' } else { '?' };
        let head = || match &credentials {
            Some(Credentials::Identity(_)) => Request::builder()
                .method(Method::POST)
                .uri(realm)
                .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
            other => {
                let head = Request::builder().uri(format!("{realm}{mark}{}", query.join("&")));
                match other {
                    Some(Credentials::Password(user, password)) => {
                        head.header(AUTHORIZATION, login::basic(user, password))
                    }
                    _ => head,
                }
            }
        };
        let body = body.as_deref().map(str::as_bytes);
        let payload = body.as_ref().map_or(Payload::Nothing, |body| Payload::Body(body));
        let answer = self.endpoint.send(asked, head, payload)?;
        if !answer.status().is_success() {
            return Err(self.endpoint.refusal(asked, answer));
        }
        let text = answer.into_body().read_to_vec().unwrap_or_default();
        let token: Option<Token> = serde_json::from_slice(&text).ok();
        let token = token.map(|token| {
            if token.token.is_empty() {
                token.access_token
            } else {
                token.token
            }
        });
        token.filter(|token| !token.is_empty()).ok_or_else(|| Error::Denied {
            remote: self.endpoint.address.clone(),
            problem: format!("{realm} gave no token"),
        })
    }
}

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: String },
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        // `name="value"` with commas between, which values may hold too.
        let value = |name: &str| {
            let at = rest.find(&format!("{name}=\""))?;
            let is_whole = at == 0 || matches!(rest.as_bytes()[at - 1], b',' | b' ');
            let value = &rest[at + name.len() + 2..];
            is_whole.then(|| value.split('"').next().unwrap_or_default().to_owned())
        };
        Some(Self::Bearer {
            realm: value("realm")?,
            service: value("service").unwrap_or_default(),
        })
    }
}

/// For a query: all but what is never special.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_understood() {
        let bearer = |realm: &str, service: &str| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.to_owned(),
            })
        };
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(
            Challenge::parse("Bearer realm=\"https://a/b\",service=\"s,t\",scope=\"repository:x:pull,push\""),
            bearer("https://a/b", "s,t")
        );
        assert_eq!(
            Challenge::parse("bearer service=\"s\", realm=\"https://a\""),
            bearer("https://a", "s")
        );
        assert_eq!(Challenge::parse("Bearer xrealm=\"https://a\""), None);
        assert_eq!(Challenge::parse("Negotiate"), None);
        assert_eq!(encode("repository:a/b:pull,push"), "repository%3Aa%2Fb%3Apull%2Cpush");
    }
}
