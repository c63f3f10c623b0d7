"""What went wrong and what to do, in the language of the page."""

from html import escape

from qa.errors import (
    ArticleError,
    CorpusError,
    EditError,
    EmptyQuestionError,
    FeedbackError,
    LongQuestionError,
    QuestionError,
    QuestionSetError,
    ReceiptError,
    ReportError,
    SettingsError,
    WenjuError,
)
from qa.text import Language
from ui.texts import say


class PageError(WenjuError):
    """Something a visitor can mend, which only the page knows of; `key` is of its text."""

    def __init__(self, key: str) -> None:
        super().__init__(say(key, "en"))
        self.key = key


def notice_html(error: WenjuError, language: Language) -> str:
    """What went wrong and what to do, said at once by a screen reader."""
    return f'<p role="alert">{escape(notice_text(error, language))}</p>'


def problem_html(problem: str, language: Language) -> str:
    """That the newest index cannot be used, and why; nothing where there is no problem."""
    return f'<p role="alert">{escape(say("index_kept", language, problem=problem))}</p>' if problem else ""


def notice_text(error: WenjuError, language: Language) -> str:
    """What went wrong and what to do, as plain text."""
    match error:
        case PageError(key=key):
            return say(key, language)
        case EmptyQuestionError():
            return say("question_empty", language)
        case LongQuestionError(limit=limit):
            return say("question_long", language, limit=f"{limit:,}")
        case EditError(problem=problem, name=name, detail=detail):
            return say(f"edit_{problem}", language, name=name, detail=detail)
        case ArticleError():
            return say("unreadable", language, reason=error)
        case CorpusError() | ReceiptError():
            return say("articles_changed", language)
        case QuestionSetError() | ReportError() | SettingsError():
            return _measuring_text(error, language)
        case QuestionError():
            return say("problem", language, problem=error)
        case FeedbackError():
            return say("feedback_problem", language, problem=error)
        case _:
            return say("index_problem", language, problem=error)


def _measuring_text(error: QuestionSetError | ReportError | SettingsError, language: Language) -> str:
    """Why a set of questions, a report or settings cannot be taken."""
    match error:
        case QuestionSetError(problem=problem, name=name, values=values):
            return say(f"set_{problem}", language, name=name, **values)
        case ReportError(path=path):
            return say("no_report", language, name=path.name)
        case SettingsError():
            return say("settings_range", language)
