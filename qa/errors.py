"""What can go wrong and what to do about it; every message is one line a person can act on.

WenjuError
├── SettingsError               a setting outside its range
├── CorpusError                 the folder of articles cannot be used
│   └── ArticlesChangedError    what an answer rests on is no longer what was indexed
├── ArticleError                one file of it cannot be read
├── EditError                   an article cannot be written, renamed or removed as asked
├── EmbedderError               the embedding model cannot be loaded
├── SearchIndexError
│   ├── IndexMissingError       nothing has been built yet
│   ├── IndexUnreadableError    a file of the index may not be read by this user
│   ├── IndexDamagedError       a file of the index is not what was written
│   ├── IndexMismatchError      the index was built with other settings
│   ├── IndexBusyError          another process is writing the index
│   ├── StoreError              a PostgreSQL server cannot be asked, or refuses
│   └── BuildCancelledError     someone stopped the build
├── QuestionError               a question that cannot be asked
│   ├── EmptyQuestionError      it holds no word or number
│   └── LongQuestionError       it has more characters than the settings allow
├── ReceiptError                a receipt that cannot be read, trusted or written
├── ReportError                 a report that cannot be compared
├── FeedbackError               a file of feedback that cannot be written
├── UsersError                  a file of users, or a change to it, that cannot be used
└── LanguageModelError          the language model's server did not write an answer
"""

from pathlib import Path
from typing import Literal

from qa.messages import Message, in_language
from qa.text import Language

EditProblem = Literal["name", "suffix", "format", "large", "exists", "changed", "gone", "outside", "failed"]
ModelFailure = Literal["unreachable", "slow", "key", "status", "garbage", "broken", "long"]


class WenjuError(Exception):
    """Any error a person can mend; its text is one line, in English only where it is no message."""

    place: Path | None = None  # on this machine, of which the text speaks

    def __init__(self, said: str | Message) -> None:
        super().__init__(said)
        self.said = said

    def for_visitors(self, language: Language) -> str:
        """The text for those who need not learn where things lie on this machine: of `place` its name alone."""
        text = str(in_language(self.said, language))
        return text.replace(str(self.place), self.place.name) if self.place else text


class SettingsError(WenjuError):
    """A setting outside its range."""


class CorpusError(WenjuError):
    """The folder of articles cannot be used."""

    def __init__(self, said: str | Message, folder: Path) -> None:
        super().__init__(said)
        self.folder = self.place = folder


class ArticlesChangedError(CorpusError):
    """What an answer rests on is no longer what was indexed."""


class ArticleError(WenjuError):
    """A file that cannot be read as an article; `reason` says why, without the file's name, and what to do."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)
        self.reason = reason


class EditError(WenjuError):
    """An article cannot be written, renamed or removed as asked; `problem` says why, `name` is the article's."""

    def __init__(self, problem: EditProblem, name: str, detail: Message | str = "") -> None:
        """Takes what the system said, where it failed; of another format, the suffix to keep."""
        super().__init__(Message(f"edit_{problem}", {"name": name, "detail": detail}))
        self.problem = problem
        self.name = name


class EmbedderError(WenjuError):
    """The embedding model cannot be loaded."""

    def __init__(self, said: Message, name: str) -> None:
        super().__init__(said)
        self.name = name
        self.place = Path(name) if Path(name).is_absolute() else None


class SearchIndexError(WenjuError):
    """The index cannot be used; one in PostgreSQL has no folder."""

    def __init__(self, said: str | Message, folder: Path | None = None) -> None:
        super().__init__(said)
        self.folder = self.place = folder


class IndexMissingError(SearchIndexError):
    """Nothing has been built yet."""


class IndexUnreadableError(SearchIndexError):
    """A file of the index may not be read by this user."""

    def __init__(self, path: Path, folder: Path) -> None:
        super().__init__(Message("file_denied", {"path": path}), folder)


class IndexDamagedError(SearchIndexError):
    """A file of the index is not what was written."""


class IndexMismatchError(SearchIndexError):
    """The index was built with other settings than those asked for."""


class IndexBusyError(SearchIndexError):
    """Another process is writing the index."""


class StoreError(SearchIndexError):
    """A PostgreSQL server cannot be asked, or refuses; what it is called is for the terminal alone."""

    def for_visitors(self, language: Language) -> str:
        if isinstance(self.said, Message) and "store" in self.said.values:
            hidden = {"store": "PostgreSQL", "reason": "…"}
            return Message(self.said.kind, {**self.said.values, **hidden}).text(language)
        return super().for_visitors(language)


class BuildCancelledError(SearchIndexError):
    """Someone stopped the build; the index is as it was."""


class QuestionError(WenjuError):
    """A question that cannot be asked."""


class EmptyQuestionError(QuestionError):
    """A question that holds no word or number."""


class LongQuestionError(QuestionError):
    """A question of more characters than the settings allow; `limit` says how many."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(Message("question_long", {"length": length, "limit": limit}))
        self.limit = limit


class ReceiptError(WenjuError):
    """A receipt that cannot be read, trusted or written; `name` is its file, or the article it cites."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class ReportError(WenjuError):
    """A report of an evaluation that cannot be read or compared."""

    def __init__(self, said: Message, path: Path) -> None:
        super().__init__(said)
        self.path = self.place = path


class FeedbackError(WenjuError):
    """A file of feedback that cannot be written."""

    def __init__(self, said: str | Message, path: Path) -> None:
        super().__init__(said)
        self.path = self.place = path


class UsersError(WenjuError):
    """A file of users that cannot be read or written, or a change that cannot be made to it."""


class LanguageModelError(WenjuError):
    """The language model's server did not write an answer; `kind` says in what way it failed."""

    def __init__(self, kind: ModelFailure, status: int = 0) -> None:
        """Takes the HTTP status where the server gave one that is no success."""
        super().__init__(
            f"The language model's server did not write an answer ({kind}{f' {status}' if status else ''})."
        )
        self.kind = kind
        self.status = status
