//! What the types must not let anybody write. Each file under `cheats/` is one way around a gate; what the compiler says
//! against it is kept beside it, so that a cheat that starts to compile, or fails for another reason, fails here.
//!
//! The compiler is started for each file, against the libraries that the tests were built with: a check of them by a build of
//! their own would compile everything once more. `BLESS=1` writes what it says anew.

#![expect(
    clippy::disallowed_methods,
    reason = "the compiler is started with the machine's own PATH and HOME"
)]

#[cfg(test)]
mod compiled {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::{env, fs, thread};

    use serde_json::Value;

    /// What cheats name.
    const CRATES: [&str; 5] = ["gates", "kernel", "serde_json", "sqlx", "store"];
    /// With an example, dependencies have the features that tests ask for: so nothing is built that is not there.
    const EXAMPLE: &str = "counts";

    /// The libraries by name, as cargo built them.
    fn libraries(root: &Path) -> BTreeMap<String, PathBuf> {
        let mut cargo = Command::new(env::var_os("CARGO").expect("tests are run by cargo"));
        // What cargo says to this test alone would make it run build scripts again.
        for (name, _) in env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
            {
                cargo.env_remove(name);
            }
        }
        cargo.current_dir(root).stdin(Stdio::null()).stderr(Stdio::inherit());
        cargo.args([
            "build",
            "--quiet",
            "--locked",
            "--workspace",
            "--lib",
            "--example",
            EXAMPLE,
            "--message-format",
            "json",
        ]);
        let built = cargo.output().expect("cargo runs");
        assert!(built.status.success(), "the libraries cannot be built");
        let text = String::from_utf8(built.stdout).expect("UTF-8");
        let mut found = BTreeMap::new();
        for message in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let name = message["target"]["name"].as_str().unwrap_or_default();
            let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let library =
                files.map(PathBuf::from).find(|file| file.extension().is_some_and(|end| end == "rmeta"));
            if let Some(library) = library.filter(|_| CRATES.contains(&name)) {
                found.insert(name.to_owned(), library);
            }
        }
        found
    }

    /// What the compiler says against a file, one error after the other: code, message, place, and what stands at it.
    fn said(file: &Path, libraries: &BTreeMap<String, PathBuf>, out: &Path) -> Result<(), String> {
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc
            .args(["--edition", "2024", "--emit", "metadata", "--error-format", "json", "--out-dir"])
            .arg(out)
            .arg(file);
        for (name, library) in libraries {
            let folder = library.parent().expect("in a folder");
            rustc.arg("--extern").arg(format!("{name}={}", library.display()));
            rustc.arg("-L").arg(format!("dependency={}", folder.display()));
        }
        let output = rustc.stdin(Stdio::null()).output().expect("the compiler runs");
        if output.status.success() {
            return Ok(());
        }
        let mut text = String::new();
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            let Ok(found) = serde_json::from_str::<Value>(line) else {
                let _ = writeln!(text, "{line}");
                continue;
            };
            let spans = found["spans"].as_array().cloned().unwrap_or_default();
            let Some(span) =
                spans.iter().find(|span| span["is_primary"] == true).filter(|_| found["level"] == "error")
            else {
                continue;
            };
            let code = found["code"]["code"].as_str().map_or_else(String::new, |code| format!("[{code}]"));
            let message = found["message"].as_str().unwrap_or_default();
            let label = span["label"].as_str().map_or_else(String::new, |label| format!(": {label}"));
            let _ = writeln!(
                text,
                "error{code}: {message}\n --> {}:{}{label}",
                span["line_start"], span["column_start"]
            );
        }
        Err(text)
    }

    /// What is wrong with a cheat: nothing, when it fails as it is known to.
    fn wrong(file: &Path, libraries: &BTreeMap<String, PathBuf>, out: &Path) -> Option<String> {
        let (name, kept) = (file.display(), file.with_extension("stderr"));
        let Err(text) = said(file, libraries, out) else { return Some(format!("{name}: it compiles")) };
        if env::var_os("BLESS").is_some() {
            fs::write(&kept, &text).expect("written");
            return None;
        }
        let known = fs::read_to_string(&kept).unwrap_or_default();
        (text != known).then(|| {
            format!("{name}: it fails otherwise than it is known to.\nknown:\n{known}\nnow:\n{text}")
        })
    }

    #[test]
    fn no_way_around_the_gates_compiles() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).expect("the root of the workspace");
        let libraries = libraries(root);
        assert_eq!(libraries.keys().map(String::as_str).collect::<Vec<_>>(), CRATES);
        let entries = fs::read_dir(here.join("tests/cheats")).expect("cheats");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "rs"));
        files.sort();
        assert!(files.len() > 20, "the cheats are gone");

        // What compiles is no cheat: otherwise a broken call of the compiler would pass for a refusal.
        let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let sound = out.join("sound.rs");
        fs::write(
            &sound,
            "fn sound(words: gates::Clean<String>) -> String {\n    words.into_inner()\n}\nfn main() {}\n",
        )
        .expect("written");
        assert_eq!(said(&sound, &libraries, out), Ok(()));

        let next = AtomicUsize::new(0);
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let faults: Vec<String> = thread::scope(|scope| {
            let work = || {
                let mine = || files.get(next.fetch_add(1, Ordering::Relaxed));
                std::iter::from_fn(mine).filter_map(|file| wrong(file, &libraries, out)).collect::<Vec<_>>()
            };
            let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            running.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
        });
        assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    }
}
