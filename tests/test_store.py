import json
from pathlib import Path

import httpx
import pytest
from pages import served
from postgres_server import PostgresServer

from qa.chat import Chat, LiveChat
from qa.cli import CANNOT, main
from qa.config import IndexSettings, SearchSettings, Settings, Where
from qa.datatypes import Answer
from qa.errors import IndexMismatchError, IndexMissingError, SettingsError
from qa.index import SearchIndex
from qa.render import answer_record
from qa.store import Store
from qa.storing import build
from qa.text import terms

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def shipped(postgres: PostgresServer, corpus_folder: Path) -> Chat:
    """The shipped articles, in a store."""
    store = Store(postgres.url(postgres.database()))
    build(corpus_folder, store, IndexSettings())
    return Chat.open(store)


@pytest.fixture
def small_store(small_corpus: Path, store_url: str) -> Store:
    """The short articles, in a store."""
    store = Store(store_url)
    build(small_corpus, store, IndexSettings())
    return store


def said(answer: Answer) -> tuple[object, ...]:
    """All that an answer says, but for the numbers of its rows."""
    spans = [(each.passage.document_id, each.start, each.end, each.quote) for each in answer.sources]
    hits = [(hit.passage.document_id, hit.passage.start, hit.ranks) for hit in answer.hits]
    short = answer.short and (answer.short.start, answer.short.quote)
    return answer.text, spans, short, hits, round(answer.confidence, 4), len(answer.conflict)


def test_answers_are_those_of_the_index_in_a_folder(shipped: Chat, chat: Chat) -> None:
    """Answers, refusals, hits, ranks and confidence are the same, in and across both languages."""
    lines = (ROOT / "eval" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in lines][::6]
    for question in asked:
        assert said(shipped.ask(question)) == said(chat.ask(question))


def test_terms_are_scored_as_in_a_folder(shipped: Chat, chat: Chat) -> None:
    """Of each language the same passages are found by their terms, with the same scores, and the same are lacking."""
    asked = terms("北京的人工智能中心 robots ran the canteen robots 2.0 unheardof")
    for language in ("zh", "en"):
        found, wanted = (each.index.lexical.search(asked, 100, language) for each in (shipped, chat))
        by_place = [
            {_place(each.index, row): score for row, score in pairs}
            for each, pairs in ((shipped, found), (chat, wanted))
        ]
        assert by_place[0] == pytest.approx(by_place[1], rel=1e-4)
    assert shipped.index.lexical.ideal(asked) == pytest.approx(chat.index.lexical.ideal(asked))
    assert shipped.index.lexical.lacks(["robot", "unheardof"])
    assert not shipped.index.lexical.lacks(["robot"])


def _place(index: SearchIndex, row: int) -> tuple[str, int]:
    return index.passages[row].document_id, index.passages[row].start


def test_everything_in_order_is_there(shipped: Chat, chat: Chat) -> None:
    """Articles, passages and their languages come in the order of the folder, and count as many."""
    ours, theirs = shipped.index, chat.index
    assert list(ours.documents) == list(theirs.documents) == list(ours.manifest.documents)
    assert dict(ours.manifest.documents) == dict(theirs.manifest.documents)
    assert [passage.text for passage in ours.passages] == [passage.text for passage in theirs.passages]
    assert len(ours.passages) == len(theirs.passages)
    identity = next(iter(theirs.documents))
    assert ours.documents[identity] == theirs.documents[identity]
    assert "nothing.md" not in ours.documents


def test_only_a_part_is_searched(small_corpus: Path, store_url: str) -> None:
    """By language, date and path, in any combination, nothing is found outside, also where all of it is far off."""
    (small_corpus / "old.en.md").write_text("---\ndate: 2001-05-06\n---\n\nA turtle was seen.\n", encoding="utf-8")
    (small_corpus / "new.en.md").write_text("---\ndate: 2024-05-06\n---\n\nA turtle dived.\n", encoding="utf-8")
    store = Store(store_url)
    build(small_corpus, store, IndexSettings())

    def found(question: str, **where: str) -> set[str]:
        chat = Chat.open(store, Settings(search=SearchSettings(where=Where(**where))))
        return {hit.passage.document_id for hit in chat.ask(question).hits}

    turtles = "How deep can a leatherback turtle dive?"
    assert found(turtles, language="zh") == {"tea.zh.md", "图书馆/读者.zh.md"}
    assert found(turtles, path="图书馆/") == {"图书馆/读者.zh.md"}
    assert found(turtles, after="2001-05-07") == {"new.en.md"}
    assert found(turtles, before="2024-05-05") == {"old.en.md"}
    assert found(turtles, after="2001-01-01", language="en", path="old") == {"old.en.md"}
    assert found(turtles, path="nowhere") == set()


def test_a_folder_is_searched_whole(small_index: Path) -> None:
    """Who wants a part of an index in a folder is told that only a store has parts; a bad date is named."""
    with pytest.raises(SettingsError, match="--store"):
        Chat.open(small_index, Settings(search=SearchSettings(where=Where(language="en"))))
    with pytest.raises(SettingsError, match="2024-13-01"):
        Where(after="2024-13-01")


def test_a_chat_takes_up_the_next_generation(small_corpus: Path, small_store: Store) -> None:
    """After a build, a switch or a rollback the next question is answered from the generation that is live then."""
    live, question = LiveChat(small_store), "How many people does the new lift carry?"
    first = live.current()
    assert not first.ask(question).answered
    (small_corpus / "new.md").write_text("# Lifts\n\nThe new lift carries 21 people.\n", encoding="utf-8")
    build(small_corpus, small_store, IndexSettings())
    assert live.current().ask(question).short.quote == "21 people"  # type: ignore[union-attr]
    assert not first.ask(question).answered
    assert small_store.rollback() == first.generation
    assert not live.current().ask(question).answered
    assert [each.state for each in small_store.listed()] == ["live", "kept"]
    small_store.switch("2")
    assert live.current().ask(question).answered
    with pytest.raises(IndexMissingError, match="'7'"):
        small_store.switch("7")


def test_what_is_not_as_expected_is_said(small_store: Store, postgres: PostgresServer) -> None:
    """Other settings than asked for, and a database without an index, are errors that say so."""
    with pytest.raises(IndexMismatchError, match="passage_bytes 900"):
        Chat.open(small_store, expected=IndexSettings(passage_bytes=500))
    with pytest.raises(IndexMissingError, match="qa build --store"):
        Chat.open(Store(postgres.url(postgres.database())))
    with pytest.raises(IndexMissingError):
        small_store.rollback()


def test_the_command_line_takes_a_store(small_corpus: Path, store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It builds, lists, asks, in part too, and goes back; what only a folder can do is refused."""
    build_it = ["build", "--corpus", str(small_corpus), "--store", store_url]
    assert main(build_it) == 0
    assert "4 articles" in capsys.readouterr().out
    assert main([*build_it, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"]["kept"]
    ask_it = ["ask", "--store", store_url, "How deep can a leatherback turtle dive?"]
    assert main(ask_it) == 0
    assert "1,200 metres" in capsys.readouterr().out
    assert main([*ask_it, "--where", "language=zh"]) == 0
    assert "1,200 metres" not in capsys.readouterr().out
    assert main(["index", "list", "--store", store_url]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["kept", "live"]
    assert main(["index", "rollback", "--store", store_url]) == 0
    assert main([*build_it, "--watch"]) == CANNOT
    assert "--watch" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_the_page_answers_from_a_store(small_store: Store, small_index: Path, workers: int) -> None:
    """The page's server, and its processes, answer as from a folder."""
    question = "How deep can a leatherback turtle dive?"
    chat = Chat.open(small_index)
    with served(Chat.open(small_store), workers=workers, read_only=True) as address:
        assert httpx.get(f"{address}/healthz", timeout=60).json()["generation"] == small_store.live()
        said = httpx.post(f"{address}/api/ask", json={"question": question}, timeout=60).json()
    assert said["citations"] == answer_record(chat.ask(question), chat.index.documents)["citations"]
    assert said["answered"]
