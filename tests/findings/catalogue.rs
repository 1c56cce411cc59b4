//! No remedy that the code knows is left out by the stories, and no kind of finding.
//!
//! What is played is read from the stories' text, what there is to play from the code's: a story fails that does not know all remedies of its
//! finding, and so each title that stands in the code must be in one.

use std::{fs, path::Path};

use provisioning_proto::admin::v1::FindingKind;

const REMEDIES: &str = "provisioning-core/src/findings";
const STORIES: &str = "tests/findings";
/// What a story says of a remedy that it plays.
const PLAYS: [&str; 4] = [
    "Play::cures(",
    "Play::mends(",
    "Play::closes(",
    "Play::silences(",
];

#[test]
fn every_remedy_is_played() {
    let code = source(&format!("{REMEDIES}/remedies"));
    let more = fs::read_to_string(root(&format!("{REMEDIES}/remedies.rs"))).expect("it is read");
    let stories = source(STORIES);
    let played: Vec<String> = PLAYS
        .iter()
        .flat_map(|play| literals(&stories, play))
        .collect();
    let titles = [literals(&code, "remedy("), literals(&more, "remedy(")].concat();
    assert!(titles.len() > 20, "{titles:#?}");
    for title in &titles {
        // What stands between the values that are filled in.
        let pieces = title
            .split('{')
            .filter_map(|piece| piece.rsplit('}').next());
        let mut pieces = pieces.filter(|piece| !piece.is_empty());
        let is_played = pieces.any(|piece| played.iter().any(|play| piece.contains(play.as_str())));
        assert!(is_played, "no story plays {title:?}: {played:#?}");
    }
}

#[test]
fn every_kind_has_a_story() {
    let stories = source(STORIES);
    let kinds = (1..).map_while(|number| FindingKind::try_from(number).ok());
    let kinds: Vec<FindingKind> = kinds.collect();
    assert!(kinds.len() > 10, "{kinds:?}");
    for kind in kinds {
        let told = format!("kind: FindingKind::{kind:?},");
        assert!(stories.contains(&told), "no story tells of {kind:?}");
    }
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All that stands in a folder.
fn source(folder: &str) -> String {
    let files = fs::read_dir(root(folder)).expect("it is a folder");
    let texts = files.map(|file| fs::read_to_string(file.expect("it is listed").path()));
    texts.map(|text| text.expect("it is read")).collect()
}

/// The texts with which calls of a function begin, also where they are formatted.
fn literals(source: &str, call: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices(call) {
        let before = &source[..at];
        let is_other = before.ends_with("fn ")
            || before.ends_with(|c: char| c.is_alphanumeric() || "_\"".contains(c));
        if is_other {
            continue;
        }
        let argument = source[at + call.len()..].trim_start();
        let argument = argument
            .strip_prefix("format!(")
            .unwrap_or(argument)
            .trim_start();
        let text = argument.strip_prefix('"');
        let text = text.unwrap_or_else(|| {
            panic!(
                "the title is to stand where the remedy is made: {}",
                &argument[..80]
            )
        });
        found.push(literal(text));
    }
    found
}

/// Up to the quote that ends it.
fn literal(text: &str) -> String {
    let mut read = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next().filter(|character| *character != '"') {
        match (character, rest.peek()) {
            ('\\', Some('\n')) => while rest.next_if(|next| next.is_whitespace()).is_some() {},
            ('\\', Some(_)) => read.extend(rest.next()),
            _ => read.push(character),
        }
    }
    read
}
