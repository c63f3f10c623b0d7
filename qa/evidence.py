"""What speaks for a sentence holding the answer, and for there being an answer at all: features and fitted models.

Both models are linear, their numbers in `calibration.json`: which sentence (a softmax over the sentences of the best
passages) and whether to answer (a logistic model for each pair of languages). Between the two, the best sentences are
looked into for the words that answer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qa.datatypes import Hit, Passage
from qa.embedder import StaticEmbedder
from qa.index import SearchIndex
from qa.query import Query
from qa.question import kind_evidence, numbers_named, numbers_stated
from qa.ranking import linear
from qa.reading import Reading, read
from qa.retriever import Retriever
from qa.spans import SENTENCES, Candidates, Span, best_span, candidates, probabilities, span_models

SENTENCE_FEATURES = (
    "alignment",
    "alignment in its topic",
    "alignment after all before",
    "alignment within the passage",
    "word for word",
    "in its topic, in translation",
    "largest gap",
    "dense",
    "dense with neighbours",
    "kind",
    "new words",
    "length",
    "place",
    "passage score",
    "passage probability",
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
    "short answer",
    "sentence with the answer",
)

_READ = 3  # passages and sentences looked into for what is missing
_EXACT = 0.99  # cosine above which two tokens count as the same word

Features = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of a hit's passage, the `number`-th of what was read; `start` and `end` are in the document's text."""

    hit: Hit
    start: int
    end: int
    score: float
    number: int

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


@dataclass(frozen=True)  # no slots, so that what follows from the fields is kept once it is asked for
class Evidence:
    """What the best passages hold for a question.

    Attributes:
        ranked: their sentences, best first.
        found: the candidates for a short answer in the first `SENTENCES` of these.
        likely: each candidate's probability of being the answer, shape (candidates,).
        context: best cosine of each question token in each ranked sentence or its headings, shape (sentences,
            question tokens).
        passages: the same in each passage that was read.
    """

    ranked: Sequence[ScoredSentence]
    found: Candidates
    likely: NDArray[np.float32]
    context: NDArray[np.float32]
    passages: NDArray[np.float32]

    @cached_property
    def short(self) -> Span | None:
        """The words expected to share most with the answer."""
        return best_span(self.found, self.likely)

    @cached_property
    def shares(self) -> NDArray[np.float32]:
        """The probability of each of the first sentences to hold the answer, shape (sentences,)."""
        shares: NDArray[np.float32] = np.zeros(len(self.ranked[:SENTENCES]), dtype=np.float32)
        np.add.at(shares, self.found.sentence, self.likely)
        return shares


def look(retriever: Retriever, query: Query, hits: Sequence[Hit]) -> Evidence:
    """Reads the hits' sentences, ranks them, and looks into the best."""
    reading = read(retriever.index, query, [hit.passage.id for hit in hits])
    return look_into(retriever, query, reading, _ranked(retriever, query, hits, reading))


def look_into(retriever: Retriever, query: Query, reading: Reading, sentences: Sequence[ScoredSentence]) -> Evidence:
    """Looks into the first of the ranked sentences of what was read."""
    top = sentences[:SENTENCES]
    texts, scores = [sentence.text for sentence in top], [sentence.score for sentence in top]
    found = candidates(retriever.index.aligner, query, texts, scores)
    numbers = [sentence.number for sentence in sentences]
    context = np.maximum(reading.heads[reading.passage[numbers]], reading.matches[numbers])
    return Evidence(sentences, found, probabilities(span_models(), found), context, reading.passages)


def look_at(aligner: StaticEmbedder, query: Query, evidence: Evidence, chosen: Sequence[int]) -> Evidence:
    """Looks into other ranked sentences than the first, by their place; the evidence has these alone."""
    ranked = [evidence.ranked[number] for number in chosen]
    found = candidates(aligner, query, [each.text for each in ranked], [each.score for each in ranked])
    return replace(
        evidence,
        ranked=ranked,
        found=found,
        likely=probabilities(span_models(), found),
        context=evidence.context[list(chosen)],
    )


def sentence_features(retriever: Retriever, query: Query, hits: Sequence[Hit], reading: Reading) -> Features:
    """A row of features for each sentence of the hits' passages, which were read: (sentences, features)."""
    texts = [hits[passage].passage.text[start:end] for passage, start, end in reading.places]
    shares = query.shares
    before = np.concatenate(
        [np.zeros_like(reading.matches[:0])]
        + [np.maximum.accumulate(reading.matches[reading.of_passage(i)], axis=0) for i in range(len(hits))]
    )
    passage_scores = np.array([hit.score for hit in hits])
    likely = np.exp(passage_scores - passage_scores.max(initial=-math.inf))
    likely /= max(float(likely.sum()), 1e-9)
    counts = np.bincount(reading.passage, minlength=len(hits))
    columns = (
        reading.matches @ shares,
        np.maximum(reading.matches, reading.topics[reading.passage]) @ shares,
        np.maximum(before, reading.heads[reading.passage]) @ shares,
        reading.within(query),
        (reading.matches > _EXACT) @ shares,
        reading.in_translation(query),
        (shares * (1.0 - reading.matches)).max(axis=1, initial=0.0),
        reading.cosines(query, query.weights),
        reading.cosines_near(query, query.weights),
        kind_evidence(texts, query.text, retriever.fitted["kinds"]),
        reading.new / np.maximum(reading.lengths, 1),
        np.log1p(reading.lengths),
        (np.arange(len(texts)) - reading.starts[reading.passage]) / np.maximum(counts[reading.passage], 1),
        passage_scores[reading.passage] - passage_scores.max(initial=-math.inf),
        likely[reading.passage],
    )
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def rank_sentences(retriever: Retriever, query: Query, hits: Sequence[Hit]) -> list[ScoredSentence]:
    """The sentences of the hits, best first; ties by place."""
    return _ranked(retriever, query, hits, read(retriever.index, query, [hit.passage.id for hit in hits]))


def _ranked(retriever: Retriever, query: Query, hits: Sequence[Hit], reading: Reading) -> list[ScoredSentence]:
    features = sentence_features(retriever, query, hits, reading)
    scores = linear(features, retriever.fitted["sentence"], SENTENCE_FEATURES).tolist()
    sentences = [
        ScoredSentence(hit, hit.passage.start + start, hit.passage.start + end, score, number)
        for number, ((passage, start, end), score) in enumerate(zip(reading.places, scores, strict=True))
        for hit in [hits[passage]]
    ]
    return sorted(sentences, key=lambda sentence: (-sentence.score, sentence.passage.id, sentence.start))


def answer_features(retriever: Retriever, query: Query, hits: Sequence[Hit], evidence: Evidence) -> dict[str, float]:
    """What speaks for and against the hits holding an answer, by feature; zeros where nothing was found."""
    ranked, short = evidence.ranked, evidence.short
    if not ranked or query.weights.sum() <= 0:
        return dict.fromkeys(ANSWER_FEATURES, 0.0)
    some, top, shares, kinds = hits[:_READ], ranked[:_READ], query.shares, retriever.fitted["kinds"]
    in_passages = evidence.passages[:_READ]
    in_sentences = evidence.context[:_READ]
    wanted = numbers_named(query.text)
    stated = [numbers_stated(_stated(retriever, hit.passage)) for hit in some]
    kind = kind_evidence([sentence.text for sentence in ranked], query.text, kinds)
    return {
        "passage alignment": float(in_passages[0] @ shares),
        "largest gap in passage": float((shares * (1.0 - in_passages[0])).max()),
        "gap in three passages": float((1.0 - in_passages.max(axis=0)) @ shares),
        "sentence alignment": float((in_sentences @ shares).max()),
        "largest gap in sentence": float((shares * (1.0 - in_sentences[0])).max()),
        "dense": hits[0].dense or 0.0,
        "passage margin": hits[0].score - (hits[1].score if len(hits) > 1 else 0.0),
        "lead over the last": hits[0].score - hits[-1].score,
        "lexical share": (hits[0].lexical or 0.0) / query.ideal,
        "word for word": float((in_passages[0] > _EXACT) @ shares),
        "sentence score": ranked[0].score,
        "sentence margin": ranked[0].score - (ranked[1].score if len(ranked) > 1 else 0.0),
        "number missing": float(bool(wanted.difference(*stated))),
        "number missing in passage": float(bool(wanted - stated[0])),
        "number missing in sentence": float(bool(wanted - numbers_stated(top[0].in_context))),
        "kind missing": -max(kind[: len(top)]),
        "kind missing in passages": -max(kind),
        "short answer": short.confidence if short else 0.0,
        "sentence with the answer": float(evidence.shares.max(initial=0.0)),
    }


def _stated(retriever: Retriever, passage: Passage) -> str:
    """A passage with what its headings and its article's date state."""
    date = retriever.index.documents[passage.document_id].metadata.get("date", "")
    return " ".join((*passage.headings, str(date), passage.text))


def language_pair(index: SearchIndex, query: Query, hits: Sequence[Hit]) -> str:
    """The question's language and that of its best passage, as in `zh to en`; where nothing was found, its own."""
    found = index.languages[hits[0].passage.id] if hits else query.language
    return f"{query.language} to {found}"


def answer_probability(retriever: Retriever, query: Query, hits: Sequence[Hit], evidence: Evidence) -> float:
    """Probability in [0, 1] that the hits hold an answer, by the fitted model."""
    features = answer_features(retriever, query, hits, evidence)
    return logistic(features, retriever.fitted["answer"][language_pair(retriever.index, query, hits)])


def logistic(features: Mapping[str, float], model: Mapping[str, float]) -> float:
    """The logistic model's probability in [0, 1]; 0 where nothing was found."""
    if not any(features.values()):
        return 0.0
    logit = model["intercept"] + sum(model[name] * features[name] for name in ANSWER_FEATURES)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
