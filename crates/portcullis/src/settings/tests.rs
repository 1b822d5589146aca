use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
fn now() -> Timestamp {
    Timestamp::from_unix_micros(1_700_000_000_000_000)
}

type Variables<'a> = BTreeMap<&'a str, &'a str>;

fn args() -> ServerArgs {
    ServerArgs {
        place: PlaceArgs { data_dir: Some("/tmp/portcullis".into()), ..PlaceArgs::default() },
        ..ServerArgs::default()
    }
}

fn load(args: &ServerArgs, variables: &Variables<'_>) -> Result<Settings, Faults> {
    Settings::load(args, variables, false, now())
}

/// The names of the variables at fault.
fn faults(args: &ServerArgs, variables: &Variables<'_>) -> Vec<String> {
    load(args, variables).err().unwrap_or_default().0.into_iter().map(|fault| fault.name).collect()
}

#[test]
fn nothing_set_is_a_local_server() {
    let settings = load(&args(), &Variables::new()).ok().unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.metrics_listen, None);
    assert_eq!(settings.auth, AuthMode::Auto);
    assert_eq!(settings.http.rate_standard_per_minute, Some(60));
    assert_eq!(settings.http.rate_llm_per_minute, Some(10));
    assert_eq!(settings.http.rate_auth_per_minute, Some(20));
    assert_eq!(settings.http.body_bytes_max, 1_048_576);
    assert!(settings.checkpoint_every.as_secs() <= limits::CHECKPOINT_SECONDS_MAX);
    assert!(settings.providers.is_empty() && !settings.upstream.private && !settings.upstream.plain_http);
    assert!(!settings.webhooks_private);
    assert!(matches!(settings.key, KeySetting::Absent));
    assert_eq!(settings.telemetry.format, LogFormat::Json);
}

#[test]
fn a_security_contact_is_a_uri() {
    let of = |text: &str| ServerArgs { security_contact: Some(text.into()), ..args() };
    for good in ["mailto:security@example.com", "https://example.com/security"] {
        let settings = load(&of(good), &Variables::new()).ok().unwrap();
        assert_eq!(settings.security_contact.as_deref(), Some(good));
    }
    assert_eq!(load(&of(" "), &Variables::new()).ok().unwrap().security_contact, None);
    for bad in
        ["security@example.com", "mailto:nobody", "http://example.com", "https:", "mailto:a@b\nExpires: 1"]
    {
        assert_eq!(faults(&of(bad), &Variables::new()), ["PORTCULLIS_SECURITY_CONTACT"], "{bad}");
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    let wrong = ServerArgs {
        listen: Some("nowhere".into()),
        metrics_listen: Some("9464".into()),
        auth: Some("open".into()),
        cors_origins: Some("https://ok.example.com, *".into()),
        trusted_proxies: Some("10.0.0.1/8".into()),
        body_bytes_max: Some("1".into()),
        rate_standard: Some("0".into()),
        rate_llm: Some("-1".into()),
        rate_relations: Some("1.5".into()),
        rate_auth: Some("many".into()),
        checkpoint_seconds: Some("301".into()),
        app_connections: Some("2".into()),
        providers: Some("loopback=https://example.com/v1,nameless".into()),
        allow_private_upstreams: Some("maybe".into()),
        log_format: Some("xml".into()),
        otlp_endpoint: Some("collector:4318".into()),
        tsa_url: Some("ftp://tsa.example.com".into()),
        ..args()
    };
    let variables = Variables::from([
        ("ENCRYPTION_KEY", "short"),
        ("DATABASE_URL", "postgres://user:secret@db.example.com/portcullis"),
        ("PORTCULLIS_API_KEYS", "pcl_live_nonsense=x:owner"),
    ]);
    let found = faults(&wrong, &variables);
    for name in [
        "PORTCULLIS_LISTEN",
        "PORTCULLIS_METRICS_LISTEN",
        "PORTCULLIS_AUTH",
        "PORTCULLIS_CORS_ORIGINS",
        "PORTCULLIS_TRUSTED_PROXIES",
        "PORTCULLIS_BODY_BYTES_MAX",
        "PORTCULLIS_RATE_STANDARD",
        "PORTCULLIS_RATE_LLM",
        "PORTCULLIS_RATE_RELATIONS",
        "PORTCULLIS_RATE_AUTH",
        "PORTCULLIS_CHECKPOINT_SECONDS",
        "PORTCULLIS_APP_CONNECTIONS",
        "PORTCULLIS_PROVIDERS",
        "PORTCULLIS_ALLOW_PRIVATE_UPSTREAMS",
        "PORTCULLIS_LOG_FORMAT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "PORTCULLIS_TSA_URL",
        "ENCRYPTION_KEY",
        "DATABASE_URL",
        "PORTCULLIS_API_KEYS",
    ] {
        assert!(found.iter().any(|fault| fault == name), "{name} is not among {found:?}");
    }
    assert_eq!(found.iter().filter(|name| *name == "PORTCULLIS_PROVIDERS").count(), 2, "each item");
}

#[test]
fn no_fault_shows_a_secret() {
    let variables = Variables::from([
        ("ENCRYPTION_KEY", "do-not-show-1"),
        ("DATABASE_URL", "postgres://user:do-not-show-2@db.example.com/portcullis"),
        ("DATABASE_APP_URL", "mysql://user:do-not-show-3@db.example.com/x"),
        ("PORTCULLIS_API_KEYS", "do-not-show-4=x:owner,do-not-show-5"),
        ("PORTCULLIS_PROVIDER_A_KEY", "do not-show-6"),
    ]);
    let wrong = ServerArgs {
        providers: Some("a=https://example.com/v1,https://user:do-not-show-7@example.com/v1".into()),
        public_url: Some("https://user:do-not-show-8@portcullis.example.com".into()),
        tsa_url: Some("https://user:do-not-show-9@tsa.example.com".into()),
        openfga_url: Some("https://user:do-not-show-10@fga.example.com".into()),
        ..args()
    };
    let faults = load(&wrong, &variables).err().unwrap();
    assert!(faults.0.len() >= 9, "{faults}");
    assert!(!faults.to_string().contains("not-show"), "{faults}");
}

#[test]
fn dev_mode_stays_on_this_machine() {
    let dev = |listen: &str| ServerArgs { auth: Some("dev".into()), listen: Some(listen.into()), ..args() };
    for listen in ["127.0.0.1:0", "[::1]:8080", "localhost:8080"] {
        assert!(load(&dev(listen), &Variables::new()).is_ok(), "{listen}");
    }
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
        assert_eq!(faults(&dev(listen), &Variables::new()), ["PORTCULLIS_AUTH"], "{listen}");
    }
}

#[test]
fn no_limit_is_said_and_not_slipped_into() {
    let rate = |text: &str| ServerArgs { rate_llm: Some(text.into()), ..args() };
    let off = load(&rate("off"), &Variables::new()).ok().unwrap();
    assert_eq!(off.http.rate_llm_per_minute, None);
    assert_eq!(faults(&rate("0"), &Variables::new()), ["PORTCULLIS_RATE_LLM"]);
    // Deployment tools make an empty text of what is not set.
    assert_eq!(load(&rate(""), &Variables::new()).ok().unwrap().http.rate_llm_per_minute, Some(10));
}

#[test]
fn the_way_to_a_database_elsewhere_is_encrypted() {
    for good in [
        "postgres://u:p@localhost/d",
        "postgres://u:p@127.0.0.1:5432/d",
        "postgres://u:p@[::1]/d",
        "postgresql://u:p@%2Frun%2Fpostgresql/d",
        "postgres://u:p@db.example.com/d?sslmode=verify-full",
        "postgres://u:p@db.example.com/d?sslmode=require",
    ] {
        assert!(check_database_url(good).is_ok(), "{good}");
    }
    for bad in [
        "postgres://u:p@db.example.com/d",
        "postgres://u:p@db.example.com/d?sslmode=prefer",
        "postgres://u:p@db.example.com/d?sslmode=disable",
        "postgres://u:p@192.0.2.1/d",
        "http://localhost/d",
        "localhost",
        "",
    ] {
        assert!(check_database_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_key_comes_from_one_place() {
    let given = load(&args(), &Variables::from([("ENCRYPTION_KEY", KEY)])).ok().unwrap();
    assert!(matches!(given.key, KeySetting::Given(_)));
    let both = Variables::from([("ENCRYPTION_KEY", KEY), ("ENCRYPTION_KEY_FILE", "/nowhere")]);
    assert_eq!(faults(&args(), &both), ["ENCRYPTION_KEY"]);
    let missing = Variables::from([("ENCRYPTION_KEY_FILE", "/nowhere")]);
    assert_eq!(faults(&args(), &missing), ["ENCRYPTION_KEY_FILE"]);
    let absent = KeySetting::Absent.required().err().unwrap();
    assert_eq!(absent.0[0].name, "ENCRYPTION_KEY");
}

#[test]
fn a_key_is_made_once_and_kept_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = std::env::temp_dir().join(format!("pc-key-{}", crate::embedded::files::random_name().unwrap()));
    std::fs::create_dir(&dir).unwrap();
    let file = dir.join("encryption.key");
    let first = embedded_key(KeySetting::Absent, &file).unwrap();
    let second = embedded_key(KeySetting::Absent, &file).unwrap();
    assert_eq!(*first.to_base64(), *second.to_base64());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = embedded_key(KeySetting::Absent, &file).err().unwrap().to_string();
    assert!(told.contains("chmod 600"), "{told}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn providers_come_with_their_keys() {
    let listed = ServerArgs {
        providers: Some("local=http://127.0.0.1:11434/v1, far-away=https://llm.example.com/v1".into()),
        ..args()
    };
    let variables = Variables::from([
        ("PORTCULLIS_PROVIDER_FAR_AWAY_KEY", "sk-example"),
        ("OPENAI_API_KEY", "sk-example"),
    ]);
    assert_eq!(load(&listed, &variables).ok().unwrap().providers.len(), 3);
    let twice =
        ServerArgs { providers: Some("a=https://a.example.com,a=https://b.example.com".into()), ..args() };
    assert_eq!(faults(&twice, &Variables::new()), ["PORTCULLIS_PROVIDERS"]);
}

#[test]
fn serving_logins_are_derived_where_they_are_not_named() {
    let key = crypto::InstanceKey::parse(KEY).ok().unwrap();
    let passwords = store::schema::RolePasswords::derive(&key);
    let mut faults = Faults::default();
    let one = Variables::from([("DATABASE_URL", "postgres://owner:x@localhost:5433/d")]);
    let urls = DatabaseUrls::read(&one, &mut faults);
    let (app, system) = urls.serving(&passwords).ok().unwrap();
    assert_eq!((app.get_username(), app.get_port()), ("portcullis_app", 5433));
    assert_eq!(system.get_username(), "portcullis_system");
    assert!(DatabaseUrls::default().serving(&passwords).is_err());
}

#[test]
fn a_log_filter_is_plain() {
    let args = ServerArgs { log: Some(" 0[\u{1920}{".to_owned()), ..args() };
    assert_eq!(faults(&args, &Variables::new()), ["PORTCULLIS_LOG"]);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", which in 0..8_usize) {
        let mut args = args();
        let field = [
            &mut args.listen, &mut args.metrics_listen, &mut args.public_url, &mut args.cors_origins,
            &mut args.trusted_proxies, &mut args.providers, &mut args.log, &mut args.otlp_endpoint,
        ];
        *field.into_iter().nth(which).unwrap() = Some(text.clone());
        let variables = Variables::from([("DATABASE_URL", text.as_str()), ("PORTCULLIS_API_KEYS", text.as_str())]);
        let _ = Settings::load(&args, &variables, true, now());
    }
}

#[test]
fn a_time_stamping_authority_is_a_url_with_a_host_and_no_user() {
    let read = |url: &str| super::parse::whole_url(Some(url)).map(|url| url.map(|url| url.to_string()));
    for url in ["https://tsa.example.com/tsr", "http://127.0.0.1:3161/?policy=1"] {
        assert_eq!(read(url).unwrap().as_deref(), Some(url));
    }
    assert_eq!(read(""), Ok(None));
    for bad in [
        "tsa.example.com",
        "/tsr",
        "ftp://tsa.example.com",
        "https://",
        "https://user:secret@tsa.example.com/",
        "http://h/#x",
    ] {
        let why = read(bad).unwrap_err();
        assert!(!why.contains("secret"), "{why}");
    }
}

#[test]
fn an_openfga_server_has_a_store_for_each_organization_and_an_encrypted_way() {
    let organization = "019a0000-0000-7000-8000-000000000001";
    let (store, model) = ("01HVMMBCMGZNT3SED4Z17ECXCA", "01HVMMBCMGZNT3SED4Z17ECXCB");
    let item = format!("{organization}={store}/{model}");
    let with = |url: &str, stores: &str| ServerArgs {
        openfga_url: Some(url.to_owned()),
        openfga_stores: Some(stores.to_owned()),
        ..args()
    };
    let variables = Variables::from([("PORTCULLIS_OPENFGA_TOKEN", "a-token")]);
    let read = load(&with("https://fga.example.com/base/", &item), &variables).ok().unwrap().openfga.unwrap();
    assert_eq!(read.url, "https://fga.example.com/base");
    assert_eq!((read.stores[0].store.as_str(), read.stores[0].model.as_str()), (store, model));
    assert_eq!(read.token.unwrap().expose(), b"a-token");
    assert_eq!((read.timeout.as_millis(), read.connections), (500, 16));
    assert!(load(&args(), &Variables::new()).ok().unwrap().openfga.is_none());
    assert!(load(&with("http://127.0.0.1:8080", &item), &Variables::new()).is_ok(), "on this machine");

    let at_fault = |url: &str, stores: &str| faults(&with(url, stores), &Variables::new());
    let (twice, path) = (format!("{item},{item}"), format!("{organization}={store}/../../x/{model}"));
    for (url, stores, name) in [
        ("http://fga.example.com", item.as_str(), "PORTCULLIS_OPENFGA_URL"),
        ("https://user@fga.example.com", item.as_str(), "PORTCULLIS_OPENFGA_URL"),
        ("https://fga.example.com", "", "PORTCULLIS_OPENFGA_STORES"),
        ("https://fga.example.com", &twice, "PORTCULLIS_OPENFGA_STORES"),
        ("https://fga.example.com", &path, "PORTCULLIS_OPENFGA_STORES"),
        ("", item.as_str(), "PORTCULLIS_OPENFGA_STORES"),
    ] {
        assert!(at_fault(url, stores).contains(&name.to_owned()), "{url} {stores}");
    }
    let slow = ServerArgs {
        openfga_timeout_millis: Some("60000".to_owned()),
        ..with("https://f.example.com", &item)
    };
    assert_eq!(faults(&slow, &Variables::new()), ["PORTCULLIS_OPENFGA_TIMEOUT_MILLIS"]);
    for token in
        [("PORTCULLIS_OPENFGA_TOKEN", "two words"), ("PORTCULLIS_OPENFGA_TOKEN_FILE", "/nowhere/token")]
    {
        let found = faults(&with("https://f.example.com", &item), &Variables::from([token]));
        assert_eq!(found, [token.0]);
    }
}
