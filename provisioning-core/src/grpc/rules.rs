//! Who may call what: one rule for every RPC. An RPC without a rule is refused, and a test walks the contract for it.

use crate::call::Scope;

/// The metadata that makes a call a dry run of SCIM: an admin asks what would become of a request with the SCIM token. The call is judged as one
/// with that token, and may change nothing.
pub const SCIM_DRY_RUN: &str = "x-scim-dry-run";

/// The scopes of a JWT that may ask so, where a SCIM token may ask.
pub const DRY_RUN_SCOPES: &[Scope] = ADMIN;

/// Who may call an RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Anyone, without a credential.
    Public,
    /// A SCIM token of the tenant.
    ScimToken,
    /// A JWT with one of the scopes.
    Scopes(&'static [Scope]),
    /// Either.
    ScimTokenOrScopes(&'static [Scope]),
}

const READ: &[Scope] = &[
    Scope::AccountsRead,
    Scope::AccountsWrite,
    Scope::ProvisioningAdmin,
    Scope::PlatformOperator,
];
const WRITE: &[Scope] = &[Scope::AccountsWrite];
const ADMIN: &[Scope] = &[Scope::ProvisioningAdmin, Scope::PlatformOperator];
const OPERATOR: &[Scope] = &[Scope::PlatformOperator];

/// The rule of an RPC by its full path, `/package.Service/Method`.
pub fn rule(path: &str) -> Option<Rule> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    match service {
        "dragonce.provisioning.v1.AccountService" => account_service(method),
        "dragonce.provisioning.v1.GroupService" => group_service(method),
        "dragonce.provisioning.v1.ResourceService" => match method {
            "ListResources" => Some(Rule::ScimTokenOrScopes(READ)),
            _ => None,
        },
        "dragonce.provisioning.v1.SchemaService" => match method {
            "ListSchemas" => Some(Rule::ScimTokenOrScopes(READ)),
            _ => None,
        },
        "dragonce.provisioning.v1.FacadeService" => match method {
            "Authenticate" | "ReportRejectedRequest" => Some(Rule::ScimToken),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.TenantService" => match method {
            "GetTenant" => Some(Rule::Scopes(ADMIN)),
            "CreateTenant"
            | "ListTenants"
            | "UpdateTenant"
            | "EnableProvisioning"
            | "DisableProvisioning" => Some(Rule::Scopes(OPERATOR)),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.TokenService" => match method {
            "GetScimConnection" | "GenerateToken" | "RegenerateToken" | "RevokeToken"
            | "ListTokens" => Some(Rule::Scopes(ADMIN)),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.ExtensionSchemaService" => match method {
            "CreateExtensionSchema"
            | "GetExtensionSchema"
            | "ListExtensionSchemas"
            | "UpdateExtensionSchema"
            | "DeleteExtensionSchema" => Some(Rule::Scopes(ADMIN)),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.LinkService" => match method {
            "LinkObjectId" | "UnlinkObjectId" | "BulkLinkObjectIds" | "ListLinkHistory"
            | "RevertLinkStep" | "ListFindings" | "GetFinding" | "DismissFinding"
            | "DiagnoseAccount" => Some(Rule::Scopes(ADMIN)),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.AccountAdminService" => match method {
            "HoldAccount"
            | "ReleaseAccount"
            | "ProtectAccount"
            | "UnprotectAccount"
            | "ListDeletedAccounts"
            | "RestoreAccount"
            | "PurgeAccount" => Some(Rule::Scopes(ADMIN)),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.DeprovisionGuardService" => match method {
            "GetDeprovisionGuard"
            | "ListDeprovisionBatches"
            | "ListDeprovisionBatchItems"
            | "ApproveDeprovisionBatch"
            | "DismissDeprovisionBatch" => Some(Rule::Scopes(ADMIN)),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.ReadinessService" => match method {
            "RunReadinessCheck" => Some(Rule::Scopes(ADMIN)),
            _ => None,
        },
        "dragonce.provisioning.admin.v1.LogService" => match method {
            "ListLogEntries" | "GetLogEntry" => Some(Rule::Scopes(ADMIN)),
            _ => None,
        },
        "grpc.health.v1.Health" | "grpc.reflection.v1.ServerReflection" => Some(Rule::Public),
        _ => None,
    }
}

fn account_service(method: &str) -> Option<Rule> {
    match method {
        "GetAccount" | "BatchGetAccounts" | "ListAccounts" => Some(Rule::ScimTokenOrScopes(READ)),
        "CreateAccount" | "ReplaceAccount" | "PatchAccount" | "DeleteAccount" => {
            Some(Rule::ScimTokenOrScopes(WRITE))
        }
        _ => None,
    }
}

fn group_service(method: &str) -> Option<Rule> {
    match method {
        "GetGroup" | "BatchGetGroups" | "ListGroups" | "ListGroupMembers" => {
            Some(Rule::ScimTokenOrScopes(READ))
        }
        "CreateGroup" | "ReplaceGroup" | "PatchGroup" | "DeleteGroup" => {
            Some(Rule::ScimTokenOrScopes(WRITE))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_rpc_of_the_contract_has_a_rule() {
        let set = FileDescriptorSet::decode(provisioning_proto::FILE_DESCRIPTOR_SET)
            .expect("it is a descriptor set");
        let mut without = Vec::new();
        let mut seen = 0;
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    seen += 1;
                    if matches!(rule(&path), None | Some(Rule::Public)) {
                        without.push(path);
                    }
                }
            }
        }
        assert!(seen > 20, "the contract was read");
        assert_eq!(without, Vec::<String>::new());
    }

    #[test]
    fn only_health_and_reflection_are_public() {
        assert_eq!(
            rule("/dragonce.provisioning.v1.AccountService/Unknown"),
            None
        );
        assert_eq!(rule("/grpc.health.v1.Health/Check"), Some(Rule::Public));
    }
}
