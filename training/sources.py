"""The training data as documents of pairs of texts, grouped by source, each source with its share of the batches.

A document is a run of pairs that belong together (sentences of one text, questions on one subject): a batch takes
several pairs of a document, so that each has to be told from its own neighbours.
"""

import gzip
import json
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qa.text import dominant_language, sentences

PASSAGE_CHARACTERS = {"zh": 220, "en": 600}
FITTED_ON = ("cmrc2018_trial.zh", "drcd_dev.zh-hant")  # human questions, half of them kept to fit the ranking on
DOCUMENT_ROWS = 24  # consecutive rows of parallel text taken as one document
_LATIN_TOKENISATION = re.compile(r" (?=[.,;:!?)'’%]|n't\b)|(?<=[(]) ")

Pair = tuple[str, str]
Kind = Literal["parallel", "question", "definition", "passage"]


@dataclass(frozen=True, slots=True)
class Source:
    """Documents of pairs, and the share of batches they are given.

    `parallel` pairs say the same in two languages, `question` pairs ask and answer, `definition` pairs are a word
    and what it means; the documents of a `passage` source are its sentences, each paired with itself.
    """

    name: str
    share: float
    kind: Kind
    documents: list[list[Pair]]

    @property
    def pairs(self) -> Iterator[Pair]:
        """Every pair, in order."""
        return (pair for document in self.documents for pair in document)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of one gzip'd JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def dictionary(data: Path) -> list[tuple[str, list[str]]]:
    """CC-CEDICT as (simplified headword, English definitions without their brackets and references)."""
    entries: list[tuple[str, list[str]]] = []
    for row in rows(data / "lexicon" / "cedict.zh-en.jsonl.gz"):
        definitions = [re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", definition) for definition in row["en"]]
        definitions = [
            re.sub(r"\s+", " ", definition).strip()
            for definition in definitions
            if not re.match(r"\s*(?:CL:|variant of|old variant|see |also written|surname )", definition)
        ]
        definitions = [definition for definition in definitions if re.search("[A-Za-z]", definition)]
        if definitions:
            entries.append((row["hans"], definitions))
    return entries


def synonyms(data: Path) -> list[list[tuple[str, str]]]:
    """English and Chinese lemmas of each synset of the Open Multilingual Wordnet that has both, as pairs."""
    found: list[list[tuple[str, str]]] = []
    for row in rows(data / "lexicon" / "omw_synsets.multi.jsonl.gz"):
        english, chinese = row.get("eng", []), row.get("cmn", [])
        if english and chinese:
            found.append([(english[i % len(english)].replace("_", " "), word) for i, word in enumerate(chinese[:4])])
    return found


def dictionary_pairs(data: Path) -> list[Pair]:
    """Every (word, translation) of the dictionary and the wordnets."""
    defined = [(word, definition) for word, definitions in dictionary(data) for definition in definitions[:3]]
    return defined + [pair for pairs in synonyms(data) for pair in pairs]


def for_fitting(passage: str) -> bool:
    """Whether a passage of `FITTED_ON` is kept for fitting and not learned from: every second, by its checksum."""
    return zlib.crc32(passage.encode()) % 2 == 0


def held_back(questions: Path | None) -> set[tuple[str, int]]:
    """(file, row) of the passages that a file of hand-written questions asks about; empty without one."""
    if questions is None:
        return set()
    with questions.open(encoding="utf-8") as lines:
        return {(record["file"], record["row"]) for record in map(json.loads, lines)}


def _runs(pairs: list[Pair]) -> list[list[Pair]]:
    return [pairs[start : start + DOCUMENT_ROWS] for start in range(0, len(pairs), DOCUMENT_ROWS)]


def parallel(data: Path, *names: str, tokenised: bool = False) -> list[list[Pair]]:
    """The sentence pairs (English, Chinese) of parallel texts, in runs of consecutive rows."""
    documents: list[list[Pair]] = []
    for name in names:
        pairs: list[Pair] = []
        for row in rows(data / "parallel" / f"{name}.jsonl.gz"):
            english = _LATIN_TOKENISATION.sub("", row["s1"]) if tokenised else row["s1"]
            if row["s1"] != row["s2"] and len(row["s2"]) > 1:
                pairs.append((english, re.sub(r"\s{2,}", "", row["s2"])))
        documents.extend(_runs(pairs))
    return documents


def questions_of(
    data: Path, generator: random.Random, names: Iterable[str], left_out: set[tuple[str, int]]
) -> list[list[Pair]]:
    """Question and passage, a document a title; what is held back is left out with all its questions.

    Held back are the passages of `left_out`, and of `FITTED_ON` every second.
    """
    documents: list[list[Pair]] = []
    for name in names:
        found = list(rows(data / "question_passage" / f"{name}.jsonl.gz"))
        hidden = {
            row["p"]
            for number, row in enumerate(found)
            if (name, number) in left_out or (name in FITTED_ON and for_fitting(row["p"]))
        }
        by_title: dict[str, list[Pair]] = defaultdict(list)
        for number, row in enumerate(found):
            if row["q"].strip() and row["p"].strip() and row["p"] not in hidden:
                answer = row["a"][0] if isinstance(row["a"], list) and row["a"] else row["a"] or ""
                by_title[row["title"] or str(number)].append((row["q"], _window(row["p"], answer, generator)))
        documents.extend(run for pairs in by_title.values() for run in _runs(pairs))
    return documents


def _passages(
    data: Path, generator: random.Random, names: Iterable[str], left_out: set[tuple[str, int]]
) -> list[list[Pair]]:
    """The distinct passages of question files as documents of sentences."""
    distinct: dict[str, None] = {}
    for document in questions_of(data, generator, names, left_out):
        distinct.update((passage, None) for _, passage in document)
    split = ([passage[start:end] for start, end in sentences(passage)] for passage in distinct)
    return [[(sentence, sentence) for sentence in found] for found in split if len(found) > 1]


def _window(passage: str, answer: str, generator: random.Random) -> str:
    """A run of whole sentences of the passage, around its answer where one is known."""
    limit = PASSAGE_CHARACTERS[dominant_language(passage)]
    if len(passage) <= limit:
        return passage
    spans = sentences(passage)
    at = passage.find(answer) if answer else -1
    first = next((i for i, (_, end) in enumerate(spans) if end > at), 0) if at >= 0 else 0
    last = first
    while spans[last][1] - spans[first][0] < limit:
        if first > 0 and (last + 1 == len(spans) or generator.random() < 0.5):
            first -= 1
        elif last + 1 < len(spans):
            last += 1
        else:
            break
    return passage[spans[first][0] : min(spans[last][1], spans[first][0] + 2 * limit)]


def _news_blurbs(data: Path) -> list[list[Pair]]:
    by_event: dict[str, dict[str, str]] = {}
    for row in rows(data / "news_blurbs" / "itn_news_blurbs.jsonl.gz"):
        by_event.setdefault(row["qid"], {})[row["lang"]] = row["text"]
    return _runs([(event["en"], event["zh"]) for event in by_event.values() if "en" in event and "zh" in event])


def load_sources(data: Path, seed: int, questions: Path | None = None) -> list[Source]:
    """Every source of `data` with its share; the shares add up to one.

    Args:
        data: folder of `lexicon/`, `parallel/`, `question_passage/` and `news_blurbs/`.
        seed: of the choice of windows in long passages.
        questions: hand-written questions whose passages are kept out of training, to measure with.

    Raises:
        FileNotFoundError: where a source's file is missing.
    """
    generator, left_out = random.Random(seed), held_back(questions)
    words = [[(word, "; ".join(definitions[:4]))] for word, definitions in dictionary(data)]
    news = parallel(data, "ntrex.en-zh-CN", "ntrex.en-zh-TW") + _news_blurbs(data)
    encyclopaedia = parallel(data, "mlqe_pe.en-zh", tokenised=True) + parallel(data, "tico19.en-zh")
    technical = ("python_docs.en-zh", "hf_course.en-zh-CN", "hf_course.en-zh-TW")
    guides = ("opensource_guide.en-zh-hans", "opensource_guide.en-zh-hant")
    conversation = ("kdconv_info.zh", "kdconv_question-reply.zh")
    subjects = ("csl_title-abstract.zh", "howtocook.zh", "laws_title-article.zh")

    def asked(*names: str) -> list[list[Pair]]:
        return questions_of(data, generator, names, left_out)

    def read(*names: str) -> list[list[Pair]]:
        return _passages(data, generator, names, left_out)

    return [
        Source("conversation", 0.12, "parallel", parallel(data, "tatoeba_cmn_minus_laser.en-zh")),
        Source("encyclopaedia and health", 0.16, "parallel", encyclopaedia),
        Source("news", 0.08, "parallel", news),
        Source("technical", 0.06, "parallel", parallel(data, *technical, *guides)),
        Source("dictionary", 0.10, "definition", words),
        Source("wordnets", 0.06, "definition", synonyms(data)),
        Source("WordNet", 0.03, "definition", asked("english_wordnet_lemma-definition.en")),
        Source("English glossary", 0.03, "definition", asked("openstax_glossary.en")),
        Source("Chinese questions", 0.12, "question", asked(*FITTED_ON)),
        Source("Chinese conversation", 0.03, "question", asked(*conversation)),
        Source("English questions", 0.02, "question", asked("pubmedqa.en")),
        Source("English textbooks", 0.05, "question", asked("openstax_heading-para.en")),
        Source("Chinese titles and texts", 0.03, "question", asked(*subjects)),
        Source("English passages", 0.06, "passage", read("openstax_heading-para.en", "pubmedqa.en")),
        Source("Chinese passages", 0.05, "passage", read(*FITTED_ON, "csl_title-abstract.zh", "kdconv_info.zh")),
    ]
