use super::*;

#[test]
fn the_cache_grows_with_the_machine_within_bounds() {
    let buffers = |memory_mib| {
        let text = tuning(&Options { memory_mib: Some(memory_mib), ..Options::default() });
        text.lines().find_map(|line| line.strip_prefix("shared_buffers = ")).unwrap().to_owned()
    };
    assert_eq!(buffers(0), "32MB");
    assert_eq!(buffers(2_048), "128MB");
    assert_eq!(buffers(64 * 1_024), "512MB");
}

#[test]
fn reads_the_memory_of_the_machine() {
    assert_eq!(meminfo_mib("MemTotal:       24684096 kB\nMemFree: 1 kB\n"), Some(24_105));
    assert_eq!(meminfo_mib("MemFree: 1 kB\n"), None);
    assert!(machine_memory_mib() > 0);
}

#[test]
fn a_directory_is_usable_up_to_the_last_byte_that_fits() {
    let name_bytes = "/.s.PGSQL.5432".len();
    let longest = format!("/{}", "d".repeat(SOCKET_PATH_BYTES_MAX - name_bytes - 1));
    assert!(is_usable(Path::new(&longest)));
    assert!(!is_usable(Path::new(&format!("{longest}d"))));
    for odd in ["relative", "/with space", "/a,b", "/a\"b", "/caf\u{e9}"] {
        assert!(!is_usable(Path::new(odd)), "{odd}");
    }
}

#[test]
fn nothing_of_the_fixed_settings_opens_the_network_or_logs_statements() {
    let settings = fixed_settings(Path::new("/s"));
    for needed in ["listen_addresses=", "fsync=on", "log_statement=none", "unix_socket_directories=/s"] {
        assert!(settings.iter().any(|setting| setting == needed), "{needed}");
    }
}
