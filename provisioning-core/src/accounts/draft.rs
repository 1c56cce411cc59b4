//! What an account shall hold: attributes that have been checked, and everything storage derives from them. The one place where a document
//! becomes an [`Account`].

use serde_json::{Map, Value};

use super::Account;
use crate::{
    attributes::{
        fold::{NAME_BYTES_MAX, fold},
        patch::PatchRules,
        revise,
        schema::{ENTERPRISE_URN, ResourceSchema},
        search::{emails, search_document},
        show::Shows,
        validate::{self, Canonical},
    },
    clock::Timestamp,
    error::{Error, Reason, Refusal},
    ids::AccountId,
    storage::{AccountIndex, AccountWrite, EmailKey},
};

/// 200 accounts of this size are the largest page.
const DOCUMENT_BYTES_MAX: usize = 128 << 10;

/// What `active` is when nothing says it.
#[derive(Clone, Copy, Debug)]
pub enum Unsaid {
    /// A new account is active.
    New,
    /// An account stays as it is, and shows it: to leave `active` out, or to clear it, lifts no suspension.
    Was(bool),
    /// An account stays as it is, and does not show it.
    Unassigned(bool),
}

impl Unsaid {
    /// Of an account that is there.
    pub const fn of(account: &Account) -> Self {
        Self::Was(account.directory_active)
    }

    /// Of an account whose `active` was never shown, or is not to be shown any longer.
    pub const fn unassigned(account: &Account) -> Self {
        Self::Unassigned(account.directory_active)
    }

    const fn active(self) -> bool {
        match self {
            Self::New => true,
            Self::Was(active) | Self::Unassigned(active) => active,
        }
    }
}

/// Attributes that have been checked.
#[derive(Clone, Debug)]
pub struct Draft {
    document: Map<String, Value>,
    user_name: String,
    user_name_key: String,
    object_id: Option<String>,
    active: bool,
    ignored: Vec<String>,
}

impl Draft {
    /// Checks a whole new resource, as POST brings it. What the schema does not know is left out, as RFC 7643 section 3 has it.
    pub fn parse(
        attributes: &Map<String, Value>,
        schema: &ResourceSchema,
    ) -> Result<Self, Refusal> {
        let canonical = validate::canonical(attributes, schema)?;
        let draft = Self::from_document(canonical.document, Unsaid::New)?;
        Ok(Self {
            ignored: canonical.ignored,
            ..draft
        })
    }

    /// Checks a whole resource that takes the place of `account`, as PUT brings it.
    pub fn replace(
        attributes: &Map<String, Value>,
        account: &Account,
        schema: &ResourceSchema,
        rules: &PatchRules,
    ) -> Result<Self, Error> {
        let mut canonical = validate::canonical(attributes, schema).map_err(Refusal::from)?;
        if !rules.keep_unknown_schemas {
            canonical.pass_over_unknown_schemas(schema);
        }
        let old = parse_document(account)?;
        revise::keep(&old, &mut canonical.document, schema);
        revise::check(&old, &canonical.document, schema).map_err(Refusal::from)?;
        let draft = Self::from_document(canonical.document, Unsaid::of(account))?;
        Ok(Self {
            ignored: canonical.ignored,
            ..draft
        })
    }

    /// Leaves out the extensions that no schema describes, as the tenant's settings may want it.
    #[must_use]
    pub fn without_unknown_schemas(self, schema: &ResourceSchema) -> Self {
        let mut canonical = Canonical {
            document: self.document,
            ignored: self.ignored,
        };
        canonical.pass_over_unknown_schemas(schema);
        Self {
            document: canonical.document,
            ignored: canonical.ignored,
            ..self
        }
    }

    /// Takes a document that [`validate`] or a PATCH has made canonical.
    pub fn from_document(
        mut document: Map<String, Value>,
        unsaid: Unsaid,
    ) -> Result<Self, Refusal> {
        let user_name = text(&document, "userName").ok_or_else(|| {
            Refusal::new(
                Reason::InvalidValue,
                "userName is missing. Map an attribute that every user has, normally userPrincipalName, to userName in the attribute \
                 mappings of Microsoft Entra.",
            )
            .field("userName")
        })?;
        let user_name_key = fold(&user_name);
        check_lengths(&document)?;
        check_size(&document, "account")?;
        let object_id = text(&document, "externalId");
        let said = document.get("active").and_then(Value::as_bool);
        let active = said.unwrap_or(unsaid.active());
        if said.is_some() || !matches!(unsaid, Unsaid::Unassigned(_)) {
            document.insert("active".to_owned(), Value::Bool(active));
        }
        Ok(Self {
            document,
            user_name,
            user_name_key,
            object_id,
            active,
            ignored: Vec::new(),
        })
    }

    /// The canonical attributes.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The same attributes with another Object ID, or with none.
    #[must_use]
    pub fn with_object_id(mut self, object_id: Option<&str>) -> Self {
        match object_id {
            Some(object_id) => {
                let value = Value::String(object_id.to_owned());
                self.document.insert("externalId".to_owned(), value);
            }
            None => {
                self.document.shift_remove("externalId");
            }
        }
        self.object_id = object_id.map(str::to_owned);
        self
    }

    /// What was passed over, in order.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The folded login account.
    pub fn user_name_key(&self) -> &str {
        &self.user_name_key
    }

    /// The login account.
    pub fn user_name(&self) -> &str {
        &self.user_name
    }

    /// The Object ID.
    pub fn object_id(&self) -> Option<&str> {
        self.object_id.as_deref()
    }

    /// A new account with these attributes.
    pub fn insert(
        self,
        id: AccountId,
        now: Timestamp,
        settle: impl FnOnce(&mut Account),
    ) -> AccountWrite {
        let account = Account {
            id,
            user_name: String::new(),
            user_name_key: String::new(),
            object_id: None,
            object_id_exclusive: false,
            object_id_pinned: false,
            directory_active: true,
            hold: None,
            protected: false,
            managed: false,
            version: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            document: String::new(),
            groups: Vec::new(),
            shows: Shows::new(),
        };
        self.settle(account, None, settle)
    }

    /// The next version of `old`, with these attributes.
    pub fn update(
        self,
        old: &Account,
        now: Timestamp,
        settle: impl FnOnce(&mut Account),
    ) -> AccountWrite {
        self.settle(next_version(old, now), Some(old.version), settle)
    }

    fn settle(
        self,
        mut account: Account,
        expected_version: Option<i64>,
        settle: impl FnOnce(&mut Account),
    ) -> AccountWrite {
        // What tenants define stands there in a form that needs no definition.
        let search = search_document(&self.document, ResourceSchema::user());
        let index = AccountIndex {
            emails: email_keys(&search),
            employee_number_key: search
                .get(ENTERPRISE_URN)
                .and_then(|enterprise| enterprise.get("employeeNumber"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            display_name: text(&self.document, "displayName"),
            display_name_key: text(&search, "displayName"),
            search: Value::Object(search).to_string(),
        };
        account.user_name = self.user_name;
        account.user_name_key = self.user_name_key;
        account.object_id = self.object_id;
        account.directory_active = self.active;
        account.document = Value::Object(self.document).to_string();
        settle(&mut account);
        AccountWrite {
            expected_version,
            account,
            index,
        }
    }
}

/// The attributes of an account in storage.
pub(crate) fn parse_document(account: &Account) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(&account.document).map_err(|error| Error::Internal(error.into()))
}

/// `old` at its next version: times of one account only grow, whatever the clocks of replicas say.
pub fn next_version(old: &Account, now: Timestamp) -> Account {
    let after_old = Timestamp::from_micros(old.updated_at.as_micros() + 1);
    Account {
        version: old.version + 1,
        updated_at: now.max(after_old),
        ..old.clone()
    }
}

/// The whole document, so that a page of accounts or groups stays a message that every caller takes.
pub(crate) fn check_size(
    document: &Map<String, Value>,
    resource: &'static str,
) -> Result<(), Refusal> {
    let mut size = Size(0);
    serde_json::to_writer(&mut size, document).expect("counting takes every byte");
    if size.0 <= DOCUMENT_BYTES_MAX {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::InvalidValue,
        format!("The attributes of the {resource} are larger than {DOCUMENT_BYTES_MAX} bytes; map fewer or smaller ones"),
    )
    .field(resource))
}

/// Counts what is written.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is looked up by an index is bounded, because an engine bounds the keys of one.
fn check_lengths(document: &Map<String, Value>) -> Result<(), Refusal> {
    let emails = document
        .get("emails")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let indexed = [
        ("externalId", document.get("externalId")),
        (
            "employeeNumber",
            document
                .get(ENTERPRISE_URN)
                .and_then(|enterprise| enterprise.get("employeeNumber")),
        ),
    ];
    let of_emails = emails.iter().flat_map(|email| {
        [
            ("emails.value", email.get("value")),
            ("emails.type", email.get("type")),
        ]
    });
    for (attribute, value) in indexed.into_iter().chain(of_emails) {
        if value
            .and_then(Value::as_str)
            .is_some_and(|text| text.len() > NAME_BYTES_MAX)
        {
            return Err(Refusal::new(
                Reason::InvalidValue,
                format!("{attribute} is longer than {NAME_BYTES_MAX} bytes; map a shorter value"),
            )
            .field(attribute)
            .with("attribute", attribute));
        }
    }
    Ok(())
}

fn text(document: &Map<String, Value>, name: &str) -> Option<String> {
    document
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// The search document holds the values folded.
fn email_keys(search: &Map<String, Value>) -> Vec<EmailKey> {
    emails(search)
        .map(|(value, kind)| EmailKey {
            value_key: value.to_owned(),
            type_key: kind.map(str::to_owned),
        })
        .collect()
}
