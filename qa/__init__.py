"""Ask a folder of articles, in Chinese or English, and get verbatim, checkable citations."""

from qa.chat import Chat
from qa.config import AnswerSettings, IndexSettings, LanguageModelSettings, SearchSettings, Settings
from qa.datatypes import Answer, Citation, Document, Hit, Passage
from qa.errors import WenjuError
from qa.version import __version__

__all__ = [
    "Answer",
    "AnswerSettings",
    "Chat",
    "Citation",
    "Document",
    "Hit",
    "IndexSettings",
    "LanguageModelSettings",
    "Passage",
    "SearchSettings",
    "Settings",
    "WenjuError",
    "__version__",
]
