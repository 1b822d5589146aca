//! The network, and how a text is put before it.

use std::fmt;
use std::sync::Arc;

use rten::{NodeId, RunOptions, ThreadPool, Value};

use crate::labels::{LABELS, Reading, Told, readings};
use crate::parts::{PARTS, WrongPart};
use crate::pieces::{Cut, Vocabulary};

/// The longest text that is read, in bytes. What lies beyond is not looked at: the caller cuts texts into sentences.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// The most word pieces that the network sees at once, besides the two marks around them. It was made for 510.
pub const PIECES_AT_ONCE_MAX: usize = 254;
/// How many pieces two windows of a longer text share.
const SHARED_PIECES: usize = 32;
/// How many threads the network has, and how many texts may be read at the same time. Callers see to that: a text that is
/// begun while others are read may be read on top of one of them.
pub const READS_AT_ONCE_MAX: usize = 2;

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file is not the pinned one.
    #[error(transparent)]
    Wrong(#[from] WrongPart),
    /// The word pieces are not text, or not all there.
    #[error("the word pieces cannot be read")]
    Vocabulary,
    /// The network cannot be built.
    #[error("the network cannot be built: {0}")]
    Network(String),
}

/// Why a text could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the network could not read a text: {0}")]
pub struct ReadError(String);

/// The model, ready to read.
pub struct Model {
    network: rten::Model,
    ids: NodeId,
    mask: NodeId,
    kinds: NodeId,
    logits: NodeId,
    threads: Arc<ThreadPool>,
    vocabulary: Vocabulary,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").finish_non_exhaustive()
    }
}

impl Model {
    /// Builds it of the bytes of its network and of its word pieces.
    ///
    /// # Errors
    /// When they are not the pinned ones: bytes of unknown origin are not even parsed.
    pub fn load(network: Vec<u8>, vocabulary: &[u8]) -> Result<Self, LoadError> {
        let [of_network, of_vocabulary, _] = PARTS;
        of_network.check(&network)?;
        of_vocabulary.check(vocabulary)?;
        let text = str::from_utf8(vocabulary).map_err(|_| LoadError::Vocabulary)?;
        let vocabulary = Vocabulary::read(text).ok_or(LoadError::Vocabulary)?;
        let failed = |error: String| LoadError::Network(error);
        let network = rten::Model::load(network).map_err(|e| failed(e.to_string()))?;
        let node = |name| network.node_id(name).map_err(|error| failed(error.to_string()));
        let [ids, mask, kinds] = ["input_ids", "attention_mask", "token_type_ids"].map(node);
        let (ids, mask, kinds, logits) = (ids?, mask?, kinds?, node("logits")?);
        let threads = Arc::new(ThreadPool::with_num_threads(READS_AT_ONCE_MAX));
        Ok(Self { network, ids, mask, kinds, logits, threads, vocabulary })
    }

    /// What it sees in a text, in order. For [`READS_AT_ONCE_MAX`] callers at a time.
    ///
    /// # Errors
    /// When the network fails.
    pub fn read(&self, text: &str) -> Result<Vec<Reading>, ReadError> {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let cut = self.vocabulary.cut(text);
        if cut.words.is_empty() {
            return Ok(Vec::new());
        }
        let labels = self.threads.run(|| self.labels(&cut))?;
        let told: Vec<Told> = cut.words.iter().map(|word| Told::by(&labels[word.pieces.clone()])).collect();
        Ok(readings(text, &cut.words, &told))
    }

    /// The probabilities of the labels of every piece.
    fn labels(&self, cut: &Cut) -> Result<Vec<[f32; LABELS]>, ReadError> {
        let mut all = Vec::with_capacity(cut.pieces.len());
        for window in windows(cut) {
            let labels = self.run(&cut.pieces[window.from..window.to])?;
            all.extend_from_slice(&labels[window.first - window.from..window.end - window.from]);
        }
        Ok(all)
    }

    fn run(&self, pieces: &[u32]) -> Result<Vec<[f32; LABELS]>, ReadError> {
        let failed = |error: &dyn std::fmt::Display| ReadError(error.to_string());
        let marked = [self.vocabulary.first].into_iter().chain(pieces.iter().copied());
        let ids = marked.chain([self.vocabulary.last]).map(u32::cast_signed).collect::<Vec<i32>>();
        let shape = [1, ids.len()];
        let value = |numbers| Value::from_shape(shape, numbers).map_err(|error| failed(&error));
        let (mask, kinds) = (value(vec![1; ids.len()])?, value(vec![0; ids.len()])?);
        let inputs =
            vec![(self.ids, value(ids)?.into()), (self.mask, mask.into()), (self.kinds, kinds.into())];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let done = self.network.run(inputs, &[self.logits], Some(options)).map_err(|error| failed(&error))?;
        let logits = done.into_iter().next().ok_or_else(|| failed(&"it gave no answer"))?;
        let (shape, numbers) = logits.into_shape_vec::<f32, 3>().map_err(|error| failed(&error))?;
        if shape != [1, pieces.len() + 2, LABELS] {
            return Err(failed(&"its answer has another shape"));
        }
        let rows = numbers.chunks_exact(LABELS).skip(1).take(pieces.len());
        Ok(rows.map(probabilities).collect())
    }
}

/// A stretch of pieces that is read at once, and for which of them its answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) first: usize,
    pub(crate) end: usize,
}

/// Windows over all pieces. In the stretch that two of them share each answers for the half that lies further inside it.
pub(crate) fn windows(cut: &Cut) -> Vec<Window> {
    let count = cut.pieces.len();
    let mut all = Vec::new();
    let (mut from, mut first) = (0, 0);
    loop {
        let to = count.min(from + PIECES_AT_ONCE_MAX);
        let end = if to == count { count } else { to - SHARED_PIECES / 2 };
        all.push(Window { from, to, first, end });
        if to == count {
            return all;
        }
        // From the start of a word where there is one near.
        let next = to - SHARED_PIECES;
        let word = cut.words.partition_point(|word| word.pieces.end <= next);
        let start = cut.words.get(word).map_or(next, |word| word.pieces.start);
        from = if start > from && start + PIECES_AT_ONCE_MAX > to { start.min(next) } else { next };
        first = end;
    }
}

/// Softmax.
fn probabilities(logits: &[f32]) -> [f32; LABELS] {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut all = [0.0; LABELS];
    for (one, logit) in all.iter_mut().zip(logits) {
        *one = (logit - most).exp();
    }
    let sum: f32 = all.iter().sum();
    all.map(|one| if sum > 0.0 { one / sum } else { 0.0 })
}
