"""What can go wrong and what to do about it; every message is one line a person can act on.

WenjuError
├── SettingsError               a setting outside its range
├── CorpusError                 the folder of articles cannot be used
├── ArticleError                one file of it cannot be read
├── EditError                   an article cannot be written, replaced or removed as asked
├── EmbedderError               the embedding model cannot be loaded
├── SearchIndexError
│   ├── IndexMissingError       nothing has been built yet
│   ├── IndexUnreadableError    a file of the index may not be read by this user
│   ├── IndexDamagedError       a file of the index is not what was written
│   ├── IndexMismatchError      the index was built with other settings
│   ├── IndexBusyError          another process is writing the index
│   └── BuildCancelledError     someone stopped the build
├── QuestionError               a question that cannot be asked
│   ├── EmptyQuestionError      it holds no word or number
│   ├── LongQuestionError       it has more characters than the settings allow
│   └── QuestionSetError        a set of questions with known answers that cannot be asked
├── ReceiptError                a receipt that cannot be read, trusted or written
├── ReportError                 a report that cannot be compared
├── FeedbackError               a file of feedback that cannot be written
├── UsersError                  a file of users, or a change to it, that cannot be used
└── LanguageModelError          the language model's server did not write an answer
"""

from pathlib import Path
from typing import Literal

EditProblem = Literal["name", "suffix", "large", "exists", "changed", "gone", "outside", "failed"]
SetProblem = Literal["line", "twice", "same", "nothing", "format", "paragraphs", "many"]
ModelFailure = Literal["unreachable", "slow", "key", "status", "garbage", "broken", "long"]


class WenjuError(Exception):
    """Any error a person can mend; its text is one line."""

    place: Path | None = None  # on this machine, of which the text speaks

    def without_place(self) -> str:
        """The text for visitors, who need not learn where things lie on this machine: of `place` its name alone."""
        return str(self).replace(str(self.place), self.place.name) if self.place else str(self)


class SettingsError(WenjuError):
    """A setting outside its range."""


class CorpusError(WenjuError):
    """The folder of articles cannot be used."""

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = self.place = folder


class ArticleError(WenjuError):
    """A file that cannot be read as an article; its text says why, without the file's name, and what to do."""


class EditError(WenjuError):
    """An article cannot be written, replaced or removed as asked; `problem` says why, `name` is the article's."""

    def __init__(self, problem: EditProblem, name: str, detail: str = "") -> None:
        """Takes what the system said, where it failed."""
        super().__init__(f"{name!r}: {_EDIT_PROBLEMS[problem]}{f' ({detail})' if detail else ''}.")
        self.problem = problem
        self.name = name
        self.detail = detail


_EDIT_PROBLEMS: dict[EditProblem, str] = {
    "name": "not every system can have a file of this name; choose another",
    "suffix": "an article's name ends with the suffix of a format that is read, one to edit with .md or .txt",
    "large": "it is larger than an article may be",
    "exists": "there is an article of this name; choose another name, or say that it is to be replaced",
    "changed": "it was changed since it was read; read it again",
    "gone": "there is no such article any more",
    "outside": "it leads out of the corpus folder, or is a link",
    "failed": "it could not be written",
}


class EmbedderError(WenjuError):
    """The embedding model cannot be loaded."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name
        self.place = Path(name) if Path(name).is_absolute() else None


class SearchIndexError(WenjuError):
    """The index cannot be used."""

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = self.place = folder


class IndexMissingError(SearchIndexError):
    """Nothing has been built yet."""


class IndexUnreadableError(SearchIndexError):
    """A file of the index may not be read by this user."""

    def __init__(self, path: Path, folder: Path) -> None:
        super().__init__(f"{path} cannot be read: permission denied; have its owner let you read the index.", folder)


class IndexDamagedError(SearchIndexError):
    """A file of the index is not what was written."""


class IndexMismatchError(SearchIndexError):
    """The index was built with other settings than those asked for."""


class IndexBusyError(SearchIndexError):
    """Another process is writing the index."""


class BuildCancelledError(SearchIndexError):
    """Someone stopped the build; the index is as it was."""


class QuestionError(WenjuError):
    """A question that cannot be asked."""


class EmptyQuestionError(QuestionError):
    """A question that holds no word or number."""


class LongQuestionError(QuestionError):
    """A question of more characters than the settings allow; `limit` says how many."""

    def __init__(self, message: str, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


class QuestionSetError(QuestionError):
    """A set of questions with known answers that cannot be asked.

    `problem` says why, `name` is the set's, `values` are the numbers and words of the text.
    """

    def __init__(self, problem: SetProblem, name: str, **values: object) -> None:
        """Takes what the problem's text leaves open."""
        super().__init__(_SET_PROBLEMS[problem].format(name=name, **values))
        self.problem = problem
        self.name = name
        self.values = values


_SET_PROBLEMS: dict[SetProblem, str] = {
    "line": "{name}, line {number}: needs JSON with {needs} ({detail}).",
    "twice": "{name}, line {number}: the id {identity!r} stands in a line before.",
    "same": "{name}: the id {identity!r} stands for two questions.",
    "nothing": "{name} holds no questions.",
    "format": "{name} is neither JSON Lines of questions nor in SQuAD format.",
    "paragraphs": "None of the {count:,} paragraphs of {name} stands in an article of the index.",
    "many": "{name} has {count:,} questions; at most {limit:,} are asked at once.",
}


class ReceiptError(WenjuError):
    """A receipt that cannot be read, trusted or written; `name` is its file, or the article it cites."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class ReportError(WenjuError):
    """A report of an evaluation that cannot be read or compared."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class FeedbackError(WenjuError):
    """A file of feedback that cannot be written."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


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
