//! The only place that reads a definition from outside: every fault of it at once, each with what to do.

use super::{
    ATTRIBUTES_MAX, DEFINITION_BYTES_MAX, DESCRIPTION_CHARS_MAX, Extended, NAME_CHARS_MAX,
    SUB_ATTRIBUTES_MAX, URN_CHARS_MAX, VALUE_CHARS_MAX, VALUES_MAX,
};
use crate::{
    attributes::{
        error::excerpt,
        fold::is_invisible,
        schema::{Attribute, Mutability, ResourceSchema, Returned, Schema, Type, Uniqueness},
    },
    error::{Reason, Refusal},
};

/// Faults that are told at once.
const FAULTS_MAX: usize = 20;
/// Begins the URNs that belong to the standard itself.
const RESERVED: [&str; 2] = [
    "urn:ietf:params:scim:schemas:core:",
    "urn:ietf:params:scim:api:",
];

/// A schema as an admin writes it. Empty words mean the defaults of RFC 7643 section 2.2.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// The URN.
    pub id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// "User" or "Group".
    pub resource_type: String,
    /// In the order in which they are published.
    pub attributes: Vec<AttributeDefinition>,
}

/// An attribute as an admin writes it: the words of RFC 7643 section 7.
#[derive(Clone, Debug, Default)]
pub struct AttributeDefinition {
    /// Its name.
    pub name: String,
    /// `type`; empty: string.
    pub kind: String,
    /// Whether it holds a list.
    pub multi_valued: bool,
    /// For people.
    pub description: String,
    /// Whether a resource that has the extension must have it.
    pub required: bool,
    /// Whether its texts are compared with regard to case.
    pub case_exact: bool,
    /// Empty: readWrite.
    pub mutability: String,
    /// Empty: default, or never for what is writeOnly.
    pub returned: String,
    /// Empty: none.
    pub uniqueness: String,
    /// Suggested values.
    pub canonical_values: Vec<String>,
    /// What a reference may point to.
    pub reference_types: Vec<String>,
    /// Of a complex attribute.
    pub sub_attributes: Vec<Self>,
}

impl Definition {
    /// Checks the definition by itself. `place` is the request's field that holds it.
    pub(super) fn parse(&self, place: &str) -> Result<(Schema, Extended), Refusal> {
        let mut faults = Faults(Vec::new());
        check_urn(&self.id, &format!("{place}.id"), &mut faults);
        check_words(&self.name, &format!("{place}.name"), &mut faults);
        check_words(
            &self.description,
            &format!("{place}.description"),
            &mut faults,
        );
        let extends = Extended::from_text(&self.resource_type);
        if extends.is_none() {
            faults.add(
                &format!("{place}.resource_type"),
                "Say what the schema extends: write User or Group.",
            );
        }
        let attributes = list(
            &self.attributes,
            &format!("{place}.attributes"),
            ATTRIBUTES_MAX,
            None,
            &mut faults,
        );
        let schema = Schema {
            id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            attributes,
            built_in: false,
        };
        let size = serde_json::to_string(&schema).map_or(0, |text| text.len());
        if size > DEFINITION_BYTES_MAX {
            faults.add(
                place,
                &format!(
                    "The definition has {size} bytes as JSON, and may have {DEFINITION_BYTES_MAX}: divide it into several schemas, or shorten \
                     descriptions."
                ),
            );
        }
        faults
            .refusal()
            .map_or_else(|| Ok((schema, extends.unwrap_or(Extended::User))), Err)
    }
}

/// What is wrong, each with its field.
struct Faults(Vec<(String, String)>);

impl Faults {
    fn add(&mut self, field: &str, detail: &str) {
        if self.0.len() < FAULTS_MAX {
            self.0.push((field.to_owned(), detail.to_owned()));
        }
    }

    fn refusal(self) -> Option<Refusal> {
        let mut faults = self.0.into_iter();
        let (field, detail) = faults.next()?;
        let refusal = Refusal::new(Reason::InvalidRequest, detail).field(field);
        Some(faults.fold(refusal, |refusal, (field, detail)| {
            refusal.and_field(field, detail)
        }))
    }
}

/// RFC 8141 in the part that SCIM's names can hold.
fn check_urn(urn: &str, field: &str, faults: &mut Faults) {
    let parts: Vec<&str> = urn.split(':').collect();
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
    };
    let is_urn = parts.len() >= 3
        && parts[0].eq_ignore_ascii_case("urn")
        && parts.iter().all(|part| is_part(part))
        && !urn.ends_with('.');
    if !is_urn || urn.len() > URN_CHARS_MAX {
        faults.add(
            field,
            &format!(
                "Write a URN of at most {URN_CHARS_MAX} characters, such as urn:ietf:params:scim:schemas:extension:Contoso:2.0:User: parts of \
                 letters, digits, '-', '.' and '_', divided by colons."
            ),
        );
        return;
    }
    let lower = urn.to_ascii_lowercase();
    if RESERVED.iter().any(|reserved| lower.starts_with(reserved)) {
        faults.add(
            field,
            "URNs of this beginning belong to the standard. Write one of your own, such as urn:ietf:params:scim:schemas:extension:Contoso:2.0:User.",
        );
    }
}

/// Texts that are only shown.
fn check_words(text: &str, field: &str, faults: &mut Faults) {
    let hidden = text
        .chars()
        .any(|character| is_invisible(character) && character != '\n');
    if hidden || text.chars().count() > DESCRIPTION_CHARS_MAX {
        faults.add(
            field,
            &format!(
                "Write at most {DESCRIPTION_CHARS_MAX} characters, and none that cannot be seen."
            ),
        );
    }
}

/// The attributes of a schema, or the parts of an attribute.
fn list(
    definitions: &[AttributeDefinition],
    place: &str,
    max: usize,
    parent: Option<&AttributeDefinition>,
    faults: &mut Faults,
) -> Vec<Attribute> {
    if definitions.is_empty() {
        faults.add(place, "Define at least one.");
    } else if definitions.len() > max {
        faults.add(
            place,
            &format!(
                "There are {}, and may be {max}: define fewer.",
                definitions.len()
            ),
        );
        return Vec::new();
    }
    let mut found: Vec<Attribute> = Vec::with_capacity(definitions.len());
    for (index, definition) in definitions.iter().enumerate() {
        let place = format!("{place}[{index}]");
        let taken = found
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&definition.name));
        if taken {
            faults.add(
                &format!("{place}.name"),
                &format!(
                    "{} is there already: names are the same whatever their case. Rename one of them.",
                    excerpt(&definition.name)
                ),
            );
        }
        found.push(definition.parse(&place, parent, faults));
    }
    found
}

impl AttributeDefinition {
    fn parse(&self, place: &str, parent: Option<&Self>, faults: &mut Faults) -> Attribute {
        let field = |name: &str| format!("{place}.{name}");
        self.check_name(&field("name"), parent.is_some(), faults);
        check_words(&self.description, &field("description"), faults);
        let kind = self.kind(&field("type"), parent.is_some(), faults);
        self.check_primary(kind, place, parent, faults);
        let mutability = word(
            &self.mutability,
            Mutability::ReadWrite,
            Mutability::from_text,
            &Mutability::ALL.map(Mutability::as_str),
            &field("mutability"),
            faults,
        );
        let returned = self.returned(mutability, &field("returned"), faults);
        let uniqueness = word(
            &self.uniqueness,
            Uniqueness::None,
            Uniqueness::from_text,
            &[Uniqueness::None.as_str()],
            &field("uniqueness"),
            faults,
        );
        if uniqueness != Uniqueness::None {
            faults.add(
                &field("uniqueness"),
                "Values of an extension are not kept unique: write none.",
            );
        }
        self.check_lists(kind, place, faults);
        let sub_attributes = match kind {
            Type::Complex => list(
                &self.sub_attributes,
                &field("sub_attributes"),
                SUB_ATTRIBUTES_MAX,
                Some(self),
                faults,
            ),
            _ => Vec::new(),
        };
        let attribute = Attribute {
            name: self.name.clone(),
            kind,
            multi_valued: self.multi_valued,
            description: self.description.clone(),
            required: self.required,
            case_exact: match kind {
                Type::String => self.case_exact,
                Type::Reference | Type::Binary => true,
                Type::Boolean | Type::Decimal | Type::Integer | Type::DateTime | Type::Complex => {
                    false
                }
            },
            mutability,
            returned,
            uniqueness,
            canonical_values: self.canonical_values.clone(),
            reference_types: self.reference_types.clone(),
            sub_attributes,
        };
        if attribute.required && !attribute.is_writable() {
            faults.add(
                &field("required"),
                "What clients cannot write, or what is not kept, cannot be required: leave required out, or make it readWrite or immutable.",
            );
        }
        if attribute.mutability == Mutability::Immutable && attribute.is_hidden() {
            faults.add(
                &field("returned"),
                "What is never returned is not kept, so it cannot be immutable: write default, or make it writeOnly.",
            );
        }
        attribute
    }

    /// ATTRNAME of RFC 7643 section 2.1; `$ref` is a part only.
    fn check_name(&self, field: &str, is_sub: bool, faults: &mut Faults) {
        let name = &self.name;
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$'))
            && name.len() <= NAME_CHARS_MAX;
        if !(is_name || is_sub && name == "$ref") {
            faults.add(
                field,
                &format!(
                    "Write a name of at most {NAME_CHARS_MAX} letters, digits, '-', '_' and '$' that begins with a letter."
                ),
            );
        }
    }

    fn kind(&self, field: &str, is_sub: bool, faults: &mut Faults) -> Type {
        let kind = word(
            &self.kind,
            Type::String,
            Type::from_text,
            &Type::ALL.map(Type::as_str),
            field,
            faults,
        );
        if is_sub && kind == Type::Complex {
            faults.add(
                field,
                "A part cannot have parts of its own: give it a simple type, or make an attribute of it.",
            );
            return Type::String;
        }
        kind
    }

    /// What filters, orders and PATCH take `primary` for, RFC 7643 section 2.4.
    fn check_primary(&self, kind: Type, place: &str, parent: Option<&Self>, faults: &mut Faults) {
        let Some(parent) = parent else { return };
        if self.multi_valued {
            faults.add(
                &format!("{place}.multi_valued"),
                "A part has one value: make the whole attribute multi-valued instead.",
            );
        }
        for name in ["primary", "value", "$ref"] {
            if self.name != name && self.name.eq_ignore_ascii_case(name) {
                faults.add(
                    &format!("{place}.name"),
                    &format!("This name has a meaning of its own in SCIM: write it {name}."),
                );
            }
        }
        if self.name == "primary" && (kind != Type::Boolean || !parent.multi_valued) {
            faults.add(
                place,
                "primary marks one value of a list: make it a boolean of a multi-valued attribute, or rename it.",
            );
        }
    }

    fn returned(&self, mutability: Mutability, field: &str, faults: &mut Faults) -> Returned {
        let default = match mutability {
            Mutability::WriteOnly => Returned::Never,
            Mutability::ReadOnly | Mutability::ReadWrite | Mutability::Immutable => {
                Returned::Default
            }
        };
        let returned = word(
            &self.returned,
            default,
            Returned::from_text,
            &Returned::ALL.map(Returned::as_str),
            field,
            faults,
        );
        if mutability == Mutability::WriteOnly && returned != Returned::Never {
            faults.add(
                field,
                "What is writeOnly is never returned: write never, or leave returned out.",
            );
        }
        returned
    }

    fn check_lists(&self, kind: Type, place: &str, faults: &mut Faults) {
        let field = |name: &str| format!("{place}.{name}");
        if kind != Type::Complex && !self.sub_attributes.is_empty() {
            faults.add(
                &field("sub_attributes"),
                "Only a complex attribute has parts: write type complex, or leave them out.",
            );
        }
        if matches!(kind, Type::Complex | Type::Boolean) && !self.canonical_values.is_empty() {
            faults.add(
                &field("canonical_values"),
                "Values cannot be suggested for this type: leave them out, or suggest them for a part.",
            );
        }
        match (kind, self.reference_types.is_empty()) {
            (Type::Reference, true) => faults.add(
                &field("reference_types"),
                "Say what it refers to: User, Group, external for a URL, or uri.",
            ),
            (Type::Reference, false) | (_, true) => {}
            (_, false) => faults.add(
                &field("reference_types"),
                "Only a reference refers to something: write type reference, or leave them out.",
            ),
        }
        check_values(&self.canonical_values, &field("canonical_values"), faults);
        check_values(&self.reference_types, &field("reference_types"), faults);
    }
}

fn check_values(values: &[String], field: &str, faults: &mut Faults) {
    let odd = |value: &String| {
        value.is_empty()
            || value.chars().count() > VALUE_CHARS_MAX
            || value.chars().any(is_invisible)
    };
    if values.len() > VALUES_MAX || values.iter().any(odd) {
        faults.add(
            field,
            &format!(
                "Write at most {VALUES_MAX} values of 1 to {VALUE_CHARS_MAX} characters that can be seen."
            ),
        );
    }
    let mut sorted: Vec<_> = values.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        faults.add(field, "A value is there twice: write each once.");
    }
}

/// One of the words of RFC 7643 section 7; empty: its default.
fn word<T>(
    text: &str,
    default: T,
    read: impl FnOnce(&str) -> Option<T>,
    words: &[&str],
    field: &str,
    faults: &mut Faults,
) -> T {
    if text.is_empty() {
        return default;
    }
    read(text).unwrap_or_else(|| {
        faults.add(
            field,
            &format!(
                "{} is not one of the words: write {}.",
                excerpt(text),
                words.join(", ")
            ),
        );
        default
    })
}

/// Whether a URN cannot be told from another one and an attribute: the same, or one the beginning of the other.
pub(super) fn collide(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let begins = |long: &str, short: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '.']))
    };
    begins(&one, &other) || begins(&other, &one)
}

/// The built-in schemas, with which no URN may collide.
pub(super) fn built_in_urns<'a>() -> impl Iterator<Item = &'a str> {
    [ResourceSchema::user(), ResourceSchema::group()]
        .into_iter()
        .flat_map(|schema| schema.extensions.iter().chain([&schema.core]))
        .map(|schema| schema.id.as_str())
}

/// What of attributes that stay cannot be changed: the values that are there would be of another type.
pub(super) fn check_kept(old: &[Attribute], new: &[Attribute], place: &str) -> Result<(), Refusal> {
    for (index, new) in new.iter().enumerate() {
        let Some(old) = old
            .iter()
            .find(|old| old.name.eq_ignore_ascii_case(&new.name))
        else {
            continue;
        };
        let place = format!("{place}[{index}]");
        let name = &old.name;
        if old.kind != new.kind {
            return Err(Refusal::new(
                Reason::InvalidRequest,
                format!(
                    "The type of {name} is {} and cannot be changed: define an attribute of another name.",
                    old.kind.as_str()
                ),
            )
            .field(format!("{place}.type")));
        }
        if old.multi_valued != new.multi_valued {
            return Err(Refusal::new(
                Reason::InvalidRequest,
                format!("Whether {name} is multi-valued cannot be changed: define an attribute of another name."),
            )
            .field(format!("{place}.multi_valued")));
        }
        check_kept(
            &old.sub_attributes,
            &new.sub_attributes,
            &format!("{place}.sub_attributes"),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
