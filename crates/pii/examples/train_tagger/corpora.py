#!/usr/bin/env python3
"""Makes the labelled corpora of other people that the tagger learns from into JSON lines, as `corpora.rs` reads them.

    python3 corpora.py --crossner DIR --litbank DIR --re3d DIR --masc masc_tagged.zip --out DIR

The folders are clones of the repositories named in `data/README.md`; the archive is that of the NLTK data. What is a name of a
person in MASC, which marks parts of speech alone, stands in `data/masc-spans.jsonl` (places, not names). Only the standard
library is used.
"""

import argparse
import io
import json
import re
import zipfile
from pathlib import Path

# Signs that stand at the word before, and those that stand at the word behind.
AT_BEFORE = set(".,:;!?)]}%") | {"'s", "n't", "'re", "'ve", "'ll", "'d", "'m", "..."}
AT_BEHIND = set("([{$")
SIGNS = {"``": '"', "''": '"', "-LRB-": "(", "-RRB-": ")"}
# So many sentences of a longer text are one document.
SENTENCES = 12

TITLES = set(
    "mr. mrs. mr mrs miss sir lady lord dr. dr ms. ms captain capt. colonel col. general gen. doctor uncle aunt madame mme. "
    "madam prince princess king queen count countess father sister brother mother professor president minister secretary "
    "reverend rev. st. saint master mistress major maj. lieutenant lt. sergeant sgt. judge the squire monsieur m. signor herr "
    "don duke earl baron cousin old little poor young dear good".split()
)
OFFICES = TITLES | set(
    "us u.s. uk u.k. british american russian iraqi syrian iranian turkish foreign defense defence prime deputy ambassador "
    "spokesman spokesperson spokeswoman chancellor commander chief envoy special state of for and leader head international "
    "development army force navy air marine marines admiral adm. brig. brigadier vice cpl. corporal staff senior command "
    "chairman senator sen. high representative un eu nato european united nations states affairs permanent group wing rt hon "
    "mp former assistant under acting executive director officer press al isis isil daesh presidential governor pfc. "
    "specialist spc. warrant centcom us-led coalition public medical communications".split()
)
PRONOUNS = set(
    "he she it they i we you his her him their them my our me us who this that these one some those all".split()
)
PARTICLES = {"al", "bin", "ibn", "abu", "de", "von", "van"}


def join(tokens):
    """The text of some tokens, and the place of each."""
    text, places, quoted, glued = "", [], False, True
    for token in tokens:
        token = SIGNS.get(token, token)
        if token == '"':
            space, glued_next = ("", False) if quoted else ("" if glued else " ", True)
            quoted = not quoted
        else:
            space = "" if glued or token in AT_BEFORE else " "
            glued_next = token in AT_BEHIND
        text += space
        places.append((len(text), len(text) + len(token)))
        text += token
        glued = glued_next
    return text, places


def merged(sentences):
    """One document of sentences with their names of people and of other things."""
    text, people, others = "", [], []
    for sentence, spans, rest in sentences:
        at = len(text)
        people += [[a + at, b + at] for a, b in spans]
        others += [[a + at, b + at] for a, b in rest]
        text += sentence + "\n"
    return text.rstrip("\n"), people, others


def documents(sentences):
    """Documents of twelve sentences each."""
    return [merged(sentences[i : i + SENTENCES]) for i in range(0, len(sentences), SENTENCES)]


def overlaps(span, others):
    return any(span[0] < other[1] and other[0] < span[1] for other in others)


def outermost(spans):
    spans = sorted(set(map(tuple, spans)))
    within = lambda a, b: a != b and b[0] <= a[0] and a[1] <= b[1]
    return [list(a) for a in spans if not any(within(a, b) for b in spans)]


def crossner(folder):
    """CrossNER: sentences of the encyclopedia from five fields, all but those of CoNLL 2003."""
    people = {"person", "writer", "politician", "musicalartist", "scientist", "researcher"}
    for field in ("politics", "science", "music", "literature", "ai"):
        for part in ("train", "dev", "test"):
            text = (folder / "ner_data" / field / f"{part}.txt").read_text("utf-8")
            for sentence in text.strip().split("\n\n"):
                rows = [line.split("\t") for line in sentence.split("\n") if "\t" in line]
                if not rows:
                    continue
                joined, places = join([row[0] for row in rows])
                named, others, open_span = [], [], None
                for (start, end), row in [*zip(places, rows), ((0, 0), ["", "O"])]:
                    tag = row[1]
                    if tag.startswith("I-") and open_span and open_span[2] == tag[2:]:
                        open_span[1] = end
                        continue
                    if open_span:
                        (named if open_span[2] in people else others).append(open_span[:2])
                    open_span = [start, end, tag[2:]] if tag != "O" else None
                yield joined, named, others


def litbank_name(tokens):
    """The name itself: without titles before it, and without what is said of its bearer behind it."""
    name = []
    for token in tokens:
        if name and token[0] in {",", "of", "in", "at", "the", "and", "who", "("}:
            break
        name.append(token)
    while name and name[0][0].lower() in TITLES:
        name.pop(0)
    return (name[0][1], name[-1][2]) if name and name[0][0][0].isupper() else None


def litbank(folder):
    """LitBank: parts of a hundred novels. Sentences that speak of somebody whose name is not marked apart are left out."""
    for path in sorted((folder / "coref" / "brat").glob("*.ann")):
        marked = []
        for line in path.read_text("utf-8").split("\n"):
            fields = line.split("\t")
            kind = fields[1].split() if len(fields) > 2 and fields[0].startswith("T") else []
            if len(kind) == 3:
                marked.append((kind[0], int(kind[1]), int(kind[2])))
        sentences, behind = [], 0
        for line in path.with_suffix(".txt").read_text("utf-8").split("\n"):
            start, behind = behind, behind + len(line) + 1
            if not line.strip():
                continue
            here = [m for m in marked if start <= m[1] and m[2] <= start + len(line)]
            tokens = [(m.group(), start + m.start(), start + m.end()) for m in re.finditer(r"\S+", line)]
            sentence = litbank_sentence(tokens, here)
            if sentence:
                sentences.append(sentence)
        yield from documents(sentences)


def litbank_sentence(tokens, marked):
    people, others = [], []
    for kind, start, end in sorted(marked, key=lambda m: m[1] - m[2]):
        inside = [t for t in tokens if start <= t[1] and t[2] <= end]
        if kind == "PROP_PER":
            name = litbank_name(inside)
            if name:
                people.append(name)
        elif kind.startswith("PROP_") and any(t[0][0].isupper() for t in inside):
            others.append((inside[0][1], inside[-1][2]))
    for kind, start, end in marked:
        for i, token in enumerate(tokens):
            unmarked = not any(a <= token[1] < b for a, b in people + others)
            inside = kind == "NOM_PER" and start < token[1] and token[2] <= end and i > 0
            if inside and unmarked and token[0][0].isupper() and token[0].lower() not in TITLES and token[0] != "I":
                return None
    text, places = join([t[0] for t in tokens])

    def moved(span):
        own = [p for p, t in zip(places, tokens) if span[0] <= t[1] < span[1]]
        return [min(p[0] for p in own), max(p[1] for p in own)]

    named = outermost([moved(span) for span in people])
    rest = [span for span in map(moved, others) if not overlaps(span, named)]
    return text, named, rest


def re3d(folder):
    """re3d: reports about a war, those of its parts that are in the public domain or may be used with attribution."""
    kinds = {"Location", "Organisation", "Nationality", "MilitaryPlatform", "Weapon"}
    parts = ("Australian Department of Foreign Affairs", "CENTCOM", "UK Government", "US State Department")
    lines = lambda path: [json.loads(line) for line in path.read_text("utf-8-sig").split("\n") if line.strip()]
    for part in parts:
        marked = {}
        for entity in lines(folder / part / "entities.json"):
            marked.setdefault(entity["documentId"], []).append(entity)
        for document in lines(folder / part / "documents.json"):
            text, people, others = document["text"], [], []
            for entity in marked.get(document["_id"], []):
                start, end = entity["begin"], entity["end"]
                if entity["type"] == "Person":
                    people += re3d_name(text, start, end)
                elif entity["type"] in kinds and text[start:end][:1].isupper():
                    others.append([start, end])
            named = outermost(people)
            rest = [list(s) for s in sorted(set(map(tuple, others))) if not overlaps(s, named)]
            yield text, named, rest


def re3d_name(text, start, end):
    """The name in what may be an office, a name, or both."""
    found = re.finditer(r"[\w.'’-]+", text[start:end])
    tokens = [(m.group(), start + m.start(), start + m.end()) for m in found]
    while tokens and (tokens[0][0].lower() in OFFICES or tokens[0][0][0].islower()):
        tokens.pop(0)
    for i, token in enumerate(tokens):
        if token[0].lower() in {"of", "the", "and", "for"}:
            tokens = tokens[:i]
            break
    proud = lambda word: word[0].isupper() or word.lower() in PARTICLES or word.startswith("al-")
    if not tokens or not all(proud(t[0]) for t in tokens) or not tokens[0][0][0].isupper():
        return []
    if len(tokens) == 1 and (tokens[0][0].lower() in PRONOUNS or len(tokens[0][0]) < 3):
        return []
    return [[tokens[0][1], tokens[-1][2]]]


def masc(archive, spans):
    """MASC: half a million words of American English of many kinds. Which of its sentences are used, and which words in them
    are names of people, says `spans`: `{"file": number, "sentences": {number: [[start, end], …]}}`, files in the order of their
    names."""
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".txt"))
        for line in Path(spans).read_text("utf-8").splitlines():
            marked = json.loads(line)
            raw = io.TextIOWrapper(files.open(names[marked["file"]]), "utf-8", errors="replace")
            sentences = []
            for number, sentence in enumerate(masc_sentences(raw.read())):
                if str(number) in marked["sentences"]:
                    sentences.append((sentence[0], marked["sentences"][str(number)], []))
            yield from documents(sentences)


def masc_sentences(raw):
    """Texts of the sentences with places and parts of speech of their words."""
    for line in raw.split("\n"):
        tokens = [t.rsplit("_", 1) for t in line.split() if "_" in t]
        tokens = [t for t in tokens if len(t) == 2 and t[0]]
        if tokens:
            text, places = join([t[0] for t in tokens])
            yield text.replace("\n", " "), places, [t[1] for t in tokens]


def write(folder, name, documents):
    people = 0
    path = folder / f"{name}.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for i, (text, named, others) in enumerate(documents):
            spans = [[start, end, "PERSON"] for start, end in named]
            people += len(spans)
            line = {"id": f"{name}-{i}", "source": name, "text": text, "spans": spans, "ignore": others}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{path}: {i + 1} documents, {people} names of people")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("crossner", "litbank", "re3d", "masc", "out"):
        options.add_argument(f"--{name}", type=Path, required=name == "out")
    options.add_argument("--masc-spans", type=Path, default=Path(__file__).parents[2] / "data/masc-spans.jsonl")
    given = options.parse_args()
    for name, make in (("crossner", crossner), ("litbank", litbank), ("re3d", re3d)):
        if folder := getattr(given, name):
            write(given.out, name, make(folder))
    if given.masc:
        write(given.out, "masc", masc(given.masc, given.masc_spans))


if __name__ == "__main__":
    main()
