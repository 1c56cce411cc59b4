//! Groups as a service sees them over gRPC: who is in them, versions, replays, pages, refusals.

use provisioning_proto::{
    json::to_proto,
    v1::{
        Account, BatchGetGroupsRequest, CreateAccountRequest, CreateGroupRequest,
        DeleteGroupRequest, GetGroupRequest, Group, GroupMember, GroupView,
        ListGroupMembersRequest, ListGroupsRequest, PatchGroupRequest, PatchOperation,
        ReplaceGroupRequest, account_service_client::AccountServiceClient, get_group_request::Key,
        group_service_client::GroupServiceClient, patch_operation::Op,
    },
};
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{Admin, Panel, Service, on_both_engines, rpc};

const TENANT: &str = "acme";
const REQUEST_ID: &str = "6f1c1f0e-5a3c-4d0e-9d5e-0c9a4f3f7b11";

struct Clients {
    accounts: AccountServiceClient<Admin>,
    groups: GroupServiceClient<Admin>,
}

impl Clients {
    async fn of(service: &Service) -> Self {
        Panel::of(service).await.tenant(TENANT).await;
        let caller = service
            .caller(&["accounts.read", "accounts.write"], Some(TENANT))
            .await;
        Self {
            accounts: AccountServiceClient::new(caller.clone()),
            groups: GroupServiceClient::new(caller),
        }
    }

    async fn account(&mut self, user_name: &str) -> String {
        let account = Account {
            user_name: user_name.to_owned(),
            ..Account::default()
        };
        let request = CreateAccountRequest {
            tenant: TENANT.to_owned(),
            account: Some(account),
            ..CreateAccountRequest::default()
        };
        let created = self
            .accounts
            .create_account(request)
            .await
            .expect("it is created");
        created.into_inner().account.expect("it is answered").id
    }

    async fn group(&mut self, display_name: &str, members: &[&str]) -> Group {
        let created = self
            .groups
            .create_group(create(display_name, members))
            .await
            .expect("it is created");
        created.into_inner().group.expect("it is answered")
    }

    async fn read(&mut self, id: &str, view: GroupView) -> Result<Group, Status> {
        let request = GetGroupRequest {
            tenant: TENANT.to_owned(),
            key: Some(Key::Id(id.to_owned())),
            view: view.into(),
        };
        let found = self.groups.get_group(request).await?;
        Ok(found.into_inner().group.expect("it is answered"))
    }
}

fn named(display_name: &str, members: &[&str]) -> Group {
    let member = |id: &&str| GroupMember {
        value: Some((*id).to_owned()),
        ..GroupMember::default()
    };
    Group {
        display_name: display_name.to_owned(),
        members: members.iter().map(member).collect(),
        ..Group::default()
    }
}

fn create(display_name: &str, members: &[&str]) -> CreateGroupRequest {
    CreateGroupRequest {
        tenant: TENANT.to_owned(),
        group: Some(named(display_name, members)),
        view: GroupView::Full.into(),
        ..CreateGroupRequest::default()
    }
}

fn patch(id: &str, op: Op, members: &[&str]) -> PatchGroupRequest {
    let operation = PatchOperation {
        op: op.into(),
        path: Some("members".to_owned()),
        value: Some(to_proto(json!(members))),
    };
    PatchGroupRequest {
        tenant: TENANT.to_owned(),
        id: id.to_owned(),
        operations: vec![operation],
        view: GroupView::Full.into(),
        ..PatchGroupRequest::default()
    }
}

fn ids(group: &Group) -> Vec<&str> {
    group
        .members
        .iter()
        .map(|member| member.value.as_deref().expect("it has an id"))
        .collect()
}

on_both_engines! {
    async fn a_group_shows_its_members_on_request(service: Service) {
        let mut clients = Clients::of(&service).await;
        let (ada, bob) = (clients.account("ada@contoso.com").await, clients.account("bob@contoso.com").await);
        let inner = clients.group("Inner", &[]).await;
        let group = clients.group("Engineering", &[&ada, &inner.id]).await;
        assert_eq!(ids(&group), [&ada, &inner.id]);
        let shown: Vec<_> = group.members.iter().map(|member| (member.r#type.as_deref(), member.display.as_deref())).collect();
        assert_eq!(shown, [(Some("User"), Some("ada@contoso.com")), (Some("Group"), Some("Inner"))]);
        let basic = clients.read(&group.id, GroupView::Basic).await.expect("it is there");
        assert_eq!((basic.members.len(), &basic.etag), (0, &group.etag));

        let patched = clients.groups.patch_group(patch(&group.id, Op::Add, &[&bob])).await.expect("it is taken").into_inner();
        let after = patched.group.expect("it is answered");
        assert!(patched.changed && after.etag != group.etag);
        assert_eq!(ids(&after), [&ada, &bob, &inner.id]);
        assert_eq!(clients.read(&group.id, GroupView::Full).await.expect("it is there"), after);
        let again = clients.groups.patch_group(patch(&group.id, Op::Add, &[&bob])).await.expect("it is taken").into_inner();
        assert_eq!((again.changed, again.group), (false, Some(after.clone())));

        let batch = BatchGetGroupsRequest { tenant: TENANT.to_owned(), ids: vec![inner.id.clone(), "nothing".to_owned(), group.id.clone()], view: GroupView::Full.into() };
        let batch = clients.groups.batch_get_groups(batch).await.expect("it is answered").into_inner().groups;
        assert_eq!(batch, [inner.clone(), after]);

        let list = ListGroupsRequest { tenant: TENANT.to_owned(), filter: format!("id eq \"{}\" and members eq \"{bob}\"", group.id), ..ListGroupsRequest::default() };
        let listed = clients.groups.list_groups(list).await.expect("it is listed").into_inner();
        assert_eq!((listed.total_size, listed.groups.len(), listed.groups[0].members.len()), (1, 1, 0));

        let page = |page_token: String| ListGroupMembersRequest { tenant: TENANT.to_owned(), group_id: group.id.clone(), page_size: 2, page_token, ..ListGroupMembersRequest::default() };
        let first = clients.groups.list_group_members(page(String::new())).await.expect("it is listed").into_inner();
        let second = clients.groups.list_group_members(page(first.next_page_token)).await.expect("it is listed").into_inner();
        let all: Vec<_> = first.members.iter().chain(&second.members).map(|member| member.value.clone().expect("it has an id")).collect();
        assert_eq!((all, second.next_page_token.as_str()), (vec![ada, bob, inner.id], ""));
    }

    async fn writes_are_refused_with_a_reason_and_repeated_without_harm(service: Service) {
        let mut clients = Clients::of(&service).await;
        let ada = clients.account("ada@contoso.com").await;
        let group = clients.group("Engineering", &[]).await;
        let status = clients.groups.create_group(create("ENGINEERING", &[])).await.expect_err("it is taken");
        assert_eq!((status.code(), rpc::reason(&status)), (Code::AlreadyExists, "UNIQUENESS".to_owned()));
        let details = status.get_error_details();
        assert_eq!(details.error_info().expect("it has one").metadata["group_id"], group.id);
        assert_eq!(details.bad_request().expect("it names the field").field_violations[0].field, "displayName");

        let add = PatchGroupRequest { request_id: REQUEST_ID.to_owned(), ..patch(&group.id, Op::Add, &[&ada]) };
        let first = clients.groups.patch_group(add.clone()).await.expect("it is taken").into_inner();
        let again = clients.groups.patch_group(add).await.expect("it is answered again").into_inner();
        assert_eq!(first, again);
        let other = PatchGroupRequest { request_id: REQUEST_ID.to_owned(), ..patch(&group.id, Op::Remove, &[&ada]) };
        let status = clients.groups.patch_group(other).await.expect_err("another body");
        assert_eq!(rpc::reason(&status), "REQUEST_ID_REUSED");

        let stale = ReplaceGroupRequest { tenant: TENANT.to_owned(), id: group.id.clone(), group: Some(named("Sales", &[])), etag: group.etag.clone(), ..ReplaceGroupRequest::default() };
        let status = clients.groups.replace_group(stale.clone()).await.expect_err("a member came");
        assert_eq!((status.code(), rpc::reason(&status)), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
        let fresh = ReplaceGroupRequest { etag: first.group.expect("it is answered").etag, view: GroupView::Full.into(), ..stale };
        let replaced = clients.groups.replace_group(fresh).await.expect("it is taken").into_inner().group.expect("it is answered");
        assert_eq!((replaced.display_name.as_str(), replaced.members.len()), ("Sales", 0));

        let delete = DeleteGroupRequest { tenant: TENANT.to_owned(), id: group.id.clone(), ..DeleteGroupRequest::default() };
        clients.groups.delete_group(delete.clone()).await.expect("it is deleted");
        let status = clients.groups.delete_group(delete).await.expect_err("it is gone");
        assert_eq!((status.code(), rpc::reason(&status)), (Code::NotFound, "GROUP_NOT_FOUND".to_owned()));
        for id in [group.id.as_str(), "no id"] {
            assert_eq!(rpc::reason(&clients.read(id, GroupView::Full).await.expect_err("it is gone")), "GROUP_NOT_FOUND");
        }
    }
}
