//! One turn from its claim to its end: starts the lanes, feeds them, and waits until they are done.

use crate::{
    delivery::{
        connection_task,
        delivery_run::{End, Turn},
        mailing::Mailing,
    },
    domain::ids::IssueId,
    jobs::Context,
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
pub(super) async fn run(
    context: &Context,
    mailing: Mailing,
    first_due: Timestamp,
) -> Result<End, JobFailure> {
    let issue = mailing.issue.id;
    let turn = Turn::open(context, mailing, first_due).await?;

    let width = context.governor.most_connections();
    let (rows, feed) = mpsc::channel(width * 2);
    let feed = Arc::new(Mutex::new(feed));
    let mut lanes = JoinSet::new();
    for _ in 0..width {
        lanes.spawn(connection_task::run(turn.clone(), feed.clone()));
    }
    let outcome = tokio::select! {
        outcome = turn.feed(rows) => outcome,
        never = turn.keep_up() => match never {},
    };
    if let Err(error) = &outcome {
        tracing::warn!(%issue, %error, "no more could be claimed");
        turn.end(End::NoDatabase);
    }
    turn.ended.cancel();
    // A relay may take its time with an answer. A task of its own waits for that and renews the lease, whatever happens to
    // this job. The work of the other lanes goes on meanwhile.
    let waiting = turn.clone();
    let mut finishing = context.tails.spawn(async move {
        tokio::select! {
            () = finish(issue, lanes) => {}
            never = waiting.keep_up() => match never {},
        }
    });
    let finished = tokio::time::timeout(LINGER, &mut finishing).await.is_ok();
    if finished {
        turn.close_at_last(true).await?;
    } else {
        let tail = turn.clone();
        context.tails.spawn(async move {
            drop(finishing.await);
            let closed = async {
                tail.close_at_last(true).await?;
                crate::delivery::deliver_issue::hand_on(&tail.context, issue, End::Empty).await
            };
            if let Err(error) = closed.await {
                tracing::error!(%issue, %error, "the end of a turn could not be kept; its lease will end");
            }
        });
        turn.close_at_last(false).await?;
    }
    tracing::debug!(%issue, end = ?turn.how_it_ended(), "a turn is over");
    Ok(turn.how_it_ended().unwrap_or(End::Empty))
}

/// Waits until all lanes have finished what they had begun.
async fn finish(issue: IssueId, mut lanes: JoinSet<()>) {
    while let Some(ended) = lanes.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%issue, %error, "a lane broke");
        }
    }
}
