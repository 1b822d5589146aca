//! Tokens counted by providers, in one meaning.
//!
//! Providers disagree about what contains what. OpenAI counts cached tokens *inside* `prompt_tokens`;
//! Anthropic counts them *outside* `input_tokens`. [`Usage`] always means the OpenAI way: totals contain their
//! parts, so a bill made from the parts can never count a token twice.

use crate::json::Value;

/// Tokens of one call. All counts are tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Everything the model read, cached or not.
    pub input_tokens: u64,
    /// The part of `input_tokens` served from a cache.
    pub cached_input_tokens: u64,
    /// The part of `input_tokens` written to a cache, where the provider bills that apart.
    pub cache_write_tokens: u64,
    /// Everything the model wrote, reasoning included.
    pub output_tokens: u64,
    /// The part of `output_tokens` that was reasoning.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Reads the `usage` object of a `chat.completions` response or of the last chunk of a stream.
    ///
    /// `None` when the value is not an object with `prompt_tokens`: an unknown usage is not a usage of zero.
    /// Some compatible providers leave reasoning out of `completion_tokens` but count it in `total_tokens`;
    /// what the total holds beyond prompt and completion is billed as output by all of them, so it is added.
    pub fn from_openai(usage: Value<'_, '_>) -> Option<Self> {
        let count = |key: &str| usage.get(key).and_then(Value::as_u64);
        let detail = |object: &str, key: &str| usage.get(object)?.get(key)?.as_u64();
        let input = count("prompt_tokens")?;
        let completion = count("completion_tokens").unwrap_or(0);
        let total = count("total_tokens").unwrap_or(0);
        let output = completion.max(total.saturating_sub(input));
        let cached = detail("prompt_tokens_details", "cached_tokens")
            .or_else(|| count("prompt_cache_hit_tokens"))
            .unwrap_or(0);
        let written = detail("prompt_tokens_details", "cache_write_tokens").unwrap_or(0);
        let reasoning =
            detail("completion_tokens_details", "reasoning_tokens").unwrap_or(output - completion);
        let cached = cached.min(input);
        Some(Self {
            input_tokens: input,
            cached_input_tokens: cached,
            cache_write_tokens: written.min(input - cached),
            output_tokens: output,
            reasoning_tokens: reasoning.min(output),
        })
    }

    /// Reads the `usage` object of an Anthropic message, whose cached tokens stand beside `input_tokens`.
    pub fn from_anthropic(usage: Value<'_, '_>) -> Option<Self> {
        let count = |key: &str| usage.get(key).and_then(Value::as_u64);
        let fresh = count("input_tokens")?;
        let cached = count("cache_read_input_tokens").unwrap_or(0);
        let written = count("cache_creation_input_tokens").unwrap_or(0);
        Some(Self {
            input_tokens: fresh.saturating_add(cached).saturating_add(written),
            cached_input_tokens: cached,
            cache_write_tokens: written,
            output_tokens: count("output_tokens").unwrap_or(0),
            reasoning_tokens: 0,
        })
    }

    /// Input tokens billed at the full price: neither read from nor written to a cache.
    pub const fn uncached_input_tokens(&self) -> u64 {
        self.input_tokens.saturating_sub(self.cached_input_tokens).saturating_sub(self.cache_write_tokens)
    }

    /// Input and output together.
    pub const fn total_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Adds another call's tokens.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_add(other.cached_input_tokens),
            cache_write_tokens: self.cache_write_tokens.saturating_add(other.cache_write_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
        }
    }

    /// The `usage` object of a `chat.completions` response.
    pub fn to_openai_json(&self) -> String {
        format!(
            concat!(
                r#"{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"#,
                r#""prompt_tokens_details":{{"cached_tokens":{}}},"#,
                r#""completion_tokens_details":{{"reasoning_tokens":{}}}}}"#
            ),
            self.input_tokens,
            self.output_tokens,
            self.total_tokens(),
            self.cached_input_tokens,
            self.reasoning_tokens,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Document, Limits};

    fn read(json: &str, how: impl Fn(Value<'_, '_>) -> Option<Usage>) -> Option<Usage> {
        how(Document::parse(json.as_bytes(), Limits::default()).unwrap().root())
    }

    #[test]
    fn openai_counts_cached_tokens_inside_the_prompt() {
        let usage = read(
            r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
                "prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},
                "completion_tokens_details":{"reasoning_tokens":128}}"#,
            Usage::from_openai,
        )
        .unwrap();
        assert_eq!(usage.input_tokens, 2006);
        assert_eq!(usage.cached_input_tokens, 1920);
        assert_eq!(usage.uncached_input_tokens(), 86);
        assert_eq!((usage.output_tokens, usage.reasoning_tokens), (300, 128));
        assert_eq!(read(&usage.to_openai_json(), Usage::from_openai), Some(usage));
    }

    #[test]
    fn anthropic_counts_cached_tokens_outside_and_both_agree_on_the_sum() {
        let usage = read(
            r#"{"input_tokens":86,"cache_read_input_tokens":1920,"cache_creation_input_tokens":0,"output_tokens":300}"#,
            Usage::from_anthropic,
        )
        .unwrap();
        assert_eq!((usage.input_tokens, usage.cached_input_tokens), (2006, 1920));
        assert_eq!(usage.uncached_input_tokens(), 86);
    }

    #[test]
    fn reasoning_left_out_of_the_completion_is_billed_from_the_total() {
        let usage =
            read(r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115}"#, Usage::from_openai)
                .unwrap();
        assert_eq!((usage.output_tokens, usage.reasoning_tokens), (105, 100));
    }

    #[test]
    fn nonsense_is_unknown_and_parts_never_exceed_their_total() {
        for nonsense in ["null", "{}", r#"{"prompt_tokens":-1}"#, r#"{"prompt_tokens":1.5}"#, r#""none""#] {
            assert_eq!(read(nonsense, Usage::from_openai), None, "{nonsense}");
        }
        let usage = read(
            r#"{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":99},
                "completion_tokens_details":{"reasoning_tokens":99}}"#,
            Usage::from_openai,
        )
        .unwrap();
        assert_eq!((usage.cached_input_tokens, usage.reasoning_tokens), (3, 2));
        assert_eq!(usage.uncached_input_tokens(), 0);
    }
}
