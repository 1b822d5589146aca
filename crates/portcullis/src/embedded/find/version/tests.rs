use proptest::prelude::*;

use super::*;

fn version(major: u16, minor: u16) -> Version {
    Version { major, minor }
}

#[test]
fn reads_what_the_packagers_print() {
    for (answer, expected) in [
        ("postgres (PostgreSQL) 18.6\n", version(18, 6)),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", version(15, 18)),
        ("postgres (PostgreSQL) 17.6 (Homebrew)", version(17, 6)),
        ("postgres (PostgreSQL) 9.6.24", version(9, 6)),
    ] {
        assert_eq!(Version::parse(answer), Ok(expected), "{answer}");
    }
}

#[test]
fn refuses_pre_releases_and_other_programs() {
    for answer in
        ["postgres (PostgreSQL) 19devel", "postgres (PostgreSQL) 18beta2", "postgres (PostgreSQL) 17rc1"]
    {
        assert!(matches!(Version::parse(answer), Err(VersionError::PreRelease(_))), "{answer}");
    }
    for answer in
        ["", "postgres", "(PostgreSQL)", "(PostgreSQL) x.y", "(PostgreSQL) 18", "(PostgreSQL) +18.6"]
    {
        assert!(matches!(Version::parse(answer), Err(VersionError::Unreadable(_))), "{answer}");
    }
}

#[test]
fn the_floor_is_the_first_release_with_the_row_security_fixes() {
    for good in
        [version(15, 14), version(15, 18), version(16, 10), version(17, 6), version(18, 0), version(19, 0)]
    {
        assert_eq!(good.check_floor(), Ok(()), "{good}");
    }
    for (found, floor) in [
        (version(15, 13), version(15, 14)),
        (version(16, 9), version(16, 10)),
        (version(17, 5), version(17, 6)),
    ] {
        assert_eq!(found.check_floor(), Err(VersionError::BelowFloor { found, floor }));
    }
    assert_eq!(version(14, 99).check_floor(), Err(VersionError::TooOld(version(14, 99))));
    assert_eq!(
        version(17, 5).check_floor().unwrap_err().to_string(),
        "PostgreSQL 17.5 has known holes in row-level security: update it to 17.6 or later"
    );
}

proptest! {
    #[test]
    fn parsing_never_panics_and_messages_stay_short(answer in ".{0,400}") {
        if let Err(error) = Version::parse(&answer) {
            prop_assert!(error.to_string().chars().count() < 200);
        }
    }

    #[test]
    fn what_is_printed_is_read_back(major: u16, minor: u16) {
        let version = version(major, minor);
        prop_assert_eq!(Version::parse(&format!("postgres (PostgreSQL) {version} (x)")), Ok(version));
    }
}
