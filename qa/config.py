"""Every setting, frozen: what is baked into an index, how to search, how to answer, which language model to ask.

Variants are made with `dataclasses.replace`; a value outside its range is an error that names it.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from qa.embedder import BUNDLED
from qa.errors import SettingsError
from qa.messages import Message
from qa.text import LANGUAGES, Language

Role = Literal["reader", "editor"]  # of a user of the page; an editor may also change articles and index
ROLES: tuple[Role, ...] = get_args(Role)

EXACT_ROWS = 30_000  # some 3 ms

_HTTP_ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#@]*)?")


def _require(holds: bool, said: str | Message) -> None:
    if not holds:
        raise SettingsError(said)


def _is_weight(value: float) -> bool:
    return 0 <= value <= 100  # false for NaN too


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """What reading one file may take; a file beyond it is left out, and the reason names the limit."""

    file_bytes: int = 100_000_000
    text_characters: int = 20_000_000
    unpacked_bytes: int = 200_000_000  # of what an archive holds that is text
    conversion_bytes: int = 2_000_000_000  # of memory, for the process that converts a PDF, Word file, book or page
    conversion_seconds: int = 60

    def __post_init__(self) -> None:
        for name in FileLimits.__dataclass_fields__:
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLimits:
    """What visitors may ask of the page's server; whoever asks more is refused, and told when to try again."""

    calls_per_minute: int = 600  # of one visitor: an answer, an opened citation, a letter typed into a search
    questions_at_once: int = 4  # that are answered at the same time, of all visitors
    questions_waiting: int = 40  # for their turn, of all visitors
    call_bytes: int = 4_000_000  # a call brings what was asked so far, up to a few thousand bytes a question
    upload_bytes: int = 32_000_000
    session_hours: int = 12  # until one has to log in again

    def __post_init__(self) -> None:
        for name in PageLimits.__dataclass_fields__:
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}.")


@dataclass(frozen=True, slots=True)
class IndexSettings(FileLimits):
    """What is baked into an index; saved in its manifest and compared when it is opened."""

    embedder: str = BUNDLED
    passage_bytes: int = 900  # UTF-8 bytes: about 300 Han characters or 150 English words

    def __post_init__(self) -> None:
        FileLimits.__post_init__(self)  # `super()` does not find its class in one with slots
        _require(bool(self.embedder.strip()), "The embedder needs a name or a folder.")
        _require(
            100 <= self.passage_bytes <= 100_000, f"passage_bytes must be 100 to 100000, not {self.passage_bytes}."
        )


@dataclass(frozen=True, slots=True)
class Where:
    """Which passages are searched, by what is known of their articles; all where nothing is named.

    Attributes:
        language: of the passages.
        after: the date, as ISO 8601, from which on an article is; one without a date is left out.
        before: up to which.
        path: with which the path of an article in its folder begins.
    """

    language: Language | None = None
    after: str | None = None
    before: str | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        _require(self.language in (None, *LANGUAGES), f"A language is one of {', '.join(LANGUAGES)}.")
        for name in ("after", "before"):
            value = getattr(self, name)
            _require(value is None or _is_date(value), f"{name} must be a date such as 2024-05-31, not {value!r}.")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How passages are found.

    The weights are those of the fusion that chooses which candidates are read and ranked: the dense and alignment
    ones multiply min-max-normalised scores of one question, the lexical ones the share of the question that a passage
    holds in so many words. Where none are `ranked`, the fusion alone orders the passages.
    """

    exact_rows: int = EXACT_ROWS  # of a language, up to which a question is compared with the vectors of all
    candidates: int = 100  # rows a side brings, for each passage language
    dense_weight: float = 0.6
    alignment_weight: float = 1.0
    lexical_weight: float = 2.0  # where question and passage share a language
    crossing_lexical_weight: float = 0.6  # elsewhere: names and numbers still match
    ranked: int = 16  # candidates of each passage language that are read and ranked by the fitted model
    hits: int = 10
    where: Where = Where()  # anything but all only in a store

    def __post_init__(self) -> None:
        _require(self.exact_rows >= 0, f"exact_rows must be at least 0, not {self.exact_rows}.")
        _require(1 <= self.candidates <= 10_000, f"candidates must be 1 to 10000, not {self.candidates}.")
        _require(
            1 <= self.hits <= self.candidates, f"hits must be 1 to {self.candidates} (candidates), not {self.hits}."
        )
        weights = (self.dense_weight, self.alignment_weight, self.lexical_weight, self.crossing_lexical_weight)
        are_weights = all(map(_is_weight, weights)) and sum(weights) > 0
        _require(are_weights, Message("setting_weights", {"weights": weights}))
        _require(0 <= self.ranked <= 10_000, f"ranked must be 0 to 10000, not {self.ranked}.")


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How an answer is made of the hits."""

    citations: int = 3
    passages_read: int = 10  # hits whose sentences are weighed
    citation_share: float = 0.2  # probability of holding the answer from which a sentence is cited
    minimum_short_confidence: float = 0.25  # share of words in common with the answer expected of a short answer
    minimum_phrase_confidence: float = 0.5  # … of a part of a sentence that says why or how, else the whole is given
    question_characters: int = 2_000
    minimum_confidence: float | None = None  # below it nothing is answered; as fitted for the languages where None

    def __post_init__(self) -> None:
        _require(1 <= self.citations <= 3, f"citations must be 1 to 3, not {self.citations}.")
        _require(self.passages_read >= 1, f"passages_read must be at least 1, not {self.passages_read}.")
        for name in ("citation_share", "minimum_short_confidence", "minimum_phrase_confidence"):
            _require(0 <= getattr(self, name) <= 1, f"{name} must be 0 to 1, not {getattr(self, name)}.")
        _require(
            self.question_characters >= 1, f"question_characters must be at least 1, not {self.question_characters}."
        )
        _require(
            self.minimum_confidence is None or 0 <= self.minimum_confidence <= 1,
            Message("setting_confidence", {"value": self.minimum_confidence}),
        )


@dataclass(frozen=True, slots=True)
class LanguageModelSettings:
    """An OpenAI-compatible server that may write an answer from the passages found; nothing else is ever contacted."""

    base_url: str  # with the version, as in http://127.0.0.1:11434/v1
    model: str
    key: str = field(default="", repr=False)
    connect_seconds: float = 5.0
    silence_seconds: float = 60.0  # before the first word too: the server may have to load the model
    whole_seconds: float = 180.0
    passages: int = 6
    passage_characters: int = 3_000  # of all passages together
    answer_characters: int = 4_000  # a longer answer is given up
    answer_tokens: int = 800  # asked of the server

    def __post_init__(self) -> None:
        _require(
            bool(_HTTP_ADDRESS.fullmatch(self.base_url)),
            "The language model's address must be http:// or https:// with a host and a path, no more.",
        )
        _require(bool(self.model.strip()), "The language model needs a name; set QA_LLM_MODEL.")
        _require(
            self.key.isascii() and not re.search(r"[\s\x00-\x1f\x7f]", self.key),
            "The language model's key must be ASCII without spaces.",
        )
        seconds = (self.connect_seconds, self.silence_seconds, self.whole_seconds)
        _require(all(0 < value <= 86_400 for value in seconds), f"Timeouts must be above 0, in seconds: {seconds}.")
        limits = (self.passages, self.passage_characters, self.answer_characters, self.answer_tokens)
        _require(min(limits) >= 1, f"Limits of the language model must be at least 1: {limits}.")


@dataclass(frozen=True, slots=True)
class Settings:
    """All parts; without a language model none is asked."""

    index: IndexSettings = field(default_factory=IndexSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    answer: AnswerSettings = field(default_factory=AnswerSettings)
    language_model: LanguageModelSettings | None = None
