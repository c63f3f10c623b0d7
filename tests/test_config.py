import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from qa.config import AnswerSettings, FileLimits, IndexSettings, LanguageModelSettings, SearchSettings, Settings
from qa.errors import SettingsError


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        (IndexSettings(), "embedder", "  "),
        (IndexSettings(), "passage_bytes", 99),
        (IndexSettings(), "passage_bytes", 100_001),
        (IndexSettings(), "file_bytes", 0),
        (FileLimits(), "text_characters", 0),
        (FileLimits(), "unpacked_bytes", -1),
        (FileLimits(), "conversion_bytes", 0),
        (FileLimits(), "conversion_seconds", 0),
        (SearchSettings(), "candidates", 0),
        (SearchSettings(), "candidates", 10_001),
        (SearchSettings(), "hits", 0),
        (SearchSettings(), "hits", 101),
        (AnswerSettings(), "citations", 0),
        (AnswerSettings(), "citations", 4),
        (AnswerSettings(), "passages_read", 0),
        (AnswerSettings(), "question_characters", 0),
        (AnswerSettings(), "minimum_confidence", -0.01),
        (AnswerSettings(), "minimum_confidence", 1.01),
        (AnswerSettings(), "minimum_confidence", math.nan),
        (AnswerSettings(), "citation_share", -0.1),
        (AnswerSettings(), "citation_share", 1.1),
        (AnswerSettings(), "citation_share", math.nan),
        (AnswerSettings(), "minimum_short_confidence", -0.1),
        (AnswerSettings(), "minimum_short_confidence", 1.1),
        (AnswerSettings(), "minimum_short_confidence", math.nan),
    ],
)
def test_value_outside_its_range_is_an_error_that_names_it(part: Any, name: str, value: object) -> None:
    """Every setting outside its range is refused with its name, also when a variant is made with `replace`."""
    with pytest.raises(SettingsError, match=name):
        replace(part, **{name: value})


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_search_weight_that_is_no_weight_is_refused(value: float) -> None:
    """Each search weight is a finite number that is not negative."""
    for name in ("dense_weight", "alignment_weight", "lexical_weight", "crossing_lexical_weight"):
        with pytest.raises(SettingsError, match="weight"):
            replace(SearchSettings(), **{name: value})


def test_search_weights_that_are_all_zero_are_refused() -> None:
    """A search in which no side counts is refused."""
    with pytest.raises(SettingsError, match="weights"):
        SearchSettings(dense_weight=0.0, alignment_weight=0.0, lexical_weight=0.0, crossing_lexical_weight=0.0)


@pytest.mark.parametrize(
    "part",
    [
        IndexSettings(passage_bytes=100),
        IndexSettings(passage_bytes=100_000),
        SearchSettings(candidates=1, hits=1),
        SearchSettings(candidates=10_000, hits=10_000),
        SearchSettings(dense_weight=0.0, alignment_weight=0.0),
        AnswerSettings(citations=1, passages_read=1, question_characters=1, minimum_confidence=0.0),
        AnswerSettings(citations=3, minimum_confidence=1.0, citation_share=0.0),
        AnswerSettings(minimum_confidence=None, citation_share=1.0, minimum_short_confidence=0.0),
        AnswerSettings(minimum_short_confidence=1.0),
    ],
)
def test_ends_of_the_ranges_are_allowed(part: object) -> None:
    """The ends of a range belong to it, and equal settings compare equal."""
    assert part == replace(part)  # type: ignore[type-var]


def test_settings_are_frozen_and_hashable() -> None:
    """Settings can be shared between visitors because nobody can change them."""
    settings = Settings()
    with pytest.raises(FrozenInstanceError):
        settings.answer = AnswerSettings(citations=1)  # type: ignore[misc]
    assert len({settings, Settings(), replace(settings, answer=AnswerSettings(citations=1))}) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "127.0.0.1:11434"},
        {"base_url": "http://127.0.0.1/v1?key=1"},
        {"model": " "},
        {"key": "a b"},
        {"connect_seconds": 0.0},
        {"whole_seconds": float("nan")},
        {"passages": 0},
        {"answer_characters": 0},
    ],
)
def test_a_language_model_that_cannot_be_is_refused(values: dict[str, Any]) -> None:
    """An address, name, key, time or limit of a language model that cannot be is an error of one line."""
    with pytest.raises(SettingsError) as caught:
        LanguageModelSettings(**{"base_url": "http://127.0.0.1:11434/v1", "model": "small", **values})
    assert "\n" not in str(caught.value)
