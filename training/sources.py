"""The training data as pairs of texts, grouped by source, each group with its share of the batches."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.text import dominant_language, sentences

PASSAGE_CHARACTERS = {"zh": 220, "en": 600}
_LATIN_TOKENISATION = re.compile(r" (?=[.,;:!?)'’%]|n't\b)|(?<=[(]) ")


@dataclass(frozen=True, slots=True)
class Source:
    """Pairs that mean the same (or ask and answer), and the share of batches they are given."""

    name: str
    share: float
    pairs: list[tuple[str, str]]


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


def _parallel(data: Path, *names: str, tokenised: bool = False) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name in names:
        for row in rows(data / "parallel" / f"{name}.jsonl.gz"):
            english = _LATIN_TOKENISATION.sub("", row["s1"]) if tokenised else row["s1"]
            if row["s1"] != row["s2"] and len(row["s2"]) > 1:
                pairs.append((english, row["s2"]))
    return pairs


def _questions(data: Path, generator: random.Random, *names: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name in names:
        pairs.extend(
            (row["q"], _window(row["p"], row.get("a") or "", generator))
            for row in rows(data / "question_passage" / f"{name}.jsonl.gz")
            if row["q"].strip() and row["p"].strip()
        )
    return pairs


def _window(passage: str, answer: str, generator: random.Random) -> str:
    """A run of whole sentences of the passage, around its answer where one is known."""
    limit = PASSAGE_CHARACTERS[dominant_language(passage)]
    if len(passage) <= limit:
        return passage
    spans = sentences(passage)
    at = passage.find(answer) if isinstance(answer, str) and answer else -1
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


def _news_blurbs(data: Path) -> list[tuple[str, str]]:
    by_event: dict[str, dict[str, str]] = {}
    for row in rows(data / "news_blurbs" / "itn_news_blurbs.jsonl.gz"):
        by_event.setdefault(row["qid"], {})[row["lang"]] = row["text"]
    return [(event["en"], event["zh"]) for event in by_event.values() if "en" in event and "zh" in event]


def load_sources(data: Path, seed: int) -> list[Source]:
    """Every source of `data` with its share; the shares add up to one.

    Raises:
        FileNotFoundError: where a source's file is missing.
    """
    generator = random.Random(seed)
    words = [(word, "; ".join(definitions[:4])) for word, definitions in dictionary(data)]
    news = _parallel(data, "ntrex.en-zh-CN", "ntrex.en-zh-TW") + _news_blurbs(data)
    encyclopaedia = _parallel(data, "mlqe_pe.en-zh", tokenised=True) + _parallel(data, "tico19.en-zh")
    technical = ("python_docs.en-zh", "hf_course.en-zh-CN", "hf_course.en-zh-TW")
    guides = ("opensource_guide.en-zh-hans", "opensource_guide.en-zh-hant")
    chinese = ("drcd_dev.zh-hant", "cmrc2018_trial.zh", "kdconv_info.zh", "kdconv_question-reply.zh")
    english = ("openstax_heading-para.en", "openstax_glossary.en", "pubmedqa.en")
    subjects = ("csl_title-abstract.zh", "howtocook.zh", "laws_title-article.zh")
    wordnet = ("english_wordnet_lemma-definition.en",)
    return [
        Source("conversation", 0.18, _parallel(data, "tatoeba_cmn_minus_laser.en-zh")),
        Source("dictionary", 0.14, words),
        Source("encyclopaedia and health", 0.14, encyclopaedia),
        Source("Chinese questions", 0.14, _questions(data, generator, *chinese)),
        Source("English textbooks and questions", 0.14, _questions(data, generator, *english)),
        Source("news", 0.08, news),
        Source("Chinese titles and texts", 0.08, _questions(data, generator, *subjects)),
        Source("technical", 0.06, _parallel(data, *technical, *guides)),
        Source("WordNet", 0.04, _questions(data, generator, *wordnet)),
    ]
