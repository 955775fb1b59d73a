//! How requests authenticate: where the key comes from and where it goes. The scheme is constant data of a
//! generated crate; the key is a [`Secret`] that is put into each request anew and kept nowhere else.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// How the requests of a provider authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthScheme {
    /// Not at all.
    None,
    /// `Authorization: Bearer KEY`.
    Bearer {
        /// Environment variables that may hold the key, the first that is set.
        env: &'static [&'static str],
        /// Requests may go without a key.
        optional: bool,
    },
    /// The key in a header of its own.
    Header {
        /// The header, in lower case.
        name: &'static str,
        /// Environment variables that may hold the key, the first that is set.
        env: &'static [&'static str],
    },
    /// The key as a query parameter.
    Query {
        /// The parameter.
        name: &'static str,
        /// Environment variables that may hold the key, the first that is set.
        env: &'static [&'static str],
    },
}

impl AuthScheme {
    /// The environment variables that may hold the key.
    pub const fn variables(&self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Bearer { env, .. } | Self::Header { env, .. } | Self::Query { env, .. } => env,
        }
    }

    /// Whether requests may go without a key.
    pub const fn is_optional(&self) -> bool {
        matches!(self, Self::None | Self::Bearer { optional: true, .. })
    }

    /// The key that was given, or else the first that the environment holds.
    pub(crate) fn key(
        &self,
        provider: &'static str,
        given: Option<Secret>,
        environment: bool,
    ) -> Result<Option<Secret>> {
        let given = given.filter(|key| !key.is_blank());
        let found = given.or_else(|| if environment { from_environment(self.variables()) } else { None });
        if found.is_none() && !self.is_optional() {
            return Err(Error::MissingKey { provider, variables: self.variables() });
        }
        Ok(found)
    }

    /// Puts the key into the headers, marked as sensitive, if that is where it goes.
    pub(crate) fn sign(&self, provider: &'static str, key: &Secret, headers: &mut HeaderMap) -> Result<()> {
        let (name, text) = match self {
            Self::None | Self::Query { .. } => return Ok(()),
            Self::Bearer { .. } => (AUTHORIZATION, Zeroizing::new(format!("Bearer {}", key.expose().trim()))),
            Self::Header { name, .. } => {
                (HeaderName::from_static(name), Zeroizing::new(key.expose().trim().to_owned()))
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| Error::InvalidKey { provider })?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }

    /// The query parameter that holds the key, if that is where it goes.
    pub(crate) fn query<'a>(&self, key: &'a Secret) -> Option<(&'static str, &'a str)> {
        if let Self::Query { name, .. } = self { Some((name, key.expose().trim())) } else { None }
    }
}

fn from_environment(variables: &[&str]) -> Option<Secret> {
    let set = variables.iter().filter_map(|name| std::env::var(name).ok());
    set.map(Secret::from).find(|key| !key.is_blank())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEARER: AuthScheme = AuthScheme::Bearer { env: &["TYPEWRIGHT_TEST_NO_SUCH_KEY"], optional: false };

    #[test]
    fn a_key_goes_where_the_scheme_says_and_is_sensitive() {
        let mut headers = HeaderMap::new();
        let key = Secret::from(" k-1\n");
        assert!(BEARER.sign("acme", &key, &mut headers).is_ok());
        assert_eq!(headers[AUTHORIZATION], "Bearer k-1");
        assert!(headers[AUTHORIZATION].is_sensitive());
        let query = AuthScheme::Query { name: "key", env: &[] };
        assert_eq!(query.query(&key), Some(("key", "k-1")));
        assert_eq!(BEARER.query(&key), None);
    }

    #[test]
    fn a_missing_key_is_told_by_name() {
        let missing = BEARER.key("acme", Some(Secret::from("  ")), true);
        assert!(missing.is_err_and(|error| error.to_string().contains("TYPEWRIGHT_TEST_NO_SUCH_KEY")));
        let optional = AuthScheme::Bearer { env: &[], optional: true };
        assert!(optional.key("acme", None, true).is_ok_and(|key| key.is_none()));
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_and_not_shown() {
        let refused = BEARER.sign("acme", &Secret::from("sk-\u{7f}x"), &mut HeaderMap::new());
        assert!(refused.is_err_and(|error| !format!("{error} {error:?}").contains("sk-")));
    }
}
