//! One delivery run from claim to end: starts the connection tasks, feeds them and waits for them.

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

/// How long a finished run waits for its tasks before it leaves slow ones in the background.
const TASK_GRACE: Duration = Duration::from_secs(2);

/// Delivers an issue until the time is up or something stops the run.
pub async fn run(
    context: &Context,
    mailing: Mailing,
    first_due: Timestamp,
) -> Result<StopReason, JobFailure> {
    let issue = mailing.issue.id;
    let run = DeliveryRun::open(context, mailing, first_due).await?;

    let task_count = context.throttle.most_connections();
    let (rows, queue) = mpsc::channel(task_count * 2);
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = JoinSet::new();
    for _ in 0..task_count {
        tasks.spawn(connection_task::run(run.clone(), queue.clone()));
    }
    let outcome = tokio::select! {
        outcome = run.dispatch(rows) => outcome,
        never = run.renew_lease() => match never {},
    };
    if let Err(error) = &outcome {
        tracing::warn!(%issue, %error, "claiming deliveries failed");
        run.stop(StopReason::NoDatabase);
    }
    run.stopped.cancel();
    // A relay may be slow to answer. A background task waits for it and renews the lease, whatever happens to
    // this job. Meanwhile, other runs of the issue can continue.
    let waiting = run.clone();
    let mut finishing = context.background_tasks.spawn(async move {
        tokio::select! {
            () = finish(issue, tasks) => {}
            never = waiting.renew_lease() => match never {},
        }
    });
    let finished = tokio::time::timeout(TASK_GRACE, &mut finishing).await.is_ok();
    if finished {
        run.close_with_retries(true).await?;
    } else {
        let background = run.clone();
        context.background_tasks.spawn(async move {
            drop(finishing.await);
            let closed = async {
                background.close_with_retries(true).await?;
                schedule_next(&background.context, issue, StopReason::NothingDue).await
            };
            if let Err(error) = closed.await {
                tracing::error!(%issue, %error, "delivery run not closed; its lease will expire");
            }
        });
        run.close_with_retries(false).await?;
    }
    tracing::debug!(%issue, reason = ?run.stop_reason(), "delivery run over");
    Ok(run.stop_reason().unwrap_or(StopReason::NothingDue))
}

/// Waits until all tasks have finished what they had begun.
async fn finish(issue: IssueId, mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%issue, %error, "connection task panicked");
        }
    }
}
