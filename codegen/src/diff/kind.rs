//! What each kind of change means for a program that uses the generated crate: one row a kind, nowhere else.

/// How far a change reaches, by semantic versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What a program gets is another value; it compiles as before.
    Patch,
    /// There is more to use; a program compiles as before.
    Minor,
    /// A program that was right may not compile, or not find what it asks for.
    Major,
}

/// The part of a changelog that a change belongs to, as Keep a Changelog names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heading {
    /// New.
    Added,
    /// Other than before.
    Changed,
    /// Going away.
    Deprecated,
    /// Gone.
    Removed,
}

/// What is to be said of a [`Kind`].
struct Rule {
    word: &'static str,
    level: Level,
    heading: Heading,
    reason: &'static str,
}

/// Declares the kinds with their rules, so that none is without one.
macro_rules! kinds {
    ($($kind:ident $word:literal $level:ident $heading:ident $reason:literal,)*) => {
        /// A kind of change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $reason] $kind,)*
        }

        /// Every kind.
        pub const KINDS: &[Kind] = &[$(Kind::$kind,)*];

        fn rule(kind: Kind) -> Rule {
            match kind {
                $(Kind::$kind => Rule {
                    word: $word, level: Level::$level, heading: Heading::$heading, reason: $reason,
                },)*
            }
        }
    };
}

kinds! {
    CrateAdded "crate_added" Minor Added "a new crate; nobody depends on it yet",
    CrateRemoved "crate_removed" Major Removed "programs that depend on the crate have no next version of it",
    FeatureAdded "feature_added" Minor Added "a new feature of the crate over all providers",
    FeatureRemoved "feature_removed" Major Removed "programs that switch the feature on no longer build",
    ClientRenamed "client_renamed" Major Changed "the client type has another name: programs that use it stop compiling",
    TransportChanged "transport_changed" Major Changed "the client is made by other constructors: programs that call them stop compiling",
    BaseUrlChanged "base_url_changed" Patch Changed "requests go to another address; nothing in programs changes",
    BaseUrlEnvAdded "base_url_env_added" Minor Added "the address can be replaced by an environment variable",
    BaseUrlEnvRemoved "base_url_env_removed" Major Removed "where the variable is set, requests now go to the default address",
    KeySchemeChanged "key_scheme_changed" Patch Changed "the same key is sent in another place",
    KeyDemanded "key_demanded" Major Changed "clients without a key were made so far, and now fail",
    KeyOptional "key_optional" Minor Changed "clients can be made without a key",
    KeyDropped "key_dropped" Major Removed "the constructor that takes a key is gone: programs that call it stop compiling",
    KeyEnvAdded "key_env_added" Minor Added "one more environment variable may hold the key",
    KeyEnvRemoved "key_env_removed" Major Removed "where only that variable is set, no key is found any more",
    KeyEnvReordered "key_env_reordered" Patch Changed "where several of the variables are set, another one counts",
    HeadersChanged "headers_changed" Patch Changed "requests carry other constant headers",
    DialectNamed "dialect_named" Patch Changed "documentation names another wire; what differs on it is listed by itself",
    DocsChanged "docs_changed" Patch Changed "documentation only",
    OptionAdded "option_added" Minor Added "a new method of `Options`",
    OptionRemoved "option_removed" Major Removed "the method of `Options` is gone: programs that call it stop compiling",
    OptionTyped "option_typed" Major Changed "the method of `Options` takes another type: programs that call it stop compiling",
    OptionWordAdded "option_word_added" Minor Added "a new variant of an enum that is open, so that no `match` breaks",
    OptionWordRemoved "option_word_removed" Major Removed "the variant of the enum is gone: programs that name it stop compiling",
    OptionBounds "option_bounds" Patch Changed "other values are refused before a request is sent",
    OptionMoved "option_moved" Patch Changed "the same value is sent in another field",
    OperationAdded "operation_added" Minor Added "a new method of the client",
    OperationRemoved "operation_removed" Major Removed "the method of the client is gone: programs that call it stop compiling",
    ModelAdded "model_added" Minor Added "a new type and constant",
    ModelRemoved "model_removed" Major Removed "the type and the constant are gone: programs that name them stop compiling",
    ModelRenamed "model_renamed" Major Changed "the type and the constant have another name: programs that name them stop compiling",
    ModelIdChanged "model_id_changed" Patch Changed "the same type sends another id",
    ModelsReordered "models_reordered" Patch Changed "`ALL` and the documentation list the models in another order",
    AliasAdded "alias_added" Minor Added "the model is found by one more name",
    AliasRemoved "alias_removed" Major Removed "programs that name the model by this text no longer find it, nor its prices and checks",
    CapabilityGained "capability_gained" Minor Added "calls that were refused, or did not compile, now do",
    CapabilityLost "capability_lost" Major Removed "the marker trait is gone: programs that rely on it stop compiling, calls of a model named by text are refused",
    CapabilityCleared "capability_cleared" Patch Changed "no trait and no check goes with this one: what the catalog says, and what wires that ask for it send, changes",
    ModelKindChanged "model_kind_changed" Major Changed "calls of the old kind are refused before they are sent",
    Deprecated "deprecated" Minor Deprecated "programs compile as before; there is time to move",
    DeprecationChanged "deprecation_changed" Patch Deprecated "other dates or another replacement in the catalog",
    DeprecationLifted "deprecation_lifted" Patch Changed "the catalog no longer says that the model goes away",
    PriceChanged "price_changed" Patch Changed "costs are counted with another value",
    LimitChanged "limit_changed" Patch Changed "another value in the catalog; requests that fill it in send it",
    FactChanged "fact_changed" Patch Changed "another value in the catalog",
    WireAddress "wire_address" Patch Changed "requests go to another path, or with other headers or parameters",
    WirePolicy "wire_policy" Patch Changed "requests are arranged otherwise before they are written",
    WireUnsupported "wire_unsupported" Patch Changed "another set of request fields is refused or dropped before sending",
    WireLimit "wire_limit" Patch Changed "other values of a request are refused, dropped or cut before sending",
    WireRule "wire_rule" Patch Changed "requests are refused or changed under other conditions",
    WireRequest "wire_request" Patch Changed "requests say something else on the wire",
    WireResponse "wire_response" Patch Changed "something else is read from whole answers",
    WireFraming "wire_framing" Patch Changed "streams are cut, named or ended otherwise",
    WireEvent "wire_event" Patch Changed "something else is read from events of a stream",
    WireTable "wire_table" Patch Changed "what uses this table reads or writes something else",
    WireFinish "wire_finish" Patch Changed "programs see another reason why an answer ended",
    WireUsage "wire_usage" Patch Changed "programs see other token counts, and so other costs",
    WireErrorBody "wire_error_body" Patch Changed "something else is read from error bodies",
    WireErrorClass "wire_error_class" Patch Changed "programs see another class for the same failure",
    WireRetry "wire_retry" Patch Changed "other failures are tried again",
    WireErrorHeader "wire_error_header" Patch Changed "other headers say which request failed and how long to wait",
}

impl Kind {
    /// How far it reaches.
    pub fn level(self) -> Level {
        rule(self).level
    }

    /// Where a changelog lists it.
    pub fn heading(self) -> Heading {
        rule(self).heading
    }

    /// What it means for a program, and so why it has its level.
    pub fn reason(self) -> &'static str {
        rule(self).reason
    }

    /// Its name for machines, such as `model_added`.
    pub fn word(self) -> &'static str {
        rule(self).word
    }
}

impl Level {
    /// `major`, `minor` or `patch`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }

    /// The version after `version`, which is `major.minor.patch`; nothing if it is not. Before 1.0, each level counts
    /// one place further right, as cargo has it.
    pub fn next(self, version: &str) -> Option<String> {
        let numbers: Option<Vec<u64>> = version.split('.').map(|number| number.parse().ok()).collect();
        let [major, minor, patch] = numbers?[..] else { return None };
        let next = match (self, major, minor) {
            (Self::Major, 1.., _) => [major + 1, 0, 0],
            (Self::Minor, 1.., _) | (Self::Major, 0, 1..) => [major, minor + 1, 0],
            _ => [major, minor, patch + 1],
        };
        Some(next.map(|number| number.to_string()).join("."))
    }
}

impl Heading {
    /// The heading itself.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "Added",
            Self::Changed => "Changed",
            Self::Deprecated => "Deprecated",
            Self::Removed => "Removed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut words: Vec<&str> = KINDS.iter().map(|kind| kind.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), KINDS.len());
    }

    #[test]
    fn what_is_removed_breaks_and_what_is_added_does_not() {
        for kind in KINDS {
            match kind.heading() {
                Heading::Removed => assert_eq!(kind.level(), Level::Major, "{kind:?}"),
                Heading::Added => assert_eq!(kind.level(), Level::Minor, "{kind:?}"),
                Heading::Changed | Heading::Deprecated => {}
            }
        }
    }

    #[test]
    fn the_next_version_is_cargos() {
        for (level, version, next) in [
            (Level::Major, "1.2.3", "2.0.0"),
            (Level::Minor, "1.2.3", "1.3.0"),
            (Level::Patch, "1.2.3", "1.2.4"),
            (Level::Major, "0.1.3", "0.2.0"),
            (Level::Minor, "0.1.3", "0.1.4"),
            (Level::Major, "0.0.3", "0.0.4"),
        ] {
            assert_eq!(level.next(version).as_deref(), Some(next), "{level:?} {version}");
        }
        assert_eq!(Level::Major.next("1.2"), None);
    }
}
