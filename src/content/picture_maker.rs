//! Makes pictures one at a time, on a blocking thread, so that large originals share memory and processor with
//! nothing of their kind.

use crate::content::make_picture::{MakeError, PictureFiles, make_pictures};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Time limit for one original, which takes a second at most.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Time limit for the wait for those before it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why no pictures were made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error("the decoder failed on it")]
    Panicked,
    #[error("it was not decoded within {} s", TIME_LIMIT.as_secs())]
    TimedOut,
    #[error("other pictures took too long")]
    Busy,
}

/// Clones share the limit.
#[derive(Debug, Clone)]
pub struct PictureMaker(Arc<Semaphore>);

impl Default for PictureMaker {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl PictureMaker {
    /// Makes the pictures of an original. A panic of a decoder is an error.
    pub async fn make(&self, original: Vec<u8>) -> Result<PictureFiles, PictureError> {
        self.run(move || make_pictures(&original)).await
    }

    async fn run(
        &self,
        work: impl FnOnce() -> Result<PictureFiles, MakeError> + Send + 'static,
    ) -> Result<PictureFiles, PictureError> {
        let waiting = tokio::time::timeout(PATIENCE, self.0.clone().acquire_owned());
        let Ok(Ok(slot)) = waiting.await else { return Err(PictureError::Busy) };
        // The thread keeps the slot if it goes on beyond the limit.
        let working = tokio::task::spawn_blocking(move || {
            let made = work();
            drop(slot);
            made
        });
        match tokio::time::timeout(TIME_LIMIT, working).await {
            Ok(Ok(made)) => Ok(made?),
            Ok(Err(_)) => Err(PictureError::Panicked),
            Err(_) => Err(PictureError::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_decoder_that_panics_is_an_error_and_keeps_no_slot() {
        let maker = PictureMaker::default();
        for _ in 0..2 {
            let made = maker.run(|| panic!("a bug of a decoder")).await;
            assert!(matches!(made, Err(PictureError::Panicked)), "{made:?}");
        }
        assert!(matches!(
            maker.make(b"nothing".to_vec()).await,
            Err(PictureError::Make(MakeError::Unfit(_)))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn one_picture_is_made_at_a_time_and_others_wait_for_it_only_so_long() {
        let maker = PictureMaker::default();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let busy = tokio::spawn({
            let maker = maker.clone();
            async move {
                maker
                    .run(move || {
                        let _ = ended.recv();
                        Err(MakeError::TooManyPixels(0))
                    })
                    .await
            }
        });
        while maker.0.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(TIME_LIMIT).await;
        assert!(matches!(busy.await.unwrap(), Err(PictureError::TimedOut)));
        // The thread is still at it, and others wait for it only so long.
        let waiting = tokio::spawn(async move { maker.make(Vec::new()).await });
        tokio::task::yield_now().await;
        tokio::time::advance(PATIENCE).await;
        assert!(matches!(waiting.await.unwrap(), Err(PictureError::Busy)));
        drop(end);
    }
}
