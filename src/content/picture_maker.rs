//! Makes pictures one at a time, on a blocking thread, so that large originals share memory and processor with
//! nothing of their kind.

use crate::content::make_picture::{MakeError, PictureFiles, make_pictures};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Time limit for one original, with the wait for those before it. Each takes a second at most.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Why no pictures were made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error("the decoder failed on it")]
    Panicked,
    #[error("it was not decoded within {} s", TIME_LIMIT.as_secs())]
    TimedOut,
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
        let slots = self.0.clone();
        let working = async {
            // Nobody closes the semaphore.
            let slot = slots.acquire_owned().await.map_err(|_| PictureError::TimedOut)?;
            let made = tokio::task::spawn_blocking(move || {
                let made = work();
                drop(slot);
                made
            });
            Ok(made.await.map_err(|_| PictureError::Panicked)??)
        };
        tokio::time::timeout(TIME_LIMIT, working).await.unwrap_or(Err(PictureError::TimedOut))
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
        // The thread is still at it.
        assert!(maker.0.try_acquire().is_err());
        drop(end);
    }
}
