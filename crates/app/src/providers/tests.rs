use super::*;

const STRICT: UrlRules = UrlRules { allow_private: false, allow_plain_http: false };
const OPEN: UrlRules = UrlRules { allow_private: true, allow_plain_http: true };

#[test]
fn a_name_is_a_prefix_that_needs_no_escaping() {
    for good in ["a", "openai", "my-ollama-2", "0", &"a".repeat(63)] {
        assert!(ProviderName::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "-a", "Open", "a/b", "a b", "ä", "a.b", "a_b", LOOPBACK, &"a".repeat(64)] {
        assert_eq!(ProviderName::parse(bad).unwrap_err().pointer, "/name", "{bad}");
    }
}

#[test]
fn an_address_is_read_once_and_knows_whom_it_may_reach() {
    let table = [
        ("https://api.example.com/v1", STRICT, Reach::Public, "https://api.example.com/v1/chat/completions"),
        (
            "https://api.example.com:8443",
            STRICT,
            Reach::Public,
            "https://api.example.com:8443/chat/completions",
        ),
        (
            "https://api.example.com/v1///",
            STRICT,
            Reach::Public,
            "https://api.example.com/v1/chat/completions",
        ),
        ("https://8.8.8.8/v1", STRICT, Reach::Public, "https://8.8.8.8/v1/chat/completions"),
        ("https://10.0.0.7/v1", OPEN, Reach::Anywhere, "https://10.0.0.7/v1/chat/completions"),
        ("http://127.0.0.1:11434/v1", OPEN, Reach::Private, "http://127.0.0.1:11434/v1/chat/completions"),
        ("http://[::1]:11434/v1", OPEN, Reach::Private, "http://[::1]:11434/v1/chat/completions"),
        ("http://ollama:11434/v1", OPEN, Reach::Private, "http://ollama:11434/v1/chat/completions"),
    ];
    for (text, rules, reach, endpoint) in table {
        let url = BaseUrl::parse(text, rules).unwrap_or_else(|error| panic!("{text}: {}", error.detail));
        assert_eq!((url.reach(), url.endpoint().to_string().as_str()), (reach, endpoint), "{text}");
        assert!(!url.as_str().ends_with('/'));
    }
}

#[test]
fn an_address_that_leads_elsewhere_is_refused() {
    let table = [
        (STRICT, "http://api.example.com/v1"),
        (STRICT, "https://127.0.0.1/v1"),
        (STRICT, "https://10.1.2.3/v1"),
        (STRICT, "https://[::1]/v1"),
        (STRICT, "https://[::ffff:10.0.0.1]/v1"),
        (OPEN, "http://8.8.8.8/v1"),
        (OPEN, "http://169.254.169.254/latest"),
        (OPEN, "https://169.254.169.254/latest"),
        (OPEN, "https://[fd00:ec2::254]/"),
        (OPEN, "http://0.0.0.0:80/v1"),
        (OPEN, "https://user:word@api.example.com/v1"),
        (OPEN, "https://api.example.com@127.0.0.1/v1"),
        (OPEN, "https://api.example.com/v1?x=1"),
        (OPEN, "https://api.example.com/v1#x"),
        (OPEN, "https://api.example.com\\@127.0.0.1/"),
        (OPEN, "https://127.1/v1"),
        (OPEN, "https://2130706433/v1"),
        (OPEN, "https://0x7f000001/v1"),
        (OPEN, "https://0177.0.0.1/v1"),
        (OPEN, "https://-a.example.com/v1"),
        (OPEN, "https://a..example.com/v1"),
        (OPEN, "https://api.example.com:0/v1"),
        (OPEN, "https://api.example.com:99999/v1"),
        (OPEN, "https://api.example.com//v1"),
        (OPEN, "https://"),
        (OPEN, "https:///v1"),
        (OPEN, "api.example.com/v1"),
        (OPEN, "/v1"),
        (OPEN, "ftp://api.example.com/v1"),
        (OPEN, "file:///etc/passwd"),
        (OPEN, "https://api.example.com/a b"),
        (OPEN, "https://api.example.com/\nx"),
        (OPEN, "https://münchen.example/v1"),
        (OPEN, ""),
    ];
    for (rules, text) in table {
        assert_eq!(
            BaseUrl::parse(text, rules).map(|url| url.reach()).unwrap_err().pointer,
            "/base_url",
            "{text:?}"
        );
    }
    assert!(BaseUrl::parse(&format!("https://a.example/{}", "x".repeat(BASE_URL_BYTES_MAX)), OPEN).is_err());
}

#[test]
fn all_faults_are_told_at_once_and_the_key_is_in_none_of_them() {
    let models = ["good".to_owned(), "good".to_owned()];
    let key = Secret::new(b"sk with blanks".to_vec());
    let problem = NewProvider::parse("No", "ftp://x", &models, Some(key), OPEN).err().unwrap();
    let pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "/base_url", "/models/1", "/key"]);
    assert!(!format!("{problem:?}").contains("blanks"));
    let key = Secret::new(b"sk-test".to_vec());
    assert!(NewProvider::parse("x", "https://api.example.com", &[], Some(key), STRICT).is_ok());
}

#[test]
fn a_key_or_a_model_has_bounds() {
    assert!(ProviderKey::parse(Secret::new(Vec::new())).is_err());
    assert!(ProviderKey::parse(Secret::new(vec![b'a'; PROVIDER_KEY_BYTES_MAX + 1])).is_err());
    assert!(ProviderKey::parse(Secret::new(b"a\r\nx-evil: 1".to_vec())).is_err());
    for bad in ["", "a b", "ä", "a\n", &"a".repeat(201)] {
        assert!(ModelName::parse(bad).is_err(), "{bad:?}");
    }
    assert!(ModelName::parse("openai/gpt-oss-120b:free").is_ok());
    assert!(ModelName::parse_list(&vec!["x".to_owned(); 501]).is_err());
}

#[test]
fn a_sealed_key_opens_in_its_own_row_alone() {
    let (clock, rng) = (kernel::SystemClock, crypto::SystemRng);
    let envelope = crypto::InstanceKey::from_bytes(rng.bytes32()).ok().unwrap().envelope();
    let (tenant, id) = (TenantId::new(&clock, &rng), ProviderId::new(&clock, &rng));
    let key = ProviderKey::parse(Secret::new(b"sk-test".to_vec())).ok().unwrap();
    let sealed = seal_key(&envelope, &rng, tenant, id, &key).unwrap();
    let opens = |tenant, row: &str| envelope.open(&seal_place(tenant, row), &sealed).ok();
    assert_eq!(opens(tenant, &id.to_string()).unwrap().expose(), b"sk-test");
    assert!(opens(TenantId::new(&clock, &rng), &id.to_string()).is_none());
    assert!(opens(tenant, &ProviderId::new(&clock, &rng).to_string()).is_none());
}
