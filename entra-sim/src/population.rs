//! The only place for randomness and for inventing people: same seed, same people.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::directory::{Directory, DirectoryGroup, DirectoryUser, ObjectId};

/// What a stream of random numbers is for, so that two uses never share one.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Population,
    Changes { cycle: u32 },
    Probe { number: u32 },
    Groups,
    GroupChanges { cycle: u32 },
}

/// A generator whose numbers depend on nothing but the seed and the use; the algorithm is named, so an upgrade of the library
/// does not change the story.
pub(crate) fn random(seed: u64, stream: Stream) -> Xoshiro256PlusPlus {
    let tag = match stream {
        Stream::Population => 1 << 32,
        Stream::Changes { cycle } => (2 << 32) | u64::from(cycle),
        Stream::Probe { number } => (3 << 32) | u64::from(number),
        Stream::Groups => 4 << 32,
        Stream::GroupChanges { cycle } => (5 << 32) | u64::from(cycle),
    };
    Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ tag)
}

pub(crate) fn random_guid(rng: &mut Xoshiro256PlusPlus) -> Uuid {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid()
}

const GIVEN_NAMES: [&str; 16] = [
    "Alice",
    "Bruno",
    "Chloé",
    "Dmitri",
    "Elif",
    "Fatima",
    "Günther",
    "Hana",
    "Iñigo",
    "Jürgen",
    "Kateřina",
    "Liam",
    "Mei",
    "Nkechi",
    "Øyvind",
    "Priya",
];
const SURNAMES: [&str; 16] = [
    "Andersson",
    "Baker",
    "Chen",
    "Dvořák",
    "Eriksen",
    "Fischer",
    "García",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Lefèvre",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Patel",
];
const TITLES: [&str; 6] = [
    "Engineer",
    "Senior Engineer",
    "Accountant",
    "R&D Lead",
    "Director, \"Special\" Projects",
    "Analyst",
];
const DEPARTMENTS: [&str; 6] = ["R&D", "Finance", "Sales", "Support", "Legal", "IT"];
const CITIES: [(&str, &str, &str, &str); 5] = [
    ("Redmond", "WA", "98052", "US"),
    ("Zürich", "ZH", "8001", "CH"),
    ("København", "Hovedstaden", "1050", "DK"),
    ("東京", "東京都", "100-0001", "JP"),
    ("Montréal", "QC", "H2Y 1C6", "CA"),
];
const LANGUAGES: [&str; 4] = ["en-US", "de-CH", "da-DK", "ja-JP"];

/// One in so many users is a guest, whose name holds `#`.
const GUEST_EVERY: usize = 23;

/// A directory of `count` users, most of whom report to one of the first tenth.
pub(crate) fn populate(count: usize, domain: &str, seed: u64) -> Directory {
    let mut rng = random(seed, Stream::Population);
    let mut directory = Directory::default();
    let managers = (count / 10).max(1);
    for number in 0..count {
        let mut user = invent(&mut rng, number, domain);
        let manager = rng.random_range(0..managers);
        user.manager = (manager != number && rng.random_ratio(9, 10)).then_some(manager);
        directory.add(user);
    }
    directory
}

/// One in so many users is a member of a group when it is made.
const MEMBER_EVERY: u32 = 10;

/// Adds `count` groups. Users draw from a stream of their own, so groups do not change who they are.
pub(crate) fn populate_groups(directory: &mut Directory, count: usize, seed: u64) {
    let mut rng = random(seed, Stream::Groups);
    for _ in 0..count {
        let group = invent_group(&mut rng, directory);
        directory.add_group(group);
    }
}

/// A new group with a tenth of the users, at least one where there is one.
pub(crate) fn invent_group(rng: &mut Xoshiro256PlusPlus, directory: &Directory) -> DirectoryGroup {
    let number = directory.groups().len();
    let name = format!("{} {number}", pick(rng, &DEPARTMENTS));
    let mut group = DirectoryGroup::new(ObjectId(random_guid(rng)), name);
    let users = directory.users().len();
    group
        .members
        .extend((0..users).filter(|_| rng.random_ratio(1, MEMBER_EVERY)));
    if users > 0 {
        group.members.insert(rng.random_range(0..users));
    }
    group
}

/// The user with the given number; numbers make the names unique.
pub(crate) fn invent(rng: &mut Xoshiro256PlusPlus, number: usize, domain: &str) -> DirectoryUser {
    let given_name = pick(rng, &GIVEN_NAMES);
    let surname = pick(rng, &SURNAMES);
    let local = format!("{}.{}{number}", ascii(given_name), ascii(surname));
    let name = if number % GUEST_EVERY == GUEST_EVERY - 1 {
        format!("{local}_fabrikam.com#EXT#@{domain}")
    } else {
        format!("{local}@{domain}")
    };
    let (city, state, postal_code, country) = CITIES[rng.random_range(0..CITIES.len())];
    let mut user = DirectoryUser::new(ObjectId(random_guid(rng)), name);
    user.display_name = Some(format!("{given_name} {surname}"));
    user.given_name = Some(given_name.to_owned());
    user.surname = Some(surname.to_owned());
    user.mail = Some(format!("{local}@{domain}"));
    user.job_title = Some(pick(rng, &TITLES).to_owned());
    user.department = Some(pick(rng, &DEPARTMENTS).to_owned());
    let language = pick(rng, &LANGUAGES).to_owned();
    user.preferred_language = sometimes(rng, language);
    user.physical_delivery_office_name = sometimes(rng, format!("Building {}", number % 40));
    user.street_address = Some(format!("{} Main St", number + 1));
    user.city = Some(city.to_owned());
    user.state = Some(state.to_owned());
    user.postal_code = Some(postal_code.to_owned());
    user.country = Some(country.to_owned());
    user.telephone_number = Some(phone(rng));
    let mobile = phone(rng);
    user.mobile = sometimes(rng, mobile);
    let fax = phone(rng);
    user.facsimile_telephone_number = sometimes(rng, fax);
    user.employee_id = Some(format!("{:06}", 100_000 + number));
    user
}

pub(crate) fn pick<'a>(rng: &mut Xoshiro256PlusPlus, from: &[&'a str]) -> &'a str {
    from[rng.random_range(0..from.len())]
}

pub(crate) fn phone(rng: &mut Xoshiro256PlusPlus) -> String {
    format!("+1 555{:04}", rng.random_range(0..10_000))
}

/// Changes one attribute that the mapping sends, to a value that differs.
pub(crate) fn change_attribute(rng: &mut Xoshiro256PlusPlus, user: &mut DirectoryUser) {
    let stamp = user.revision + 1;
    match rng.random_range(0..7) {
        0 => user.display_name = Some(format!("Renamed {stamp} {}", pick(rng, &SURNAMES))),
        1 => user.job_title = Some(format!("{} {stamp}", pick(rng, &TITLES))),
        2 => user.department = Some(format!("{} {stamp}", pick(rng, &DEPARTMENTS))),
        3 => user.mobile = Some(format!("{} ext {stamp}", phone(rng))),
        4 => {
            let (city, state, postal_code, country) = CITIES[rng.random_range(0..CITIES.len())];
            user.street_address = Some(format!("{stamp} Side St"));
            user.city = Some(city.to_owned());
            user.state = Some(state.to_owned());
            user.postal_code = Some(postal_code.to_owned());
            user.country = Some(country.to_owned());
        }
        5 => {
            user.surname = Some(format!("{}-{stamp}", pick(rng, &SURNAMES)));
            user.mail = Some(format!(
                "mail{stamp}.{}",
                user.user_principal_name.replace('#', "_")
            ));
        }
        _ => user.user_principal_name = format!("renamed{stamp}.{}", user.user_principal_name),
    }
}

/// Most people have it, some do not: an attribute without a value is never sent.
fn sometimes(rng: &mut Xoshiro256PlusPlus, value: String) -> Option<String> {
    rng.random_ratio(3, 4).then_some(value)
}

/// The name as it can stand in a login: small ASCII letters, with the apostrophe that some logins hold. Letters of the names above
/// lose their marks, as administrators write them; none is dropped.
fn ascii(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|c| match c {
            'á' => 'a',
            'è' | 'é' => 'e',
            'í' => 'i',
            'ñ' => 'n',
            'ø' => 'o',
            'ř' => 'r',
            'ü' => 'u',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_invents_the_same_people() {
        let one = populate(200, "contoso.com", 7);
        let two = populate(200, "contoso.com", 7);
        let other = populate(200, "contoso.com", 8);
        assert_eq!(one.users(), two.users());
        assert_ne!(one.users(), other.users());
    }

    #[test]
    fn names_are_unique_and_some_are_hard() {
        let directory = populate(500, "contoso.com", 1);
        let names: HashSet<_> = directory
            .users()
            .iter()
            .map(|user| user.user_principal_name.to_lowercase())
            .collect();
        assert_eq!(names.len(), 500);
        assert!(names.iter().any(|name| name.contains('#')));
        assert!(names.iter().any(|name| name.contains('\'')));
    }

    #[test]
    fn groups_have_names_of_their_own_and_members() {
        let mut directory = populate(30, "contoso.com", 1);
        populate_groups(&mut directory, 20, 1);
        let names: HashSet<_> = directory
            .groups()
            .iter()
            .map(|group| &group.display_name)
            .collect();
        assert_eq!(names.len(), 20);
        assert!(
            directory
                .groups()
                .iter()
                .all(|group| !group.members.is_empty())
        );
        assert_eq!(directory.users(), populate(30, "contoso.com", 1).users());
    }

    #[test]
    fn logins_keep_every_letter_of_a_name() {
        assert_eq!(ascii("Günther"), "gunther");
        assert_eq!(ascii("Øyvind"), "oyvind");
        assert_eq!(ascii("O'Brien"), "o'brien");
        for name in GIVEN_NAMES.iter().chain(&SURNAMES) {
            let login = ascii(name);
            assert_eq!(login.chars().count(), name.chars().count(), "{name}");
            assert!(login.is_ascii(), "{name}");
        }
    }

    #[test]
    fn a_changed_attribute_really_differs() {
        let mut rng = random(3, Stream::Population);
        let mut user = invent(&mut rng, 4, "contoso.com");
        for _ in 0..200 {
            let before = user.clone();
            change_attribute(&mut rng, &mut user);
            assert_ne!(user, before);
            user.revision += 1;
        }
    }
}
