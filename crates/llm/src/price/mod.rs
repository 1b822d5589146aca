//! What a call costs, in integers.
//!
//! Money is counted in pico-dollars (10⁻¹² US dollars): a price of a dollar per million tokens is then exactly
//! one million pico-dollars a token, and no sum is ever rounded. A model that is not in the table has no
//! price; its cost is unknown, which is not the same as nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use crate::usage::Usage;

/// Pico-dollars in a dollar.
pub const PICO_PER_USD: u128 = 1_000_000_000_000;
/// Dollars per million tokens, times this, are pico-dollars per token.
const PICO_PER_TOKEN_UNIT: u128 = 1_000_000;

const BUILTIN: &str = include_str!("prices.tsv");

/// An amount of money in pico-dollars. Displays as decimal dollars, `0.000125`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(pub u128);

impl PicoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads decimal dollars with at most twelve decimals: `0.15`, `3`. No sign, no exponent.
    pub fn from_decimal_usd(text: &str) -> Option<Self> {
        decimal(text, PICO_PER_USD).map(Self)
    }

    /// The sum, or `None` beyond 128 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl Add for PicoUsd {
    type Output = Self;

    /// Saturates: a budget that overflows is a budget that is spent.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for PicoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0 / PICO_PER_USD, self.0 % PICO_PER_USD);
        if rest == 0 {
            return write!(f, "{dollars}");
        }
        let decimals = format!("{rest:012}");
        write!(f, "{dollars}.{}", decimals.trim_end_matches('0'))
    }
}

/// The prices of one model, in pico-dollars per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// A token read that was not cached.
    pub input: PicoUsd,
    /// A token read from the provider's cache.
    pub cached_input: PicoUsd,
    /// A token written to the provider's cache.
    pub cache_write: PicoUsd,
    /// A token written by the model, reasoning included.
    pub output: PicoUsd,
}

impl Price {
    /// What `usage` costs. Exact; saturates beyond 128 bits.
    pub fn cost(&self, usage: &Usage) -> PicoUsd {
        let part = |price: PicoUsd, tokens: u64| PicoUsd(price.0.saturating_mul(u128::from(tokens)));
        part(self.input, usage.uncached_input_tokens())
            + part(self.cached_input, usage.cached_input_tokens)
            + part(self.cache_write, usage.cache_write_tokens)
            + part(self.output, usage.output_tokens)
    }

    /// The most a call can cost that reads `input_tokens` and may write `output_tokens_max`: nothing cached,
    /// or all of it written to the cache where that is dearer. For reserving a budget before the call.
    pub fn cost_at_most(&self, input_tokens: u64, output_tokens_max: u64) -> PicoUsd {
        let dearest = self.input.max(self.cache_write).max(self.cached_input);
        let usage = Usage { input_tokens, output_tokens: output_tokens_max, ..Usage::default() };
        Self { input: dearest, ..*self }.cost(&usage)
    }
}

/// Why a price table was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("price table, line {line}: {what}")]
pub struct PriceTableError {
    /// Line number, counted from 1; 0 for the table as a whole.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Prices by provider and model, as of a date.
#[derive(Clone, Debug)]
pub struct PriceTable {
    as_of: String,
    source: String,
    prices: BTreeMap<(String, String), Price>,
}

impl PriceTable {
    /// The table that comes with the product.
    ///
    /// # Errors
    /// None in a build whose tests passed; the table is data and is read like any other.
    pub fn builtin() -> Result<Self, PriceTableError> {
        Self::parse(BUILTIN)
    }

    /// Reads tab-separated lines of `provider model input cached_input cache_write output`, prices in US
    /// dollars per million tokens with at most six decimals, `-` where a part is billed as plain input.
    /// Comment lines begin with `#`; `# as_of: YYYY-MM-DD` and `# source: …` are required.
    ///
    /// # Errors
    /// The first line that does not fit, a model listed twice, or a missing date or source.
    pub fn parse(text: &str) -> Result<Self, PriceTableError> {
        let mut table = Self { as_of: String::new(), source: String::new(), prices: BTreeMap::new() };
        for (index, line) in text.lines().enumerate() {
            let refuse = |what| PriceTableError { line: index + 1, what };
            if let Some(comment) = line.strip_prefix('#') {
                if let Some(date) = comment.trim().strip_prefix("as_of:") {
                    date.trim().clone_into(&mut table.as_of);
                }
                if let Some(source) = comment.trim().strip_prefix("source:") {
                    source.trim().clone_into(&mut table.source);
                }
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            let fields: Vec<&str> = line.split('\t').collect();
            let [provider, model, input, cached, write, output] = fields[..] else {
                return Err(refuse("expected six tab-separated fields"));
            };
            let price = |field: &str| decimal(field, PICO_PER_TOKEN_UNIT).map(PicoUsd);
            let input = price(input).ok_or(refuse("the input price is not a decimal"))?;
            let or_input = |field| if field == "-" { Some(input) } else { price(field) };
            let price = Price {
                input,
                cached_input: or_input(cached).ok_or(refuse("the cached input price is not a decimal"))?,
                cache_write: or_input(write).ok_or(refuse("the cache write price is not a decimal"))?,
                output: price(output).ok_or(refuse("the output price is not a decimal"))?,
            };
            if table.prices.insert((provider.to_owned(), model.to_owned()), price).is_some() {
                return Err(refuse("the model is listed twice"));
            }
        }
        if table.as_of.is_empty() || table.source.is_empty() {
            return Err(PriceTableError { line: 0, what: "as_of and source are required" });
        }
        Ok(table)
    }

    /// The day the prices were read, `YYYY-MM-DD`.
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// Where the prices come from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How many models have a price.
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    /// Whether no model has a price.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// The price of `model` at `provider`: by its exact name, else by its name without a date at the end
    /// (`gpt-5-2025-08-07` → `gpt-5`, `claude-haiku-4-5-20251001` → `claude-haiku-4-5`). `None` when unknown.
    pub fn price(&self, provider: &str, model: &str) -> Option<&Price> {
        let find = |name: &str| self.prices.get(&(provider.to_owned(), name.to_owned()));
        find(model).or_else(|| find(without_date(model)?))
    }
}

/// `model` without a final `-YYYY-MM-DD` or `-YYYYMMDD`.
fn without_date(model: &str) -> Option<&str> {
    for (length, dashes) in [(11, true), (9, false)] {
        let Some(at) = model.len().checked_sub(length).filter(|at| *at > 0) else { continue };
        let Some((name, date)) = model.split_at_checked(at) else { continue };
        let shape = date.bytes().enumerate().all(|(index, byte)| {
            let dash = index == 0 || (dashes && (index == 5 || index == 8));
            if dash { byte == b'-' } else { byte.is_ascii_digit() }
        });
        if shape && date.get(1..3) == Some("20") {
            return Some(name);
        }
    }
    None
}

/// A non-negative decimal times `unit`, exactly; `None` when it has more decimals than the unit holds.
fn decimal(text: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = if fraction.len() > 1 { fraction.trim_end_matches('0') } else { fraction };
    let mut scale = unit;
    let mut sum = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    for digit in fraction.bytes() {
        if digit == b'0' && scale == 1 {
            continue;
        }
        if scale < 10 || !scale.is_multiple_of(10) {
            return None;
        }
        scale /= 10;
        sum = sum.checked_add(u128::from(digit - b'0').checked_mul(scale)?)?;
    }
    Some(sum)
}
