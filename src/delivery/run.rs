//! One turn from its claim to its end: starts the lanes, feeds them, and waits until they are done.

use crate::{
    delivery::{
        connection_task,
        context::Context,
        delivery_run::{DeliveryRun, StopReason},
        mailing::Mailing,
        schedule_next::schedule_next,
    },
    domain::ids::IssueId,
    queue::JobFailure,
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

/// How long a turn that is over waits for its lanes before it leaves slow ones behind.
const LINGER: Duration = Duration::from_secs(2);

/// Works on an issue until the turn's time is over or something stops it.
pub async fn run(
    context: &Context,
    mailing: Mailing,
    first_due: Timestamp,
) -> Result<StopReason, JobFailure> {
    let issue = mailing.issue.id;
    let turn = DeliveryRun::open(context, mailing, first_due).await?;

    let width = context.throttle.most_connections();
    let (rows, feed) = mpsc::channel(width * 2);
    let feed = Arc::new(Mutex::new(feed));
    let mut lanes = JoinSet::new();
    for _ in 0..width {
        lanes.spawn(connection_task::run(turn.clone(), feed.clone()));
    }
    let outcome = tokio::select! {
        outcome = turn.feed(rows) => outcome,
        never = turn.renew_lease() => match never {},
    };
    if let Err(error) = &outcome {
        tracing::warn!(%issue, %error, "no more could be claimed");
        turn.end(StopReason::NoDatabase);
    }
    turn.ended.cancel();
    // A relay may take its time with an answer. A task of its own waits for that and renews the lease, whatever happens to
    // this job. The work of the other lanes goes on meanwhile.
    let waiting = turn.clone();
    let mut finishing = context.background_tasks.spawn(async move {
        tokio::select! {
            () = finish(issue, lanes) => {}
            never = waiting.renew_lease() => match never {},
        }
    });
    let finished = tokio::time::timeout(LINGER, &mut finishing).await.is_ok();
    if finished {
        turn.close_with_retries(true).await?;
    } else {
        let tail = turn.clone();
        context.background_tasks.spawn(async move {
            drop(finishing.await);
            let closed = async {
                tail.close_with_retries(true).await?;
                schedule_next(&tail.context, issue, StopReason::Empty).await
            };
            if let Err(error) = closed.await {
                tracing::error!(%issue, %error, "the end of a turn could not be kept; its lease will end");
            }
        });
        turn.close_with_retries(false).await?;
    }
    tracing::debug!(%issue, end = ?turn.stop_reason(), "a turn is over");
    Ok(turn.stop_reason().unwrap_or(StopReason::Empty))
}

/// Waits until all lanes have finished what they had begun.
async fn finish(issue: IssueId, mut lanes: JoinSet<()>) {
    while let Some(ended) = lanes.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%issue, %error, "a lane broke");
        }
    }
}
