use super::*;

fn at() -> Timestamp {
    Timestamp::from_unix_micros(1_700_000_000_000_000)
}

fn operator(name: &str, url: &str, models: &[&str]) -> EnvProvider {
    let models: Vec<String> = models.iter().map(|model| (*model).to_owned()).collect();
    EnvProvider::new(name, url, Some(Secret::new(b"sk-test".to_vec())), &models, at()).ok().unwrap()
}

fn own(name: &str, models: &[&str]) -> Arc<Target> {
    Arc::new(operator(name, "https://own.example.com/v1", models).0)
}

fn directory() -> Directory {
    let operator = vec![
        operator("openai", "https://api.openai.com/v1", &["gpt-*", "o4-mini"]),
        operator("groq", "https://api.groq.com/openai/v1", &["openai/gpt-oss-120b"]),
        operator("anything", "http://127.0.0.1:11434/v1", &[]),
    ];
    Directory::new(UrlRules::default(), operator, at()).unwrap()
}

#[test]
fn a_model_goes_to_the_first_that_answers_for_it() {
    let directory = directory();
    let mine: Targets = vec![own("mine", &["gpt-4o", "tuned"]), own("bare", &[])].into();
    let table = [
        ("mine/tuned", "mine", "tuned"),
        ("bare/whatever/it-is", "bare", "whatever/it-is"),
        ("gpt-4o", "mine", "gpt-4o"),
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("gpt-5", "openai", "gpt-5"),
        // The prefix names a provider that does not serve the rest: the whole is a model of another.
        ("openai/gpt-oss-120b", "openai", "gpt-oss-120b"),
        ("groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        ("loopback", "loopback", "loopback"),
        ("loopback/loopback-echo", "loopback", "loopback-echo"),
        ("llama3", "anything", "llama3"),
        ("meta/llama3", "anything", "meta/llama3"),
        ("mine/unlisted", "anything", "mine/unlisted"),
        ("/x", "anything", "/x"),
    ];
    for (asked, provider, model) in table {
        let (target, name) = directory.find(&mine, asked).unwrap();
        assert_eq!((target.name.as_str(), name), (provider, model), "{asked}");
    }
    for nothing in ["", "a b", "é", &"x".repeat(201)] {
        assert!(directory.find(&mine, nothing).is_none(), "{nothing:?}");
    }
}

#[test]
fn the_prefix_of_a_provider_that_does_not_serve_it_hides_nothing() {
    let operator = vec![
        operator("openai", "https://api.openai.com/v1", &["o4-mini"]),
        operator("groq", "https://api.groq.com/openai/v1", &["openai/gpt-oss-120b"]),
    ];
    let directory = Directory::new(UrlRules::default(), operator, at()).unwrap();
    let none: Targets = Vec::new().into();
    let (target, name) = directory.find(&none, "openai/gpt-oss-120b").unwrap();
    assert_eq!((target.name.as_str(), name), ("groq", "openai/gpt-oss-120b"));
    assert!(directory.find(&none, "gpt-4o").is_none(), "nobody answers for what nobody lists");
}

#[test]
fn a_tenants_provider_comes_before_an_operators_of_the_same_name() {
    let mine: Targets = vec![own("openai", &[])].into();
    let directory = directory();
    let (target, _) = directory.find(&mine, "openai/gpt-4o").unwrap();
    assert!(matches!(&target.way, Way::Http(endpoint) if endpoint.uri().host() == Some("own.example.com")));
}

#[test]
fn each_model_is_listed_once_and_patterns_are_not() {
    let mine: Targets = vec![own("mine", &["o4-mini", "tuned"])].into();
    let listed = directory().list(&mine);
    let ids: Vec<(&str, &str)> =
        listed.iter().map(|model| (model.id.as_str(), model.owned_by.as_str())).collect();
    let expected = [
        ("o4-mini", "mine"),
        ("tuned", "mine"),
        ("openai/gpt-oss-120b", "groq"),
        ("loopback", "loopback"),
        ("loopback-echo", "loopback"),
    ];
    assert_eq!(ids, expected);
}

#[test]
fn a_price_is_found_by_the_host_before_the_name() {
    let called = |name: &str, url: &str| operator(name, url, &[]).0.vendor().to_owned();
    assert_eq!(called("main", "https://api.openai.com/v1"), "openai");
    assert_eq!(called("openai", "https://proxy.example.com/v1"), "openai");
    assert_eq!(called("main", "https://proxy.example.com/v1"), "main");
    let free = FREE.cost(&Usage { input_tokens: 9, output_tokens: 9, ..Usage::default() });
    assert_eq!(free.to_string(), "0");
}

#[test]
fn an_operators_provider_is_held_to_the_same_form() {
    let refuse = |name: &str, url: &str| EnvProvider::new(name, url, None, &[], at()).err().unwrap().pointer;
    assert_eq!(refuse("loopback", "https://api.example.com"), "/name");
    assert_eq!(refuse("x", "http://8.8.8.8/v1"), "/base_url");
    assert_eq!(refuse("x", "http://169.254.169.254/v1"), "/base_url");
}
