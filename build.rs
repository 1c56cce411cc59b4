//! Compiles the contract in `proto/` without protoc, and writes the descriptor set that reflection serves.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// The messages whose serde form is SCIM's JSON (RFC 7643): accounts and groups with their parts.
const SCIM_MESSAGES: [&str; 8] = [
    ".dragonce.provisioning.v1.Account",
    ".dragonce.provisioning.v1.Name",
    ".dragonce.provisioning.v1.MultiValue",
    ".dragonce.provisioning.v1.Address",
    ".dragonce.provisioning.v1.EnterpriseUser",
    ".dragonce.provisioning.v1.Manager",
    ".dragonce.provisioning.v1.Group",
    ".dragonce.provisioning.v1.GroupMember",
];

const NONE: &str = "skip_serializing_if = \"Option::is_none\"";
const EMPTY: &str = "skip_serializing_if = \"Vec::is_empty\"";
const REF: &str = "rename = \"$ref\", skip_serializing_if = \"Option::is_none\"";

/// Where SCIM's JSON differs from the field's camel case name. Unset is absent; what only gRPC shows is left out.
const SCIM_FIELDS: &[(&str, &str)] = &[
    (".dragonce.provisioning.v1.Account.id", "skip"),
    (
        ".dragonce.provisioning.v1.Account.object_id",
        "rename = \"externalId\", skip_serializing_if = \"Option::is_none\"",
    ),
    (
        ".dragonce.provisioning.v1.Account.user_name",
        "skip_serializing_if = \"String::is_empty\"",
    ),
    (".dragonce.provisioning.v1.Account.active", NONE),
    (".dragonce.provisioning.v1.Account.name", NONE),
    (".dragonce.provisioning.v1.Account.display_name", NONE),
    (".dragonce.provisioning.v1.Account.nick_name", NONE),
    (".dragonce.provisioning.v1.Account.profile_url", NONE),
    (".dragonce.provisioning.v1.Account.title", NONE),
    (".dragonce.provisioning.v1.Account.user_type", NONE),
    (".dragonce.provisioning.v1.Account.preferred_language", NONE),
    (".dragonce.provisioning.v1.Account.locale", NONE),
    (".dragonce.provisioning.v1.Account.timezone", NONE),
    (".dragonce.provisioning.v1.Account.emails", EMPTY),
    (".dragonce.provisioning.v1.Account.phone_numbers", EMPTY),
    (".dragonce.provisioning.v1.Account.ims", EMPTY),
    (".dragonce.provisioning.v1.Account.photos", EMPTY),
    (".dragonce.provisioning.v1.Account.addresses", EMPTY),
    (".dragonce.provisioning.v1.Account.entitlements", EMPTY),
    (".dragonce.provisioning.v1.Account.roles", EMPTY),
    (".dragonce.provisioning.v1.Account.x509_certificates", EMPTY),
    (".dragonce.provisioning.v1.Account.groups", EMPTY),
    (".dragonce.provisioning.v1.Account.hold", "skip"),
    (".dragonce.provisioning.v1.Account.protected", "skip"),
    (
        ".dragonce.provisioning.v1.Account.effectively_active",
        "skip",
    ),
    (".dragonce.provisioning.v1.Account.create_time", "skip"),
    (".dragonce.provisioning.v1.Account.update_time", "skip"),
    (".dragonce.provisioning.v1.Account.etag", "skip"),
    (".dragonce.provisioning.v1.Account.groups_truncated", "skip"),
    (".dragonce.provisioning.v1.Account.returned", "skip"),
    (".dragonce.provisioning.v1.Account.delete_time", "skip"),
    (
        ".dragonce.provisioning.v1.Account.enterprise",
        "rename = \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\", skip_serializing_if = \"Option::is_none\"",
    ),
    (
        ".dragonce.provisioning.v1.Account.extensions",
        "flatten, with = \"crate::json::extensions\"",
    ),
    (".dragonce.provisioning.v1.Name.formatted", NONE),
    (".dragonce.provisioning.v1.Name.family_name", NONE),
    (".dragonce.provisioning.v1.Name.given_name", NONE),
    (".dragonce.provisioning.v1.Name.middle_name", NONE),
    (".dragonce.provisioning.v1.Name.honorific_prefix", NONE),
    (".dragonce.provisioning.v1.Name.honorific_suffix", NONE),
    (".dragonce.provisioning.v1.MultiValue.value", NONE),
    (".dragonce.provisioning.v1.MultiValue.display", NONE),
    (".dragonce.provisioning.v1.MultiValue.type", NONE),
    (".dragonce.provisioning.v1.MultiValue.primary", NONE),
    (".dragonce.provisioning.v1.Address.formatted", NONE),
    (".dragonce.provisioning.v1.Address.street_address", NONE),
    (".dragonce.provisioning.v1.Address.locality", NONE),
    (".dragonce.provisioning.v1.Address.region", NONE),
    (".dragonce.provisioning.v1.Address.postal_code", NONE),
    (".dragonce.provisioning.v1.Address.country", NONE),
    (".dragonce.provisioning.v1.Address.type", NONE),
    (".dragonce.provisioning.v1.Address.primary", NONE),
    (
        ".dragonce.provisioning.v1.EnterpriseUser.employee_number",
        NONE,
    ),
    (".dragonce.provisioning.v1.EnterpriseUser.cost_center", NONE),
    (
        ".dragonce.provisioning.v1.EnterpriseUser.organization",
        NONE,
    ),
    (".dragonce.provisioning.v1.EnterpriseUser.division", NONE),
    (".dragonce.provisioning.v1.EnterpriseUser.department", NONE),
    (".dragonce.provisioning.v1.EnterpriseUser.manager", NONE),
    (".dragonce.provisioning.v1.Manager.value", NONE),
    (".dragonce.provisioning.v1.Manager.display_name", NONE),
    (".dragonce.provisioning.v1.MultiValue.ref", REF),
    (".dragonce.provisioning.v1.Manager.ref", REF),
    (".dragonce.provisioning.v1.Group.id", "skip"),
    (
        ".dragonce.provisioning.v1.Group.object_id",
        "rename = \"externalId\", skip_serializing_if = \"Option::is_none\"",
    ),
    (
        ".dragonce.provisioning.v1.Group.display_name",
        "skip_serializing_if = \"String::is_empty\"",
    ),
    (".dragonce.provisioning.v1.Group.members", EMPTY),
    (
        ".dragonce.provisioning.v1.Group.extensions",
        "flatten, with = \"crate::json::extensions\"",
    ),
    (".dragonce.provisioning.v1.Group.create_time", "skip"),
    (".dragonce.provisioning.v1.Group.update_time", "skip"),
    (".dragonce.provisioning.v1.Group.etag", "skip"),
    (".dragonce.provisioning.v1.Group.returned", "skip"),
    (".dragonce.provisioning.v1.GroupMember.value", NONE),
    (".dragonce.provisioning.v1.GroupMember.ref", REF),
    (".dragonce.provisioning.v1.GroupMember.type", NONE),
    (".dragonce.provisioning.v1.GroupMember.display", NONE),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!(
        "cargo::rerun-if-changed={}",
        root.join("dragonce").display()
    );

    let mut files = Vec::new();
    collect(&root.join("dragonce"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    // protox's own encoding keeps the options that prost's types would drop.
    std::fs::write(
        out.join("contract.binpb"),
        compiler.encode_file_descriptor_set(),
    )?;

    let mut builder = tonic_prost_build::configure()
        .build_transport(false)
        // Ordered, so that a message has one encoding: replayed requests are recognised by its hash.
        .btree_map(".");
    for message in SCIM_MESSAGES {
        builder = builder
            .type_attribute(message, "#[derive(serde::Serialize, serde::Deserialize)]")
            .type_attribute(message, "#[serde(rename_all = \"camelCase\", default)]");
    }
    for (field, attribute) in SCIM_FIELDS {
        builder = builder.field_attribute(field, format!("#[serde({attribute})]"));
    }
    let contract = compiler.file_descriptor_set();
    // Every request says whether it is a dry run: the contract tells which of them may be one.
    let mut requests = String::new();
    for file in &contract.file {
        for method in file.service.iter().flat_map(|service| &service.method) {
            let name = method.input_type().trim_start_matches('.');
            let message = contract.file.iter().find_map(|file| {
                let name = name.strip_prefix(file.package())?.strip_prefix('.')?;
                file.message_type
                    .iter()
                    .find(|message| message.name() == name)
            });
            let message = message.ok_or("a method without a request")?;
            let may_be_dry = message
                .field
                .iter()
                .any(|field| field.name() == "validate_only");
            let answer = if may_be_dry {
                "Some(self.validate_only)"
            } else {
                "None"
            };
            let path = name
                .trim_start_matches("dragonce.provisioning.")
                .replace('.', "::");
            writeln!(
                requests,
                "impl crate::RequestMessage for crate::{path} {{ fn validate_only(&self) -> Option<bool> {{ {answer} }} }}"
            )?;
        }
    }
    std::fs::write(out.join("requests.rs"), requests)?;
    builder.compile_fds(contract)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    Ok(())
}
