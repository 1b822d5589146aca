//! Deaths of the server and of us.

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::super::{config, supervise};
use super::*;

/// What the helper process says when its server is ready.
const HELD: &str = "HELD ";

/// Waits for the server's last words, which come after it has let go of the directory; returns the log.
async fn shut_down_in_order(scratch: &Scratch) -> String {
    let path = scratch.cluster().join("postgres.log");
    let log = || std::fs::read_to_string(&path).unwrap();
    until("the server has shut down in order", || log().trim_end().ends_with("database system is shut down"))
        .await;
    log()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_started_again_and_loses_nothing() {
    let (home, scratch) = (home().await, Scratch::new());
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    sql(&home, &running, "create table kept as select 42 as answer").await.unwrap();
    let (first, mut states) = (server_pid(&scratch.data()), running.watch());
    let begun = Instant::now();
    kill(first, Signal::KILL);
    states.wait_for(|state| *state == State::Restarting).await.unwrap();
    states.wait_for(|state| *state == State::Ready).await.unwrap();
    eprintln!("restart after kill -9: {:?}", begun.elapsed());
    assert_ne!(server_pid(&scratch.data()), first);
    assert_eq!(sql(&home, &running, "select answer from kept").await.unwrap(), "42");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_dying_is_given_up_with_a_reason() {
    let (home, scratch) = (home().await, Scratch::new());
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    let mut states = running.watch();
    let mut deaths = 0;
    while !matches!(*states.borrow_and_update(), State::Failed(_)) {
        // Only a server that was up: one that dies while it starts is given up with its own last words.
        if let Holder::Server(file) = holder(&scratch.data())
            && running.state() == State::Ready
        {
            kill(file.pid, Signal::KILL);
            deaths += 1;
            until(
                "the server is gone",
                || !matches!(holder(&scratch.data()), Holder::Server(left) if left == file),
            )
            .await;
        }
        assert!(deaths < 20, "never given up");
        sleep(Duration::from_millis(10)).await;
    }
    let State::Failed(why) = running.state() else { panic!("not failed") };
    assert!(why.contains("died 5 times"), "{why}");
    assert!(matches!(running.stop().await, Err(Error::KeepsDying { times: 5, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_owns_and_the_other_takes_over_later() {
    let (home, scratch) = (home().await, Scratch::new());
    let dir = scratch.cluster();
    let options = Options::default();
    let (one, two) = tokio::join!(Cluster::open(&home, &dir, &options), Cluster::open(&home, &dir, &options));
    let (one, two) = (one.unwrap(), two.unwrap());
    let (owner, guest) = if one.role() == Role::Owner { (one, two) } else { (two, one) };
    assert_eq!((owner.role(), guest.role()), (Role::Owner, Role::Guest));
    assert_eq!(owner.connection().password.expose(), guest.connection().password.expose());
    sql(&home, &guest, "create table kept as select 42 as answer").await.unwrap();

    // A guest that leaves takes nothing with it.
    let third = Cluster::open(&home, &dir, &options).await.unwrap();
    assert_eq!(third.role(), Role::Guest);
    third.stop().await.unwrap();
    assert_eq!(sql(&home, &owner, "select answer from kept").await.unwrap(), "42");

    let (first, mut states) = (server_pid(&scratch.data()), guest.watch());
    owner.stop().await.unwrap();
    states.wait_for(|state| *state == State::Restarting).await.unwrap();
    states.wait_for(|state| *state == State::Ready).await.unwrap();
    assert_ne!(server_pid(&scratch.data()), first);
    assert_eq!(sql(&home, &guest, "select answer from kept").await.unwrap(), "42");
    guest.stop().await.unwrap();
    assert_eq!(holder(&scratch.data()), Holder::Nobody);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_an_owner_is_adopted_and_then_ends_with_us() {
    let (home, scratch) = (home().await, Scratch::new());
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    let socket_dir = running.connection().socket_dir.clone();
    running.stop().await.unwrap();

    let run_as = RunAs::resolve(None, &scratch.data()).unwrap();
    let mut command = run_as.command(&home.program("postgres"));
    command.arg("-D").arg(scratch.data());
    for setting in config::fixed_settings(&socket_dir) {
        command.arg("-c").arg(setting);
    }
    let mut orphan = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = i32::try_from(orphan.id().unwrap()).unwrap();
    until("the orphan is up", || matches!(holder(&scratch.data()), Holder::Server(file) if file.ready)).await;

    let begun = Instant::now();
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    eprintln!("adoption: {:?}", begun.elapsed());
    assert_eq!((running.role(), server_pid(&scratch.data())), (Role::Owner, pid));
    assert_eq!(sql(&home, &running, "select 1").await.unwrap(), "1");

    // It is looked after like a child of our own.
    let mut states = running.watch();
    kill(pid, Signal::KILL);
    orphan.wait().await.unwrap();
    states.wait_for(|state| *state == State::Restarting).await.unwrap();
    states.wait_for(|state| *state == State::Ready).await.unwrap();
    assert_eq!(sql(&home, &running, "select 1").await.unwrap(), "1");
    running.stop().await.unwrap();
    assert_eq!(holder(&scratch.data()), Holder::Nobody);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_it_stops_the_server_too() {
    let (home, scratch) = (home().await, Scratch::new());
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    let data = scratch.data();
    drop(running);
    // Opening at once has to cope with a server that is about to go.
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    let mut states = running.watch();
    until("a server answers", || {
        states.borrow_and_update().clone() == State::Ready && matches!(holder(&data), Holder::Server(_))
    })
    .await;
    drop(running);
    until("the server is gone", || holder(&data) == Holder::Nobody).await;
    shut_down_in_order(&scratch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_we_are_killed_the_watchdog_stops_the_server() {
    let (home, scratch) = (home().await, Scratch::new());
    let mut us = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "embedded::tests::lives::helper_holds_a_cluster_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut told = us.stdin.take().unwrap();
    told.write_all(format!("{}\n", scratch.cluster().display()).as_bytes()).await.unwrap();
    let mut lines = BufReader::new(us.stdout.take().unwrap()).lines();
    let pid = loop {
        let line = lines.next_line().await.unwrap().expect("the helper ended early");
        if let Some((_, pid)) = line.split_once(HELD) {
            break pid.trim().parse::<i32>().unwrap();
        }
    };
    assert_eq!(server_pid(&scratch.data()), pid);
    assert!(
        supervise::try_own(&scratch.cluster().join("owner.lock")).unwrap().is_none(),
        "the helper owns it"
    );

    let begun = Instant::now();
    us.kill().await.unwrap();
    until("the server is gone", || holder(&scratch.data()) == Holder::Nobody).await;
    eprintln!("server gone after kill -9 of its owner: {:?}", begun.elapsed());
    assert!(shut_down_in_order(&scratch).await.contains("received fast shutdown request"));
    let running = Cluster::open(&home, &scratch.cluster(), &Options::default()).await.unwrap();
    assert_eq!((running.role(), running.state()), (Role::Owner, State::Ready));
    running.stop().await.unwrap();
}

/// The process that the test above kills. It is told on standard input where the cluster is.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by when_we_are_killed_the_watchdog_stops_the_server"]
async fn helper_holds_a_cluster_until_it_is_killed() {
    let mut lines = std::io::stdin().lines();
    let Some(dir) = lines.next().and_then(Result::ok).filter(|dir| dir.starts_with('/')) else { return };
    let home = home().await;
    let running = Cluster::open(&home, Path::new(&dir), &Options::default()).await.unwrap();
    assert_eq!(running.role(), Role::Owner);
    println!("\n{HELD}{}", server_pid(&Path::new(&dir).join("data")));
    // Ends with its standard input, should it not be killed.
    let _ = tokio::task::block_in_place(|| lines.next());
    running.stop().await.unwrap();
}
