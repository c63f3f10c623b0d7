import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import plan
from qa.plan import runs

Articles = list[tuple[str, int]]


def articles(count: int, size: int, seed: int = 0) -> Articles:
    """Articles by names in order, of sizes about a mean."""
    generator = random.Random(seed)
    return [(f"news/{number:07d}.md", generator.randint(size // 2, size * 3 // 2)) for number in range(count)]


def ends(of: Articles) -> list[str]:
    """The ids of the articles with which parts end."""
    return [of[run.stop - 1][0] for run in runs(of)]


def parts(of: Articles) -> set[tuple[str, ...]]:
    """The ids that each part holds."""
    return {tuple(identity for identity, _ in of[run.start : run.stop]) for run in runs(of)}


@given(st.lists(st.tuples(st.text(), st.integers(0, 10**7)), unique_by=lambda article: article[0]))
def test_runs_cover_all_articles_in_order(of: Articles) -> None:
    """Every article, whatever its id and size, is in one part, parts are in order, and none is empty."""
    found = runs(of)
    assert [number for run in found for number in run] == list(range(len(of)))
    assert all(found)


@given(st.integers(0, 399), st.integers(1, 60_000), st.sampled_from(["edit", "delete", "add"]))
def test_an_edit_moves_the_ends_of_few(place: int, size: int, kind: str) -> None:
    """An article edited, deleted or added anywhere leaves most parts as they are."""
    before = articles(400, 30_000)
    after = list(before)
    if kind == "add":
        after.insert(place, (before[place][0] + " more", size))
    elif kind == "delete":
        del after[place]
    else:
        after[place] = (before[place][0], size)
    assert len(parts(before)) >= 8
    assert len(parts(before) - parts(after)) <= 3


@pytest.mark.parametrize("mean", [500, 30_000])
@pytest.mark.parametrize("count", [1, 30, 1_000, 10_000, 60_000])
def test_a_corpus_that_grows_makes_no_more_parts_than_a_hundred(count: int, mean: int) -> None:
    """However many articles there are, and of whatever size, a question asks at most a hundred parts."""
    of = articles(count, mean)
    found = runs(of)
    assert len(found) <= 100
    if sum(size for _, size in of) < plan._PART_BYTES:
        assert len(found) == 1


def test_a_corpus_that_grows_keeps_its_parts() -> None:
    """While articles are added at the end, all parts but the last stay, but for the few times that parts get larger."""
    of, regrouped = articles(3_000, 3_000), 0
    for count in range(500, 3_001, 100):
        before, after = parts(of[: count - 100]), parts(of[:count])
        regrouped += len(before - after) > 1
    assert regrouped <= 3


@given(st.randoms())
def test_ids_alone_say_where_parts_may_end(generator: random.Random) -> None:
    """A part but the last ends with an article whose id may, whatever its size, its place and its neighbours are."""
    may_end = {identity for identity, _ in articles(600, 1) if plan._may_end(identity)}
    of = [(identity, generator.choice([0, 50_000, 900_000])) for identity, _ in articles(600, 1)]
    generator.shuffle(of)
    assert set(ends(of)[:-1]) <= may_end
