//! The plain model: a person as a struct, and each operation as the few lines that a reader of RFC 7644 section 3.5.2 and of Entra's documents
//! would write. Both dialects, and every shape in which clients write an operation.

use proptest::prelude::*;
use provisioning_core::{
    attributes::{
        Map,
        patch::{Op, Operation},
        schema::ENTERPRISE_URN,
    },
    tenants::Dialect,
};
use serde_json::{Value, json};

/// The single texts, as paths of the model.
const TEXTS: [&str; 5] = [
    "title",
    "displayName",
    "name.givenName",
    "name.familyName",
    "department",
];

/// What a text may be; the empty one is no value.
const VALUES: [&str; 7] = ["a", "B", "É\"\\x", "true", "[x] and (y)", "", "null"];
/// Values and types of mail addresses: several differ in case only.
pub const MAILS: [&str; 5] = ["a@x", "A@x", "b@x", "\"q\"@x", ""];
const KINDS: [&str; 4] = ["work", "Work", "home", ""];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    texts: [Option<String>; TEXTS.len()],
    pub active: Option<bool>,
    manager: Option<String>,
    pub mails: Vec<Mail>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mail {
    pub value: Option<String>,
    kind: Option<String>,
    display: Option<String>,
    primary: Option<bool>,
}

/// A part of a mail address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Value,
    Kind,
    Display,
}

/// All terms hold.
#[derive(Clone, Debug, Default)]
pub struct Where {
    value: Option<String>,
    kind: Option<String>,
    primary: Option<bool>,
}

#[derive(Clone, Debug)]
pub enum Step {
    Text(usize, String),
    Active(Option<bool>),
    Manager(Option<String>),
    AddMails(Vec<Mail>),
    ReplaceMails(Vec<Mail>),
    RemoveMails(Option<Where>),
    RemoveListed(Vec<String>),
    RemovePart(Option<Where>, Part),
    SetPart(Op, Option<Where>, Part, String),
    SetPrimary(Op, Option<Where>, bool),
    SetMail(Op, Where, Mail),
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl Where {
    fn selects(&self, mail: &Mail) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| match (wanted, found) {
            (None, _) => true,
            (Some(wanted), Some(found)) => wanted.to_lowercase() == found.to_lowercase(),
            (Some(_), None) => false,
        };
        same(&self.value, &mail.value)
            && same(&self.kind, &mail.kind)
            && (self.primary.is_none() || self.primary == mail.primary)
    }

    fn described(&self) -> Mail {
        Mail {
            value: self.value.clone(),
            kind: self.kind.clone(),
            display: None,
            primary: self.primary,
        }
    }

    fn text(&self) -> String {
        let quoted = |name: &str, text: &String| format!("{name} eq {}", Value::from(text.clone()));
        let terms = [
            self.kind.as_ref().map(|kind| quoted("type", kind)),
            self.value.as_ref().map(|value| quoted("VALUE", value)),
            self.primary
                .map(|primary| format!("primary eq \"{primary}\"")),
        ];
        terms
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" and ")
    }
}

impl Mail {
    fn part(&mut self, part: Part) -> &mut Option<String> {
        match part {
            Part::Value => &mut self.value,
            Part::Kind => &mut self.kind,
            Part::Display => &mut self.display,
        }
    }

    fn says_only_its_use(&self) -> bool {
        self.value.is_none() && self.display.is_none()
    }

    fn includes(&self, other: &Self) -> bool {
        let has = |own: &Option<String>, new: &Option<String>| new.is_none() || own == new;
        has(&self.value, &other.value)
            && has(&self.kind, &other.kind)
            && has(&self.display, &other.display)
            && (other.primary.is_none() || self.primary == other.primary)
    }

    fn extend(&mut self, other: &Self) {
        for part in [Part::Value, Part::Kind, Part::Display] {
            if let Some(text) = other.clone().part(part).take() {
                *self.part(part) = Some(text);
            }
        }
        self.primary = other.primary.or(self.primary);
    }

    fn json(&self) -> Value {
        let mut json = json!({});
        for (name, text) in [
            ("value", &self.value),
            ("Type", &self.kind),
            ("display", &self.display),
        ] {
            if let Some(text) = text {
                json[name] = json!(text);
            }
        }
        if let Some(primary) = self.primary {
            json["primary"] = json!(primary);
        }
        json
    }
}

/// A mail address as it arrives: empty parts are none, and what is then nothing but its use is no mail address.
fn arriving(given: &[Mail]) -> Vec<Mail> {
    let mut mails = Vec::new();
    for mail in given {
        let mut found = mail.clone();
        let mut lost = false;
        for part in [Part::Value, Part::Kind, Part::Display] {
            lost |= found.part(part).take_if(|text| text.is_empty()).is_some();
        }
        let nothing = found == Mail::default();
        if !(nothing || lost && found.says_only_its_use()) {
            mails.push(found);
        }
    }
    let last = mails.len();
    one_primary(&mut mails, 0..last);
    mails
}

/// The last primary one of those just written stays.
fn one_primary(mails: &mut [Mail], written: impl IntoIterator<Item = usize>) {
    let kept = written
        .into_iter()
        .filter(|index| mails[*index].primary == Some(true))
        .last();
    if let Some(kept) = kept {
        for (index, mail) in mails.iter_mut().enumerate() {
            if index != kept && mail.primary == Some(true) {
                mail.primary = Some(false);
            }
        }
    }
}

impl Person {
    /// `None` when the RFC's dialect finds no target.
    pub fn step(&mut self, step: &Step, dialect: Dialect) -> Option<()> {
        let everything = Where::default();
        match step {
            Step::Text(index, text) => self.texts[*index] = some(text),
            Step::Active(active) => self.active = *active,
            Step::Manager(manager) => self.manager.clone_from(manager),
            Step::ReplaceMails(mails) => self.mails = arriving(mails),
            Step::AddMails(mails) => self.add(&arriving(mails)),
            Step::RemoveMails(selected) => {
                let selected = selected.as_ref().unwrap_or(&everything);
                self.mails.retain(|mail| !selected.selects(mail));
            }
            Step::RemoveListed(values) => self.mails.retain(|mail| {
                !values
                    .iter()
                    .any(|value| mail.value.as_ref() == Some(value))
            }),
            Step::RemovePart(selected, part) => {
                self.remove_part(selected.as_ref().unwrap_or(&everything), *part);
            }
            Step::SetPart(_, selected, part, text) if text.is_empty() => {
                self.remove_part(selected.as_ref().unwrap_or(&everything), *part);
            }
            Step::SetPart(op, selected, part, text) => {
                self.set(*op, selected.as_ref(), dialect, |mail| {
                    *mail.part(*part) = some(text);
                })?;
            }
            Step::SetPrimary(op, selected, primary) => {
                self.set(*op, selected.as_ref(), dialect, |mail| {
                    mail.primary = Some(*primary);
                })?;
            }
            Step::SetMail(op, selected, mail) => {
                let Some(mail) = arriving(std::slice::from_ref(mail)).pop() else {
                    self.mails.retain(|mail| !selected.selects(mail));
                    return Some(());
                };
                let described = selected.described();
                self.set(*op, Some(selected), dialect, |old| {
                    if *op == Op::Replace {
                        *old = described.clone();
                    }
                    old.extend(&mail);
                })?;
            }
        }
        Some(())
    }

    fn add(&mut self, new: &[Mail]) {
        let mut written = Vec::new();
        for mail in new {
            let same = self.mails.iter().position(|old| {
                let is_same =
                    mail.value.is_some() && old.value == mail.value && old.kind == mail.kind;
                old.includes(mail) || is_same
            });
            let index = same.unwrap_or(self.mails.len());
            match same {
                Some(index) => self.mails[index].extend(mail),
                None => self.mails.push(mail.clone()),
            }
            written.push(index);
        }
        one_primary(&mut self.mails, written);
    }

    fn remove_part(&mut self, selected: &Where, part: Part) {
        self.mails.retain_mut(|mail| {
            let removed = selected.selects(mail) && mail.part(part).take().is_some();
            !(removed && mail.says_only_its_use())
        });
    }

    fn set(
        &mut self,
        op: Op,
        selected: Option<&Where>,
        dialect: Dialect,
        change: impl Fn(&mut Mail),
    ) -> Option<()> {
        let everything = Where::default();
        let filter = selected.unwrap_or(&everything);
        let mut written: Vec<_> = (0..self.mails.len())
            .filter(|index| filter.selects(&self.mails[*index]))
            .collect();
        if written.is_empty() {
            if op == Op::Replace && dialect == Dialect::Rfc {
                return None;
            }
            self.mails.push(filter.described());
            written.push(self.mails.len() - 1);
        }
        for index in &written {
            change(&mut self.mails[*index]);
        }
        one_primary(&mut self.mails, written);
        Some(())
    }

    pub fn of(document: &Map) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let document = Value::Object(document.clone());
        let enterprise = &document[ENTERPRISE_URN];
        let mail = |mail: &Value| Mail {
            value: text(&mail["value"]),
            kind: text(&mail["type"]),
            display: text(&mail["display"]),
            primary: mail["primary"].as_bool(),
        };
        Self {
            texts: [
                text(&document["title"]),
                text(&document["displayName"]),
                text(&document["name"]["givenName"]),
                text(&document["name"]["familyName"]),
                text(&enterprise["department"]),
            ],
            active: document["active"].as_bool(),
            manager: text(&enterprise["manager"]["value"]),
            mails: document["emails"]
                .as_array()
                .map(|mails| mails.iter().map(mail).collect())
                .unwrap_or_default(),
        }
    }
}

/// How a client writes a step: a number of which each shape takes a part.
pub type Shape = usize;

fn operation(op: Op, path: impl Into<String>, value: Option<Value>) -> Operation {
    Operation {
        op,
        path: Some(path.into()),
        value,
    }
}

fn without_path(op: Op, value: Value) -> Operation {
    Operation {
        op,
        path: None,
        value: Some(value),
    }
}

pub fn written(step: &Step, shape: Shape) -> Operation {
    let op = if shape.is_multiple_of(2) {
        Op::Add
    } else {
        Op::Replace
    };
    let mails = |selected: Option<&Where>, part: &str| match selected {
        Some(selected) => format!("emails[{}]{part}", selected.text()),
        None => format!("EMAILS{part}"),
    };
    match step {
        Step::Text(index, text) => written_text(op, *index, text, shape / 2),
        Step::Active(None) => operation(Op::Remove, "Active", None),
        Step::Active(Some(active)) => {
            let words = [
                json!(active),
                json!(active.to_string()),
                json!(active.to_string().to_uppercase()),
            ];
            let word = words[shape / 2 % 3].clone();
            if (shape / 6).is_multiple_of(2) {
                operation(op, "active", Some(word))
            } else {
                without_path(op, json!({"active": word}))
            }
        }
        Step::Manager(manager) => written_manager(op, manager.as_deref(), shape / 2),
        Step::AddMails(list) => {
            let list: Vec<_> = list.iter().map(Mail::json).collect();
            if shape.is_multiple_of(2) {
                operation(Op::Add, "emails", Some(list.into()))
            } else {
                without_path(Op::Add, json!({"Emails": list}))
            }
        }
        Step::ReplaceMails(list) => {
            let list: Vec<_> = list.iter().map(Mail::json).collect();
            operation(Op::Replace, "emails", Some(list.into()))
        }
        Step::RemoveMails(selected) => operation(Op::Remove, mails(selected.as_ref(), ""), None),
        Step::RemoveListed(values) => {
            let objects = values
                .iter()
                .map(|value| json!({"$ref": null, "value": value}));
            let list = match shape % 2 {
                0 => objects.collect::<Value>(),
                _ => json!(values),
            };
            operation(Op::Remove, "emails", Some(list))
        }
        Step::RemovePart(selected, part) => {
            operation(Op::Remove, mails(selected.as_ref(), part.text()), None)
        }
        Step::SetPart(op, selected, part, text) => {
            // A plain value is the `value` of the selected element.
            let part = match (part, selected) {
                (Part::Value, Some(_)) if shape.is_multiple_of(2) && !text.is_empty() => "",
                (part, _) => part.text(),
            };
            operation(*op, mails(selected.as_ref(), part), Some(json!(text)))
        }
        Step::SetPrimary(op, selected, primary) => {
            let words = [
                json!(primary),
                json!(if *primary { "True" } else { "False" }),
            ];
            let word = words[shape % 2].clone();
            operation(*op, mails(selected.as_ref(), ".primary"), Some(word))
        }
        Step::SetMail(op, selected, mail) => {
            operation(*op, mails(Some(selected), ""), Some(mail.json()))
        }
    }
}

impl Part {
    const fn text(self) -> &'static str {
        match self {
            Self::Value => ".value",
            Self::Kind => ".type",
            Self::Display => ".Display",
        }
    }
}

fn written_text(op: Op, index: usize, text: &str, shape: Shape) -> Operation {
    let name = TEXTS[index];
    let paths = match name {
        "department" => [
            format!("{ENTERPRISE_URN}:department"),
            "Department".to_owned(),
            format!("{ENTERPRISE_URN}:DEPARTMENT"),
        ],
        name => [
            name.to_owned(),
            name.to_uppercase(),
            format!("urn:ietf:params:scim:schemas:core:2.0:User:{name}"),
        ],
    };
    let path = paths[shape % 3].clone();
    let value = match (text.is_empty(), shape / 3 % 2) {
        (true, 0) => Value::Null,
        _ => json!(text),
    };
    match shape / 6 % 3 {
        0 if text.is_empty() => operation(Op::Remove, path, None),
        0 => operation(op, path, Some(value)),
        1 => without_path(op, json!({path: value})),
        _ => match name.split_once('.') {
            Some((name, sub)) => without_path(op, json!({name: {sub: value}})),
            None if name == "department" => {
                without_path(op, json!({ENTERPRISE_URN: {name: value}}))
            }
            None => without_path(op, json!({name: value})),
        },
    }
}

fn written_manager(op: Op, manager: Option<&str>, shape: Shape) -> Operation {
    let path = [
        format!("{ENTERPRISE_URN}:manager"),
        "manager".to_owned(),
        format!("{ENTERPRISE_URN}.Manager"),
    ][shape % 3]
        .clone();
    match (manager, shape / 3 % 4) {
        (Some(id), 0) => operation(op, path, Some(json!(id))),
        (Some(id), 1) => operation(op, path, Some(json!({"value": id}))),
        (Some(id), 2) => operation(op, path, Some(json!([{"$ref": null, "value": id}]))),
        (Some(id), _) => operation(op, path + ".value", Some(json!(id))),
        (None, 0) => operation(Op::Remove, path, None),
        (None, 1) => operation(op, path, Some(json!(""))),
        (None, 2) => operation(op, path, Some(Value::Null)),
        (None, _) => without_path(op, json!({path: ""})),
    }
}

fn select(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

fn mail() -> impl Strategy<Value = Mail> {
    let maybe = |texts| prop::option::weighted(0.8, select(texts));
    (
        maybe(&MAILS),
        maybe(&KINDS),
        prop::option::weighted(0.2, select(&VALUES)),
        any::<Option<bool>>(),
    )
        .prop_map(|(value, kind, display, primary)| Mail {
            value,
            kind,
            display,
            primary,
        })
}

fn filter() -> impl Strategy<Value = Where> {
    let text = |texts: &'static [&'static str]| {
        prop::option::of(select(texts)).prop_map(|text| text.filter(|text| !text.is_empty()))
    };
    (text(&MAILS), text(&KINDS), any::<Option<bool>>()).prop_map(|(value, mut kind, primary)| {
        if value.is_none() && primary.is_none() {
            // There has to be a term.
            kind.get_or_insert_with(|| "work".to_owned());
        }
        Where {
            value,
            kind,
            primary,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let op = || prop::sample::select(vec![Op::Add, Op::Replace]);
    let part = || prop::sample::select(vec![Part::Value, Part::Kind, Part::Display]);
    let mails = || prop::collection::vec(mail(), 0..4);
    let selected = || prop::option::weighted(0.8, filter());
    prop_oneof![
        4 => (0..TEXTS.len(), select(&VALUES)).prop_map(|(index, text)| Step::Text(index, text)),
        1 => any::<Option<bool>>().prop_map(Step::Active),
        2 => prop::option::of(prop::sample::select(vec!["M1", "M2"]).prop_map(str::to_owned)).prop_map(Step::Manager),
        2 => mails().prop_map(Step::AddMails),
        1 => mails().prop_map(Step::ReplaceMails),
        1 => selected().prop_map(Step::RemoveMails),
        1 => prop::collection::vec(select(&MAILS), 0..3).prop_map(Step::RemoveListed),
        1 => (selected(), part()).prop_map(|(selected, part)| Step::RemovePart(selected, part)),
        3 => (op(), selected(), part(), select(&VALUES)).prop_map(|(op, selected, part, text)| Step::SetPart(op, selected, part, text)),
        1 => (op(), selected(), any::<bool>()).prop_map(|(op, selected, primary)| Step::SetPrimary(op, selected, primary)),
        2 => (op(), filter(), mail()).prop_map(|(op, filter, mail)| Step::SetMail(op, filter, mail)),
    ]
}

/// A step, and how a client writes it.
pub type Written = (Step, Shape);

/// Some PATCH requests, one after the other, in a dialect.
pub fn sequence() -> impl Strategy<Value = (Dialect, Vec<Vec<Written>>)> {
    let patch = prop::collection::vec((step(), 0..36_usize), 1..6);
    (
        prop::sample::select(vec![Dialect::Entra, Dialect::Rfc]),
        prop::collection::vec(patch, 1..5),
    )
}
