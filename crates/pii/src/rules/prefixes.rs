//! Beginnings of keys and tokens that their issuers chose so that they can be recognised.
//!
//! The formats are from the issuers' own documentation. Sorted by first byte, longer beginnings first.

use crate::ascii::{self, DASH, DIGIT, LOWER, UPPER};

/// What the part behind the beginning is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// Capitals and digits.
    Upper,
    /// Letters and digits.
    Alnum,
    /// Letters, digits, `_` and `-`.
    Word,
    /// The same and `.`.
    Dotted,
}

impl Alphabet {
    pub(crate) fn has(self, symbol: u8) -> bool {
        let kinds = match self {
            Self::Upper => UPPER | DIGIT,
            Self::Alnum => UPPER | LOWER | DIGIT,
            Self::Word | Self::Dotted => UPPER | LOWER | DIGIT | DASH,
        };
        ascii::is(symbol, kinds) || self == Self::Dotted && symbol == b'.'
    }
}

/// One beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix {
    pub(crate) text: &'static [u8],
    pub(crate) kind: &'static str,
    /// The least and the most symbols behind it; a most of 0 is none.
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) alphabet: Alphabet,
    pub(crate) confidence: f32,
}

const fn key(
    text: &'static [u8],
    kind: &'static str,
    min: usize,
    max: usize,
    alphabet: Alphabet,
    confidence: f32,
) -> Prefix {
    Prefix { text, kind, min, max, alphabet, confidence }
}

use Alphabet::{Alnum, Dotted, Upper, Word};

#[rustfmt::skip]
pub(crate) static PREFIXES: [Prefix; 118] = [
    key(b"AGE-SECRET-KEY-1", "age_secret_key", 40, 0, Word, 0.95),
    key(b"ATATT3", "atlassian_token", 28, 0, Word, 0.95),
    key(b"ATCTT3", "atlassian_token", 28, 0, Word, 0.95),
    key(b"ABIA", "aws_access_key_id", 16, 16, Upper, 0.95),
    key(b"ABSK", "aws_bedrock_key", 60, 0, Word, 0.95),
    key(b"ACCA", "aws_access_key_id", 16, 16, Upper, 0.95),
    key(b"AIza", "google_api_key", 35, 35, Word, 0.95),
    key(b"AKCp", "artifactory_key", 60, 0, Alnum, 0.95),
    key(b"AKIA", "aws_access_key_id", 16, 16, Upper, 0.95),
    key(b"ASIA", "aws_access_key_id", 16, 16, Upper, 0.95),
    key(b"ATBB", "atlassian_token", 28, 0, Word, 0.95),
    key(b"A3T", "aws_access_key_id", 17, 17, Upper, 0.95),
    key(b"CLOJARS_", "clojars_token", 40, 0, Alnum, 0.95),
    key(b"EAAC", "meta_token", 40, 0, Alnum, 0.95),
    key(b"GOCSPX-", "google_oauth_secret", 20, 0, Word, 0.95),
    key(b"HRKU-", "heroku_key", 36, 0, Word, 0.95),
    key(b"IGQV", "instagram_token", 60, 0, Word, 0.95),
    key(b"NRAK-", "newrelic_key", 24, 0, Alnum, 0.95),
    key(b"NRBR-", "newrelic_key", 19, 0, Alnum, 0.9),
    key(b"NRJS-", "newrelic_key", 19, 19, Alnum, 0.95),
    key(b"PMAK-", "postman_key", 40, 0, Word, 0.95),
    key(b"SWMKEY-1-", "docker_token", 24, 0, Word, 0.95),
    key(b"SWMTKN-1-", "docker_token", 24, 0, Word, 0.95),
    key(b"SG.", "sendgrid_key", 40, 0, Dotted, 0.95),
    key(b"amzn.mws.", "aws_mws_token", 36, 0, Word, 0.95),
    key(b"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t", "aws_bedrock_key", 0, 0, Word, 0.95),
    key(b"cfat_", "cloudflare_token", 40, 0, Word, 0.95),
    key(b"cfut_", "cloudflare_token", 40, 0, Word, 0.95),
    key(b"cfk_", "cloudflare_token", 40, 0, Word, 0.95),
    key(b"dckr_oat_", "docker_token", 24, 0, Word, 0.95),
    key(b"dckr_pat_", "docker_token", 24, 0, Word, 0.95),
    key(b"doo_v1_", "digitalocean_token", 40, 0, Alnum, 0.95),
    key(b"dop_v1_", "digitalocean_token", 40, 0, Alnum, 0.95),
    key(b"dor_v1_", "digitalocean_token", 40, 0, Alnum, 0.95),
    key(b"dnkey-", "defined_networking_key", 60, 0, Word, 0.95),
    key(b"dp.ct.", "doppler_token", 36, 0, Dotted, 0.95),
    key(b"dp.pt.", "doppler_token", 36, 0, Dotted, 0.95),
    key(b"dp.sa.", "doppler_token", 36, 0, Dotted, 0.95),
    key(b"dp.st.", "doppler_token", 36, 0, Dotted, 0.95),
    key(b"da2-", "aws_appsync_key", 26, 26, Alnum, 0.95),
    key(b"dapi", "databricks_token", 32, 34, Alnum, 0.90),
    key(b"github_pat_", "github_token", 22, 0, Word, 0.95),
    key(b"glagent-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glsoat-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glcbt-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glimt-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"gloas-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glpat-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glptt-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"gldt-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glft-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glpl_", "grafana_token", 32, 0, Word, 0.95),
    key(b"glrt-", "gitlab_token", 18, 0, Dotted, 0.95),
    key(b"glsa_", "grafana_token", 32, 0, Word, 0.95),
    key(b"gho_", "github_token", 30, 0, Word, 0.95),
    key(b"ghp_", "github_token", 30, 0, Word, 0.95),
    key(b"ghr_", "github_token", 30, 0, Word, 0.95),
    key(b"ghs_", "github_token", 30, 0, Word, 0.95),
    key(b"ghu_", "github_token", 30, 0, Word, 0.95),
    key(b"glc_", "grafana_token", 32, 0, Word, 0.95),
    key(b"gsk_", "groq_key", 30, 0, Word, 0.95),
    key(b"hvb.", "vault_token", 24, 0, Dotted, 0.95),
    key(b"hvr.", "vault_token", 24, 0, Dotted, 0.95),
    key(b"hvs.", "vault_token", 24, 0, Dotted, 0.95),
    key(b"hf_", "huggingface_token", 30, 40, Alnum, 0.95),
    key(b"key-", "mailgun_key", 32, 32, Alnum, 0.70),
    key(b"lin_api_", "linear_key", 32, 0, Word, 0.95),
    key(b"llx-", "llamacloud_key", 30, 0, Word, 0.95),
    key(b"nvapi-", "nvidia_key", 30, 0, Word, 0.95),
    key(b"nfp_", "netlify_token", 32, 0, Word, 0.95),
    key(b"npm_", "npm_token", 30, 0, Alnum, 0.95),
    key(b"ntn_", "notion_token", 40, 0, Alnum, 0.95),
    key(b"ops_eyJ", "onepassword_token", 100, 0, Word, 0.95),
    key(b"pscale_oauth_", "planetscale_token", 32, 0, Dotted, 0.95),
    key(b"pscale_tkn_", "planetscale_token", 32, 0, Dotted, 0.95),
    key(b"pscale_pw_", "planetscale_token", 32, 0, Dotted, 0.95),
    key(b"pk_live_", "stripe_key", 16, 0, Word, 0.95),
    key(b"pk_test_", "stripe_key", 16, 0, Word, 0.95),
    key(b"pypi-AgE", "pypi_token", 30, 0, Word, 0.95),
    key(b"pplx-", "perplexity_key", 30, 0, Word, 0.95),
    key(b"pcl_", "portcullis_key", 16, 0, Word, 0.95),
    key(b"rubygems_", "rubygems_token", 40, 0, Alnum, 0.95),
    key(b"rk_live_", "stripe_key", 16, 0, Word, 0.95),
    key(b"rk_test_", "stripe_key", 16, 0, Word, 0.95),
    key(b"r8_", "replicate_token", 30, 0, Word, 0.95),
    key(b"sk-svcacct-", "openai_key", 24, 0, Word, 0.95),
    key(b"sk-admin-", "openai_key", 24, 0, Word, 0.95),
    key(b"sk-proj-", "openai_key", 24, 0, Word, 0.95),
    key(b"sk_live_", "stripe_key", 16, 0, Word, 0.95),
    key(b"sk_test_", "stripe_key", 16, 0, Word, 0.95),
    key(b"sk-ant-", "anthropic_key", 24, 0, Word, 0.95),
    key(b"sntrys_", "sentry_token", 40, 0, Word, 0.95),
    key(b"sq0atp-", "square_token", 20, 0, Word, 0.95),
    key(b"sq0csp-", "square_token", 20, 0, Word, 0.95),
    key(b"sq0idp-", "square_token", 20, 0, Word, 0.95),
    key(b"shpat_", "shopify_token", 32, 0, Alnum, 0.95),
    key(b"shpca_", "shopify_token", 32, 0, Alnum, 0.95),
    key(b"shppa_", "shopify_token", 32, 0, Alnum, 0.95),
    key(b"shpss_", "shopify_token", 32, 0, Alnum, 0.95),
    key(b"sbp_", "supabase_token", 40, 0, Word, 0.95),
    key(b"sqa_", "sonarqube_token", 40, 40, Alnum, 0.95),
    key(b"sqp_", "sonarqube_token", 40, 40, Alnum, 0.95),
    key(b"squ_", "sonarqube_token", 40, 40, Alnum, 0.95),
    key(b"sk-", "secret_key", 20, 0, Word, 0.95),
    key(b"tgp_v1_", "together_key", 30, 0, Word, 0.95),
    key(b"whsec_", "webhook_secret", 16, 0, Word, 0.95),
    key(b"xoxe.xoxp-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xkeysib-", "brevo_key", 40, 0, Word, 0.95),
    key(b"xapp-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xoxa-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xoxb-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xoxe-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xoxo-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xoxp-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xoxr-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xoxs-", "slack_token", 16, 0, Dotted, 0.95),
    key(b"xai-", "xai_key", 30, 0, Word, 0.95),
    key(b"ya29.", "google_oauth_token", 20, 0, Word, 0.95),
];

/// Where the beginnings with each first byte are in [`PREFIXES`].
#[derive(Clone, Debug)]
pub(crate) struct Index(Vec<(usize, usize)>);

impl Index {
    pub(crate) fn new() -> Self {
        let mut places = vec![(0, 0); 256];
        for (i, prefix) in PREFIXES.iter().enumerate() {
            let (from, to) = &mut places[usize::from(prefix.text[0])];
            if *to == 0 {
                *from = i;
            }
            *to = i + 1;
        }
        Self(places)
    }

    /// The beginnings that start with this symbol.
    pub(crate) fn starting_with(&self, symbol: u8) -> &'static [Prefix] {
        let (from, to) = self.0[usize::from(symbol)];
        &PREFIXES[from..to]
    }
}
