from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.embedder import bundled_embedder
from qa.segments import Segments, SegmentsOfParts

PASSAGES = [
    ("海龟", "棱皮龟能潜到一千二百米深。它吃水母。它很大！"),
    ("", "Tea is made with hot water. White tea wants less heat."),
    ("Empty\nSigns", "——"),
]


@pytest.fixture(scope="module")
def segments() -> Segments:
    """Of three passages: Chinese with a heading, English without, and one of signs alone."""
    return Segments.build(PASSAGES, bundled_embedder())


def equal(one: Segments, other: Segments) -> bool:
    return all(np.array_equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(Segments))


def test_every_sentence_is_a_segment_after_the_headings(segments: Segments) -> None:
    """A passage's first segment is its headings, the others are slices of its text, at least one."""
    found = segments.select([0, 1, 2])
    assert found.passage_bounds.tolist() == [0, 4, 7, 9]
    texts = [PASSAGES[passage][1][slice(*found.spans[segment])] for passage, segment in ((0, 2), (1, 5), (2, 8))]
    assert texts == ["它吃水母。", "Tea is made with hot water.", "——"]
    assert found.spans[[0, 4, 7]].tolist() == [[0, 0]] * 3


def test_a_selection_has_the_tokens_of_its_passages(segments: Segments) -> None:
    """Selected in any order, and more than once, each passage has its own tokens and spans."""
    aligner = bundled_embedder()
    found = segments.select([2, 0, 2])
    first, last = found.token_bounds[found.passage_bounds[1]], found.token_bounds[found.passage_bounds[2]]
    assert found.tokens[first:last].tolist() == segments.tokens_of_each([0])[0].tolist()
    one = found.tokens[
        found.token_bounds[found.passage_bounds[1] + 2] : found.token_bounds[found.passage_bounds[1] + 3]
    ]
    assert one.tolist() == aligner.tokens(["它吃水母。"])[0].tolist()
    assert len(segments.select([]).tokens) == 0


def test_norms_are_those_of_the_vectors_added_up(segments: Segments) -> None:
    """A sentence's norms are the lengths of its vectors' sum, alone and with the sentences beside it."""
    aligner = bundled_embedder()
    sums = aligner.sum_tokens(aligner.tokens(["棱皮龟能潜到一千二百米深。", "它吃水母。", "它很大！"]))
    norms = segments.select([0]).norms[1:]
    assert norms[:, 0] == pytest.approx(np.linalg.norm(sums, axis=1), rel=1e-4)
    assert norms[0, 1] == pytest.approx(np.linalg.norm(sums[:2].sum(axis=0)), rel=1e-4)
    assert norms[1, 1] == pytest.approx(np.linalg.norm(sums.sum(axis=0)), rel=1e-4)
    assert norms[2, 1] == pytest.approx(np.linalg.norm(sums[1:].sum(axis=0)), rel=1e-4)


def test_parts_join_to_the_whole(segments: Segments) -> None:
    """Built in parts and joined, the segments are those built at once, and an empty part adds nothing."""
    aligner = bundled_embedder()
    parts = [Segments.build(PASSAGES[:1], aligner), Segments.build([], aligner), Segments.build(PASSAGES[1:], aligner)]
    joined = Segments.joined(parts)
    assert equal(joined, segments)


@given(
    ends=st.lists(st.integers(0, len(PASSAGES)), max_size=4).map(sorted),
    rows=st.lists(st.integers(0, len(PASSAGES) - 1), max_size=8),
)
def test_segments_of_parts_are_those_of_the_whole(segments: Segments, ends: list[int], rows: list[int]) -> None:
    """However passages are cut into parts, any rows in any order, repeated or none, are those of the joined parts."""
    parts = [segments.select(range(start, end)) for start, end in pairwise([0, *ends, len(PASSAGES)])]
    of_parts, joined = SegmentsOfParts(parts), Segments.joined(parts)
    assert len(of_parts) == len(joined) == len(PASSAGES)
    assert equal(of_parts.select(rows), joined.select(rows))
    for found, expected in zip(of_parts.tokens_of_each(rows), joined.tokens_of_each(rows), strict=True):
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
