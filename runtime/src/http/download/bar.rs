//! A progress bar for a terminal, over the progress that a download tells. The figures are those of the download, not
//! made up anew here.

use indicatif::{ProgressBar, ProgressStyle};

use super::meter::Progress;

/// A function that shows progress on `bar`, to give to [`save`](super::save): bytes, rate and the time that is left.
///
/// ```no_run
/// use indicatif::ProgressBar;
/// use typewright_runtime::http::download::{Client, Request, Settings, Target, bar, save};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::new(Settings::default())?;
/// let request = Request::new("https://example.com/model.gguf");
/// let shown = ProgressBar::new(0);
/// save(&client, &request, &Target::new("model.gguf"), bar(&shown)).await?;
/// shown.finish();
/// # Ok(())
/// # }
/// ```
pub fn bar(bar: &ProgressBar) -> impl FnMut(&Progress) + Send + use<> {
    let bar = bar.clone();
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {msg}") {
        bar.set_style(style);
    }
    move |progress| {
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.received);
        bar.set_message(message(progress));
    }
}

fn message(progress: &Progress) -> String {
    let rate = indicatif::HumanBytes(progress.rate as u64);
    match progress.eta {
        Some(eta) => format!("{rate}/s, {} left", indicatif::HumanDuration(eta)),
        None => format!("{rate}/s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_bar_shows_what_the_download_tells() {
        let hidden = ProgressBar::hidden();
        let mut tell = bar(&hidden);
        let eta = Some(Duration::from_secs(90));
        tell(&Progress { received: 10, total: Some(40), rate: 2048.0, eta });
        assert_eq!((hidden.position(), hidden.length()), (10, Some(40)));
        assert_eq!(hidden.message(), "2.00 KiB/s, 2 minutes left");
        tell(&Progress { received: 20, total: None, rate: 0.0, eta: None });
        assert_eq!((hidden.position(), hidden.message()), (20, "0 B/s".to_owned()));
    }
}
