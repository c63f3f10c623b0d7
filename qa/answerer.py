"""Question and Hits to an Answer made of cited sentences, or to a refusal.

A sentence is scored by its own likeness to the question and by its passage's score; a logistic model over what
the best passage leaves unmet gives the confidence, below which nothing is cited.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from qa.config import AnswerSettings
from qa.datatypes import Answer, Citation, Hit, Passage
from qa.question import asks_for, numbers_named, numbers_stated, offers
from qa.retriever import Query, Retriever
from qa.text import dominant_language, fold, sentences

_CALIBRATION_FILE = Path(__file__).with_name("calibration.json")
_REFUSALS = {
    "zh": "文章里没有找到答案。下面是最接近的段落。",
    "en": "The articles do not say. The nearest passages are below.",
}


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of a passage; `start` and `end` are in the document's text."""

    passage: Passage
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        """The sentence as it stands."""
        return self.passage.text[self.start - self.passage.start : self.end - self.passage.start]

    @property
    def in_context(self) -> str:
        """The sentence after its headings, which often hold its subject."""
        return "\n".join((*self.passage.headings, self.text))


class Answerer:
    """Makes answers of what a retriever found."""

    def __init__(self, retriever: Retriever, settings: AnswerSettings) -> None:
        self.retriever = retriever
        self.settings = settings

    def answer(self, question: str, hits: Sequence[Hit]) -> Answer:
        """Up to three cited sentences, best first; none where the confidence is too low."""
        query = self.retriever.query(question)
        confidence = probability(self.evidence(query, hits), crossing=is_crossing(query, hits))
        if confidence < self.settings.minimum_confidence:
            return Answer(question, _REFUSALS[query.language], (), tuple(hits), confidence)
        citations = tuple(self._cite(number, sentence) for number, sentence in enumerate(self._chosen(query, hits), 1))
        text = "\n".join(f"{citation.quote} [{citation.number}]" for citation in citations)
        return Answer(question, text, citations, tuple(hits), confidence)

    def _cite(self, number: int, sentence: ScoredSentence) -> Citation:
        digest = self.retriever.index.documents[sentence.passage.document_id].content_hash
        return Citation(number, sentence.passage, sentence.start, sentence.end, sentence.text, digest)

    def _chosen(self, query: Query, hits: Sequence[Hit]) -> list[ScoredSentence]:
        """The best sentence, and others nearly as good; one that repeats a chosen text is passed over."""
        ranked = self.rank_sentences(query, hits)
        chosen: list[ScoredSentence] = []
        for sentence in ranked:
            near = sentence.score >= ranked[0].score - self.settings.citation_margin
            if near and all(fold(sentence.text) != fold(other.text) for other in chosen):
                chosen.append(sentence)
            if len(chosen) == self.settings.citations:
                break
        return chosen

    def rank_sentences(self, query: Query, hits: Sequence[Hit]) -> list[ScoredSentence]:
        """The sentences of the first hits, best first; ties by place."""
        places = [
            (hit, start, end)
            for hit in hits[: self.settings.passages_read]
            for start, end in sentences(hit.passage.text)
        ]
        if not places:
            return []
        aligner = self.retriever.index.aligner
        tokens = aligner.tokens([hit.passage.text[start:end] for hit, start, end in places])
        aligned = self.retriever.align(query, tokens)
        meaning = aligner.encode_tokens(tokens) @ aligner.encode_tokens([query.tokens])[0]
        passage_scores = np.array([hit.score for hit, _, _ in places])
        kind = asks_for(query.text)
        fitting = np.array(
            [kind is not None and offers(hit.passage.text[a:b], kind, query.text) for hit, a, b in places]
        )
        settings = self.settings
        scores = aligned + settings.sentence_dense_weight * meaning + settings.passage_weight * passage_scores
        scores += settings.kind_weight * fitting
        ranked = [
            ScoredSentence(hit.passage, hit.passage.start + start, hit.passage.start + end, float(score))
            for (hit, start, end), score in zip(places, scores, strict=True)
        ]
        return sorted(ranked, key=lambda sentence: (-sentence.score, sentence.passage.id, sentence.start))

    def evidence(self, query: Query, hits: Sequence[Hit]) -> dict[str, float]:
        """What speaks for and against the hits holding an answer, by feature; zeros where nothing was found."""
        ranked = self.rank_sentences(query, hits)
        if not ranked or query.weights.sum() <= 0:
            return dict.fromkeys(FEATURES, 0.0)
        retriever, read = self.retriever, hits[:3]
        share = query.weights / query.weights.sum()
        in_passages = retriever.best_matches(query, [retriever.index.tokens_of(hit.passage.id) for hit in read])
        in_sentences = retriever.best_matches(query, retriever.index.aligner.tokens([s.in_context for s in ranked[:3]]))
        wanted, kind = numbers_named(query.text), asks_for(query.text)
        stated = [numbers_stated(self._stated(hit.passage)) for hit in read]
        return {
            "passage alignment": float(in_passages[0] @ share),
            "largest gap in passage": float((share * (1.0 - in_passages[0])).max()),
            "gap in three passages": float((1.0 - in_passages.max(axis=0)) @ share),
            "sentence alignment": float((in_sentences @ share).max()),
            "largest gap in sentence": float((share * (1.0 - in_sentences[0])).max()),
            "dense": hits[0].dense or 0.0,
            "margin": hits[0].score - (hits[1].score if len(hits) > 1 else 0.0),
            "number missing": float(bool(wanted.difference(*stated))),
            "number missing in passage": float(bool(wanted - stated[0])),
            "kind missing": float(kind is not None and not any(offers(s.text, kind, query.text) for s in ranked[:3])),
            "question entropy": float(-(share * np.log(share + 1e-9)).sum()),
        }

    def _stated(self, passage: Passage) -> str:
        """A passage with what its headings and its article's date state."""
        date = self.retriever.index.documents[passage.document_id].metadata.get("date", "")
        return " ".join((*passage.headings, str(date), passage.text))


FEATURES = (
    "passage alignment",
    "largest gap in passage",
    "gap in three passages",
    "sentence alignment",
    "largest gap in sentence",
    "dense",
    "margin",
    "number missing",
    "number missing in passage",
    "kind missing",
    "question entropy",
)


def is_crossing(query: Query, hits: Sequence[Hit]) -> bool:
    """Whether the best passage is in another language than the question."""
    return bool(hits) and dominant_language(hits[0].passage.text) != query.language


def probability(evidence: Mapping[str, float], *, crossing: bool) -> float:
    """Probability in [0, 1] that the question is answerable, by the fitted logistic model."""
    if not any(evidence.values()):
        return 0.0
    coefficients = calibration()["crossing" if crossing else "same language"]
    logit = coefficients["intercept"] + sum(coefficients[name] * evidence[name] for name in FEATURES)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


@cache
def calibration() -> dict[str, dict[str, float]]:
    """The fitted coefficients of both models, by feature and `intercept`."""
    loaded: dict[str, dict[str, float]] = json.loads(_CALIBRATION_FILE.read_text(encoding="utf-8"))["coefficients"]
    return loaded
