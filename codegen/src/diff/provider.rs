//! The catalog half of a provider: its client, where it is, how it authenticates.

use super::kind::Kind;
use super::{Log, ProviderState, Side, models, options, text, wire};
use crate::emit::view::key_variables;
use crate::ir::provider::{Auth, Provider, Transport};

/// Everything that changed in a provider that is there before and after.
pub(super) fn compare(old: &ProviderState, new: &ProviderState, log: &mut Log<'_>) {
    let (was, is) = (&old.provider, &new.provider);
    let at = is.span;
    let name = |provider: &Provider| Some(text::code(&provider.type_name));
    log.value(Kind::ClientRenamed, at, "the client type".to_owned(), name(was), name(is));
    let transport = |provider: &Provider| {
        Some(text::code(match provider.transport {
            Transport::Http => "http",
            Transport::Local => "local",
        }))
    };
    log.value(Kind::TransportChanged, at, "the transport".to_owned(), transport(was), transport(is));
    let url = |provider: &Provider| Some(text::code(&provider.base_url));
    log.value(Kind::BaseUrlChanged, at, "the base URL".to_owned(), url(was), url(is));
    base_url_env(was, is, log);
    auth(was, is, log);
    headers(was, is, log);
    let dialect = |provider: &Provider| Some(text::code(&provider.dialect));
    log.value(Kind::DialectNamed, at, "the wire's name".to_owned(), dialect(was), dialect(is));
    docs(was, is, log);
    options::compare(was, is, log);
    // Without a wire there is none to compare.
    if [was, is].iter().all(|provider| provider.transport == Transport::Http) {
        wire::compare(old, new, log);
    }
    models::compare(was, is, log);
}

fn base_url_env(was: &Provider, is: &Provider, log: &mut Log<'_>) {
    if was.base_url_env == is.base_url_env {
        return;
    }
    let what = |name: &str| format!("the variable {} for the base URL", text::code(name));
    if let Some(name) = &was.base_url_env {
        log.base(Kind::BaseUrlEnvRemoved, was.span, what(name));
    }
    if let Some(name) = &is.base_url_env {
        log.now(Kind::BaseUrlEnvAdded, is.span, what(name));
    }
}

fn auth(was: &Provider, is: &Provider, log: &mut Log<'_>) {
    if was.auth == is.auth {
        return;
    }
    let (from, to) = (Some(scheme(&was.auth)), Some(scheme(&is.auth)));
    let kind = match (&was.auth, &is.auth) {
        (_, Auth::None) => Kind::KeyDropped,
        (was, is) if needs_key(is) && !needs_key(was) => Kind::KeyDemanded,
        (was, is) if needs_key(was) && !needs_key(is) => Kind::KeyOptional,
        _ => Kind::KeySchemeChanged,
    };
    log.value(kind, is.span, "the key".to_owned(), from, to);
    // Without a key before or after, its variables are part of that.
    if was.auth != Auth::None && is.auth != Auth::None {
        key_env(was, is, log);
    }
}

fn needs_key(auth: &Auth) -> bool {
    !matches!(auth, Auth::None | Auth::Bearer { optional: true, .. })
}

fn scheme(auth: &Auth) -> String {
    match auth {
        Auth::None => "none".to_owned(),
        Auth::Bearer { optional: true, .. } => "bearer, if there is one".to_owned(),
        Auth::Bearer { .. } => "bearer".to_owned(),
        Auth::Header { name, .. } => format!("in the header {}", text::code(name)),
        Auth::Query { name, .. } => format!("in the parameter {}", text::code(name)),
    }
}

fn key_env(was: &Provider, is: &Provider, log: &mut Log<'_>) {
    let (old, new) = (key_variables(&was.auth), key_variables(&is.auth));
    let what = |name: &str| format!("the variable {} for the key", text::code(name));
    for name in old.iter().filter(|name| !new.contains(name)) {
        log.base(Kind::KeyEnvRemoved, was.span, what(name));
    }
    for name in new.iter().filter(|name| !old.contains(name)) {
        log.now(Kind::KeyEnvAdded, is.span, what(name));
    }
    let common = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|name| others.contains(name)).cloned().collect()
    };
    let (from, to) = (text::list(&common(old, new)), text::list(&common(new, old)));
    log.value(Kind::KeyEnvReordered, is.span, "the order of variables for the key".to_owned(), from, to);
}

fn headers(was: &Provider, is: &Provider, log: &mut Log<'_>) {
    let find = |provider: &Provider, name: &str| {
        let header = provider.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        header.map(|(_, value)| text::code(value))
    };
    for (name, value) in &was.headers {
        if find(is, name).is_none() {
            let (from, what) = (Some(text::code(value)), format!("the header {}", text::code(name)));
            log.values(Kind::HeadersChanged, (Side::Base, was.span), what, from, None);
        }
    }
    for (name, value) in &is.headers {
        let what = format!("the header {}", text::code(name));
        log.value(Kind::HeadersChanged, is.span, what, find(was, name), Some(text::code(value)));
    }
}

fn docs(was: &Provider, is: &Provider, log: &mut Log<'_>) {
    let facts = [
        ("the provider's name for people", Some(&was.display_name), Some(&is.display_name)),
        ("the provider's description", was.description.as_ref(), is.description.as_ref()),
        ("the provider's documentation", was.docs_url.as_ref(), is.docs_url.as_ref()),
    ];
    for (what, from, to) in facts {
        log.value(Kind::DocsChanged, is.span, what.to_owned(), text::maybe(from), text::maybe(to));
    }
}
