use proptest::prelude::*;

use super::*;

const RUNNING: &str = "4711\n/srv/c/data\n1790000000\n5432\n/srv/c/socket\n\n  1234567    890\nready   \n";

#[test]
fn reads_the_pid_file_of_a_running_server() {
    let expected = PidFile { pid: 4711, socket: Some((PathBuf::from("/srv/c/socket"), 5432)), ready: true };
    assert_eq!(PidFile::parse(RUNNING), Some(expected));
}

#[test]
fn a_server_in_its_first_moments_has_written_less() {
    let young = PidFile::parse("4711\n/srv/c/data\n1790000000\n").unwrap();
    assert_eq!(young, PidFile { pid: 4711, socket: None, ready: false });
    let starting = PidFile::parse(&RUNNING.replace("ready   ", "starting")).unwrap();
    assert!(!starting.ready && starting.socket.is_some());
}

#[test]
fn a_single_user_backend_counts_and_nonsense_does_not() {
    assert_eq!(PidFile::parse("-4711\n").unwrap().pid, 4711);
    for text in ["", "\n", "postgres\n", "0\n", "1\n", "-1\n", "99999999999\n", "-2147483648\n"] {
        assert_eq!(PidFile::parse(text), None, "{text:?}");
    }
}

#[test]
fn only_cannot_connect_now_means_busy() {
    assert_eq!(answer_of(b'R', &10_u32.to_be_bytes()), Answer::Ready);
    assert_eq!(answer_of(b'E', b"SFATAL\0VFATAL\0C57P03\0Mstarting up\0\0"), Answer::Busy);
    assert_eq!(answer_of(b'E', b"SFATAL\0VFATAL\0C53300\0Mtoo many clients\0\0"), Answer::Ready);
    assert_eq!(answer_of(b'H', b"TTP/1.1 400"), Answer::Silent);
}

#[tokio::test]
async fn nobody_answers_where_there_is_no_socket_or_one_that_says_nothing() {
    let dir = std::env::temp_dir().join(format!("portcullis-probe-{}", files::random_name().unwrap()));
    assert_eq!(probe(&dir).await, Answer::Silent);
    let mute = tokio::net::UnixListener::bind(&dir).unwrap();
    let hang_up = async { drop(mute.accept().await.unwrap()) };
    assert_eq!(tokio::join!(probe(&dir), hang_up).0, Answer::Silent);
    std::fs::remove_file(&dir).unwrap();
}

#[test]
fn the_log_is_bounded_and_its_writer_goes_on() {
    let path = std::env::temp_dir().join(format!("portcullis-log-{}", files::random_name().unwrap()));
    let (mut log, start) = open_log(&path).unwrap();
    assert_eq!(start, 0);
    io::Write::write_all(&mut log, &[b'x'; 100]).unwrap();
    bound_file(&path, 100).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 100, "not over the limit yet");
    bound_file(&path, 99).unwrap();
    io::Write::write_all(&mut log, b"one\n\ntwo\n").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n\ntwo\n", "no hole where the old text was");
    assert_eq!(log_tail(&path, 0), "one\ntwo");
    assert_eq!(log_tail(&path, 5), "two");
    let moved = files::with_suffix(&path, ".1");
    assert_eq!(std::fs::read(&moved).unwrap(), [b'x'; 100]);
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(moved).unwrap();
}

proptest! {
    #[test]
    fn the_parsers_never_panic(text in "(-?[0-9]{0,12}\n)?(.{0,40}\n){0,9}", kind: u8, body: Vec<u8>) {
        if let Some(file) = PidFile::parse(&text) {
            prop_assert!(file.pid > 1);
        }
        let _ = answer_of(kind, &body);
    }
}
