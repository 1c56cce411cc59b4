//! `DiagnoseAccount` of `LinkService`.

use provisioning_core::{
    Core,
    findings::{ExpectedRequest, Subject},
    grpc::{accounts::to_proto, call, status},
    ids::LogEntryId,
};
use provisioning_proto::admin::v1::{
    self, DiagnoseAccountRequest, DiagnoseAccountResponse, diagnose_account_request,
};
use tonic::{Request, Response, Status};

use crate::{findings, links, wire};

/// `DiagnoseAccount`.
pub async fn diagnose(
    core: &Core,
    request: Request<DiagnoseAccountRequest>,
) -> Result<Response<DiagnoseAccountResponse>, Status> {
    let call = call(&request, &request.get_ref().tenant)?;
    let subject = match request.into_inner().subject {
        Some(diagnose_account_request::Subject::AccountId(id)) => Subject::AccountId(id),
        Some(diagnose_account_request::Subject::UserName(user_name)) => {
            Subject::UserName(user_name)
        }
        Some(diagnose_account_request::Subject::ObjectId(object_id)) => {
            Subject::ObjectId(object_id)
        }
        None => {
            return Err(wire::invalid(
                "subject",
                "Say what is to be explained: account_id, user_name or object_id.",
            ));
        }
    };
    let diagnosis = core
        .diagnose_account(&call, &subject)
        .await
        .map_err(status)?;
    let accounts = diagnosis
        .accounts
        .iter()
        .map(to_proto)
        .collect::<Result<_, _>>()?;
    Ok(Response::new(DiagnoseAccountResponse {
        summary: diagnosis.summary,
        accounts,
        expected_requests: diagnosis
            .expected_requests
            .into_iter()
            .map(expected)
            .collect(),
        findings: diagnosis
            .findings
            .into_iter()
            .map(findings::to_proto)
            .collect(),
        log_entry_ids: diagnosis
            .log_entry_ids
            .iter()
            .map(LogEntryId::to_string)
            .collect(),
        link_steps: diagnosis.link_steps.into_iter().map(links::step).collect(),
    }))
}

fn expected(expected: ExpectedRequest) -> v1::ExpectedRequest {
    v1::ExpectedRequest {
        request: expected.request,
        http_status: expected.http_status.into(),
        outcome: expected.outcome,
        because: expected.because,
    }
}
