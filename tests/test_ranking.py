import numpy as np
import pytest

from qa.calibration import calibration
from qa.chat import Chat
from qa.config import SearchSettings
from qa.ranking import PASSAGE_FEATURES, linear
from qa.retriever import Retriever


@pytest.mark.parametrize("question", ["众智FlagOS 2.0支持多少款芯片？", "How many robots ran the canteen?", "zxqv"])
def test_hits_are_ordered_by_the_fitted_model(question: str, chat: Chat) -> None:
    """A hit's score is the passage model's over its features, one row a candidate and one column a feature."""
    retriever = Retriever(chat.index, SearchSettings())
    _, hits, features = retriever.candidates(question)
    assert features.shape == (len(hits), len(PASSAGE_FEATURES))
    assert np.isfinite(features).all()
    scores = linear(features, calibration()["passage"], PASSAGE_FEATURES)
    expected = dict(zip((hit.passage.id for hit in hits), scores, strict=True))
    found = retriever.retrieve(question)
    assert [hit.score for hit in found] == pytest.approx([expected[hit.passage.id] for hit in found])
    assert [hit.score for hit in found] == sorted(expected.values(), reverse=True)[: len(found)]


def test_features_say_what_their_names_do(chat: Chat) -> None:
    """What differs in language is marked, and a passage with the question's own words holds its phrases."""
    _, hits, features = Retriever(chat.index, SearchSettings()).candidates("众智FlagOS 2.0支持多少款芯片？")
    column = dict(zip(PASSAGE_FEATURES, features.T, strict=True))
    crossing = [hit.passage.document_id.endswith(".en.md") for hit in hits]
    assert column["crossing"].tolist() == [float(other) for other in crossing]
    assert column["dense"] == pytest.approx([hit.dense for hit in hits], abs=1e-6)
    assert column["lexical share"].max() > 0.1
    for name in ("phrases", "dense, relative", "alignment, relative", "lexical share"):
        assert ((column[name] >= 0.0) & (column[name] <= 1.0 + 1e-6)).all()
    _, hits, features = Retriever(chat.index, SearchSettings()).candidates("机器人餐吧在哪里？")
    held = dict(zip((hit.passage.id for hit in hits), features[:, PASSAGE_FEATURES.index("phrases")], strict=True))
    assert any("机器人餐吧" in hit.passage.text for hit in hits)
    assert all(held[hit.passage.id] >= 3 / 7 for hit in hits if "机器人餐吧" in hit.passage.text)


def test_a_linear_model_is_that_worked_out_by_hand() -> None:
    """Features are weighed by name."""
    model = {"a": 2.0, "b": -1.0}
    assert linear(np.array([[1.0, 3.0], [0.5, 0.0]]), model, ("a", "b")).tolist() == [-1.0, 1.0]
