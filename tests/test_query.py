import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.chat import Chat
from qa.embedder import bundled_embedder, unit
from qa.query import Likeness, encode


@pytest.mark.parametrize("question", ["众智FlagOS 2.0支持多少款芯片？", "Who is Zhu Songchun?"])
def test_tokens_stand_in_their_places(question: str, chat: Chat) -> None:
    """Each token of a question has a span, a unit vector with its norm, and a weight."""
    query = encode(chat.index, question)
    assert len(query.tokens) == len(query.spans) == len(query.weights) == len(query.norms) > 2
    assert all(question[start:end].strip() for start, end in query.spans)
    assert np.linalg.norm(query.token_vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    mean = (query.norms @ query.token_vectors) / np.linalg.norm(query.norms @ query.token_vectors)
    assert mean == pytest.approx(query.vector, abs=1e-4)
    assert query.shares.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_name_covers_its_tokens(chat: Chat) -> None:
    """The columns of a name are the tokens that lie in it."""
    query = encode(chat.index, "Who is Zhu Songchun?")
    name = max(query.names, key=lambda name: name.end - name.start)
    covered = "".join(query.text[slice(*query.spans[column])] for column in query.columns(name))
    assert covered.replace(" ", "") == "ZhuSongchun"


def test_a_question_of_signs_weighs_nothing(chat: Chat) -> None:
    """Without a known word there are no tokens, and the shares stay finite."""
    query = encode(chat.index, "？！")
    assert len(query.tokens) == 0
    assert query.shares.tolist() == []


@given(st.lists(st.lists(st.integers(1000, 1400), max_size=20), max_size=5), st.integers(0, 3))
@settings(max_examples=50)
def test_likeness_is_the_cosine_whatever_came_before(asked: list[list[int]], words: int) -> None:
    """Each token's cosines are those of its own vector, in the order asked, met before or not."""
    aligner = bundled_embedder()
    known = aligner.tokens(["a few words to compare 几个词"])[0]
    units = unit(aligner.token_vectors(known[:words]))
    likeness = Likeness(aligner, units)
    for some in asked:
        tokens = np.array(some, dtype=np.int32)
        tokens = tokens[aligner.norms[tokens] > 0]
        expected = unit(aligner.token_vectors(tokens)) @ units.T
        np.testing.assert_allclose(likeness.cosines(tokens), expected, atol=1e-5)
