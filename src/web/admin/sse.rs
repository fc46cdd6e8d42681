//! Server-sent events: parts of a page that changed. Browsers connect again by themselves when a stream ends.

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use std::{convert::Infallible, time::Duration};
use tokio::time::Instant;

/// Pause between two looks. A look that takes long is repeated less often.
const PAUSE: Duration = Duration::from_secs(1);
/// Each pause lasts at least this many times as long as the look before it.
const PAUSE_FACTOR: u32 = 20;
/// Age of a stream at which it ends, so that open pages don't keep the process from stopping.
const LONGEST: Duration = Duration::from_secs(25);
/// Time after which browsers connect again, in milliseconds.
const RETRY: Duration = Duration::from_millis(500);

/// The result of a look.
pub enum Look {
    /// The parts as HTML, each with `data-part`.
    Parts(String),
    /// Nothing will change any more.
    Over,
}

struct State<F> {
    look: F,
    shown: String,
    begun: Instant,
    wait: Duration,
    is_over: bool,
}

/// Streams what `look` finds, whenever it differs from before.
pub fn stream<F, T>(look: F) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send + 'static>
where
    F: FnMut() -> T + Send + 'static,
    T: Future<Output = Option<Look>> + Send,
{
    let state =
        State { look, shown: String::new(), begun: Instant::now(), wait: Duration::ZERO, is_over: false };
    let events = stream::unfold(state, |mut state| async move {
        loop {
            if state.is_over || state.begun.elapsed() >= LONGEST {
                return None;
            }
            tokio::time::sleep(state.wait).await;
            let looked_at = Instant::now();
            let found = (state.look)().await?;
            state.wait = PAUSE.max(looked_at.elapsed() * PAUSE_FACTOR);
            match found {
                Look::Parts(html) if html == state.shown => {}
                Look::Parts(html) => {
                    let event =
                        Event::default().event("parts").retry(RETRY).data(html.replace(['\r', '\n'], " "));
                    state.shown = html;
                    return Some((Ok(event), state));
                }
                Look::Over => {
                    state.is_over = true;
                    // Browsers drop events without data.
                    return Some((Ok(Event::default().event("over").data("over")), state));
                }
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
