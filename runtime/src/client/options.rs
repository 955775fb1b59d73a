//! Options that one provider alone has. A generated `Options` type turns into them.

use std::borrow::Cow;
use std::fmt::Display;

use crate::json::RawJson;
use crate::wire::v1::JsonWriter;

/// Options that only `provider` has, by name.
///
/// The setters of generated code check ranges; the first value outside of its range is kept as the reason why a call
/// with these options is refused before anything is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderOptions {
    /// Whose options these are. Given to another provider's client, they are refused.
    pub provider: &'static str,
    /// The options.
    pub values: Vec<(Cow<'static, str>, RawJson)>,
    refused: Option<String>,
}

impl ProviderOptions {
    /// No options yet.
    pub fn new(provider: &'static str) -> Self {
        Self { provider, values: Vec::new(), refused: None }
    }

    /// Sets `name`, in place of what it was set to before.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: RawJson) {
        let name = name.into();
        self.values.retain(|(other, _)| *other != name);
        self.values.push((name, value));
    }

    /// Sets a boolean.
    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.write(name, |json| json.bool(value));
    }

    /// Sets an integer from `min` to `max`.
    pub fn integer(&mut self, name: &'static str, value: i64, min: Option<i64>, max: Option<i64>) {
        self.check(name, value, min, max);
        self.write(name, |json| json.int(value));
    }

    /// Sets a number from `min` to `max`.
    pub fn number(&mut self, name: &'static str, value: f64, min: Option<f64>, max: Option<f64>) {
        if !value.is_finite() {
            self.refuse(format!("`{name}` is {value}, which is no number"));
            return;
        }
        self.check(name, value, min, max);
        self.write(name, |json| json.float(value));
    }

    /// Sets a text.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.set(name, RawJson::string(value));
    }

    /// Sets a list of texts.
    pub fn texts(&mut self, name: &'static str, values: impl IntoIterator<Item = impl AsRef<str>>) {
        let values: Vec<String> = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
        self.write(name, |json| json.strs(&values));
    }

    /// Why a call to `provider` with these options is refused, if it is.
    pub(super) fn refusal(&self, provider: &str) -> Option<String> {
        if self.provider != provider {
            return Some(format!("the options are those of {}", self.provider));
        }
        self.refused.clone()
    }

    fn check<T: PartialOrd + Display>(&mut self, name: &str, value: T, min: Option<T>, max: Option<T>) {
        if let Some(min) = min.filter(|min| value < *min) {
            self.refuse(format!("`{name}` is {value}, but has to be at least {min}"));
        } else if let Some(max) = max.filter(|max| value > *max) {
            self.refuse(format!("`{name}` is {value}, but has to be at most {max}"));
        }
    }

    fn refuse(&mut self, reason: String) {
        self.refused.get_or_insert(reason);
    }

    fn write(&mut self, name: &'static str, write: impl FnOnce(&mut JsonWriter)) {
        let mut json = JsonWriter::new();
        write(&mut json);
        self.set(name, RawJson::trusted(&json.into_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_and_the_last_one_holds() {
        let mut options = ProviderOptions::new("acme");
        options.flag("store", true);
        options.integer("depth", -1, Some(-1), None);
        options.number("share", 0.5, None, Some(1.0));
        options.texts("tags", ["a", "b\""]);
        options.text("note", "x");
        options.text("note", "y");
        let values: Vec<_> = options.values.iter().map(|(name, json)| format!("{name}={json}")).collect();
        assert_eq!(values, ["store=true", "depth=-1", "share=0.5", r#"tags=["a","b\""]"#, r#"note="y""#]);
        assert_eq!(options.refusal("acme"), None);
        assert!(options.refusal("other").is_some_and(|reason| reason.contains("acme")));
    }

    #[test]
    fn a_value_outside_of_its_range_is_the_reason_of_a_refusal() {
        let mut options = ProviderOptions::new("acme");
        options.integer("depth", 11, Some(0), Some(10));
        options.number("share", f64::NAN, None, None);
        assert_eq!(options.refusal("acme").as_deref(), Some("`depth` is 11, but has to be at most 10"));
    }
}
