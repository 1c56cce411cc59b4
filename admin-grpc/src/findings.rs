//! The findings of `LinkService`.

use std::collections::HashMap;

use prost::Message as _;
use provisioning_core::{
    Core,
    accounts::Account,
    error::{Error, Reason, Refusal},
    findings::{
        Closure, Finding, FindingKind, ListFindings, Presented, Remedy, RemedyCall, RemedyStep,
        Severity, Side,
    },
    groups::Group,
    grpc::{accounts::timestamp, call, idempotent, once, status},
    ids::AccountId,
};
use provisioning_proto::admin::v1::{
    self, DismissFindingRequest, DismissFindingResponse, GetFindingRequest, GetFindingResponse,
    ListFindingsRequest, ListFindingsResponse, dragonce_side::Resource,
    remedy_step::Call as StepCall,
};
use tonic::{Request, Response, Status};

use crate::wire;

/// `ListFindings`.
pub async fn list(
    core: &Core,
    request: Request<ListFindingsRequest>,
) -> Result<Response<ListFindingsResponse>, Status> {
    let call = call(&request, &request.get_ref().tenant)?;
    let request = request.into_inner();
    let asked = ListFindings {
        closed: match request.state() {
            v1::FindingState::Unspecified | v1::FindingState::Open => false,
            v1::FindingState::Closed => true,
        },
        kinds: request
            .kinds
            .iter()
            .map(|kind| kind_from(v1::FindingKind::try_from(*kind).unwrap_or_default()))
            .collect::<Result<_, _>>()?,
        account: account_from(&request.account_id)?,
        page_size: wire::page_size(request.page_size)?,
        page_token: request.page_token,
    };
    let page = core.list_findings(&call, &asked).await.map_err(status)?;
    Ok(Response::new(ListFindingsResponse {
        findings: page.findings.into_iter().map(to_proto).collect(),
        next_page_token: page.next_page_token.unwrap_or_default(),
    }))
}

/// `GetFinding`.
pub async fn get(
    core: &Core,
    request: Request<GetFindingRequest>,
) -> Result<Response<GetFindingResponse>, Status> {
    let call = call(&request, &request.get_ref().tenant)?;
    let found = core
        .get_finding(&call, &request.get_ref().finding_id)
        .await
        .map_err(status)?;
    Ok(Response::new(GetFindingResponse {
        finding: Some(to_proto(found)),
    }))
}

/// `DismissFinding`.
pub async fn dismiss(
    core: &Core,
    request: Request<DismissFindingRequest>,
) -> Result<Response<DismissFindingResponse>, Status> {
    let call = call(&request, &request.get_ref().tenant)?;
    let request = request.into_inner();
    let respond = |presented: Presented| DismissFindingResponse {
        finding: Some(to_proto(presented)),
    };
    let encode = |presented: &Presented| respond(presented.clone()).encode_to_vec();
    let once = once(
        &call,
        "LinkService/DismissFinding",
        &request.request_id,
        &request,
        &encode,
    )?;
    let answer = core
        .dismiss_finding(
            &call,
            &request.finding_id,
            &request.reason,
            request.validate_only,
            once,
        )
        .await;
    idempotent(answer, |presented| Ok(respond(presented)))
}

fn account_from(id: &str) -> Result<Option<AccountId>, Status> {
    if id.is_empty() {
        return Ok(None);
    }
    AccountId::parse(id).map(Some).ok_or_else(|| {
        wire::invalid(
            "account_id",
            "The account_id is not the id of an account. Look it up with ListAccounts.",
        )
    })
}

/// The finding as it goes to the panel.
pub fn to_proto(presented: Presented) -> v1::Finding {
    let Presented {
        finding,
        sides,
        summary,
        remedies,
    } = presented;
    v1::Finding {
        id: finding.id.to_string(),
        kind: kind(finding.kind).into(),
        severity: severity(finding.kind.severity()).into(),
        state: match finding.closure {
            None => v1::FindingState::Open,
            Some(_) => v1::FindingState::Closed,
        }
        .into(),
        summary,
        first_seen_time: Some(timestamp(finding.first_seen_at)),
        last_seen_time: Some(timestamp(finding.last_seen_at)),
        count: finding.count,
        log_entry_ids: finding
            .log_entry_ids
            .iter()
            .map(ToString::to_string)
            .collect(),
        directory: Some(v1::DirectorySide {
            object_id: finding.directory.object_id.clone(),
            user_name: finding.directory.user_name.clone(),
            display_name: finding.directory.display_name.clone(),
            scim_id: finding.directory.scim_id.clone(),
        }),
        dragonce: dragonce_sides(&finding, &sides),
        remedies: remedies.into_iter().map(remedy).collect(),
        closure: finding.closure.map(closure),
    }
}

/// Every account and group that the finding names: of one that is gone for good, only the id.
fn dragonce_sides(finding: &Finding, sides: &[Side]) -> Vec<v1::DragonceSide> {
    let found: HashMap<String, &Side> = sides
        .iter()
        .map(|side| (side.id().to_string(), side))
        .collect();
    let gone = |resource| v1::DragonceSide {
        resource: Some(resource),
        status: "deleted".to_owned(),
        ..v1::DragonceSide::default()
    };
    let accounts = finding.accounts.iter().map(|id| {
        let side = found.get(&id.to_string()).and_then(|side| side.account());
        side.map_or_else(|| gone(Resource::AccountId(id.to_string())), account_side)
    });
    let group = finding.group.map(|id| {
        let side = found.get(&id.to_string()).and_then(|side| side.group());
        side.map_or_else(|| gone(Resource::GroupId(id.to_string())), group_side)
    });
    accounts.chain(group).collect()
}

fn account_side(account: &Account) -> v1::DragonceSide {
    let status = if account.deleted_at.is_some() {
        "deleted"
    } else if account.protected {
        "protected"
    } else if account.hold.is_some() {
        "on hold"
    } else if account.directory_active {
        "active"
    } else {
        "suspended"
    };
    v1::DragonceSide {
        resource: Some(Resource::AccountId(account.id.to_string())),
        object_id: account.object_id.clone().unwrap_or_default(),
        user_name: account.user_name.clone(),
        display_name: String::new(),
        status: status.to_owned(),
        etag: account.etag(),
    }
}

fn group_side(group: &Group) -> v1::DragonceSide {
    v1::DragonceSide {
        resource: Some(Resource::GroupId(group.id.to_string())),
        object_id: group.object_id.clone().unwrap_or_default(),
        user_name: String::new(),
        display_name: group.display_name.clone(),
        status: "active".to_owned(),
        etag: group.etag(),
    }
}

fn closure(closure: Closure) -> v1::Closure {
    v1::Closure {
        time: Some(timestamp(closure.at)),
        detail: closure.detail,
        request_id: closure.request_id,
        log_entry_id: closure
            .log_entry_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        actor: closure.actor,
    }
}

fn remedy(remedy: Remedy) -> v1::Remedy {
    v1::Remedy {
        title: remedy.title,
        steps: remedy.steps.into_iter().map(step).collect(),
    }
}

fn step(step: RemedyStep) -> v1::RemedyStep {
    let call = match step.call {
        RemedyCall::Rpc { method, request } => StepCall::Rpc(v1::RpcCall {
            method: method.to_owned(),
            request_json: request.to_string(),
        }),
        RemedyCall::Graph {
            http_method,
            url,
            body,
        } => StepCall::Graph(v1::GraphCall {
            http_method: http_method.to_owned(),
            url,
            body_json: body.map(|body| body.to_string()).unwrap_or_default(),
        }),
        RemedyCall::Portal {
            portal,
            instruction,
        } => StepCall::Portal(v1::PortalStep {
            portal: portal.to_owned(),
            instruction,
        }),
    };
    v1::RemedyStep {
        call: Some(call),
        effect: step.effect,
    }
}

const fn severity(severity: Severity) -> v1::Severity {
    match severity {
        Severity::Info => v1::Severity::Info,
        Severity::Warning => v1::Severity::Warning,
        Severity::Error => v1::Severity::Error,
    }
}

const fn kind(kind: FindingKind) -> v1::FindingKind {
    match kind {
        FindingKind::ObjectIdNotGuid => v1::FindingKind::ObjectIdNotGuid,
        FindingKind::ObjectIdOnAnotherAccount => v1::FindingKind::ObjectIdOnAnotherAccount,
        FindingKind::ObjectIdShared => v1::FindingKind::ObjectIdShared,
        FindingKind::LoginNotLinked => v1::FindingKind::LoginNotLinked,
        FindingKind::LoginAndObjectIdOnTwoAccounts => {
            v1::FindingKind::LoginAndObjectIdOnTwoAccounts
        }
        FindingKind::ObjectIdMismatch => v1::FindingKind::ObjectIdMismatch,
        FindingKind::StaleScimId => v1::FindingKind::StaleScimId,
        FindingKind::LoginRenamed => v1::FindingKind::LoginRenamed,
        FindingKind::TombstoneLogin => v1::FindingKind::TombstoneLogin,
        FindingKind::DeletedAndPostedAgain => v1::FindingKind::DeletedAndPostedAgain,
        FindingKind::ActiveOnHold => v1::FindingKind::ActiveOnHold,
        FindingKind::LoginTakenSinceDeletion => v1::FindingKind::LoginTakenSinceDeletion,
        FindingKind::GroupNameTaken => v1::FindingKind::GroupNameTaken,
        FindingKind::ProtectedAccount => v1::FindingKind::ProtectedAccount,
    }
}

fn kind_from(asked: v1::FindingKind) -> Result<FindingKind, Status> {
    FindingKind::ALL
        .iter()
        .copied()
        .find(|known| kind(*known) == asked)
        .ok_or_else(|| {
            let refusal = Refusal::new(
                Reason::InvalidFilter,
                "kinds names something that is no kind of finding. Leave it empty for all kinds.",
            );
            status(Error::from(refusal.field("kinds")))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contract says that filters and texts name a kind by its name without prefix in lower case.
    #[test]
    fn kinds_are_named_alike_in_texts_and_messages() {
        for value in FindingKind::ALL {
            let name = kind(*value)
                .as_str_name()
                .trim_start_matches("FINDING_KIND_")
                .to_lowercase();
            assert_eq!(name, value.as_str());
        }
    }

    #[test]
    fn a_kind_that_is_none_is_refused() {
        let status = kind_from(v1::FindingKind::Unspecified).expect_err("it is no kind");
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
    }
}
