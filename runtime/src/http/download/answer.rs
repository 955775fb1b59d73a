//! What the head of an answer says about the file and the range that was asked for. Pure: headers in, meaning out.

use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT_RANGES, AsHeaderName, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    HeaderMap, LAST_MODIFIED,
};

use super::error::{Error, Stop};
use super::request::Request;
use crate::http::http_date;

/// The longest validator and content type that are kept.
const LONGEST_VALIDATOR: usize = 512;
/// How much older than the answer a date of change has to be to tell two versions apart.
const SETTLED_SECONDS: i64 = 60;

/// What is known of a file as the server has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) total: Option<u64>,
    pub(super) validator: Option<Validator>,
    pub(super) content_type: Option<String>,
    /// Whether the server says that it gives ranges.
    pub(super) ranges: bool,
}

/// What tells one version of a file from another, byte by byte. Weak tags do not, and are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Validator {
    Etag(String),
    Modified(String),
}

/// A range as it was asked for: from `at` to the byte before `end`, or to the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) at: u64,
    pub(super) end: Option<u64>,
    /// Whether a range was asked for at all.
    pub(super) range: bool,
}

/// What an answer brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The file from its start.
    Whole(Entity),
    /// The file from where it was asked for, up to the byte before `end`, of `total`.
    Part { end: u64, total: u64 },
    /// Nothing: the file ends where it was asked to go on.
    Complete,
}

/// What a `Content-Range` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentRange {
    /// From the first byte to the last, both inclusive, of so many.
    Part { first: u64, last: u64, total: Option<u64> },
    /// There is no such range in so many bytes.
    Unsatisfied { total: u64 },
}

impl Validator {
    /// The strong validator among `headers`.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key(ETAG) {
            return text(headers, ETAG).filter(|tag| is_strong(tag)).map(|tag| Self::Etag(tag.to_owned()));
        }
        let modified = text(headers, LAST_MODIFIED).filter(|text| text.len() <= LONGEST_VALIDATOR)?;
        let answered = http_date(text(headers, DATE)?)?;
        let settled = answered.checked_sub(http_date(modified)?)? >= SETTLED_SECONDS;
        settled.then(|| Self::Modified(modified.to_owned()))
    }

    /// As `If-Range` wants it.
    pub(super) fn as_str(&self) -> &str {
        let (Self::Etag(text) | Self::Modified(text)) = self;
        text
    }
}

impl Entity {
    /// The file that an answer with status 200 brings.
    fn of(headers: &HeaderMap) -> Self {
        Self {
            total: text(headers, CONTENT_LENGTH).and_then(number),
            validator: Validator::of(headers),
            content_type: text(headers, CONTENT_TYPE)
                .filter(|kind| kind.len() <= LONGEST_VALIDATOR)
                .map(str::to_owned),
            ranges: text(headers, ACCEPT_RANGES).is_some_and(|unit| unit.eq_ignore_ascii_case("bytes")),
        }
    }

    /// Whether several ranges may be fetched side by side and make one file.
    pub(super) fn is_divisible(&self) -> bool {
        self.ranges && matches!(self.validator, Some(Validator::Etag(_)))
    }
}

/// What an answer means to whoever `asked`, and knows `known` of the file.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    asked: Asked,
    known: Option<&Entity>,
) -> Result<Meaning, Stop> {
    match status {
        StatusCode::OK => plain(headers).map(|()| Meaning::Whole(Entity::of(headers))).map_err(Stop::from),
        StatusCode::PARTIAL_CONTENT => {
            plain(headers)?;
            part(headers, asked, known)
        }
        StatusCode::RANGE_NOT_SATISFIABLE if asked.range => unsatisfied(headers, asked, known),
        _ => Err(Error::range(format!("status {}", status.as_u16())).into()),
    }
}

fn part(headers: &HeaderMap, asked: Asked, known: Option<&Entity>) -> Result<Meaning, Stop> {
    let said = text(headers, CONTENT_RANGE).unwrap_or_default();
    let Some(ContentRange::Part { first, last, total }) = content_range(said) else {
        return Err(Error::range(format!("`Content-Range: {}`", shortened(said))).into());
    };
    if !asked.range {
        return Err(Error::range("a range, where the whole file was asked for").into());
    }
    if known.is_some_and(|known| differs(headers, known)) {
        return Err(Stop::Again("another ETag"));
    }
    let known_total = known.and_then(|known| known.total);
    if let (Some(known), Some(total)) = (known_total, total)
        && known != total
    {
        return Err(Stop::Again("another length"));
    }
    // Without any total nobody can tell where the file ends.
    let Some(total) = total.or(known_total) else { return Err(Stop::Again("a range of unknown length")) };
    let beyond = asked.end.unwrap_or(total);
    if first != asked.at || last >= beyond {
        let wanted = format!("bytes {}-{} of {total}", asked.at, beyond.saturating_sub(1));
        return Err(Error::range(format!("bytes {first}-{last}, where {wanted} were asked for")).into());
    }
    let length = last - first + 1;
    match text(headers, CONTENT_LENGTH).map(number) {
        None => Ok(Meaning::Part { end: last + 1, total }),
        Some(Some(said)) if said == length => Ok(Meaning::Part { end: last + 1, total }),
        Some(_) => Err(Error::range("its length is not that of its range").into()),
    }
}

/// No byte is left after those that are here: they are all, or the file is another one by now.
fn unsatisfied(headers: &HeaderMap, asked: Asked, known: Option<&Entity>) -> Result<Meaning, Stop> {
    let said = text(headers, CONTENT_RANGE).and_then(content_range);
    let known_total = known.and_then(|known| known.total);
    match said {
        Some(ContentRange::Unsatisfied { total }) if total == asked.at && known_total.is_none() => {
            if known.is_some_and(|known| differs(headers, known)) {
                return Err(Stop::Again("another ETag"));
            }
            Ok(Meaning::Complete)
        }
        _ => Err(Stop::Again("the range is not there any more")),
    }
}

/// Whether an answer names another version than the known one. One that names none is taken at its word: it was asked
/// for this version.
fn differs(headers: &HeaderMap, known: &Entity) -> bool {
    match (&known.validator, text(headers, ETAG)) {
        (Some(Validator::Etag(known)), Some(tag)) => known != tag,
        (Some(Validator::Modified(_)), Some(_)) => true,
        _ => false,
    }
}

/// That the bytes of the answer are those of the file.
fn plain(headers: &HeaderMap) -> Result<(), Error> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    match encodings.find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        Some(encoding) => {
            let encoding = shortened(&String::from_utf8_lossy(encoding.as_bytes()));
            Err(Error::Encoded { encoding })
        }
        None => Ok(()),
    }
}

/// That the file is one that `request` wants: its kind and its length.
pub(super) fn check(entity: &Entity, request: &Request) -> Result<(), Error> {
    let allowed = &request.limits.content_types;
    let found = entity.content_type.as_deref().unwrap_or_default();
    if !allowed.is_empty() && !allowed.iter().any(|allowed| is_type(found, allowed)) {
        return Err(Error::ContentType { found: shortened(found), allowed: allowed.clone() });
    }
    let Some(total) = entity.total else { return Ok(()) };
    check_length(total, request)
}

/// That a file of `total` bytes is one that `request` wants.
pub(super) fn check_length(total: u64, request: &Request) -> Result<(), Error> {
    if let Some(expected) = request.expected.size.filter(|expected| *expected != total) {
        return Err(Error::Size { expected, found: total });
    }
    if total > request.limits.bytes {
        return Err(Error::TooLarge { limit: request.limits.bytes });
    }
    Ok(())
}

fn is_type(found: &str, allowed: &str) -> bool {
    let found = found.split(';').next().unwrap_or_default().trim();
    match allowed.strip_suffix("/*") {
        Some(kind) => found.split_once('/').is_some_and(|(found, _)| found.eq_ignore_ascii_case(kind)),
        None => found.eq_ignore_ascii_case(allowed),
    }
}

/// Reads the value of a `Content-Range`: `bytes 0-4/10`, `bytes 0-4/*` or `bytes */10`.
pub(super) fn content_range(value: &str) -> Option<ContentRange> {
    let (unit, range) = value.trim().split_once(' ')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (range, total) = range.trim().split_once('/')?;
    if range == "*" {
        return Some(ContentRange::Unsatisfied { total: number(total)? });
    }
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let total = if total == "*" { None } else { Some(number(total)?) };
    let sound = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
    sound.then_some(ContentRange::Part { first, last, total })
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Whether `tag` is one that tells versions apart byte by byte: quoted, without the mark of a weak one.
pub(super) fn is_strong(tag: &str) -> bool {
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"') && !inner.contains('\t')) && tag.len() <= LONGEST_VALIDATOR
}

pub(super) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// At most 80 characters of what a server said, for an error.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn known() -> Entity {
        Entity { total: Some(100), validator: Some(Validator::Etag("\"a\"".into())), ..Entity::default() }
    }

    const FROM_FORTY: Asked = Asked { at: 40, end: None, range: true };

    #[test]
    fn content_ranges_are_read() {
        let part = |first, last, total| Some(ContentRange::Part { first, last, total });
        assert_eq!(content_range("bytes 0-4/10"), part(0, 4, Some(10)));
        assert_eq!(content_range("Bytes 0-4/*"), part(0, 4, None));
        assert_eq!(content_range("bytes */10"), Some(ContentRange::Unsatisfied { total: 10 }));
        for wrong in [
            "",
            "bytes",
            "bytes 0-4",
            "bytes 4-0/10",
            "bytes 0-10/10",
            "bytes +0-4/10",
            "bytes 0-4/-1",
            "bytes */*",
            "octets 0-4/10",
            "bytes 0-18446744073709551615/*",
            "bytes 0-4/99999999999999999999",
        ] {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn any_content_range_is_read_or_refused() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut read = 0;
        for _ in 0..200_000 {
            let mut text =
                format!("bytes {}-{}/{}", random.u8(..), random.u32(..), random.u64(..)).into_bytes();
            for _ in 0..random.usize(0..4) {
                let at = random.usize(0..text.len());
                text[at] = *random.choice(b"bytes 0123456789-/*+").unwrap();
            }
            text.truncate(random.usize(0..40));
            let text = String::from_utf8(text).unwrap();
            if let Some(ContentRange::Part { first, last, total }) = content_range(&text) {
                read += 1;
                assert!(first <= last && total.is_none_or(|total| last < total), "{text}");
            }
        }
        assert!(read > 1_000, "{read}");
    }

    #[test]
    fn only_strong_validators_are_kept() {
        let of = |pairs: &[_]| Validator::of(&headers(pairs));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let later = "Sun, 06 Nov 1994 08:50:37 GMT";
        assert_eq!(of(&[("etag", "\"a\"")]), Some(Validator::Etag("\"a\"".into())));
        for weak in ["W/\"a\"", "a", "\"a", "\"", "\"a\"b\"", ""] {
            assert_eq!(of(&[("etag", weak), ("last-modified", date), ("date", later)]), None, "{weak}");
        }
        assert_eq!(
            of(&[("last-modified", date), ("date", later)]),
            Some(Validator::Modified(date.to_owned()))
        );
        assert_eq!(of(&[("last-modified", date), ("date", date)]), None);
        assert_eq!(of(&[("last-modified", date)]), None);
    }

    #[test]
    fn a_range_has_to_be_the_one_that_was_asked_for() {
        let read = |range: &str, length: &str, tag: &str| {
            let headers = headers(&[("content-range", range), ("content-length", length), ("etag", tag)]);
            read(StatusCode::PARTIAL_CONTENT, &headers, FROM_FORTY, Some(&known()))
        };
        let part = Meaning::Part { end: 100, total: 100 };
        assert_eq!(read("bytes 40-99/100", "60", "\"a\"").unwrap(), part);
        assert_eq!(read("bytes 40-99/*", "60", "\"a\"").unwrap(), part);
        assert_eq!(read("bytes 40-49/100", "10", "\"a\"").unwrap(), Meaning::Part { end: 50, total: 100 });
        assert!(matches!(read("bytes 40-99/100", "60", "\"b\""), Err(Stop::Again(_))));
        assert!(matches!(read("bytes 40-109/110", "70", "\"a\""), Err(Stop::Again(_))));
        for (range, length) in
            [("bytes 30-99/100", "70"), ("bytes 41-99/100", "59"), ("bytes 40-99/100", "61"), ("x", "60")]
        {
            let read = read(range, length, "\"a\"");
            assert!(matches!(read, Err(Stop::Failed(Error::Range { .. }))), "{range}: {read:?}");
        }
    }

    #[test]
    fn a_range_that_is_not_there_says_where_the_file_ends() {
        let read = |range: &str, total| {
            let known = Entity { total, ..known() };
            let headers = headers(&[("content-range", range)]);
            read(StatusCode::RANGE_NOT_SATISFIABLE, &headers, FROM_FORTY, Some(&known))
        };
        assert_eq!(read("bytes */40", None).unwrap(), Meaning::Complete);
        assert!(matches!(read("bytes */30", None), Err(Stop::Again(_))));
        assert!(matches!(read("bytes */40", Some(100)), Err(Stop::Again(_))));
        assert!(matches!(read("nonsense", None), Err(Stop::Again(_))));
    }

    #[test]
    fn content_types_are_compared_without_their_parameters() {
        assert!(is_type("Application/JSON; charset=utf-8", "application/json"));
        assert!(is_type("image/png", "image/*") && !is_type("imagery/png", "image/*"));
        assert!(!is_type("text/html", "application/octet-stream") && !is_type("", "text/*"));
    }
}
