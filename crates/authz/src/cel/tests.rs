use serde_json::{Map, Value as Json, json};

use super::{EvalError, Program};
use crate::model::{Condition, ParameterType};

fn condition(parameters: &str, expression: &str) -> Condition {
    let text = format!("model\n  schema 1.1\ntype user\ncondition cond({parameters}) {{\n  x\n}}\n");
    let model = crate::parse(&text).unwrap();
    let parameters = model.condition("cond").unwrap().parameters.clone();
    Condition { name: "cond".to_owned(), expression: expression.to_owned(), parameters, metadata: None }
}

fn map(json: &Json) -> Map<String, Json> {
    json.as_object().unwrap().clone()
}

fn holds(parameters: &str, expression: &str, context: &Json) -> Result<bool, EvalError> {
    let program = Program::compile(&condition(parameters, expression)).unwrap();
    program.holds(None, Some(&map(context)))
}

#[test]
fn expressions_mean_what_cel_says() {
    let context = json!({"n": 7, "u": "8", "d": 1.5, "s": "hello world", "l": ["a", "b"], "m": {"k": "v"}, "b": true,
        "t": "2023-10-11T10:00:00Z", "span": "1h30m", "ip": "::ffff:192.168.0.9"});
    let parameters = "n: int, u: uint, d: double, s: string, l: list<string>, m: map<string>, b: bool, t: timestamp, \
        span: duration, ip: ipaddress";
    for expression in [
        "n + 1 == 8 && n - 1 == 6 && n * 2 == 14 && n / 2 == 3 && n % 4 == 3 && -n == 0 - 7",
        "u + 1u == 9u && u > 0x7u && uint(n) == 7u && double(n) / 2.0 == 3.5 && int('12') == 12",
        "d > 0.5 && d < 1e1 && .5 + .5 == 1.0 && !(d == 2.0)",
        "s.contains('lo w') && s.startsWith(\"hello\") && s.endsWith('world') && s.matches('^h.*d$') && size(s) == 11",
        r"'a\n\x41\u00e9\101' == 'a\u000aA\U000000e9A' && b'\xff' != b'\377a'",
        "r'\\n' == '\\\\n' && '''it's''' == \"it's\" && b'abc' == bytes('abc')",
        "'a' in l && !('c' in l) && l[1] == 'b' && l.size() == 2 && 'k' in m && m.k == 'v' && m['k'] == 'v'",
        "has(m.k) && !has(m.other) && (has(m.other) ? m.other == 'x' : b)",
        "l.all(x, x < 'c') && l.exists(x, x == 'a') && l.exists_one(x, x > 'a')",
        "l.map(x, x + '!') == ['a!', 'b!'] && l.filter(x, x != 'a') == ['b'] && l.map(x, x == 'a', 1) == [1]",
        "t < timestamp('2023-10-11T10:00:00.001Z') && t + span == timestamp('2023-10-11T11:30:00Z')",
        "t.getFullYear() == 2023 && t.getMonth() == 9 && t.getDate() == 11 && t.getHours('+02:00') == 12 && t.getDayOfWeek() == 3",
        "span.getMinutes() == 90 && span > duration('89m') && t - timestamp('2023-10-11T09:00:00Z') < span",
        "ip.in_cidr('192.168.0.0/24') && !ip.in_cidr('192.168.1.0/24') && ip == ipaddress('192.168.0.9') && ip.in_cidr('0.0.0.0/0')",
        "(1 / (n - 7) == 1 || b) && !(1 / (n - 7) == 1 && false)",
        "{'x': 1, 'y': 2} == {'y': 2, 'x': 1}",
        "{'x': 1}.x == 1 && [1, 2] + [3] == [1, 2, 3]",
        "string(n) == '7' && string(b) == 'true' && n in [1, 7] && dyn(n) == 7",
        "b // a comment\n && true",
    ] {
        assert_eq!(holds(parameters, expression, &context), Ok(true), "{expression}");
    }
}

#[test]
fn what_cannot_be_right_is_refused_when_it_is_compiled() {
    for (expression, why) in [
        ("n + 's' == 1", "no matching overload for '+'"),
        ("n == 's'", "no matching overload for '=='"),
        ("n < 1.5", "no matching overload for '<'"),
        ("n", "expected a bool condition expression output, but got 'int'"),
        ("other == 1", "undeclared reference to 'other'"),
        ("n.k == 1", "does not support field selection"),
        ("s.in_cidr('10.0.0.0/8')", "no matching overload for 'in_cidr'"),
        ("ip(\"192.168.0.0/24\")", "no matching overload for 'ip'"),
        ("n && true", "expected type 'bool' but found 'int'"),
        ("s.matches('(')", "invalid pattern"),
        ("n ==", "ends too early"),
        ("n == 99999999999999999999", "invalid number"),
        ("'a == 'b'", "unexpected"),
        ("l.all(1, true)", "simple name"),
        ("ip < ip", "no matching overload for '<'"),
        ("1 == 1 ) || (true", "unexpected ')'"),
    ] {
        let condition = condition("n: int, s: string, l: list<int>, ip: ipaddress", expression);
        let error = Program::compile(&condition).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(why), "{expression}: {error}");
    }
    let deep = format!("{}true{}", "(".repeat(900), ")".repeat(900));
    assert!(
        Program::compile(&condition("n: int", &deep)).unwrap_err().to_string().contains("nested too deeply")
    );
    let deep = format!("{}true", "!".repeat(900));
    assert!(
        Program::compile(&condition("n: int", &deep)).unwrap_err().to_string().contains("nested too deeply")
    );
    let chain = format!("true{}", " && true".repeat(200));
    assert!(
        Program::compile(&condition("n: int", &chain)).unwrap_err().to_string().contains("too long a chain")
    );
    let nested = ParameterType { type_name: "TYPE_NAME_LIST".into(), generic_types: Vec::new() };
    let mut untyped = condition("n: int", "true");
    untyped.parameters.insert("l", nested);
    assert!(Program::compile(&untyped).is_err());
}

#[test]
fn every_parameter_must_be_given_even_when_it_would_not_matter() {
    let program = Program::compile(&condition("x: int, y: int", "x < 100 || y < 50")).unwrap();
    let context = map(&json!({"x": 1}));
    assert_eq!(program.holds(None, Some(&context)), Err(EvalError::Missing(vec!["y".to_owned()])));
}

#[test]
fn what_a_tuple_carries_counts_more_than_what_a_request_says() {
    let program = Program::compile(&condition("x: int", "x < 100")).unwrap();
    let (low, high) = (map(&json!({"x": 1})), map(&json!({"x": 1000})));
    assert_eq!(program.holds(Some(&high), Some(&low)), Ok(false));
    assert_eq!(program.holds(Some(&low), Some(&high)), Ok(true));
    assert_eq!(program.accepts(&low), Ok(()));
    assert_eq!(program.accepts(&map(&json!({"z": 1}))), Err("found invalid context parameter: z".to_owned()));
    assert!(program.accepts(&map(&json!({"x": "much"}))).is_err());
}

#[test]
fn an_evaluation_has_a_bound() {
    let long: Vec<u32> = (0..200).collect();
    assert_eq!(holds("l: list<int>", "l.all(x, x >= 0)", &json!({"l": long})), Err(EvalError::TooCostly));
    assert_eq!(holds("l: list<int>", "l.all(x, x < 0)", &json!({"l": long})), Ok(false));
    let text = "a".repeat(2_000);
    assert_eq!(holds("s: string", "s.matches('(a*)*b')", &json!({"s": text})), Err(EvalError::TooCostly));
    assert_eq!(
        holds("l: list<int>", "l.all(a, l.all(b, l.all(c, l.all(d, true))))", &json!({"l": [1, 2, 3, 4, 5]})),
        Err(EvalError::TooCostly)
    );
}

#[test]
fn failures_are_errors() {
    let context = json!({"n": 0, "m": {}, "l": [], "s": "x"});
    let parameters = "n: int, m: map<int>, l: list<int>, s: string";
    for expression in [
        "1 / n == 1",
        "1 % n == 1",
        "m.k == 1",
        "m['k'] == 1",
        "l[0] == 1",
        "l[-1] == 1",
        "int(s) == 1",
        "9223372036854775807 + 1 == n",
        "-9223372036854775808 - 1 == n",
        "ipaddress(s) == ipaddress('10.0.0.1')",
        "ipaddress('10.0.0.1').in_cidr('10.0.0.0/33')",
        "timestamp('9999-12-31T23:59:59Z') + duration('24h') > timestamp(0)",
        "timestamp(0).getHours('Europe/Berlin') == 1",
        "bool('maybe')",
    ] {
        assert!(matches!(holds(parameters, expression, &context), Err(EvalError::Failed(_))), "{expression}");
    }
    assert!(matches!(holds("n: int", "n == 1", &json!({"n": 1.5})), Err(EvalError::Parameter { .. })));
    assert!(matches!(holds("n: uint", "n == 1u", &json!({"n": -1})), Err(EvalError::Parameter { .. })));
}
