from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_ARTICLES, write_articles
from postgres_server import PostgresServer

from qa.chat import Chat
from qa.config import IndexSettings
from qa.errors import StoreError
from qa.index import SearchIndex
from qa.store import Store
from qa.stored import TIMES, term_number
from qa.storing import build

PAGE = "<h1>Lifts</h1><p>The new lift carries 21 people.</p>"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> SearchIndex:
    """The short articles and one of HTML, in a store."""
    corpus = write_articles(tmp_path_factory.mktemp("corpus"), {**SMALL_ARTICLES, "lifts.html": PAGE})
    store = Store(postgres.url(postgres.database()))
    build(corpus, store, IndexSettings())
    return Chat.open(store).index


def test_rows_are_those_of_a_folder(stored: SearchIndex, small_loaded: SearchIndex) -> None:
    """Vectors, segments and languages of each row are, to the last bit, those of its passage in a folder."""
    found = {(each.document_id, each.start): each.id for each in stored.passages}
    theirs = list(range(len(small_loaded.passages)))
    ours = [found[each.document_id, each.start] for each in small_loaded.passages]
    assert np.array_equal(stored.vectors[ours], small_loaded.vectors[np.array(theirs)])
    assert [stored.languages[row] for row in ours] == list(small_loaded.languages)
    one, other = stored.segments.select(ours), small_loaded.segments.select(theirs)
    for name in type(one).__slots__:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    pairs = zip(stored.segments.tokens_of_each(ours), small_loaded.segments.tokens_of_each(theirs), strict=True)
    assert all(np.array_equal(left, right) for left, right in pairs)


def test_a_generation_that_has_gone_is_said_to_have(small_corpus: Path, store_url: str) -> None:
    """Who holds on to a generation that is no more learns so, and is never answered from what is left of it."""
    store, question = Store(store_url), "How deep can a leatherback turtle dive?"
    build(small_corpus, store, IndexSettings())
    chat = Chat.open(store)
    for day in ("Monday", "Tuesday"):
        assert chat.ask(question).answered
        for path in small_corpus.glob("*.*"):
            path.write_text(f"{path.read_text(encoding='utf-8')}\n\nRead on {day}.\n", encoding="utf-8")
        build(small_corpus, store, IndexSettings())
    for asked in (
        lambda: chat.ask(question),
        lambda: chat.index.vectors[[1]],
        lambda: chat.index.documents["none.md"],
        lambda: chat.index.documents.items(),
        lambda: list(chat.index.documents),
        lambda: list(chat.index.passages),
    ):
        with pytest.raises(StoreError, match="removed by later builds; open it again"):
            asked()
    assert Chat.open(store).ask(question).answered


def test_a_row_that_never_was_is_none(stored: SearchIndex) -> None:
    """A number of no row is no sign that the generation has gone."""
    with pytest.raises(KeyError):
        stored.vectors[[1]]
    with pytest.raises(KeyError):
        stored.documents["none.md"]
    assert dict(stored.documents.items()) == {identity: stored.documents[identity] for identity in stored.documents}


def test_text_of_converted_files_is_there(stored: SearchIndex) -> None:
    """The text that was made of a file is found by the hash of the file; of plain files there is none."""
    digest = stored.documents["lifts.html"].content_hash
    assert list(stored.converted) == [digest]
    assert len(stored.converted) == 1
    assert "21 people" in stored.converted[digest]
    with pytest.raises(KeyError):
        stored.converted[stored.documents["clocks.txt"].content_hash]


def test_terms_have_numbers_apart() -> None:
    """A term's number leaves room for how often a row holds it, and differs between languages, in 63 bits."""
    numbers = {term_number(language, term) for language in range(2) for term in ("tea", "teas", "\udce4", "")}
    assert len(numbers) == 8
    assert all(0 <= number < 2**63 and number % (TIMES + 1) == 0 for number in numbers)
