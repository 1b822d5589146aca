use proptest::prelude::*;

use super::*;

const FILE: &str = "root:x:0:0:root:/root:/bin/sh\n# comment:x:1:1\n\nbroken\nnobody:x:65534:65533::/:/bin/false\npostgres:x:101:104::/:/bin/sh\nworker:x:1000:1000::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n";

fn name(wanted: Option<&str>, owner: Option<u32>) -> Result<String, String> {
    choose_account(FILE, wanted, owner).map(|account| account.name).map_err(|error| error.to_string())
}

#[test]
fn postgres_comes_before_nobody_and_an_owner_before_both() {
    assert_eq!(name(None, None).unwrap(), "postgres");
    assert_eq!(name(None, Some(1000)).unwrap(), "worker");
    assert_eq!(name(None, Some(0)).unwrap(), "postgres", "a copy made by root is given away again");
    assert_eq!(name(None, Some(4242)).unwrap(), "postgres", "a bare number has no entry");
    assert_eq!(name(Some("nobody"), Some(1000)).unwrap(), "nobody");
    let only_nobody = FILE.replace("postgres:", "other:");
    assert_eq!(
        choose_account(&only_nobody, None, None).unwrap(),
        Account { name: "nobody".into(), uid: 65534, gid: 65533 }
    );
}

#[test]
fn root_and_strangers_are_refused() {
    assert!(name(Some("toor"), None).unwrap_err().contains("toor is root too"));
    assert!(name(Some("absent"), None).unwrap_err().contains("/etc/passwd has no absent"));
    assert!(choose_account("root:x:0:0::/:/bin/sh\n", None, None).is_err());
    assert!(choose_account("postgres:x:0:0::/:/bin/sh\n", None, None).is_err());
}

proptest! {
    #[test]
    fn any_password_file_is_survived(text in "([a-z:0-9#x-]{0,30}\n){0,20}", owner: Option<u32>) {
        if let Ok(account) = choose_account(&text, None, owner) {
            prop_assert_ne!(account.uid, 0);
        }
    }
}
