//! The whole way by the command line: from an empty folder to a pack in force, and back; and what each exit status means.

use serde_json::Value;

use super::{NO_LISTS, Stage};
use crate::house::process::{Folder, Ran, command};
use crate::house::run;

async fn offline(arguments: &[&str]) -> Ran {
    command(&[&["policy"], arguments].concat(), &[]).await
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A pack to begin with and a key to sign with; the public key.
async fn made(dir: &str, secret: &str) -> String {
    offline(&["init", dir]).await.exited(0);
    offline(&["init", dir]).await.exited(1);
    offline(&["lint", dir]).await.exited(0);
    let tested = json(&offline(&["test", dir, "--json"]).await.exited(0));
    assert_eq!((&tested["passed"], tested["tests"].as_array().map(Vec::len)), (&true.into(), Some(4)));
    let public = offline(&["key", "new", "--name", "policy.example.com", "--out", secret]).await.exited(0);
    offline(&["key", "new", "--name", "policy.example.com", "--out", secret]).await.exited(1);
    public
}

/// Two versions of the pack, signed; and what is wrong is named by file, line and column, and is not signed.
async fn two_packs(folder: &Folder, dir: &str, secret: &str) -> [String; 2] {
    let first = folder.join("first.pack.json");
    offline(&["sign", dir, "--key", secret, "--out", &first]).await.exited(0);

    // What is wrong is named by file, line and column, is not signed, and is not trusted.
    let (main, tests) = (format!("{dir}/policies/main.cedar"), format!("{dir}/tests/main.json"));
    let sound = std::fs::read_to_string(&main).expect("policies");
    std::fs::write(&main, sound.replace("context.hour < 6", "context.ours < 6")).expect("written");
    let said = offline(&["lint", dir]).await.exited(3);
    assert!(said.contains("policies/main.cedar:9:3: error:"), "{said}");
    offline(&["sign", dir, "--key", secret, "--out", &folder.join("none.pack.json")]).await.exited(3);
    std::fs::write(&main, NO_LISTS.0).expect("written");
    let said = offline(&["test", dir]).await.exited(3);
    assert!(
        said.contains("FAILED  tests/main.json: and not by night: expected forbid, and it was allow"),
        "{said}"
    );
    std::fs::write(&tests, NO_LISTS.1).expect("written");
    let manifest = format!("{dir}/pack.json");
    let text =
        std::fs::read_to_string(&manifest).expect("a manifest").replace("\"version\": 1", "\"version\": 2");
    std::fs::write(&manifest, text).expect("written");
    let second = folder.join("second.pack.json");
    offline(&["sign", dir, "--key", secret, "--out", &second]).await.exited(0);
    offline(&["diff", &first, &first]).await.exited(0);
    let said = offline(&["diff", &first, dir]).await.exited(3);
    assert!(said.contains("+ policy no-lists") && said.contains("- policy agents-by-day"), "{said}");
    [first, second]
}

#[test]
fn from_an_empty_folder_to_a_pack_in_force_and_back() {
    run(async |house| {
        let stage = Stage::new(house, "command").await;
        let folder = Folder::new("policy");
        let (dir, secret) = (folder.join("office"), folder.join("policy.key"));
        let online = async |arguments: &[&str], key: &str| {
            let arguments = [&["policy"], arguments, &["--url", stage.one.url.as_str()]].concat();
            command(&arguments, &[("PORTCULLIS_API_KEY", key)]).await
        };
        let (key, token) = (stage.key.key().expect("a key"), stage.person.key().expect("a token"));

        let public = made(&dir, &secret).await;
        let [first, second] = two_packs(&folder, &dir, &secret).await;

        // Unknown key, then trusted, shown, confirmed.
        let refused = online(&["activate", &second], token).await;
        assert!(refused.err.contains("does not trust"), "{}", refused.err);
        refused.exited(1);
        online(&["key", "trust", public.trim()], key).await.exited(1);
        let trusted = json(&online(&["key", "trust", public.trim(), "--json"], token).await.exited(0));
        stage.key.get("/api/v1/projects").await.expect(200);
        let shown = online(&["activate", &second], token).await.exited(3);
        assert!(shown.contains("1 would have been refused") && shown.contains("project.list"), "{shown}");
        let tried = json(&online(&["activate", &second, "--json"], token).await.exited(3));
        let hash = tried["sha256"].as_str().expect("a hash");
        online(&["activate", &second, "--confirm", &"00".repeat(32)], token).await.exited(1);
        online(&["activate", &second, "--confirm", hash], key).await.exited(1);
        online(&["activate", &second, "--confirm", hash], token).await.exited(0);
        stage.key.get("/api/v1/projects").await.expect(403);
        let said = online(&["status"], key).await.exited(0);
        assert!(said.contains("in force") && said.contains("office 2 (forbid, 1 policies)"), "{said}");
        online(&["rollback"], key).await.exited(1);
        assert!(online(&["rollback"], token).await.exited(0).contains("No pack is in force."));
        online(&["rollback"], token).await.exited(1);
        stage.key.get("/api/v1/projects").await.expect(200);
        online(&["key", "revoke", trusted["id"].as_str().expect("an id")], token).await.exited(0);
        let refused = online(&["activate", &first], token).await;
        assert!(refused.err.contains("was revoked"), "{}", refused.err);
        refused.exited(1);
        online(&["key", "revoke", "nonsense"], token).await.exited(2);
        stage.stop().await;
    });
}
