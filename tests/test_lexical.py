import math
import os
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from qa.lexical import LexicalIndex, Shard, write_shard

K1, B = 1.2, 0.75

Rows = list[tuple[str, list[str]]]


def bm25(rows: Rows, question: list[str], group: str) -> list[tuple[int, float]]:
    """Robertson's BM25 as a plain loop; statistics are those of all rows, whatever their group."""
    mean_length = sum(len(terms) for _, terms in rows) / len(rows)
    document_frequency = Counter(term for _, terms in rows for term in set(terms))
    scores: dict[int, float] = {}
    for row, (row_group, terms) in enumerate(rows):
        frequencies = Counter(terms)
        if row_group != group or not set(question) & set(terms):
            continue
        score = 0.0
        for term in question:
            rarity = math.log(1 + (len(rows) - document_frequency[term] + 0.5) / (document_frequency[term] + 0.5))
            length = 1 - B + B * len(terms) / mean_length
            score += rarity * frequencies[term] * (K1 + 1) / (frequencies[term] + K1 * length)
        scores[row] = score
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def random_rows(count: int = 120, seed: int = 0) -> Rows:
    """Short rows, whose lengths tantivy keeps exactly, of a vocabulary with frequent and rare terms."""
    generator = random.Random(seed)
    vocabulary = [f"t{i}" for i in range(30)] + ["人工", "智能", "5.4", "naïv"]
    weights = [1 / (i + 1) for i in range(len(vocabulary))]
    return [
        (generator.choice(["zh", "en"]), generator.choices(vocabulary, weights, k=generator.randint(1, 30)))
        for _ in range(count)
    ]


def shards_of(folder: Path, parts: Sequence[Rows]) -> list[Shard]:
    """A shard of each part, indexed apart."""
    folder.mkdir()
    shards = [Shard(f"part {number}", folder / str(number)) for number in range(len(parts))]
    for shard, rows in zip(shards, parts, strict=True):
        write_shard(shard.folder, shard.name, rows)
    return shards


def joined(folder: Path, shards: Sequence[Shard]) -> LexicalIndex:
    return LexicalIndex.join(folder, shards, os.link)


def written(folder: Path, *parts: Rows) -> LexicalIndex:
    """An index of rows, a shard each part."""
    return joined(folder, shards_of(folder.with_name("apart"), parts))


@pytest.fixture
def rows() -> Rows:
    return random_rows()


@pytest.fixture
def index(tmp_path: Path, rows: Rows) -> LexicalIndex:
    return written(tmp_path / "lexical", rows)


QUESTIONS = [
    ["t0"],
    ["t0", "t0", "t5"],
    ["人工", "智能", "t2"],
    ["5.4", "naïv", "unknown"],
    [f"t{i}" for i in range(20)],
]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
@pytest.mark.parametrize("group", ["zh", "en"])
def test_scores_are_those_of_the_formula(index: LexicalIndex, rows: Rows, question: list[str], group: str) -> None:
    """Scores are BM25's, a term repeated in the question counted twice, and only rows of the group are found."""
    expected = dict(bm25(rows, question, group))
    found = index.search(question, 1000, group)
    assert dict(found) == pytest.approx(expected, rel=1e-4)
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    assert [score for _, score in index.search(question, 7, group)] == [score for _, score in found[:7]]


def test_rows_that_share_no_term_are_not_found(index: LexicalIndex) -> None:
    """Unknown terms, no terms, an unknown group and a count of nought find nothing."""
    assert index.search(["unknown", "T0"], 10, "zh") == []
    assert index.search([], 10, "zh") == []
    assert index.search(["t0"], 10, "fr") == []
    assert index.search(["t0"], 0, "zh") == []


def test_equal_rows_are_ordered_by_row(tmp_path: Path) -> None:
    """Equal scores rank by row, also where the count cuts through them."""
    rows = [("en", ["same", "words"]) if i % 2 else ("zh", ["same", "words"]) for i in range(60)]
    index = written(tmp_path / "lexical", rows)
    assert [row for row, _ in index.search(["words"], 10, "en")] == list(range(1, 21, 2))


def test_terms_are_matched_whole_as_given(tmp_path: Path) -> None:
    """The engine neither cuts nor changes a term: a decimal, a capital and a bigram match themselves alone."""
    rows = [("en", ["5.4"]), ("en", ["5", "4"]), ("en", ["AI"]), ("en", ["ai"]), ("en", ["人工"]), ("en", ["人", "工"])]
    index = written(tmp_path / "lexical", rows)
    found = {term: [row for row, _ in index.search([term], 10, "en")] for term in ("5.4", "AI", "ai", "人工", "人")}
    assert found == {"5.4": [0], "AI": [2], "ai": [3], "人工": [4], "人": [5]}


def test_loaded_index_answers_alike(tmp_path: Path, rows: Rows) -> None:
    """An index opened again from a folder with a Chinese name answers as it did when it was built."""
    folder = tmp_path / "词 索引"
    built = written(folder, rows)
    loaded = LexicalIndex.load(folder)
    for question in QUESTIONS:
        assert loaded.search(question, 20, "zh") == built.search(question, 20, "zh") != []


def test_rows_without_terms_keep_the_others_in_place(tmp_path: Path) -> None:
    """A row with no terms takes its number and is never found."""
    index = written(tmp_path / "lexical", [("en", []), ("en", ["word"]), ("en", []), ("en", ["word"])])
    assert [row for row, _ in index.search(["word"], 10, "en")] == [1, 3]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_no_row_exceeds_the_ideal(index: LexicalIndex, question: list[str]) -> None:
    """A question's ideal score is above the score of every row."""
    ideal = index.ideal(question)
    assert all(score < ideal for group in ("zh", "en") for _, score in index.search(question, 1000, group))


def test_the_ideal_is_that_of_the_formula(tmp_path: Path) -> None:
    """The ideal is the sum of the terms' inverse document frequencies times k1 + 1, repeated terms counted again."""
    index = written(tmp_path / "lexical", [("en", ["rare", "common"]), *[("en", ["common"])] * 3])
    rare, common = math.log(1 + (4 - 1 + 0.5) / (1 + 0.5)), math.log(1 + (4 - 4 + 0.5) / (4 + 0.5))
    assert index.ideal(["rare", "common", "rare"]) == pytest.approx((2 * rare + common) * 2.2)
    assert index.ideal([]) == 0.0


def test_terms_that_no_row_holds_are_lacking(index: LexicalIndex, rows: Rows) -> None:
    """Of some terms one is lacking where no row of any group holds it; of no terms none is."""
    held = {term for _, terms in rows for term in terms}
    wanted = [*sorted(held), "unknown", "T0", "54", "人工智能"]
    assert [index.lacks([term]) for term in wanted] == [term not in held for term in wanted]
    assert index.lacks(["t0", "t1"]) is False
    assert index.lacks(["t0", "unknown", "t1"]) is True
    assert index.lacks([]) is False


@pytest.mark.parametrize("ends", [[0, 40, 40, 41, 120], [0, 0, 119, 120], range(0, 121, 10)], ids=str)
def test_joined_shards_are_one_index(tmp_path: Path, rows: Rows, ends: Sequence[int]) -> None:
    """Shards of any sizes, empty ones too, joined in order, score every row as one shard of all rows does."""
    whole = written(tmp_path / "whole", rows)
    shards = shards_of(tmp_path / "several", [rows[start:end] for start, end in pairwise(ends)])
    several = joined(tmp_path / "joined", shards)
    assert len(several) == len(whole) == len(rows)
    for question in QUESTIONS:
        assert several.ideal(question) == whole.ideal(question)
        for group in ("zh", "en"):
            assert several.search(question, 1000, group) == whole.search(question, 1000, group)
            assert several.search(question, 5, group) == whole.search(question, 5, group)


def test_shards_are_taken_from_an_index_that_has_them(tmp_path: Path, rows: Rows) -> None:
    """Some shards of an earlier index and new ones, in another order, make the index that new ones alone make."""
    shards = shards_of(tmp_path / "apart", [rows[:30], rows[30:70], rows[70:]])
    joined(tmp_path / "earlier", shards[:2])
    found = joined(tmp_path / "later", [shards[2], Shard(shards[1].name, tmp_path / "earlier")])
    expected = dict(bm25(rows[70:] + rows[30:70], ["t0", "人工"], "zh"))
    assert dict(found.search(["t0", "人工"], 1000, "zh")) == pytest.approx(expected, rel=1e-4)
