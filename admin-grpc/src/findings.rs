//! The findings of `LinkService`.

use provisioning_core::Core;
use provisioning_proto::admin::v1::{
    DiagnoseAccountRequest, DiagnoseAccountResponse, DismissFindingRequest, DismissFindingResponse,
    GetFindingRequest, GetFindingResponse, ListFindingsRequest, ListFindingsResponse,
};
use tonic::{Request, Response, Status};

/// `ListFindings`.
pub async fn list(
    _core: &Core,
    _request: Request<ListFindingsRequest>,
) -> Result<Response<ListFindingsResponse>, Status> {
    Err(Status::unimplemented("ListFindings"))
}

/// `GetFinding`.
pub async fn get(
    _core: &Core,
    _request: Request<GetFindingRequest>,
) -> Result<Response<GetFindingResponse>, Status> {
    Err(Status::unimplemented("GetFinding"))
}

/// `DismissFinding`.
pub async fn dismiss(
    _core: &Core,
    _request: Request<DismissFindingRequest>,
) -> Result<Response<DismissFindingResponse>, Status> {
    Err(Status::unimplemented("DismissFinding"))
}

/// `DiagnoseAccount`.
pub async fn diagnose(
    _core: &Core,
    _request: Request<DiagnoseAccountRequest>,
) -> Result<Response<DiagnoseAccountResponse>, Status> {
    Err(Status::unimplemented("DiagnoseAccount"))
}
