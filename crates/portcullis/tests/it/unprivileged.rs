//! Who the server and its PostgreSQL run as, read from the kernel: never root unless that was wanted, and then PostgreSQL
//! is not.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::Pid;

use crate::house::process::{Folder, Process, Ran, command, program, run_to_end};
use crate::house::{Database, House, Tenant, run};

/// What the kernel says of a process.
struct Credentials(BTreeMap<String, Vec<String>>);

impl Credentials {
    fn of(pid: Pid) -> Self {
        let path = format!("/proc/{}/status", pid.as_raw_nonzero());
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Self(
            fields
                .map(|(name, rest)| (name.to_owned(), rest.split_whitespace().map(str::to_owned).collect()))
                .collect(),
        )
    }

    fn ids(&self, field: &str) -> Vec<u32> {
        self.0[field].iter().map(|id| id.parse().expect("a number")).collect()
    }

    /// Real, effective, saved and file system id alike, no group besides, and none of root's capabilities.
    #[track_caller]
    fn are_of(&self, uid: u32, gid: u32, what: &str) {
        assert_eq!(self.ids("Uid"), [uid; 4], "{what}");
        assert_eq!(self.ids("Gid"), [gid; 4], "{what}");
        let groups = self.ids("Groups");
        assert!(groups.iter().all(|group| *group == gid), "{what}: supplementary groups {groups:?}");
        for set in ["CapEff", "CapPrm", "CapAmb"] {
            assert_eq!(self.0[set], ["0000000000000000"], "{what}: {set}");
        }
    }
}

/// An account without privileges: its name, user id and group id. `None` where this is not root, which alone can become one.
fn account(house: &House) -> Option<(String, u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can become another account, and these tests do not run as root");
        return None;
    }
    // PostgreSQL's, to which the socket of the tests' cluster is open.
    let uid = std::fs::metadata(house.socket_dir()).expect("the socket's directory").uid();
    assert_ne!(uid, 0, "the tests' own PostgreSQL runs as root");
    let passwd = std::fs::read_to_string("/etc/passwd").expect("accounts");
    let found = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2).is_some_and(|id| id.parse() == Ok(uid)));
    let found = found.expect("an account of that number");
    Some((found[0].to_owned(), uid, found[3].parse().expect("a group")))
}

async fn serve(database: &Database, more: &[&str]) -> Ran {
    let mut command = program(&[&["serve", "--listen", "127.0.0.1:0"], more].concat());
    command.envs(database.environment());
    run_to_end(command).await
}

#[test]
fn serve_refuses_to_be_root_and_becomes_who_it_is_told() {
    run(async |house| {
        let Some((name, uid, gid)) = account(house) else { return };
        let database = house.database("unprivileged").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "unprivileged").await;
        vault.close();
        for (more, sentence) in [
            (&[][..], "would run as root"),
            (&["--user", "root"], "is root too"),
            (&["--user", "no-such-account-here"], "no account no-such-account-here"),
        ] {
            let ran = serve(&database, more).await;
            assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{more:?}: {}", ran.err);
            assert!(ran.err.contains(sentence), "{more:?}: {}", ran.err);
            assert!(!ran.err.contains("ready"), "{more:?}: {}", ran.err);
        }
        for told_by in ["--user", "PORTCULLIS_USER"] {
            let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
            if told_by == "--user" {
                command.args(["--user", &name]);
            } else {
                command.env("PORTCULLIS_USER", &name);
            }
            command.envs(database.environment()).env("PORTCULLIS_DATA_DIR", database.data_dir());
            let server = Process::start(command, false).await;
            Credentials::of(server.pid()).are_of(uid, gid, told_by);
            server.web(tenant.agent_key.expose().to_owned()).chat("loopback", "Hello").await.expect(200);
            assert!(server.stop().await.success());
        }
    });
}

#[test]
fn who_is_not_root_becomes_nobody_else() {
    run(async |house| {
        let Some((_, uid, gid)) = account(house) else {
            let ran = command(&["serve", "--user", "root", "--data-dir", "."], &[]).await;
            assert_eq!(ran.code, Some(1), "{}", ran.err);
            return;
        };
        let database = house.database("not_root").await;
        let mut command = program(&["serve", "--listen", "127.0.0.1:0", "--user", "root"]);
        command
            .envs(database.environment())
            .env("PORTCULLIS_DATA_DIR", database.data_dir())
            .uid(uid)
            .gid(gid);
        let ran = run_to_end(command).await;
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("only root can become another account"), "{}", ran.err);
    });
}

/// The process id that PostgreSQL wrote into its directory.
fn postmaster(data_dir: &Path) -> Pid {
    let file = data_dir.join("cluster/data/postmaster.pid");
    let text = std::fs::read_to_string(file).expect("postmaster.pid");
    text.lines().next().and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?)).expect("a process id")
}

fn owner_and_mode(path: &Path) -> (u32, u32) {
    let about = std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (about.uid(), about.mode() & 0o777)
}

#[test]
fn up_as_root_gives_postgresql_an_account_of_its_own() {
    run(async |house| {
        if account(house).is_none() {
            return;
        }
        let folder = Folder::new("root-up");
        let server = Process::up(house, folder.path(), &[]).await;
        assert_eq!(Credentials::of(server.pid()).ids("Uid"), [0; 4]);
        let postgres = Credentials::of(postmaster(folder.path()));
        assert!(postgres.ids("Uid").iter().all(|id| *id != 0), "PostgreSQL is root");
        assert!(postgres.0["CapEff"] == ["0000000000000000"], "{:?}", postgres.0["CapEff"]);
        assert!(server.written().contains("running as root"), "it says so: {}", server.written());
        assert_eq!(owner_and_mode(&folder.path().join("encryption.key")), (0, 0o600));
        assert!(server.stop().await.success());
    });
}

#[test]
fn up_told_whom_to_become_is_nobody_else_and_neither_is_postgresql() {
    run(async |house| {
        let Some((name, uid, gid)) = account(house) else { return };
        let folder = Folder::new("user-up");
        let data_dir = folder.path().join("data");
        let server = Process::up(house, &data_dir, &[("PORTCULLIS_USER", &name)]).await;
        Credentials::of(server.pid()).are_of(uid, gid, "the server");
        Credentials::of(postmaster(&data_dir)).are_of(uid, gid, "PostgreSQL");
        // What it keeps is closed to everybody else.
        assert_eq!(owner_and_mode(&data_dir), (uid, 0o700));
        assert_eq!(owner_and_mode(&data_dir.join("encryption.key")), (uid, 0o600));
        let key = server.said["api_key"].as_str().expect("a key").to_owned();
        server.web(key).chat("loopback", "Hello").await.expect(200);
        assert!(server.stop().await.success());
    });
}
