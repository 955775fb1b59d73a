//! Downloads one file, for a test that kills it: `fetch URL FILE PARTS CHECKPOINT SHA256`. Exit code 0: the file is
//! there; 1: it is not; 2: usage.

use std::process::ExitCode;

use typewright_runtime::http::download::{Client, Error, Expected, Parts, Request, Settings, Target, save};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((request, target)) = read(&arguments) else { return ExitCode::from(2) };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::from(2);
    };
    match runtime.block_on(fetch(&request, &target)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever started it reads this.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{error:?}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

async fn fetch(request: &Request, target: &Target) -> Result<(), Error> {
    let client = Client::new(Settings { no_proxy: true, ..Settings::default() })?;
    save(&client, request, target, |_| {}).await.map(drop)
}

fn read(arguments: &[String]) -> Option<(Request, Target)> {
    let [url, file, parts, checkpoint, sum] = arguments else { return None };
    let mut request = Request::new(url);
    request.parts = Parts::UpTo(parts.parse().ok()?);
    let mut sha256 = [0; 32];
    for (at, byte) in sha256.iter_mut().enumerate() {
        *byte = u8::from_str_radix(sum.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    request.expected = Expected { size: None, sha256: Some(sha256) };
    Some((request, Target { checkpoint: checkpoint.parse().ok()?, ..Target::new(file) }))
}
