from dataclasses import replace

import numpy as np
import pytest

from qa.chat import Chat
from qa.embedder import unit
from qa.query import Query, encode
from qa.reading import SOUND_MATCH, Reading, best_in_passages, read
from qa.text import sentences

QUESTIONS = ["众智FlagOS 2.0支持多少款芯片？", "How many robots ran the canteen?", "Who is Zhu Songchun?"]


@pytest.fixture(params=QUESTIONS)
def query(request: pytest.FixtureRequest, chat: Chat) -> Query:
    """A question as it is encoded for the shipped articles."""
    return encode(chat.index, request.param)


@pytest.fixture
def reading(query: Query, chat: Chat) -> Reading:
    """Every passage read for it."""
    return read(chat.index, query, range(len(chat.index.passages)))


def test_each_sentence_meets_what_its_own_words_do(query: Query, reading: Reading, chat: Chat) -> None:
    """A sentence's matches are the best cosines of its own tokens, or a name's where it holds one by its sound."""
    aligner, names = chat.index.aligner, 0
    for number, (passage, (start, end)) in enumerate(zip(reading.passage, reading.spans, strict=True)):
        tokens = aligner.tokens([chat.index.passages[passage].text[start:end]])[0]
        expected = (unit(aligner.token_vectors(tokens)) @ query.token_vectors.T).max(axis=0)
        heard = reading.matches[number] > expected + 1e-4
        assert reading.matches[number][~heard] == pytest.approx(expected[~heard], abs=1e-4)
        assert (reading.matches[number][heard] == np.float32(SOUND_MATCH)).all()
        names += int(heard.sum())
    assert (names > 0) == (query.text == QUESTIONS[2])


def test_cosines_are_those_of_the_sentences_vectors(query: Query, reading: Reading, chat: Chat) -> None:
    """A sentence's cosine, worked out from sums and norms, is that of the vectors themselves."""
    aligner = chat.index.aligner
    asked = unit((query.weights @ query.token_vectors)[None])[0]
    found, near = reading.cosines(query, query.weights), reading.cosines_near(query, query.weights)
    for passage in range(len(reading.starts)):
        text = chat.index.passages[passage].text
        sums = aligner.sum_tokens(aligner.tokens([text[start:end] for start, end in sentences(text)]))
        place = reading.of_passage(passage)
        assert found[place] == pytest.approx(unit(sums) @ asked, abs=1e-3)
        beside = [sums[max(0, i - 1) : i + 2].sum(axis=0) for i in range(len(sums))]
        assert near[place] == pytest.approx(unit(np.array(beside)) @ asked, abs=1e-3)


def test_a_passage_meets_what_its_headings_and_sentences_do(query: Query, reading: Reading, chat: Chat) -> None:
    """A passage's matches are the best of its headings and sentences, as in the search of all candidates."""
    assert reading.passages == pytest.approx(
        best_in_passages(chat.index, query, range(len(chat.index.passages))), abs=1e-5
    )


def test_neighbours_stay_in_their_passage(reading: Reading) -> None:
    """The sentence before or after is one of the same passage, and a passage's first and last stand for themselves."""
    numbers = np.arange(len(reading.passage))
    before, after = reading.previous(numbers), reading.following(numbers)
    assert (reading.passage[before] == reading.passage).all()
    assert (reading.passage[after] == reading.passage).all()
    assert (before[reading.starts] == reading.starts).all()
    assert {*(numbers - before), *(after - numbers)} <= {0, 1}
    ends = np.append(reading.starts[1:], len(numbers)) - 1
    assert (after[ends] == ends).all()


def test_words_that_tell_sentences_apart_weigh_more(query: Query) -> None:
    """A word that one sentence of a passage holds counts for more within it than one that all of them do."""
    matches = np.zeros((3, len(query.tokens)), dtype=np.float32)
    matches[:, 0] = 1.0  # the first word in every sentence, the second in the last alone
    matches[2, 1] = 1.0
    column = np.zeros(3, dtype=np.int64)
    nothing = np.zeros((3, 2), dtype=np.float32)
    made = Reading(
        heads=matches[:1],
        matches=matches,
        sums=matches,
        passage=column,
        starts=column[:1],
        spans=nothing.astype(np.int32),
        norms=nothing,
        lengths=column,
        new=nothing[:, 0],
        crossing=np.zeros(1, dtype=bool),
        translated_heads=nothing[:1, :0],
        translated=nothing[:, :0],
    )
    even = replace(query, weights=np.ones(len(query.tokens), dtype=np.float32))
    within = made.within(even)
    common, rare = np.log(4 / 3.5), np.log(4 / 1.5)
    total = common + rare + (len(query.tokens) - 2) * np.log(4 / 0.5)
    assert within == pytest.approx([common / total, common / total, (common + rare) / total], rel=1e-4)


@pytest.mark.parametrize("question", ["", "𓀀", QUESTIONS[0]])
def test_nothing_is_read_without_harm(question: str, chat: Chat) -> None:
    """No passages, or a question without a known word, give empty arrays and no NaN."""
    query = encode(chat.index, question)
    for rows in ([], [0, 1]):
        found = read(chat.index, query, rows)
        assert found.matches.shape == (len(found.passage), len(query.tokens))
        assert best_in_passages(chat.index, query, rows).shape == (len(rows), len(query.tokens))
        for values in (found.within(query), found.cosines(query, query.weights), found.topics):
            assert not np.isnan(values).any()
