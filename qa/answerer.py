"""Question and Hits to an Answer made of cited sentences, or to a refusal."""

from collections.abc import Sequence

from qa.config import AnswerSettings
from qa.datatypes import Answer, Citation, Hit
from qa.evidence import ScoredSentence, answer_probability, rank_sentences
from qa.query import Query
from qa.retriever import Retriever
from qa.text import fold

_REFUSALS = {
    "zh": "文章里没有找到答案。下面是最接近的段落。",
    "en": "The articles do not say. The nearest passages are below.",
}


class Answerer:
    """Makes answers of what a retriever found."""

    def __init__(self, retriever: Retriever, settings: AnswerSettings) -> None:
        self.retriever = retriever
        self.settings = settings

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """Up to three cited sentences, best first; none where the confidence is too low."""
        ranked = rank_sentences(self.retriever, query, hits[: self.settings.passages_read])
        confidence = answer_probability(self.retriever, query, hits, ranked)
        if confidence < self.settings.minimum_confidence:
            return Answer(query.text, _REFUSALS[query.language], (), tuple(hits), confidence)
        citations = tuple(self._cite(number, sentence) for number, sentence in enumerate(self._chosen(ranked), 1))
        text = "\n".join(f"{citation.quote} [{citation.number}]" for citation in citations)
        return Answer(query.text, text, citations, tuple(hits), confidence)

    def _cite(self, number: int, sentence: ScoredSentence) -> Citation:
        digest = self.retriever.index.documents[sentence.passage.document_id].content_hash
        return Citation(number, sentence.passage, sentence.start, sentence.end, sentence.text, digest)

    def _chosen(self, ranked: Sequence[ScoredSentence]) -> list[ScoredSentence]:
        """The best sentence, and others nearly as good; one that repeats a chosen text is passed over."""
        chosen: list[ScoredSentence] = []
        for sentence in ranked:
            near = sentence.score >= ranked[0].score - self.settings.citation_margin
            if near and all(fold(sentence.text) != fold(other.text) for other in chosen):
                chosen.append(sentence)
            if len(chosen) == self.settings.citations:
                break
        return chosen
