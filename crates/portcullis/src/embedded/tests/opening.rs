use std::os::unix::fs::{MetadataExt, lchown};

use super::*;

#[tokio::test]
async fn a_new_cluster_is_private_durable_and_has_pgvector() {
    let (home, scratch) = (home().await, Scratch::new());
    assert_eq!(Cluster::major_of(&scratch.cluster()).unwrap(), None);
    let begun = Instant::now();
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    eprintln!("first open, with initdb: {:?}", begun.elapsed());
    assert_eq!(
        (running.role(), running.state(), running.version()),
        (Role::Owner, State::Ready, home.version())
    );
    assert_eq!(Cluster::major_of(&scratch.cluster()).unwrap(), Some(18));
    for (setting, expected) in [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("password_encryption", "scram-sha-256"),
        ("unix_socket_permissions", "0700"),
        ("max_connections", "100"),
        ("TimeZone", "UTC"),
    ] {
        assert_eq!(sql(&home, &running, &format!("show {setting}")).await.unwrap(), expected, "{setting}");
    }
    assert_eq!(
        sql(&home, &running, "create extension vector; select '[1,2]'::vector <-> '[1,0]'").await.unwrap(),
        "2"
    );
    let methods = sql(&home, &running, "select distinct auth_method from pg_hba_file_rules").await.unwrap();
    assert_eq!(methods, "scram-sha-256");
    assert_eq!(sql(&home, &running, "select lower('\u{c4}\u{d6}')").await.unwrap(), "\u{e4}\u{f6}");

    let to = running.connection();
    assert!(
        sql_as(&home, to, to.user, "wrong", "select 1").await.unwrap_err().contains("authentication failed")
    );
    assert_eq!((mode(&to.socket_dir), mode(&scratch.data())), (0o700, 0o700));
    assert_eq!(mode(&scratch.cluster().join("superuser.password")), 0o600);
    assert_eq!(mode(&scratch.cluster().join("postgres.log")), 0o600);
    let owner = std::fs::metadata(scratch.data()).unwrap().uid();
    assert_ne!(owner, 0, "root never owns the data");
    if cfg!(target_os = "linux") {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", server_pid(&scratch.data()))).unwrap();
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!(field("Uid:"), vec![owner.to_string(); 4].join("\t"), "real, effective, saved");
        assert!(!is_root() || field("Groups:").is_empty(), "root's groups are gone: {}", field("Groups:"));
    }
    running.stop().await.unwrap();
    assert_eq!(holder(&scratch.data()), Holder::Nobody);
}

#[tokio::test]
async fn secrets_reach_neither_the_log_nor_the_environment_nor_the_command_line() {
    let (home, scratch) = (home().await, Scratch::new());
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    sql(&home, &running, "create role r password 'hunter2-one'").await.unwrap();
    sql(&home, &running, "create role r password 'hunter2-two'").await.unwrap_err();
    sql(
        &home,
        &running,
        "create table t (x text unique); insert into t values ('hunter2-three'), ('hunter2-three')",
    )
    .await
    .unwrap_err();
    let password = running.connection().password.expose().to_owned();
    assert_eq!(password.len(), 64);
    let log = std::fs::read_to_string(scratch.cluster().join("postgres.log")).unwrap();
    assert!(log.contains("already exists") && log.contains("unique constraint"), "errors are logged:\n{log}");
    assert!(!log.contains("hunter2") && !log.contains(&password), "{log}");
    if cfg!(target_os = "linux") {
        let pid = server_pid(&scratch.data());
        for file in ["environ", "cmdline"] {
            let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(&password) && !text.contains("CARGO"), "{text}");
        }
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_second_open_finds_the_data_also_after_root_copied_it_or_left_a_stale_pid_file() {
    let (home, scratch) = (home().await, Scratch::new());
    let open = async || Cluster::open(&home, &scratch.cluster(), &Options::default()).await;
    let running = open().await.unwrap();
    sql(&home, &running, "create table kept as select 42 as answer").await.unwrap();
    running.stop().await.unwrap();

    let begun = Instant::now();
    let running = open().await.unwrap();
    eprintln!("second open of a cluster: {:?}", begun.elapsed());
    running.stop().await.unwrap();

    // A pid file of a process that is gone, then one whose number was given to another program.
    let pid_file = scratch.data().join("postmaster.pid");
    let text =
        |pid: u32| format!("{pid}\n{}\n1790000000\n5432\n/tmp\n\n 1 1\nready\n", scratch.data().display());
    let mut other = Command::new("sleep").arg("600").stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    for pid in [4_194_304, other.id().unwrap()] {
        std::fs::write(&pid_file, text(pid)).unwrap();
        if let RunAs::Account(account) = RunAs::resolve(None, &scratch.data()).unwrap() {
            lchown(&pid_file, Some(account.uid), Some(account.gid)).unwrap();
        }
        let running = open().await.unwrap();
        assert_eq!(sql(&home, &running, "select answer from kept").await.unwrap(), "42");
        running.stop().await.unwrap();
    }
    assert!(other.try_wait().unwrap().is_none(), "the other program was left alone");

    if is_root() {
        let account = std::fs::metadata(scratch.data()).unwrap().uid();
        for path in [scratch.data().join("PG_VERSION"), scratch.data().join("base"), scratch.data()] {
            lchown(&path, Some(0), Some(0)).unwrap();
        }
        let running = open().await.unwrap();
        assert_eq!(sql(&home, &running, "select answer from kept").await.unwrap(), "42");
        assert_eq!(std::fs::metadata(scratch.data().join("base")).unwrap().uid(), account);
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_left_as_it_is() {
    let (home, scratch) = (home().await, Scratch::new());
    let open = async || Cluster::open(&home, &scratch.cluster(), &Options::default()).await.err().unwrap();
    let data = scratch.cluster().join("data");
    files::make_dir(&data, 0o700).unwrap();
    files::write_new(&data.join("letters"), b"mine", 0o600).unwrap();
    let error = open().await;
    assert!(matches!(error, Error::NotACluster { .. }), "{error}");

    files::write_new(&data.join("PG_VERSION"), b"17\n", 0o600).unwrap();
    let error = open().await;
    assert!(matches!(error, Error::MajorVersion { cluster: 17, .. }), "{error}");
    assert!(
        error.to_string().contains("was made by PostgreSQL 17, and the binaries found are 18.6"),
        "{error}"
    );

    files::write_atomically(&data.join("PG_VERSION"), b"18\n", 0o600).unwrap();
    let error = open().await;
    assert!(matches!(error, Error::PasswordLost { .. }), "{error}");
    assert_eq!(std::fs::read(data.join("letters")).unwrap(), b"mine");

    // With a password it is started, and PostgreSQL's own words come back.
    files::write_new(&scratch.cluster().join("superuser.password"), b"abc", 0o600).unwrap();
    let error = open().await;
    assert!(matches!(&error, Error::Exited { log, .. } if log.contains("postgresql.conf")), "{error}");
}

#[tokio::test]
async fn an_initdb_that_was_killed_leaves_nothing_in_the_way() {
    let (home, scratch) = (home().await, Scratch::new());
    let partial = scratch.cluster().join("data.partial");
    files::make_dir(&partial, 0o700).unwrap();
    files::write_new(&partial.join("PG_VERSION"), b"18\n", 0o600).unwrap();
    let pwfile = scratch.cluster().join("initdb-password.0");
    files::write_new(&pwfile, b"secret", 0o600).unwrap();
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    assert!(!partial.exists() && !pwfile.exists());
    let names: Vec<_> =
        std::fs::read_dir(scratch.cluster()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("initdb-password")), "{names:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_short_private_one_that_is_remembered() {
    let (home, scratch) = (home().await, Scratch::new());
    let dir = scratch.0.join("long".repeat(25)).join("c");
    let open = async || Cluster::open(&home, &dir, &Options::default()).await.unwrap();
    let running = open().await;
    let socket_dir = running.connection().socket_dir.clone();
    assert!(socket_dir.starts_with("/tmp") && mode(&socket_dir) == 0o700, "{}", socket_dir.display());
    assert_eq!(sql(&home, &running, "select 1").await.unwrap(), "1");
    running.stop().await.unwrap();

    let running = open().await;
    assert_eq!(running.connection().socket_dir, socket_dir);
    running.stop().await.unwrap();

    // Someone else could have put another directory under the remembered name meanwhile.
    std::fs::remove_dir(&socket_dir).unwrap();
    files::make_dir(&socket_dir, 0o777).unwrap();
    let running = open().await;
    assert_ne!(running.connection().socket_dir, socket_dir);
    let second = running.connection().socket_dir.clone();
    running.stop().await.unwrap();
    std::fs::remove_dir(socket_dir).unwrap();
    std::fs::remove_dir(second).unwrap();
}

#[tokio::test]
async fn a_parent_that_keeps_the_account_out_is_named() {
    let (home, scratch) = (home().await, Scratch::new());
    let closed = scratch.0.join("closed");
    files::make_dir(&closed, 0o700).unwrap();
    let outcome = Cluster::open(&home, &closed.join("c"), &Options::default()).await;
    if is_root() {
        let error = outcome.err().unwrap();
        assert!(matches!(&error, Error::Unreachable { blocked, .. } if *blocked == closed), "{error}");
        assert!(error.to_string().contains("chmod o+x"), "{error}");
        assert!(!closed.join("c/data").exists());
    } else {
        // Without root there is no other account, and our own private directories are fine.
        outcome.unwrap().stop().await.unwrap();
    }
}

#[tokio::test]
async fn as_root_another_account_can_be_chosen() {
    let (home, scratch) = (home().await, Scratch::new());
    let options = Options { run_as: Some("nobody".to_owned()), ..Options::default() };
    let running = Cluster::open(&home, &scratch.cluster(), &options).await.unwrap();
    let owner = std::fs::metadata(scratch.data()).unwrap().uid();
    let ourselves = rustix::process::geteuid().as_raw();
    assert_eq!(owner == ourselves, !is_root());
    running.stop().await.unwrap();
    // The owner is kept when nobody is named.
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    assert_eq!(std::fs::metadata(scratch.data()).unwrap().uid(), owner);
    running.stop().await.unwrap();
}
