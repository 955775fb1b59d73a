//! A small provider for the tests of emitters.

use crate::ir::provider::{
    Auth, Deprecation, Model, ModelFile, ModelKind, ModelSource, OptionType, Price, Prices, Provider,
    ProviderOption, Transport,
};
use crate::source::{FileId, Span};

pub(crate) fn span(at: u32) -> Span {
    Span::new(FileId(0), at, at + 1)
}

/// A provider with one model of everything and one that nothing is known of.
pub(crate) fn provider() -> Provider {
    let option = |name: &str, ty: OptionType| ProviderOption {
        name: name.to_owned(),
        wire: None,
        ty,
        doc: Some("What it [does]".to_owned()),
        span: span(90),
    };
    Provider {
        name: "acme".to_owned(),
        crate_name: "typewright-acme".to_owned(),
        type_name: "Acme".to_owned(),
        display_name: "Acme".to_owned(),
        description: Some("Models of Acme".to_owned()),
        docs_url: Some("https://docs.acme.example/api".to_owned()),
        transport: Transport::Http,
        base_url: "https://api.acme.example/v1".to_owned(),
        base_url_env: Some("ACME_BASE_URL".to_owned()),
        auth: Auth::Bearer { env: vec!["ACME_API_KEY".to_owned()], optional: false },
        headers: vec![("x-client".to_owned(), "typewright".to_owned())],
        dialect: "acme-wire".to_owned(),
        options: vec![
            option("tier", OptionType::Enum(vec!["auto".to_owned(), "flex".to_owned()])),
            option("depth", OptionType::Integer { min: Some(-1), max: Some(2000) }),
            option("share", OptionType::Number { min: Some(0.0), max: Some(0.5) }),
            option("store", OptionType::Bool),
            option("note", OptionType::String),
            option("tags", OptionType::Strings),
            option("plan", OptionType::Json),
        ],
        models: vec![small(), blank()],
        span: span(1),
    }
}

/// The same provider, whose models run in the process.
pub(crate) fn local() -> Provider {
    let file = |path: &str, bytes| ModelFile { path: path.to_owned(), bytes, sha256: None };
    let source = |licence: Option<&str>| ModelSource {
        repository: "acme/small".to_owned(),
        revision: "main".to_owned(),
        licence: licence.map(str::to_owned),
        files: vec![file("small-q8_0.gguf", None), file("sub/more.gguf", Some(1_000_000))],
    };
    let models = [(small(), source(Some("apache-2.0"))), (blank(), source(None))];
    let models = models.map(|(model, source)| Model { source: Some(source), ..model });
    Provider {
        transport: Transport::Local,
        base_url: "https://hub.example".to_owned(),
        base_url_env: None,
        auth: Auth::None,
        headers: Vec::new(),
        dialect: String::new(),
        models: models.into(),
        ..provider()
    }
}

fn small() -> Model {
    Model {
        id: "small-1".to_owned(),
        type_name: "Small1".to_owned(),
        const_name: "SMALL_1".to_owned(),
        display_name: "Small One".to_owned(),
        description: Some("Quick <b>and</b> cheap".to_owned()),
        aliases: vec!["small".to_owned()],
        family: Some("small".to_owned()),
        context_window: Some(128_000),
        max_output_tokens: Some(4096),
        capabilities: ["tools", "vision"].map(str::to_owned).to_vec(),
        input_modalities: ["text", "image"].map(str::to_owned).to_vec(),
        output_modalities: vec!["text".to_owned()],
        prices: Prices {
            input: Some(Price(2_500_000_000)),
            output: Some(Price(10_000_000_000)),
            ..Prices::default()
        },
        tiers: vec![(100_000, Prices { input: Some(Price(5_000_000_000)), ..Prices::default() })],
        deprecation: Some(Deprecation {
            since: None,
            retires: Some("2027-01-01".to_owned()),
            replacement: None,
        }),
        source: None,
        span: span(40),
        ..blank()
    }
}

fn blank() -> Model {
    Model {
        id: "blank".to_owned(),
        type_name: "Blank".to_owned(),
        const_name: "BLANK".to_owned(),
        display_name: "blank".to_owned(),
        description: None,
        aliases: Vec::new(),
        family: None,
        kind: ModelKind::Chat,
        context_window: None,
        max_input_tokens: None,
        max_output_tokens: None,
        capabilities: Vec::new(),
        reasoning_efforts: Vec::new(),
        reasoning_budget: None,
        input_modalities: Vec::new(),
        output_modalities: Vec::new(),
        dimensions: None,
        prices: Prices::default(),
        tiers: Vec::new(),
        knowledge: None,
        released: None,
        deprecation: None,
        source: None,
        span: span(60),
    }
}
