"""The façade everything outside uses: open an index, ask, read the article behind a citation.

A `Chat` is of one generation for good: an answer, and all that is asked about it, come from that one. A `LiveChat`
hands out the chat of the generation that is live.
"""

import contextlib
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from qa import index, receipts
from qa.answerer import Answerer
from qa.config import IndexSettings, Settings
from qa.corpus import document_of
from qa.datatypes import Answer, Document, Explanation, Hit, Passage
from qa.errors import (
    ArticleError,
    ArticlesChangedError,
    CorpusError,
    EmptyQuestionError,
    LongQuestionError,
    WenjuError,
)
from qa.explanation import explain
from qa.files import PLAIN, FileText, Folder, hash_of, read_text, suffix_of
from qa.follow_up import complete, turn
from qa.generations import Home, home_of
from qa.messages import Message
from qa.retriever import Retriever
from qa.text import dominant_language
from qa.writer import Writer

_SPACES = {"Cc", "Cs"}
_FIRST = ("When was the centre in Beijing founded?", "北京的中心是什么时候成立的？")  # asked to have all in memory
TURNS = 8  # of a conversation that are looked back on
# Questions answered at once, each in a thread that keeps its memory: two would hand Python's lock to and fro, and be
# answered half as fast as one after the other. A question to a store waits for a server in between.
_AT_ONCE, _AT_ONCE_OF_A_STORE = 1, 4


class Chat:
    """Answers questions from one loaded index; holds nothing of who asks, so one may serve many."""

    def __init__(self, loaded: index.SearchIndex, settings: Settings, *, as_built: bool = False) -> None:
        """Takes an index as loaded.

        Args:
            loaded: what to search.
            settings: how to search and answer.
            as_built: whether to answer from the articles as they were at the build, so that what is cited may stand in
                no file any more; only to tell what an edit did.
        """
        self.index = loaded
        self.as_built = as_built
        self.settings = settings
        self._retriever = Retriever(loaded, settings.search)
        self._answerer = Answerer(self._retriever, settings.answer)
        self._writer = Writer(loaded, settings.language_model) if settings.language_model else None
        at_once = _AT_ONCE_OF_A_STORE if loaded.store else _AT_ONCE
        self._asking = ThreadPoolExecutor(at_once, thread_name_prefix="ask")

    @classmethod
    def open(
        cls, root: Path | Home, settings: Settings | None = None, *, expected: IndexSettings | None = None
    ) -> "Chat":
        """Opens the live index of a folder, or of a store.

        Args:
            root: the folder `qa build` wrote, or the store.
            settings: how to search and answer; its index part is taken from the index itself.
            expected: settings the index must have been built with.

        Raises:
            SearchIndexError: if it is missing, damaged or built with other settings.
            EmbedderError: if its embedding model cannot be loaded.
        """
        settings = settings or Settings()
        loaded = home_of(root).load(expected, settings.search)
        return cls(loaded, replace(settings, index=loaded.manifest.settings))

    @property
    def generation(self) -> str:
        """The name of the generation it answers from."""
        return self.index.folder.name

    def ask(self, question: str, *, history: Sequence[Answer] = (), searched_as: str | None = None) -> Answer:
        """The answer to one question; every citation stands in its file as the file is now.

        Args:
            question: as it was asked.
            history: the answers before it in the same conversation, oldest first. An incomplete question
                (“那2024年呢？”, “when was it founded?”) is made whole with them; the answer's `searched_as` says how.
            searched_as: the question to search in its stead, as a reader has corrected it; it is changed no more.

        Raises:
            QuestionError: if the question is empty or too long.
            CorpusError: if the articles behind every hit have changed since the build.
            StoreError: if the index is one of a server that does not answer, or has removed this generation since.
        """
        return self._asking.submit(self._asked, question, history, searched_as).result()

    def _asked(self, question: str, history: Sequence[Answer], searched_as: str | None) -> Answer:
        searched = self._completed(question, history) if searched_as is None else searched_as
        checked = self._checked(searched)
        query, hits = self._retriever.search(checked)
        fresh = hits if self.as_built else self._fresh(hits)
        if hits and not fresh:
            raise ArticlesChangedError(Message("articles_changed"), self.corpus)
        words = any(character.isalpha() for character in question)
        answer = self._answerer.answer(query, fresh, dominant_language(question) if words else None)
        self.index.confirm()
        return replace(
            answer, generation=self.generation, question=question, searched_as="" if searched == question else searched
        )

    def warm_up(self) -> None:
        """Has all read that the first questions would wait for otherwise, such as the dictionary."""
        for question in _FIRST:
            with contextlib.suppress(WenjuError, RuntimeError):  # no thread takes a question once all is to end
                self.ask(question)

    def _completed(self, question: str, history: Sequence[Answer]) -> str:
        """The question made whole with the last turns, where that is not too long to be asked."""
        cleaned = self._checked(question)
        before = [replace(answer, searched_as=_plain(answer.searched)[0]) for answer in history[-TURNS:]]
        whole = complete(cleaned, [turn(answer) for answer in before])
        return question if whole == cleaned or _length(whole) > self.settings.answer.question_characters else whole

    @property
    def writes(self) -> bool:
        """Whether a language model may be asked."""
        return self._writer is not None

    def write(self, answer: Answer) -> Iterator[Answer]:
        """The answer as a language model writes it, growing, its last one checked whole; closing it ends the request.

        Whatever fails, the last one has the citations of `answer` and says in `notice` why nothing was written. Yields
        nothing for a refusal, or where the settings name no language model.
        """
        if self._writer and answer.answered:
            yield from self._writer.write(answer)

    def written(self, answer: Answer) -> Answer:
        """The answer as a language model wrote it, whole; as it is where none is named."""
        return [answer, *self.write(answer)][-1]

    def explain(self, question: str, hit: Hit) -> Explanation:
        """Why a passage was found for a question: the words that met, the terms in common, its rank on each side.

        Give it the question as it was searched, `answer.searched`: the spans of the asked words are in that text.

        Raises:
            QuestionError: if the question is empty or too long.
        """
        query, _ = self._retriever.search(self._checked(question))
        explanation = explain(self._retriever, query, hit)
        _, places = _plain(question)
        spans = [(places[pair.asked[0]], places[pair.asked[1] - 1] + 1) for pair in explanation.pairs]
        pairs = [
            replace(pair, asked=span, word=question[slice(*span)])
            for pair, span in zip(explanation.pairs, spans, strict=True)
        ]
        return replace(explanation, pairs=tuple(pairs))

    def receipt(self, answer: Answer) -> receipts.Receipt:
        """An answer of this chat as a record to keep, which `qa verify` rechecks.

        Raises:
            CorpusError, ReceiptError: if an article has changed since it was cited.
        """
        cited = {citation.passage.document_id for citation in (*answer.citations, *answer.conflict)}
        documents = {identity: self.document(identity) for identity in cited}
        manifest = self.index.manifest
        hashes = {**manifest.documents, **manifest.left_out}
        return receipts.issue(answer, documents, self.generation, hashes)

    def _checked(self, question: str) -> str:
        limit = self.settings.answer.question_characters
        if (length := _length(question)) > limit:
            raise LongQuestionError(length, limit)
        cleaned, _ = _plain(question)
        if not any(character.isalnum() for character in cleaned):
            raise EmptyQuestionError(Message("question_empty"))
        return cleaned

    @property
    def corpus(self) -> Path:
        """The folder of articles the index was built from."""
        return Path(self.index.manifest.corpus)

    def _fresh(self, hits: Sequence[Hit]) -> list[Hit]:
        """Those whose passage stands in its file as the file is now."""
        files = Folder(self.corpus, self.settings.index)
        changed = {identity: self._changed(files, identity) for identity in {hit.passage.document_id for hit in hits}}
        return [hit for hit in hits if _stands(hit.passage, changed[hit.passage.document_id])]

    def _changed(self, files: Folder, identity: str) -> str | None:
        """What an article says now; None where its file is as it was indexed.

        Nothing where it cannot be read, or is one to convert, which would take seconds.
        """
        suffix = suffix_of(identity)
        try:
            raw = files.read(identity)
            if hash_of(raw, suffix) == self.index.documents[identity].content_hash:
                return None
            return read_text(raw, suffix, self.settings.index).text if suffix in PLAIN else ""
        except ArticleError:
            return ""

    def document(self, document_id: str) -> Document:
        """An indexed article as its file is now; the text of one that was converted, and has not changed, as indexed.

        Raises:
            CorpusError: if no such article was indexed, or its file cannot be read any more.
        """
        if document_id not in self.index.documents:
            raise CorpusError(f"The index holds no article {document_id!r}.", self.corpus)
        limits = self.settings.index
        try:
            raw = Folder(self.corpus, limits).read(document_id)
            suffix = suffix_of(document_id)
            return _parsed(document_id, read_text(raw, suffix, limits, self.index.converted))
        except ArticleError as error:
            told = f"{document_id} can no longer be read ({error}); run `qa build`."
            raise ArticlesChangedError(told, self.corpus) from error


def _stands(passage: Passage, changed: str | None) -> bool:
    return changed is None or changed[passage.start : passage.end] == passage.text


class LiveChat:
    """The chat of the live generation of a folder or store, for as long as a server runs; many threads may share one.

    Whoever asks for the chat first after a switch loads the new generation; the others go on with the old one
    meanwhile. A chat that is in use keeps its generation in memory. Where the new one cannot be loaded, the old one
    stays and `problem` says why.
    """

    def __init__(
        self, root: Path | Home, settings: Settings | None = None, *, expected: IndexSettings | None = None
    ) -> None:
        """Opens the live generation; takes, and raises, what `Chat.open` does."""
        self.home = home_of(root)
        self._root, self._settings, self._expected = root, settings, expected
        self._chat = Chat.open(root, settings, expected=expected)
        self._refused = ""  # the generation that could not be loaded
        self._loading = threading.Lock()
        self.problem: WenjuError | None = None

    def current(self) -> Chat:
        """The chat of the live generation; take one for each answer, and do all about that answer with it."""
        if self._next() and self._loading.acquire(blocking=False):
            try:
                if name := self._next():
                    self._load(name)
            finally:
                self._loading.release()
        return self._chat

    def _next(self) -> str:
        """The name of a live generation that is to be loaded; empty where there is none."""
        try:
            name = self.home.live()
        except WenjuError as error:
            self.problem = error
            return ""
        if name == self._chat.generation:
            self.problem = None
        return "" if name in (self._chat.generation, self._refused) else name

    def _load(self, name: str) -> None:
        try:
            self._chat = Chat.open(self._root, self._settings, expected=self._expected)
            self._refused, self.problem = "", None
        except WenjuError as error:
            self._refused, self.problem = name, error


def _length(question: str) -> int:
    """Characters of a question, written out: one ligature is searched as up to eighteen letters."""
    return max(len(question), len(unicodedata.normalize("NFKC", question)))


def _plain(question: str) -> tuple[str, list[int]]:
    """The question as it is searched, and where each of its characters stands in the question as asked.

    White space, controls and stray surrogates become single spaces; marks that are not seen are left out, so that they
    cut no word.
    """
    kept = [
        (" " if unicodedata.category(character) in _SPACES or character.isspace() else character, place)
        for place, character in enumerate(question)
        if unicodedata.category(character) != "Cf"
    ]
    folded = [pair for number, pair in enumerate(kept) if pair[0] != " " or (number and kept[number - 1][0] != " ")]
    text = "".join(character for character, _ in folded)
    start, end = len(text) - len(text.lstrip(" ")), len(text.rstrip(" "))
    return text[start:end], [place for _, place in folded[start:end]]


@lru_cache(maxsize=32)
def _parsed(document_id: str, read: FileText) -> Document:
    """An article parsed once for each content; the file itself is read every time, so no edit is missed."""
    return document_of(document_id, read)
