use super::*;

#[test]
fn the_builtin_table_is_well_formed_and_dated() {
    let table = PriceTable::builtin().unwrap();
    assert!(table.len() >= 12, "{}", table.len());
    assert_eq!(table.as_of().len(), 10);
    assert!(table.source().contains("MIT"));
    for ((provider, model), price) in &table.prices {
        assert!(["openai", "groq", "gemini", "anthropic"].contains(&provider.as_str()));
        assert!(price.input.0 > 0 && price.output > price.input, "{model}: {price:?}");
        assert!(price.cached_input <= price.input, "{model}");
        // A typing error of a factor of a thousand would stand out here: cents to hundreds per million.
        assert!(price.output.0 <= 200 * PICO_PER_TOKEN_UNIT, "{model}");
    }
}

#[test]
fn money_is_exact_and_reads_as_dollars() {
    let price = Price {
        input: PicoUsd(150_000),
        cached_input: PicoUsd(75_000),
        cache_write: PicoUsd(150_000),
        output: PicoUsd(600_000),
    };
    let usage = Usage {
        input_tokens: 2006,
        cached_input_tokens: 1920,
        output_tokens: 300,
        reasoning_tokens: 128,
        ..Usage::default()
    };
    let cost = price.cost(&usage);
    assert_eq!(cost, PicoUsd(86 * 150_000 + 1920 * 75_000 + 300 * 600_000));
    assert_eq!(cost.to_string(), "0.0003369");
    assert_eq!(PicoUsd::ZERO.to_string(), "0");
    assert_eq!(PicoUsd(1).to_string(), "0.000000000001");
    assert_eq!(PicoUsd(25 * PICO_PER_USD).to_string(), "25");
    assert!(price.cost_at_most(2006, 300) >= cost);
}

#[test]
fn cost_saturates_instead_of_wrapping() {
    let price = Price {
        input: PicoUsd(u128::MAX),
        cached_input: PicoUsd::ZERO,
        cache_write: PicoUsd::ZERO,
        output: PicoUsd(1),
    };
    let usage = Usage { input_tokens: u64::MAX, output_tokens: 9, ..Usage::default() };
    assert_eq!(price.cost(&usage), PicoUsd(u128::MAX));
}

#[test]
fn a_dated_name_falls_back_to_its_family_and_the_unknown_stays_unknown() {
    let table = PriceTable::builtin().unwrap();
    let family = table.price("openai", "gpt-5-mini").unwrap();
    assert_eq!(table.price("openai", "gpt-5-mini-2025-08-07"), Some(family));
    assert!(table.price("anthropic", "claude-haiku-4-5-20251001").is_some());
    for unknown in
        ["gpt-5-mini-preview", "gpt-5-mini-1234", "", "-2025-08-07", "2025-08-07", "gpt-5-mini-20x5-08-07"]
    {
        assert_eq!(table.price("openai", unknown), None, "{unknown}");
    }
    assert_eq!(table.price("groq", "gpt-5-mini"), None, "prices belong to a provider");
}

#[test]
fn decimals_are_read_exactly_or_refused() {
    let cases = [
        ("0.15", Some(150_000)),
        ("3", Some(3_000_000)),
        ("0.000001", Some(1)),
        ("1.500000000", Some(1_500_000)),
        ("0.0000001", None),
        ("-1", None),
        ("1e3", None),
        (".5", None),
        ("5.", None),
        ("", None),
        ("١", None),
    ];
    for (text, expected) in cases {
        assert_eq!(decimal(text, PICO_PER_TOKEN_UNIT), expected, "{text}");
    }
    assert_eq!(decimal(&"9".repeat(60), PICO_PER_TOKEN_UNIT), None);
    assert_eq!(PicoUsd::from_decimal_usd("12.5"), Some(PicoUsd(12_500_000_000_000)));
}

#[test]
fn a_bad_table_names_its_line() {
    let head = "# as_of: 2026-01-01\n# source: example\n";
    let error = |text: &str| PriceTable::parse(text).map(|_| ()).unwrap_err();
    assert_eq!(error("p\tm\t1\t-\t-\t2\n").line, 0);
    assert_eq!(error(&format!("{head}p\tm\t1\n")).line, 3);
    assert_eq!(error(&format!("{head}p\tm\tx\t-\t-\t2\n")).what, "the input price is not a decimal");
    assert_eq!(error(&format!("{head}p\tm\t1\t-\t-\t2\np\tm\t1\t-\t-\t2\n")).line, 4);
    let table = PriceTable::parse(&format!("{head}p\tm\t1\t-\t-\t2\n")).unwrap();
    assert_eq!(table.price("p", "m").unwrap().cached_input, PicoUsd(1_000_000));
}
