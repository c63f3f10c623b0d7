"""What speaks for a sentence holding the answer, and for there being an answer at all: features and fitted models.

Both models are linear, their numbers in `calibration.json`: which sentence (a softmax over the sentences of the best
passages) and whether to answer (a logistic model for each pair of languages).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.datatypes import Hit, Passage
from qa.embedder import unit
from qa.question import asks_for, numbers_named, numbers_stated, offers
from qa.retriever import Query, Retriever
from qa.text import dominant_language, sentences

SENTENCE_FEATURES = (
    "alignment",
    "alignment with neighbours",
    "alignment of passage",
    "dense",
    "passage score",
    "kind",
    "length",
    "first of passage",
    "word for word",
    "alignment in context",
)
ANSWER_FEATURES = (
    "passage alignment",
    "largest gap in passage",
    "gap in three passages",
    "sentence alignment",
    "largest gap in sentence",
    "dense",
    "passage margin",
    "lead over the last",
    "lexical share",
    "word for word",
    "sentence score",
    "sentence margin",
    "number missing",
    "number missing in passage",
    "number missing in sentence",
    "kind missing",
    "kind missing in passages",
)

_CALIBRATION_FILE = Path(__file__).with_name("calibration.json")
_READ = 3  # passages and sentences looked into for what is missing
_EXACT = 0.99  # cosine above which two tokens count as the same word

Features = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of a hit's passage; `start` and `end` are in the document's text."""

    hit: Hit
    start: int
    end: int
    score: float

    @property
    def passage(self) -> Passage:
        """The passage it stands in."""
        return self.hit.passage

    @property
    def text(self) -> str:
        """The sentence as it stands."""
        return self.passage.text[self.start - self.passage.start : self.end - self.passage.start]

    @property
    def in_context(self) -> str:
        """The sentence after its headings, which often hold its subject."""
        return "\n".join((*self.passage.headings, self.text))


@cache
def calibration() -> Mapping[str, Any]:
    """The fitted numbers: `sentence`, `kinds` and `answer`, with the report of their fit."""
    loaded: dict[str, Any] = json.loads(_CALIBRATION_FILE.read_text(encoding="utf-8"))
    return loaded


def kind_evidence(sentence: str, question: str, kinds: Mapping[str, Sequence[float]]) -> float:
    """Log likelihood ratio of a sentence holding (or lacking) something of the kind that is asked for; 0 if unknown.

    Args:
        sentence: what may hold it.
        question: what asks for it.
        kinds: for each kind the ratio where a sentence holds one, and where it does not.
    """
    kind = asks_for(question)
    if kind is None or kind not in kinds:
        return 0.0
    return kinds[kind][0 if offers(sentence, kind, question) else 1]


def sentence_features(
    retriever: Retriever, query: Query, hits: Sequence[Hit]
) -> tuple[list[tuple[Hit, int, int]], Features]:
    """The sentences of the hits' passages, as spans of the passage text, and their features, a row each."""
    aligner, kinds = retriever.index.aligner, calibration()["kinds"]
    places = [(hit, start, end) for hit in hits for start, end in sentences(hit.passage.text)]
    texts = [hit.passage.text[start:end] for hit, start, end in places]
    tokens = aligner.tokens(texts)
    best = retriever.best_matches(query, tokens, texts)
    share = _share(query.weights)
    meaning = _meaning(retriever, query, tokens)
    heads = ["\n".join(hit.passage.headings) for hit in hits]
    in_heads = retriever.best_matches(query, aligner.tokens(heads), heads)
    features: list[list[float]] = []
    for number, hit in enumerate(hits):
        rows = [row for row, (of, _, _) in enumerate(places) if of is hit]
        whole = best[rows].max(axis=0, initial=0.0)
        for row in rows:
            near = best[max(rows[0], row - 1) : min(rows[-1], row + 1) + 1].max(axis=0)
            context = np.maximum(best[row], in_heads[number])
            features.append(
                [
                    float(best[row] @ share),
                    float(near @ share),
                    float(whole @ share),
                    meaning[row],
                    hit.score - hits[0].score,
                    kind_evidence(texts[row], query.text, kinds),
                    math.log1p(len(tokens[row])),
                    float(row == rows[0]),
                    float((best[row] > _EXACT) @ share),
                    float(context @ share),
                ]
            )
    return places, np.array(features, dtype=np.float64).reshape(len(places), len(SENTENCE_FEATURES))


def _share(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights as shares of their sum; all zero where that is zero."""
    shares: NDArray[np.float32] = weights / max(float(weights.sum()), 1e-9)
    return shares


def _meaning(retriever: Retriever, query: Query, tokens: Sequence[NDArray[np.int32]]) -> list[float]:
    """Cosine of the question's mean vector, its words weighed as in late interaction, with each sentence's."""
    aligner = retriever.index.aligner
    asked = unit((query.weights[:, None] * query.token_vectors).sum(axis=0, keepdims=True))[0]
    return [float(cosine) for cosine in aligner.encode_tokens(tokens) @ asked]


def rank_sentences(retriever: Retriever, query: Query, hits: Sequence[Hit]) -> list[ScoredSentence]:
    """The sentences of the hits, best first; ties by place."""
    places, features = sentence_features(retriever, query, hits)
    weights = np.array([calibration()["sentence"][name] for name in SENTENCE_FEATURES])
    ranked = [
        ScoredSentence(hit, hit.passage.start + start, hit.passage.start + end, float(score))
        for (hit, start, end), score in zip(places, features @ weights, strict=True)
    ]
    return sorted(ranked, key=lambda sentence: (-sentence.score, sentence.passage.id, sentence.start))


def answer_features(
    retriever: Retriever,
    query: Query,
    hits: Sequence[Hit],
    ranked: Sequence[ScoredSentence],
    kinds: Mapping[str, Sequence[float]],
) -> dict[str, float]:
    """What speaks for and against the hits holding an answer, by feature; zeros where nothing was found."""
    if not ranked or query.weights.sum() <= 0:
        return dict.fromkeys(ANSWER_FEATURES, 0.0)
    index, read, top = retriever.index, hits[:_READ], ranked[:_READ]
    share = _share(query.weights)
    in_passages = retriever.best_matches(
        query, [index.tokens_of(hit.passage.id) for hit in read], [hit.passage.text for hit in read]
    )
    contexts = [sentence.in_context for sentence in top]
    in_sentences = retriever.best_matches(query, index.aligner.tokens(contexts), contexts)
    wanted = numbers_named(query.text)
    stated = [numbers_stated(_stated(retriever, hit.passage)) for hit in read]
    return {
        "passage alignment": float(in_passages[0] @ share),
        "largest gap in passage": float((share * (1.0 - in_passages[0])).max()),
        "gap in three passages": float((1.0 - in_passages.max(axis=0)) @ share),
        "sentence alignment": float((in_sentences @ share).max()),
        "largest gap in sentence": float((share * (1.0 - in_sentences[0])).max()),
        "dense": hits[0].dense or 0.0,
        "passage margin": hits[0].score - (hits[1].score if len(hits) > 1 else 0.0),
        "lead over the last": hits[0].score - hits[-1].score,
        "lexical share": (hits[0].lexical or 0.0) / query.ideal,
        "word for word": float((in_passages[0] > _EXACT) @ share),
        "sentence score": ranked[0].score,
        "sentence margin": ranked[0].score - (ranked[1].score if len(ranked) > 1 else 0.0),
        "number missing": float(bool(wanted.difference(*stated))),
        "number missing in passage": float(bool(wanted - stated[0])),
        "number missing in sentence": float(bool(wanted - numbers_stated(contexts[0]))),
        "kind missing": -max(kind_evidence(sentence.text, query.text, kinds) for sentence in top),
        "kind missing in passages": -max(kind_evidence(s.text, query.text, kinds) for s in ranked),
    }


def _stated(retriever: Retriever, passage: Passage) -> str:
    """A passage with what its headings and its article's date state."""
    date = retriever.index.documents[passage.document_id].metadata.get("date", "")
    return " ".join((*passage.headings, str(date), passage.text))


def language_pair(query: Query, hits: Sequence[Hit]) -> str:
    """The question's language and that of its best passage, as in `zh to en`; where nothing was found, its own."""
    found = dominant_language(hits[0].passage.text) if hits else query.language
    return f"{query.language} to {found}"


def answer_probability(
    retriever: Retriever, query: Query, hits: Sequence[Hit], ranked: Sequence[ScoredSentence]
) -> float:
    """Probability in [0, 1] that the hits hold an answer, by the fitted model."""
    features = answer_features(retriever, query, hits, ranked, calibration()["kinds"])
    return logistic(features, calibration()["answer"][language_pair(query, hits)])


def logistic(features: Mapping[str, float], model: Mapping[str, float]) -> float:
    """The logistic model's probability in [0, 1]; 0 where nothing was found."""
    if not any(features.values()):
        return 0.0
    logit = model["intercept"] + sum(model[name] * features[name] for name in ANSWER_FEATURES)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
