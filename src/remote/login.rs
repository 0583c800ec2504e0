//! Credentials for servers that speak HTTP: variables of envgit's own, else `.netrc` as curl and git read it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;

use super::Surroundings;
use super::address::Web;
use super::http::is_loopback;

/// Where these are looked for, for people.
pub(super) const SOURCES: &str = "ENVGIT_HTTP_TOKEN, ENVGIT_HTTP_USER and ENVGIT_HTTP_PASSWORD, or ~/.netrc";

/// The header that logs in, if there are credentials.
///
/// # Errors
/// When they would be sent where everybody on the way can read them.
pub(super) fn header(place: &Web, surroundings: &Surroundings) -> Result<Option<HeaderValue>, String> {
    let uri: http::Uri = place
        .url
        .parse()
        .map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let host = uri.host().unwrap_or_default();
    let Some(value) = value(host, place.user.as_deref(), surroundings) else {
        return Ok(None);
    };
    if uri.scheme_str() != Some("https") && !is_loopback(host) {
        let scheme = if place.is_webdav { "webdavs" } else { "https" };
        return Err(format!(
            "there are credentials for {host}, which are sent by {scheme}:// only"
        ));
    }
    let mut value = HeaderValue::try_from(value).map_err(|_| "the credentials hold control characters".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn value(host: &str, user: Option<&str>, surroundings: &Surroundings) -> Option<String> {
    if let Some(token) = surroundings.var(&["ENVGIT_HTTP_TOKEN"]) {
        return Some(format!("Bearer {token}"));
    }
    let name = user.or_else(|| surroundings.var(&["ENVGIT_HTTP_USER"]));
    if let (Some(name), Some(password)) = (name, surroundings.var(&["ENVGIT_HTTP_PASSWORD"])) {
        return Some(basic(name, password));
    }
    let path = surroundings
        .var(&["NETRC"])
        .map(Into::into)
        .or_else(|| surroundings.in_home(".netrc"))?;
    let (name, password) = netrc(&std::fs::read_to_string(path).ok()?, host, user)?;
    Some(basic(&name, &password))
}

/// HTTP's basic form.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// The first entry for a host, and a user if one is given
/// (<https://everything.curl.dev/usingcurl/netrc.html>).
fn netrc(text: &str, host: &str, user: Option<&str>) -> Option<(String, String)> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(str::split_whitespace);
    let mut is_ours = false;
    let (mut login, mut password) = (None, None);
    let complete = |is_ours: bool, login: &Option<&str>, password: &Option<&str>| {
        let (login, password) = (is_ours.then_some(*login)??, (*password)?);
        user.is_none_or(|user| user == login)
            .then(|| (login.to_owned(), password.to_owned()))
    };
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" => {
                if let Some(found) = complete(is_ours, &login, &password) {
                    return Some(found);
                }
                is_ours = word == "default" || words.next() == Some(host);
                (login, password) = (None, None);
            }
            "login" => login = words.next(),
            "password" => password = words.next(),
            _ => {}
        }
    }
    complete(is_ours, &login, &password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Address;
    use crate::remote::address::Place;

    #[test]
    fn netrc_is_read_as_others_do() {
        let text = "# machine host login x password y\nmachine other login a password b\n\
                    machine host login ann\n password hunter2\nmachine host login bob password c\n\
                    default login guest password d";
        let found = |host: &str, user| netrc(text, host, user).map(|(login, password)| format!("{login}:{password}"));
        assert_eq!(found("host", None).as_deref(), Some("ann:hunter2"));
        assert_eq!(found("host", Some("bob")).as_deref(), Some("bob:c"));
        assert_eq!(found("nowhere", None).as_deref(), Some("guest:d"));
        assert_eq!(netrc("machine host login ann", "host", None), None);
    }

    #[test]
    fn credentials_are_not_sent_in_the_clear() {
        let vars = [("ENVGIT_HTTP_USER", "ann"), ("ENVGIT_HTTP_PASSWORD", "hunter2")];
        let surroundings = Surroundings::new("/".as_ref(), vars.map(|(name, value)| (name.into(), value.into())));
        let header = |address: &str| match Address::parse(address).unwrap().place() {
            Place::Web(web) => header(web, &surroundings),
            _ => panic!("{address}"),
        };
        assert_eq!(header("webdavs://host/x").unwrap().unwrap(), "Basic YW5uOmh1bnRlcjI=");
        assert!(header("webdav://localhost:1/x").unwrap().is_some());
        assert!(header("http://127.0.0.1/x").unwrap().is_some());
        let error = header("webdav://host/x").unwrap_err();
        assert!(
            error.contains("webdavs:// only") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
