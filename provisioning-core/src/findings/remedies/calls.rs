//! The calls of which remedies are made: the only place for their forms.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    accounts::Account,
    findings::{Finding, RemedyCall, RemedyStep},
    groups::Group,
    ids::AccountId,
    tenants::Tenant,
};

const ENTRA: &str = "Microsoft Entra admin centre";
const GRAPH: &str = "https://graph.microsoft.com";

/// Makes the calls of a finding's remedies, with the tenant, the etags of the moment, and a reason by which the log leads back to the finding.
#[derive(Clone, Copy)]
pub(super) struct Calls<'a> {
    finding: &'a Finding,
    tenant: &'a Tenant,
}

impl<'a> Calls<'a> {
    pub const fn new(finding: &'a Finding, tenant: &'a Tenant) -> Self {
        Self { finding, tenant }
    }

    /// `LinkObjectId`.
    pub fn link(self, account: &Account, object_id: Uuid, effect: String) -> RemedyStep {
        let request = json!({
            "tenant": self.tenant.identifier.as_str(),
            "accountId": account.id.to_string(),
            "objectId": object_id,
            "etag": account.etag(),
            "reason": self.reason(),
        });
        rpc(
            "dragonce.provisioning.admin.v1.LinkService/LinkObjectId",
            request,
            effect,
        )
    }

    /// `UnlinkObjectId`.
    pub fn unlink(self, account: &Account, effect: String) -> RemedyStep {
        rpc(
            "dragonce.provisioning.admin.v1.LinkService/UnlinkObjectId",
            self.of_account(account),
            effect,
        )
    }

    /// `DismissFinding`, where nothing is to be mended.
    pub fn dismiss(self) -> RemedyStep {
        self.close(
            "It is meant to be so.",
            "Closes the finding and changes nothing else. It opens again when Microsoft Entra shows it again.",
        )
    }

    fn close(self, reason: &str, effect: &str) -> RemedyStep {
        let request = json!({
            "tenant": self.tenant.identifier.as_str(),
            "findingId": self.finding.id,
            "reason": reason,
        });
        rpc(
            "dragonce.provisioning.admin.v1.LinkService/DismissFinding",
            request,
            effect,
        )
    }

    /// `DiagnoseAccount`, by what the finding knows.
    pub fn diagnose(self) -> RemedyStep {
        let directory = &self.finding.directory;
        let (key, value) = if !directory.user_name.is_empty() {
            ("userName", directory.user_name.clone())
        } else if !directory.object_id.is_empty() {
            ("objectId", directory.object_id.clone())
        } else {
            let named = self.finding.accounts.first().map(AccountId::to_string);
            (
                "accountId",
                named.unwrap_or_else(|| directory.scim_id.clone()),
            )
        };
        let mut request = json!({ "tenant": self.tenant.identifier.as_str() });
        request[key] = Value::String(value);
        rpc(
            "dragonce.provisioning.admin.v1.LinkService/DiagnoseAccount",
            request,
            "Tells how it stands now and what Microsoft Entra will do next. Changes nothing.",
        )
    }

    /// `HoldAccount`.
    pub fn hold(self, account: &Account, effect: &str) -> RemedyStep {
        rpc(
            "dragonce.provisioning.admin.v1.AccountAdminService/HoldAccount",
            self.of_account(account),
            effect,
        )
    }

    /// `ReleaseAccount`.
    pub fn release(self, account: &Account, effect: &str) -> RemedyStep {
        rpc(
            "dragonce.provisioning.admin.v1.AccountAdminService/ReleaseAccount",
            self.of_account(account),
            effect,
        )
    }

    /// `UnprotectAccount`.
    pub fn unprotect(self, account: &Account, effect: &str) -> RemedyStep {
        rpc(
            "dragonce.provisioning.admin.v1.AccountAdminService/UnprotectAccount",
            self.of_account(account),
            effect,
        )
    }

    /// `RestoreAccount`.
    pub fn restore(self, tombstone: &Account, effect: &str) -> RemedyStep {
        rpc(
            "dragonce.provisioning.admin.v1.AccountAdminService/RestoreAccount",
            self.of_account(tombstone),
            effect,
        )
    }

    /// `PurgeAccount`.
    pub fn purge(self, tombstone: &Account, effect: &str) -> RemedyStep {
        rpc(
            "dragonce.provisioning.admin.v1.AccountAdminService/PurgeAccount",
            self.of_account(tombstone),
            effect,
        )
    }

    /// `PatchAccount` of the login account.
    pub fn rename(self, account: &Account, user_name: &str, effect: &str) -> RemedyStep {
        let request = json!({
            "tenant": self.tenant.identifier.as_str(),
            "id": account.id.to_string(),
            "operations": [{"op": "OP_REPLACE", "path": "userName", "value": user_name}],
            "etag": account.etag(),
        });
        rpc(
            "dragonce.provisioning.v1.AccountService/PatchAccount",
            request,
            for_writers(effect),
        )
    }

    /// `PatchAccount` of the login account, and of the Object ID, which goes.
    pub fn give_up(self, account: &Account, user_name: &str, effect: &str) -> RemedyStep {
        let request = json!({
            "tenant": self.tenant.identifier.as_str(),
            "id": account.id.to_string(),
            "operations": [
                {"op": "OP_REPLACE", "path": "userName", "value": user_name},
                {"op": "OP_REMOVE", "path": "externalId"},
            ],
            "etag": account.etag(),
        });
        rpc(
            "dragonce.provisioning.v1.AccountService/PatchAccount",
            request,
            for_writers(effect),
        )
    }

    /// `DeleteAccount`.
    pub fn delete(self, account: &Account, effect: &str) -> RemedyStep {
        let request = json!({
            "tenant": self.tenant.identifier.as_str(),
            "id": account.id.to_string(),
            "etag": account.etag(),
        });
        rpc(
            "dragonce.provisioning.v1.AccountService/DeleteAccount",
            request,
            for_writers(effect),
        )
    }

    /// `PatchGroup` of one attribute.
    pub fn patch_group(
        self,
        group: &Group,
        attribute: &str,
        value: &str,
        effect: &str,
    ) -> RemedyStep {
        let request = json!({
            "tenant": self.tenant.identifier.as_str(),
            "id": group.id.to_string(),
            "operations": [{"op": "OP_REPLACE", "path": attribute, "value": value}],
            "etag": group.etag(),
        });
        rpc(
            "dragonce.provisioning.v1.GroupService/PatchGroup",
            request,
            for_writers(effect),
        )
    }

    /// `DeleteGroup`.
    pub fn delete_group(self, group: &Group, effect: &str) -> RemedyStep {
        let request = json!({
            "tenant": self.tenant.identifier.as_str(),
            "id": group.id.to_string(),
            "etag": group.etag(),
        });
        rpc(
            "dragonce.provisioning.v1.GroupService/DeleteGroup",
            request,
            for_writers(effect),
        )
    }

    /// `restart`, forgetting what `reset_scope` says.
    pub fn restart(self, reset_scope: &str, effect: &str) -> RemedyStep {
        let body = json!({"criteria": {"resetScope": reset_scope}});
        self.job("POST", "v1.0", "/restart", Some(body), effect)
    }

    /// A step, and then Entra provisions the user at once.
    pub fn then_provision(self, step: RemedyStep, object_id: Option<Uuid>) -> Vec<RemedyStep> {
        let mut steps = vec![step];
        steps.extend(self.provision_on_demand(object_id));
        steps
    }

    /// `provisionOnDemand` of one user, behind the call that tells the id of its rule.
    pub fn provision_on_demand(self, object_id: Option<Uuid>) -> [RemedyStep; 2] {
        let body = json!({
            "parameters": [{
                "ruleId": "<ruleId>",
                "subjects": [{"objectId": object_or_placeholder(object_id), "objectTypeName": "User"}],
            }],
        });
        let unknown = where_it_stands(object_id);
        let effect = format!(
            "Microsoft Entra provisions this user at once instead of in one of its next cycles. \"Provision on demand\" in the Microsoft Entra admin \
             centre does the same, and needs no <ruleId>.{unknown}"
        );
        [
            self.job(
                "GET",
                "v1.0",
                "/schema",
                None,
                "Tells the <ruleId> of the next step: the id of that one of the synchronizationRules whose objectMappings have the sourceObjectName User. \
                 Changes nothing.",
            ),
            self.job("POST", "v1.0", "/provisionOnDemand", Some(body), &effect),
        ]
    }

    /// Lets Entra forget the account of one user, and match the user anew.
    pub fn match_anew(self, object_id: Option<Uuid>) -> Vec<RemedyStep> {
        let mut steps = self.forget_connection(object_id);
        steps.extend(self.provision_on_demand(object_id));
        steps
    }

    /// Lets Entra forget the account of one user.
    pub fn forget_connection(self, object_id: Option<Uuid>) -> Vec<RemedyStep> {
        vec![
            self.pause(),
            self.delete_connection(object_id),
            self.start(),
        ]
    }

    /// Takes a user out of the scope of provisioning whom Entra cannot suspend: its request would fail with each cycle, so that it has to forget the
    /// account before it makes one. No request of Entra closes the finding.
    pub fn take_out_of_scope(self, who: &str, object_id: Option<Uuid>) -> Vec<RemedyStep> {
        vec![
            self.pause(),
            portal(
                remove_assignment(who),
                "The user leaves the scope of provisioning.",
            ),
            self.delete_connection(object_id),
            self.start(),
            self.close(
                "The user is not assigned in Microsoft Entra any more.",
                "Closes the finding: Microsoft Entra says nothing more of this user, so that no request of it does.",
            ),
        ]
    }

    fn pause(self) -> RemedyStep {
        let effect = "Pauses the job: a connection can be deleted only while it is paused.";
        self.job("POST", "v1.0", "/pause", None, effect)
    }

    fn start(self) -> RemedyStep {
        self.job("POST", "v1.0", "/start", None, "The job goes on.")
    }

    fn delete_connection(self, object_id: Option<Uuid>) -> RemedyStep {
        let connection = format!("/objectConnections('{}')", object_or_placeholder(object_id));
        let unknown = where_it_stands(object_id);
        let effect = format!(
            "Microsoft Entra forgets the SCIM id of this one user. Nothing is deleted in DragOnce. Needs the permission \
             SynchronizationMetadata.ReadWrite.All. This call is a beta (preview) API of Microsoft Graph, and not in every national cloud: where it \
             is not, start the job, then restart it with resetScope Full, which matches every user anew.{unknown}"
        );
        self.job("DELETE", "beta", &connection, None, &effect)
    }

    fn job(
        self,
        http_method: &'static str,
        version: &str,
        path: &str,
        body: Option<Value>,
        effect: &str,
    ) -> RemedyStep {
        let (service_principal, job) = self.tenant.settings.entra_job.as_ref().map_or_else(
            || ("<servicePrincipalId>".to_owned(), "<jobId>"),
            |job| (job.service_principal_id.to_string(), job.job_id.as_str()),
        );
        RemedyStep {
            call: RemedyCall::Graph {
                http_method,
                url: format!(
                    "{GRAPH}/{version}/servicePrincipals/{service_principal}/synchronization/jobs/{job}{path}"
                ),
                body,
            },
            effect: effect.to_owned(),
        }
    }

    /// The request of what needs no more than an account: one and the same form for links and admin acts.
    fn of_account(self, account: &Account) -> Value {
        json!({
            "tenant": self.tenant.identifier.as_str(),
            "accountId": account.id.to_string(),
            "etag": account.etag(),
            "reason": self.reason(),
        })
    }

    fn reason(self) -> String {
        format!(
            "Remedy of the finding {} {}",
            self.finding.kind.as_str(),
            self.finding.id
        )
    }
}

fn rpc(method: &'static str, request: Value, effect: impl Into<String>) -> RemedyStep {
    RemedyStep {
        call: RemedyCall::Rpc { method, request },
        effect: effect.into(),
    }
}

/// An admin's JWT may lack the scope that the services of accounts and groups want.
fn for_writers(effect: &str) -> String {
    format!("{effect} Needs a JWT with the scope accounts.write.")
}

fn object_or_placeholder(object_id: Option<Uuid>) -> String {
    object_id.map_or_else(|| "<objectId>".to_owned(), |id| id.to_string())
}

/// What the placeholder stands for, if there is one.
const fn where_it_stands(object_id: Option<Uuid>) -> &'static str {
    if object_id.is_none() {
        " <objectId> is the Object ID that the Microsoft Entra admin centre shows for the user."
    } else {
        ""
    }
}

/// Something to be done in Entra by hand.
pub(super) fn portal(instruction: impl Into<String>, effect: impl Into<String>) -> RemedyStep {
    RemedyStep {
        call: RemedyCall::Portal {
            portal: ENTRA,
            instruction: instruction.into(),
        },
        effect: effect.into(),
    }
}

/// Takes the user out of the scope of provisioning; Entra can suspend the account.
pub(super) fn unassign(who: &str) -> RemedyStep {
    portal(
        remove_assignment(who),
        "The user leaves the scope of provisioning: Microsoft Entra suspends the account once (active=false) and sends nothing about it any more.",
    )
}

fn remove_assignment(who: &str) -> String {
    format!(
        "Enterprise applications > your DragOnce application > Users and groups: select {who}, or the group through which the user is assigned, and \
         choose Remove."
    )
}

/// A login account that is free, since it is made of the account's own id.
pub(super) fn spare_user_name(account: &Account) -> String {
    let tail = id_tail(account.id.uuid());
    match account.user_name.rsplit_once('@') {
        Some((local, domain)) => format!("{local}.{tail}@{domain}"),
        None => format!("{}.{tail}", account.user_name),
    }
}

/// A name that is free, since it is made of the group's own id.
pub(super) fn spare_group_name(group: &Group) -> String {
    format!("{} ({})", group.display_name, id_tail(group.id.uuid()))
}

/// The last eight digits, which are random.
fn id_tail(id: Uuid) -> String {
    let text = id.simple().to_string();
    text[text.len() - 8..].to_owned()
}
