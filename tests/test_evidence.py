from dataclasses import replace

import numpy as np
import pytest

from qa.chat import Chat
from qa.config import SearchSettings
from qa.evidence import (
    ANSWER_FEATURES,
    SENTENCE_FEATURES,
    answer_features,
    answer_probability,
    language_pair,
    logistic,
    look,
    look_into,
    rank_sentences,
    sentence_features,
)
from qa.reading import read
from qa.retriever import Retriever
from qa.spans import SENTENCES
from qa.text import sentences

QUESTIONS = [
    "众智FlagOS 2.0支持多少款芯片？",
    "Who is 朱松纯, the dean?",
    "How many robots ran the canteen?",
    "火星上的基地什么时候建成？",
]


@pytest.fixture(scope="module")
def retriever(chat: Chat) -> Retriever:
    """Over the shipped articles."""
    return Retriever(chat.index, SearchSettings())


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_sentence_of_the_passages_is_weighed(question: str, retriever: Retriever) -> None:
    """Each sentence of the hits' passages is ranked once, by falling score, and stands where it says."""
    query, hits = retriever.search(question)
    ranked = rank_sentences(retriever, query, hits)
    expected = {(hit.passage.id, hit.passage.start + a) for hit in hits for a, _ in sentences(hit.passage.text)}
    assert {(sentence.passage.id, sentence.start) for sentence in ranked} == expected
    assert len(ranked) == len(expected)
    assert [sentence.score for sentence in ranked] == sorted((sentence.score for sentence in ranked), reverse=True)
    texts = {name: document.text for name, document in retriever.index.documents.items()}
    assert all(not text for text in texts.values())  # texts are read from the files, not kept in the index
    for sentence in ranked:
        start = sentence.start - sentence.passage.start
        assert sentence.text == sentence.passage.text[start : start + sentence.end - sentence.start] != ""


def test_features_have_the_shape_that_is_fitted(retriever: Retriever) -> None:
    """There is a row a sentence and a column a feature, also where there are no hits."""
    query, hits = retriever.search(QUESTIONS[0])
    for found in (hits, []):
        reading = read(retriever.index, query, [hit.passage.id for hit in found])
        features = sentence_features(retriever, query, found, reading)
        assert features.shape == (len(reading.places), len(SENTENCE_FEATURES))


def test_no_evidence_is_no_confidence(retriever: Retriever) -> None:
    """Where nothing was found the features are zero, and so is the probability of an answer."""
    query, _ = retriever.search(QUESTIONS[0])
    nothing = look(retriever, query, [])
    assert answer_features(retriever, query, [], nothing) == dict.fromkeys(ANSWER_FEATURES, 0.0)
    assert answer_probability(retriever, query, [], nothing) == 0.0
    assert (len(nothing.ranked), len(nothing.shares), nothing.short) == (0, 0, None)


def test_the_logistic_model_is_that_worked_out_by_hand() -> None:
    """The probability is the logistic function of the weighted features, and far-off ones do not overflow."""
    features = {**dict.fromkeys(ANSWER_FEATURES, 0.0), "dense": 2.0}
    model = {"intercept": -1.0, **dict.fromkeys(ANSWER_FEATURES, 0.0), "dense": 0.5}
    assert logistic(features, model) == 0.5
    assert 0.0 < logistic(features, {**model, "dense": -1e9}) < logistic(features, {**model, "dense": 1e9}) < 1.0


def test_a_missing_number_speaks_against_an_answer(retriever: Retriever) -> None:
    """A year that the passages do not state is noticed, and one that they state is not."""
    for question, missing in (("2026中关村论坛年会有多少嘉宾？", 0.0), ("1987中关村论坛年会有多少嘉宾？", 1.0)):
        query, hits = retriever.search(question)
        features = answer_features(retriever, query, hits, look(retriever, query, hits))
        assert features["number missing"] == missing


def test_the_pair_of_languages_is_seen_by_the_best_passage(retriever: Retriever) -> None:
    """A question's pair is its language and its best passage's, and its own twice where nothing was found."""
    query, hits = retriever.search("Who is Zhu Songchun?")
    for language in ("en", "zh"):
        found = [hit for hit in hits if hit.passage.document_id.endswith(f".{language}.md")]
        assert language_pair(retriever.index, query, found) == f"en to {language}"
    assert language_pair(retriever.index, query, []) == "en to en"


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_best_sentences_are_looked_into(question: str, retriever: Retriever) -> None:
    """The candidates are of the first ranked sentences, their probabilities sum to one, and so do the sentences'."""
    query, hits = retriever.search(question)
    evidence = look(retriever, query, hits)
    assert list(evidence.ranked) == rank_sentences(retriever, query, hits)
    assert set(evidence.found.sentence.tolist()) == set(range(SENTENCES))
    assert len(evidence.likely) == len(evidence.found.spans)
    assert float(evidence.likely.sum()) == pytest.approx(1.0, abs=1e-4)
    assert evidence.shares.shape == (SENTENCES,)
    assert float(evidence.shares.sum()) == pytest.approx(1.0, abs=1e-4)
    assert evidence.short is not None
    sentence = evidence.ranked[evidence.short.sentence]
    assert sentence.text[evidence.short.start : evidence.short.end].strip() != ""


def test_a_sentence_s_share_is_that_of_its_candidates(retriever: Retriever) -> None:
    """The probability that a sentence holds the answer is the sum over its own candidates, as a plain loop has it."""
    query, hits = retriever.search(QUESTIONS[0])
    ranked = rank_sentences(retriever, query, hits)
    reading = read(retriever.index, query, [hit.passage.id for hit in hits])
    for count in (0, 1, 3, len(ranked)):
        evidence = look_into(retriever, query, reading, ranked[:count])
        generator = np.random.default_rng(count)
        drawn = replace(evidence, likely=generator.random(len(evidence.likely)).astype(np.float32))
        expected = [0.0] * min(count, SENTENCES)
        for sentence, likely in zip(drawn.found.sentence.tolist(), drawn.likely.tolist(), strict=True):
            expected[sentence] += likely
        assert drawn.shares.tolist() == pytest.approx(expected, rel=1e-4)


def test_a_sure_short_answer_speaks_for_an_answer(retriever: Retriever) -> None:
    """Two features say how sure the short answer and its sentence are: wholly where one candidate has all chances."""
    query, hits = retriever.search(QUESTIONS[0])
    evidence = look(retriever, query, hits)
    sure = np.zeros_like(evidence.likely)
    sure[7] = 1.0
    features = answer_features(retriever, query, hits, replace(evidence, likely=sure))
    assert (features["short answer"], features["sentence with the answer"]) == (1.0, 1.0)
    even = np.full_like(sure, 1.0 / len(sure))
    unsure = answer_features(retriever, query, hits, replace(evidence, likely=even))
    assert 0.0 < unsure["short answer"] < 0.7
    counts = np.bincount(evidence.found.sentence)
    assert unsure["sentence with the answer"] == pytest.approx(counts.max() / counts.sum(), rel=1e-4)
    others = set(ANSWER_FEATURES) - {"short answer", "sentence with the answer"}
    assert {name: features[name] for name in others} == {name: unsure[name] for name in others}
