"""Question and Hits to an Answer: the shortest span that answers and the sentences that hold it, or a refusal."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qa.config import AnswerSettings
from qa.conflict import disagreeing
from qa.datatypes import Answer, Citation, Hit
from qa.evidence import Evidence, ScoredSentence, answer_probability, language_pair, look
from qa.missing import Missing, missing
from qa.query import Query
from qa.question import asks_for
from qa.retriever import Retriever
from qa.spans import Span
from qa.text import Language, fold

_EXPLAINED = {"reason", "means"}  # kinds of answers that a whole sentence gives better than a doubtful part of it
_REFUSALS: dict[Language, str] = {
    "zh": "文章里没有找到答案{}。下面是最接近的段落。",
    "en": "The articles do not say{}. The nearest passages are below.",
}
_NO_PASSAGE: dict[Language, str] = {"zh": "：没有段落提到{}", "en": ": no passage mentions {}"}
_NOT_NEARBY: dict[Language, str] = {"zh": "：最接近的段落没有提到{}", "en": ": the nearest passages do not mention {}"}
_JOINT: dict[Language, str] = {"zh": "、", "en": " or "}


class Answerer:
    """Makes answers of what a retriever found."""

    def __init__(self, retriever: Retriever, settings: AnswerSettings) -> None:
        self.retriever = retriever
        self.settings = settings

    def answer(self, query: Query, hits: Sequence[Hit], language: Language | None = None) -> Answer:
        """One to three citations, the likeliest first, with the shortest span; none where the confidence is too low.

        A refusal is in the language given, else in the question's.
        """
        evidence = look(self.retriever, query, hits[: self.settings.passages_read])
        confidence = answer_probability(self.retriever, query, hits, evidence)
        if confidence < self._least(query, hits) or not evidence.ranked:
            lacking = missing(self.retriever, query, hits)
            return Answer(query.text, refusal(language or query.language, lacking), (), tuple(hits), confidence)
        conflict = disagreeing(self.retriever.index.aligner, query, evidence) if self.settings.citations > 1 else []
        cited = self._cited(evidence, [sentence for sentence, _ in conflict])
        text = "\n".join(f"{citation.quote} [{citation.number}]" for citation in cited)
        return Answer(
            question=query.text,
            text=text,
            citations=tuple(cited),
            hits=tuple(hits),
            confidence=confidence,
            short=self._short(query, evidence, cited),
            conflict=tuple(part for each in conflict if (part := _part(cited, *each))),
        )

    def _least(self, query: Query, hits: Sequence[Hit]) -> float:
        """The confidence from which there is an answer."""
        if self.settings.minimum_confidence is not None:
            return self.settings.minimum_confidence
        fitted: float = self.retriever.fitted["threshold"][language_pair(self.retriever.index, query, hits)]
        return fitted

    def _short(self, query: Query, evidence: Evidence, cited: Sequence[Citation]) -> Citation | None:
        short = evidence.short
        if short is None or short.confidence < self.settings.minimum_short_confidence:
            return None
        sentence = evidence.ranked[short.sentence]
        explained = asks_for(query.text) in _EXPLAINED
        if explained and short.confidence < self.settings.minimum_phrase_confidence:
            short = replace(short, start=0, end=len(sentence.text))
        return _part(cited, sentence, short)

    def _cited(self, evidence: Evidence, disagreeing: Sequence[ScoredSentence]) -> list[Citation]:
        """The sentences likely to hold the answer, neighbours as one; one that repeats a cited text is passed over."""
        shares = evidence.shares
        order = np.argsort(-shares, kind="stable").tolist()
        first = evidence.short.sentence if evidence.short else order[0]
        likely = [number for number in order if number != first and shares[number] >= self.settings.citation_share]
        chosen: dict[str, ScoredSentence] = {}
        for sentence in [*disagreeing, *(evidence.ranked[number] for number in (first, *likely))]:
            chosen.setdefault(fold(sentence.text), sentence)
        runs = _neighbours(list(chosen.values())[: self.settings.citations])
        return [self._cite(number, run) for number, run in enumerate(runs, 1)]

    def _cite(self, number: int, run: Sequence[ScoredSentence]) -> Citation:
        passage, start, end = run[0].passage, run[0].start, run[-1].end
        digest = self.retriever.index.documents[passage.document_id].content_hash
        return Citation(number, passage, start, end, passage.text[start - passage.start : end - passage.start], digest)


def _neighbours(sentences: Sequence[ScoredSentence]) -> list[list[ScoredSentence]]:
    """The sentences in runs that follow on each other in one passage; the runs in the order of their first in line."""
    runs: list[list[ScoredSentence]] = []
    for sentence in sorted(sentences, key=lambda each: (each.passage.id, each.start)):
        before = runs[-1][-1] if runs else None
        passage = sentence.passage
        if before is not None and before.passage.id == passage.id:
            between = passage.text[before.end - passage.start : sentence.start - passage.start]
            if not between.strip():
                runs[-1].append(sentence)
                continue
        runs.append([sentence])
    return sorted(runs, key=lambda run: min(map(sentences.index, run)))


def _part(cited: Sequence[Citation], sentence: ScoredSentence, span: Span) -> Citation | None:
    """A span of a cited sentence, with the number of the citation that holds it; None where none does."""
    start, end = sentence.start + span.start, sentence.start + span.end
    for each in cited:
        if each.passage.id == sentence.passage.id and each.start <= start and end <= each.end:
            return replace(each, start=start, end=end, quote=sentence.text[span.start : span.end])
    return None


def refusal(language: Language, lacking: Missing) -> str:
    """Why there is no answer, in the question's language."""
    words, wording = (lacking.anywhere, _NO_PASSAGE) if lacking.anywhere else (lacking.nearby, _NOT_NEARBY)
    marked = _JOINT[language].join(f"“{word}”" for word in words)
    return _REFUSALS[language].format(wording[language].format(marked) if words else "")
