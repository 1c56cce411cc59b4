//! A service that breaks in the middle of a call.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use provisioning_core::grpc::{self, authentication::Authenticator};
use provisioning_proto::admin::v1::{
    GetLogEntryRequest, GetLogEntryResponse, ListLogEntriesRequest, ListLogEntriesResponse,
    log_service_client::LogServiceClient,
    log_service_server::{LogService, LogServiceServer},
};
use tonic::{Code, Request, Response, Status, service::Routes};
use tonic_types::StatusExt as _;

use super::callers::{Signer, Source};
use crate::world::{CONTOSO, World, on_every_engine};

/// Breaks a promise to itself, after it has learnt whose call it is.
struct Broken;

#[tonic::async_trait]
impl LogService for Broken {
    async fn list_log_entries(
        &self,
        request: Request<ListLogEntriesRequest>,
    ) -> Result<Response<ListLogEntriesResponse>, Status> {
        grpc::call(&request, &request.get_ref().tenant)?;
        panic!("the word is swordfish");
    }

    async fn get_log_entry(
        &self,
        _: Request<GetLogEntryRequest>,
    ) -> Result<Response<GetLogEntryResponse>, Status> {
        panic!("nobody calls this")
    }
}

on_every_engine! {
    async fn a_panic_is_an_internal_error_with_its_entry(world: World) {
        let signer = Signer::new("panel", Algorithm::EdDSA);
        let keys = Source::with(&[&signer]).await.load().await.unwrap();
        let authenticator = Authenticator::new(Arc::new(keys));
        let routes = grpc::layered(Routes::new(LogServiceServer::new(Broken)), &authenticator, &world.core);
        let mut client = LogServiceClient::new(routes.prepare());

        let mut request = Request::new(ListLogEntriesRequest { tenant: CONTOSO.to_owned(), ..ListLogEntriesRequest::default() });
        request.metadata_mut().insert("authorization", format!("Bearer {}", signer.sign(CONTOSO)).parse().unwrap());
        let status = client.list_log_entries(request).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
        assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL");

        let [entry] = world.log(CONTOSO, "outcome eq \"failure\"").await.try_into().unwrap();
        assert_eq!((entry.http_status, entry.reason.as_str(), entry.actor.as_str()), (500, "INTERNAL", "panel"));
        assert_eq!(entry.request, "dragonce.provisioning.admin.v1.LogService/ListLogEntries");
        assert!(!format!("{entry:?}").contains("swordfish"));
    }
}
