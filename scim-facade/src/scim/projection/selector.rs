//! One attribute as a client names it, and its way into a resource.

use serde_json::Value;

use crate::scim::{error::ScimError, is_urn, strip_prefix_ignore_case, without_core};

/// `name.givenName`, `emails[type eq "work"]`, `urn:…:User:manager.value`.
#[derive(Debug)]
pub(super) struct Selector {
    /// A name, or a URN with or without an attribute behind it.
    name: String,
    sub_attribute: Option<String>,
    /// Only the elements whose sub-attribute has this value. A richer value filter selects every element.
    equals: Option<(String, Value)>,
}

impl Selector {
    /// What it names, whichever elements it means.
    pub(super) fn path(&self) -> String {
        match &self.sub_attribute {
            Some(sub) => format!("{}.{sub}", self.name),
            None => self.name.clone(),
        }
    }

    /// The way into the attribute or extension `name`; `None` when this names another.
    pub(super) fn trail(&self, name: &str) -> Option<Trail<'_>> {
        let (mut steps, filter_depth) = if self.name.eq_ignore_ascii_case(name) {
            (Vec::new(), 0)
        } else if is_urn(name) {
            let attribute = strip_prefix_ignore_case(&self.name, name)?.strip_prefix(':')?;
            (vec![attribute], 1)
        } else {
            return None;
        };
        steps.extend(self.sub_attribute.iter().flat_map(|sub| sub.split('.')));
        Some(Trail {
            steps,
            filter: self.equals.as_ref().map(|equals| (filter_depth, equals)),
        })
    }
}

/// What of a value is meant: the names that lead into it, and which elements of a list on the way.
#[derive(Clone, Debug)]
pub(super) struct Trail<'a> {
    pub steps: Vec<&'a str>,
    /// After how many steps the list comes, and what its elements must have.
    filter: Option<(usize, &'a (String, Value))>,
}

impl<'a> Trail<'a> {
    /// Whether the whole value is meant.
    pub(super) fn is_whole(&self) -> bool {
        self.steps.is_empty() && self.filter.is_none()
    }

    /// The way to another part of the elements in which this one leads to a part; `None` where it leads elsewhere, or to all parts.
    pub(super) fn beside(&self, attribute: &'a str, part: &'a str) -> Option<Self> {
        let (first, rest) = self.steps.split_first()?;
        let is_beside = first.eq_ignore_ascii_case(attribute) && !rest.is_empty();
        is_beside.then(|| Self {
            steps: vec![attribute, part],
            filter: self.filter,
        })
    }

    /// Whether just this part is meant.
    pub(super) fn leads_to(&self, attribute: &str, part: &str) -> bool {
        matches!(self.steps.as_slice(), [first, second]
            if first.eq_ignore_ascii_case(attribute) && second.eq_ignore_ascii_case(part))
    }

    /// Whether this element is meant, or something in it.
    pub(super) fn selects(&self, element: &Value) -> bool {
        let Some((0, (name, wanted))) = self.filter else {
            return true;
        };
        let fields = element.as_object().into_iter().flatten();
        let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.any(|(_, value)| text(value).eq_ignore_ascii_case(&text(wanted)))
    }

    /// The way on from the field `name`; `None` when it does not lead there.
    pub(super) fn step(&self, name: &str) -> Option<Self> {
        let (first, rest) = self.steps.split_first()?;
        first.eq_ignore_ascii_case(name).then(|| Self {
            steps: rest.to_vec(),
            filter: self
                .filter
                .and_then(|(depth, equals)| Some((depth.checked_sub(1)?, equals))),
        })
    }
}

/// Without regard to type: `primary eq "True"` is sent.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The items of a comma-separated list; a comma inside brackets or quotes belongs to a value filter.
pub(super) fn selectors(list: &str) -> Result<Vec<Selector>, ScimError> {
    let (mut in_quotes, mut in_brackets, mut escaped) = (false, false, false);
    let items = list.split(|c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            '[' if !in_quotes => in_brackets = true,
            ']' if !in_quotes => in_brackets = false,
            ',' => return !in_quotes && !in_brackets,
            _ => {}
        }
        false
    });
    items
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(selector)
        .collect()
}

fn selector(item: &str) -> Result<Selector, ScimError> {
    let malformed = || {
        ScimError::value(
            "attributes and excludedAttributes take attribute names, separated by commas.",
        )
    };
    let item = without_core(item);
    if let Some((name, rest)) = item.split_once('[') {
        let (filter, rest) = rest.rsplit_once(']').ok_or_else(malformed)?;
        let sub_attribute = match rest {
            "" => None,
            rest => Some(rest.strip_prefix('.').ok_or_else(malformed)?.to_owned()),
        };
        return Ok(Selector {
            name: name.trim().to_owned(),
            sub_attribute,
            equals: equality(filter),
        });
    }
    // The dots of a URN's version separate nothing.
    let attribute_at = item.rfind(':').map_or(0, |colon| colon + 1);
    let (name, sub_attribute) = match item[attribute_at..].split_once('.') {
        Some((attribute, sub)) if is_urn(item) => {
            (&item[..attribute_at + attribute.len()], Some(sub))
        }
        Some((attribute, sub)) => (attribute, Some(sub)),
        None => (item, None),
    };
    Ok(Selector {
        name: name.to_owned(),
        sub_attribute: sub_attribute.map(str::to_owned),
        equals: None,
    })
}

/// `type eq "work"` as a name and a literal; `None` for any other filter.
pub(crate) fn equality(filter: &str) -> Option<(String, Value)> {
    let mut words = filter.trim().splitn(3, ' ');
    let (name, operator, literal) = (words.next()?, words.next()?, words.next()?.trim());
    if !operator.eq_ignore_ascii_case("eq") {
        return None;
    }
    Some((name.to_owned(), serde_json::from_str(literal).ok()?))
}
