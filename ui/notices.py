"""What went wrong and what to do, in the language of the page."""

from html import escape

from qa.errors import (
    ArticleError,
    ArticlesChangedError,
    EmbedderError,
    EmptyQuestionError,
    FeedbackError,
    LongQuestionError,
    ReceiptError,
    SearchIndexError,
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


def problem_html(problem: WenjuError | None, language: Language) -> str:
    """That the newest index cannot be used, and why; nothing where there is no problem."""
    if problem is None:
        return ""
    said = say("index_kept", language, problem=problem.for_visitors(language))
    return f'<p role="alert">{escape(said)}</p>'


def notice_text(error: WenjuError, language: Language) -> str:
    """What went wrong and what to do, as plain text."""
    told = error.for_visitors(language)
    match error:
        case PageError(key=key):
            return say(key, language)
        case EmptyQuestionError():
            return say("question_empty", language)
        case LongQuestionError(limit=limit):
            return say("question_long", language, limit=f"{limit:,}")
        case ArticleError():
            return say("unreadable", language, reason=told)
        case ArticlesChangedError() | ReceiptError():
            return say("articles_changed", language)
        case FeedbackError():
            return say("feedback_problem", language, problem=told)
        case SearchIndexError() | EmbedderError():
            return say("index_problem", language, problem=told)
        case _:
            return told
