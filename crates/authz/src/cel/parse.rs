//! Reads an expression.

use super::value::Value;

/// How deeply an expression may be nested.
pub(super) const EXPRESSION_NESTING_MAX: usize = 48;

/// An expression and the place it begins at, in bytes.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Literal(Value),
    Name(String),
    Field(Box<Expr>, String),
    Call { name: String, target: Option<Box<Expr>>, arguments: Vec<Expr> },
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Choose(Box<[Expr; 3]>),
}

/// Operators of two operands by how strongly they bind, weakest first; each is a function with its own sign as its name.
const OPERATORS: [&[&str]; 5] =
    [&["||"], &["&&"], &["<=", "<", ">=", ">", "==", "!=", "in"], &["+", "-"], &["*", "/", "%"]];

/// Words that cannot be names.
const RESERVED: [&str; 23] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "struct",
    "true",
    "var",
    "void",
    "while",
    "type",
];

pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let expr = parser.expression()?;
    parser.blanks();
    if parser.at < text.len() { Err(parser.unexpected()) } else { Ok(expr) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with("//") {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn unexpected(&self) -> String {
        match self.rest().chars().next() {
            Some(c) => format!("syntax error at {}: unexpected '{c}'", self.at),
            None => "syntax error: the expression ends too early".to_owned(),
        }
    }

    /// Takes a sign, or a word that is not the begin of a longer one.
    fn takes(&mut self, sign: &str) -> bool {
        self.blanks();
        let Some(after) = self.rest().strip_prefix(sign) else { return false };
        if sign.starts_with(char::is_alphabetic) && after.starts_with(is_word) {
            return false;
        }
        self.at += sign.len();
        true
    }

    fn needs(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > EXPRESSION_NESTING_MAX {
            return Err("the expression is nested too deeply".to_owned());
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn expression(&mut self) -> Result<Expr, String> {
        self.deeper(|p| {
            let condition = p.operation(0)?;
            if !p.takes("?") {
                return Ok(condition);
            }
            let yes = p.operation(0)?;
            p.needs(":")?;
            let no = p.expression()?;
            Ok(Expr { at: condition.at, kind: Kind::Choose(Box::new([condition, yes, no])) })
        })
    }

    fn operation(&mut self, level: usize) -> Result<Expr, String> {
        let Some(operators) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.operation(level + 1)?;
        let mut links = 0;
        while let Some(operator) = operators.iter().find(|sign| self.takes(sign)) {
            // A chain leans to the left, and is walked as deeply as it is long.
            links += 1;
            if links > EXPRESSION_NESTING_MAX {
                return Err("the expression is too long a chain".to_owned());
            }
            let right = self.operation(level + 1)?;
            let call =
                Kind::Call { name: (*operator).to_owned(), target: None, arguments: vec![left, right] };
            left = Expr { at: self.at, kind: call };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        self.blanks();
        let at = self.at;
        let number = self.rest()[usize::from(self.rest().starts_with('-'))..]
            .starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let sign = match self.rest().chars().next() {
            Some('!') if !self.rest().starts_with("!=") => "!",
            Some('-') if !number => "-",
            _ => return self.member(),
        };
        self.at += 1;
        let operand = self.deeper(Self::unary)?;
        let name = if sign == "-" { "neg" } else { "!" }.to_owned();
        Ok(Expr { at, kind: Kind::Call { name, target: None, arguments: vec![operand] } })
    }

    fn member(&mut self) -> Result<Expr, String> {
        let mut expr = self.primary()?;
        let mut links = 0;
        loop {
            links += 1;
            if links > EXPRESSION_NESTING_MAX {
                return Err("the expression is too long a chain".to_owned());
            }
            let at = expr.at;
            if self.takes(".") {
                let name = self.name()?;
                let kind = if self.takes("(") {
                    Kind::Call {
                        name,
                        target: Some(Box::new(expr)),
                        arguments: self.list(")", Self::expression)?,
                    }
                } else {
                    Kind::Field(Box::new(expr), name)
                };
                expr = Expr { at, kind };
            } else if self.takes("[") {
                let index = self.expression()?;
                self.needs("]")?;
                let kind = Kind::Call { name: "[]".to_owned(), target: None, arguments: vec![expr, index] };
                expr = Expr { at, kind };
            } else {
                return Ok(expr);
            }
        }
    }

    fn list<T>(
        &mut self,
        end: &str,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        while !self.takes(end) {
            if !items.is_empty() {
                self.needs(",")?;
                if end != ")" && self.takes(end) {
                    break;
                }
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn primary(&mut self) -> Result<Expr, String> {
        self.blanks();
        let at = self.at;
        let kind = if self.takes("(") {
            let inner = self.expression()?;
            self.needs(")")?;
            return Ok(inner);
        } else if self.takes("[") {
            Kind::List(self.list("]", Self::expression)?)
        } else if self.takes("{") {
            Kind::Map(self.list("}", |p| {
                let key = p.expression()?;
                p.needs(":")?;
                Ok((key, p.expression()?))
            })?)
        } else if self.takes("true") {
            Kind::Literal(Value::Bool(true))
        } else if self.takes("false") {
            Kind::Literal(Value::Bool(false))
        } else if self.takes("null") {
            Kind::Literal(Value::Null)
        } else if let Some(literal) = self.string()? {
            Kind::Literal(literal)
        } else if self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') {
            Kind::Literal(self.number()?)
        } else {
            let name = self.name()?;
            if RESERVED.contains(&name.as_str()) {
                return Err(format!("syntax error at {at}: reserved identifier: {name}"));
            }
            if self.takes("(") {
                Kind::Call { name, target: None, arguments: self.list(")", Self::expression)? }
            } else {
                Kind::Name(name)
            }
        };
        Ok(Expr { at, kind })
    }

    fn name(&mut self) -> Result<String, String> {
        self.blanks();
        let rest = self.rest();
        let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if len == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.unexpected());
        }
        self.at += len;
        Ok(rest[..len].to_owned())
    }

    fn number(&mut self) -> Result<Value, String> {
        let at = self.at;
        let wrong = || format!("syntax error at {at}: invalid number");
        let negative = self.rest().starts_with('-');
        let body = &self.rest()[usize::from(negative)..];
        let sign = if negative { "-" } else { "" };
        let hex = body.strip_prefix("0x");
        let digits = hex.unwrap_or(body);
        let mut len = 0;
        let mut double = false;
        for (n, c) in digits.char_indices() {
            let exponent_sign =
                hex.is_none() && matches!(c, '+' | '-') && digits[..n].ends_with(['e', 'E']) && n > 0;
            let fits = match c {
                c if hex.is_some() => c.is_ascii_hexdigit(),
                '0'..='9' => true,
                '.' => !double && digits[n + 1..].starts_with(|c: char| c.is_ascii_digit()),
                'e' | 'E' => {
                    n > 0 && digits[n + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
                }
                _ => exponent_sign,
            };
            if !fits {
                break;
            }
            double |= hex.is_none() && matches!(c, '.' | 'e' | 'E');
            len = n + c.len_utf8();
        }
        let number = &digits[..len];
        let unsigned = !double && digits[len..].starts_with(['u', 'U']);
        self.at += usize::from(negative) + body.len() - digits.len() + len + usize::from(unsigned);
        if self.rest().starts_with(is_word) {
            return Err(wrong());
        }
        let radix = if hex.is_some() { 16 } else { 10 };
        if double {
            return format!("{sign}{number}").parse().map(Value::Double).map_err(|_| wrong());
        }
        if unsigned {
            return if negative {
                Err(wrong())
            } else {
                u64::from_str_radix(number, radix).map(Value::Uint).map_err(|_| wrong())
            };
        }
        i64::from_str_radix(&format!("{sign}{number}"), radix).map(Value::Int).map_err(|_| wrong())
    }

    /// A string or bytes, if one begins here.
    fn string(&mut self) -> Result<Option<Value>, String> {
        let rest = self.rest();
        let prefix = rest.find(['"', '\'']).filter(|n| *n <= 2).map_or("", |n| &rest[..n]);
        let (bytes, raw) = match prefix {
            "" => (false, false),
            "r" | "R" => (false, true),
            "b" | "B" => (true, false),
            "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB" => (true, true),
            _ => return Ok(None),
        };
        let body = &rest[prefix.len()..];
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| body.starts_with(q)) else {
            return Ok(None);
        };
        let mut out = Vec::new();
        let mut chars = body[quote.len()..].char_indices();
        let inner = &body[quote.len()..];
        let wrong = |n: usize| {
            format!("syntax error at {}: invalid string", self.at + prefix.len() + quote.len() + n)
        };
        while let Some((n, c)) = chars.next() {
            if inner[n..].starts_with(quote) {
                self.at += prefix.len() + quote.len() + n + quote.len();
                if bytes {
                    return Ok(Some(Value::Bytes(out.into())));
                }
                let text = String::from_utf8(out).map_err(|_| "syntax error: invalid string".to_owned())?;
                return Ok(Some(Value::string(&text)));
            }
            match c {
                '\n' | '\r' if quote.len() == 1 => return Err(wrong(n)),
                '\\' if !raw => escape(&mut chars, bytes, &mut out).ok_or_else(|| wrong(n))?,
                c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Err(wrong(inner.len()))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn escape(chars: &mut std::str::CharIndices<'_>, bytes: bool, out: &mut Vec<u8>) -> Option<()> {
    let (_, first) = chars.next()?;
    let code = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '"' | '\'' | '\\' | '?' | '`' => u32::from(first),
        _ => {
            let (n, radix, high) = match first {
                'x' | 'X' => (2, 16, 0),
                'u' if !bytes => (4, 16, 0),
                'U' if !bytes => (8, 16, 0),
                '0'..='3' => (2, 8, first.to_digit(8)? * 64),
                _ => return None,
            };
            let code = high
                + (0..n).try_fold(0_u32, |all, _| {
                    all.checked_mul(radix)?.checked_add(chars.next()?.1.to_digit(radix)?)
                })?;
            if bytes {
                out.push(u8::try_from(code).ok()?);
                return Some(());
            }
            code
        }
    };
    out.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}
