//! `LinkService.BulkLinkObjectIds`: a stream of lines, each answered before the next is read. So nothing piles up, whoever of the two is slower.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt as _, stream};
use provisioning_core::{
    Core,
    error::{Reason, Refusal},
    grpc::{call, status},
    links::{BulkLine, BulkLink, LineOutcome, LineReport},
};
use provisioning_proto::admin::v1::{
    BulkLinkLine, BulkLinkObjectIdsRequest, BulkLinkObjectIdsResponse, BulkLinkOptions,
    BulkLinkOutcome, bulk_link_object_ids_request::Message,
};
use tokio::time::Instant;
use tonic::{Request, Status, Streaming};

use crate::wire;

/// How long the next message may take: whoever sends a file sends at once.
const IDLE_MAX: Duration = Duration::from_mins(1);
/// How long a stream may last.
const STREAM_MAX: Duration = Duration::from_mins(30);

/// The answers, line by line.
pub type Answers =
    Pin<Box<dyn Stream<Item = Result<BulkLinkObjectIdsResponse, Status>> + Send + 'static>>;

/// A run, and where its lines come from.
struct Run {
    run: BulkLink,
    lines: Streaming<BulkLinkObjectIdsRequest>,
}

/// Why the stream ends before its end.
#[derive(Debug)]
enum Stop {
    /// The caller does not do as it should.
    Refused(Box<Refusal>),
    /// The connection or a message is broken.
    Broken(Status),
}

/// Reads the options, and answers the lines behind them.
pub async fn answer(
    core: &Core,
    request: Request<Streaming<BulkLinkObjectIdsRequest>>,
) -> Result<Answers, Status> {
    let (metadata, extensions, mut lines) = request.into_parts();
    let options = match next(&mut lines, IDLE_MAX).await {
        Ok(Some(Message::Options(options))) => options,
        Ok(Some(Message::Line(_)) | None) => {
            return Err(wire::invalid(
                "options",
                "The first message of the stream must have options: the tenant, and whether it is a dry run.",
            ));
        }
        Err(Stop::Refused(refusal)) => return Err(wire::refuse(*refusal)),
        Err(Stop::Broken(status)) => return Err(status),
    };
    let options = Request::from_parts(metadata, extensions, options);
    let call = call(&options, &options.get_ref().tenant)?;
    let BulkLinkOptions {
        reason,
        validate_only,
        ..
    } = options.into_inner();
    let run = core
        .bulk_link(call, reason, validate_only)
        .await
        .map_err(status)?;
    let ends = Instant::now() + STREAM_MAX;
    let answers = stream::try_unfold(Run { run, lines }, move |mut state| async move {
        let idle_max = IDLE_MAX.min(ends.saturating_duration_since(Instant::now()));
        let refusal = match next(&mut state.lines, idle_max).await {
            Ok(None) => return Ok(None),
            Ok(Some(Message::Line(line))) => {
                return Ok(Some((link(&mut state.run, line).await?, state)));
            }
            Ok(Some(Message::Options(_))) => refusal(
                "options",
                "Only the first message has options. Begin another stream for other ones.",
            ),
            Err(Stop::Refused(refusal)) => *refusal,
            Err(Stop::Broken(status)) => broken(&status),
        };
        Err(status(state.run.refuse(refusal).await))
    });
    Ok(Box::pin(answers))
}

/// The next message; `None` at the end of the stream.
async fn next(
    messages: &mut (impl Stream<Item = Result<BulkLinkObjectIdsRequest, Status>> + Unpin),
    idle_max: Duration,
) -> Result<Option<Message>, Stop> {
    let refused = |field, detail| Err(Stop::Refused(Box::new(refusal(field, detail))));
    match tokio::time::timeout(idle_max, messages.next()).await {
        Err(_elapsed) => refused(
            "line",
            "No message came for a minute, or the stream has lasted for half an hour, so it was ended.",
        ),
        Ok(None) => Ok(None),
        Ok(Some(Err(status))) => Err(Stop::Broken(status)),
        Ok(Some(Ok(BulkLinkObjectIdsRequest { message: None }))) => {
            refused("message", "A message has neither options nor a line.")
        }
        Ok(Some(Ok(BulkLinkObjectIdsRequest {
            message: Some(message),
        }))) => Ok(Some(message)),
    }
}

/// What is said of lines that came no further than to the transport.
fn broken(status: &Status) -> Refusal {
    let detail = format!(
        "The stream broke, or a message cannot be read or is too large: {}.",
        status.message()
    );
    refusal("message", &detail)
}

fn refusal(field: &str, detail: &str) -> Refusal {
    Refusal::new(Reason::InvalidRequest, detail).field(field)
}

async fn link(run: &mut BulkLink, line: BulkLinkLine) -> Result<BulkLinkObjectIdsResponse, Status> {
    let line = BulkLine {
        user_name: line.user_name,
        object_id: line.object_id,
        etag: Some(line.etag).filter(|etag| !etag.is_empty()),
    };
    let report = run.link(&line).await.map_err(status)?;
    Ok(response(line, report))
}

fn response(line: BulkLine, report: LineReport) -> BulkLinkObjectIdsResponse {
    let (outcome, reason, detail) = match report.outcome {
        Ok(LineOutcome::Linked) => (BulkLinkOutcome::Linked, String::new(), String::new()),
        Ok(LineOutcome::Unchanged) => (BulkLinkOutcome::Unchanged, String::new(), String::new()),
        Err(refusal) => (
            BulkLinkOutcome::Failed,
            refusal.reason.as_str().to_owned(),
            refusal.detail,
        ),
    };
    BulkLinkObjectIdsResponse {
        line: report.line.into(),
        user_name: line.user_name,
        object_id: line.object_id,
        outcome: outcome.into(),
        account_id: report
            .account_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        previous_object_id: report.previous_object_id.unwrap_or_default(),
        reason,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_sends_nothing_is_not_waited_for() {
        let stopped = next(&mut stream::pending(), Duration::ZERO).await;
        match stopped {
            Err(Stop::Refused(refusal)) => assert!(refusal.detail.contains("for a minute")),
            other => panic!("it goes on: {other:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_there_is_taken_whatever_the_time() {
        let options = Message::Options(BulkLinkOptions::default());
        let sent = Ok(BulkLinkObjectIdsRequest {
            message: Some(options.clone()),
        });
        let mut messages = stream::iter([sent, Err(Status::cancelled("gone"))]);
        let taken = next(&mut messages, Duration::ZERO).await;
        assert_eq!(taken.expect("it is there"), Some(options));
        let broken = next(&mut messages, Duration::ZERO).await;
        assert!(matches!(broken, Err(Stop::Broken(_))));
        let ended = next(&mut messages, Duration::ZERO).await;
        assert_eq!(ended.expect("it ends"), None);
    }
}
