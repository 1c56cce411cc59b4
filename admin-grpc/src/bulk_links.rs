//! `LinkService.BulkLinkObjectIds`: a stream of lines, each answered before the next is read. So nothing piles up, whoever of the two is slower.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, stream};
use provisioning_core::{
    Core,
    grpc::{call, status},
    links::{BulkLine, BulkLink, LineOutcome, LineReport},
};
use provisioning_proto::admin::v1::{
    BulkLinkLine, BulkLinkObjectIdsRequest, BulkLinkObjectIdsResponse, BulkLinkOptions,
    BulkLinkOutcome, bulk_link_object_ids_request::Message,
};
use tonic::{Request, Status, Streaming};

use crate::wire;

/// How long the next message may take: whoever sends a file sends at once.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// The answers, line by line.
pub type Answers =
    Pin<Box<dyn Stream<Item = Result<BulkLinkObjectIdsResponse, Status>> + Send + 'static>>;

/// A run, and where its lines come from.
struct Run {
    run: BulkLink,
    lines: Streaming<BulkLinkObjectIdsRequest>,
}

/// Reads the options, and answers the lines behind them.
pub async fn answer(
    core: &Core,
    request: Request<Streaming<BulkLinkObjectIdsRequest>>,
) -> Result<Answers, Status> {
    let (metadata, extensions, mut lines) = request.into_parts();
    let options = match next(&mut lines).await? {
        Some(Message::Options(options)) => options,
        Some(Message::Line(_)) | None => {
            return Err(wire::invalid(
                "options",
                "The first message of the stream must have options: the tenant, and whether it is a dry run.",
            ));
        }
    };
    let call = call(
        &Request::from_parts(metadata, extensions, ()),
        &options.tenant,
    )?;
    let BulkLinkOptions {
        reason,
        validate_only,
        ..
    } = options;
    let run = core
        .bulk_link(call, reason, validate_only)
        .await
        .map_err(status)?;
    let answers = stream::try_unfold(Run { run, lines }, |mut state| async move {
        match next(&mut state.lines).await? {
            None => Ok(None),
            Some(Message::Line(line)) => Ok(Some((link(&mut state.run, line).await?, state))),
            Some(Message::Options(_)) => Err(wire::invalid(
                "options",
                "Only the first message has options. Begin another stream for other ones.",
            )),
        }
    });
    Ok(Box::pin(answers))
}

/// The next message; `None` at the end of the stream.
async fn next(
    messages: &mut Streaming<BulkLinkObjectIdsRequest>,
) -> Result<Option<Message>, Status> {
    let next = tokio::time::timeout(IDLE_MAX, messages.message())
        .await
        .map_err(|_elapsed| {
            wire::invalid(
                "line",
                "No message came for a minute, so the stream was ended. The lines before were answered as they ended; send the rest in another \
                 call.",
            )
        })??;
    match next {
        None => Ok(None),
        Some(BulkLinkObjectIdsRequest {
            message: Some(message),
        }) => Ok(Some(message)),
        Some(BulkLinkObjectIdsRequest { message: None }) => Err(wire::invalid(
            "message",
            "A message has neither options nor a line.",
        )),
    }
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
