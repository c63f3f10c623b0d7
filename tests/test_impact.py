"""What an edit did, told by real builds of edited articles."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import SMALL_ARTICLES, write_articles
from test_cli import write_lines

from qa import generations, impact, index
from qa.chat import Chat
from qa.cli import main
from qa.config import IndexSettings, Settings
from qa.errors import CorpusError, QuestionError

DIVE, TEA, LIBRARY, CLOCK = (
    "How deep can a leatherback turtle dive?",
    "泡白毫银针的水要多热？",
    "每位读者一次最多可以借阅多少本书？",
    "Where does the oldest working clock stand?",
)
EDITED = {
    "turtles.en.md": SMALL_ARTICLES["turtles.en.md"].replace("1,200 metres", "1,280 metres"),
    "图书馆/读者.zh.md": SMALL_ARTICLES["图书馆/读者.zh.md"].replace(
        "# 城北图书馆", "# 城北图书馆\r\n\r\n新馆已经启用。"
    ),
    "clocks.txt": "The tower of the old mill is made of red brick and has three floors.\n",
}
GOLD = [
    {
        "id": "dive", "question": DIVE, "language": "en", "type": "number", "documents": ["turtles.en.md"],
        "answers": ["1,200 metres"],
    },
    {
        "id": "tea", "question": TEA, "language": "zh", "type": "number", "documents": ["tea.zh.md"],
        "answers": ["80度"],
    },
    {"id": "mars", "question": "火星上的基地什么时候建成？", "language": "zh", "type": "unanswerable"},
]  # fmt: skip


@pytest.fixture
def rebuilt(small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Builds, edits three of four articles, and builds with the impact on a file's questions; what it says as JSON."""

    def rebuild(questions: Path, *arguments: str) -> dict[str, Any]:
        options = ["build", "--corpus", str(small_corpus), "--index", str(tmp_path / "index")]
        assert main(options) == 0
        write_articles(small_corpus, EDITED)
        capsys.readouterr()
        assert main([*options, "--impact", str(questions), "--json", *arguments]) == 0
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said

    return rebuild


def test_answers_of_edited_articles_are_followed(rebuilt: Any, tmp_path: Path) -> None:
    """An answer that changed, one that moved in its file, one that is gone and one let be are told apart."""
    questions = tmp_path / "questions.txt"
    questions.write_text("\n".join((DIVE, "", TEA, LIBRARY, CLOCK)), encoding="utf-8-sig")
    said = rebuilt(questions)
    assert {name: said["changes"][name] for name in ("added", "removed")} == {"added": 0, "removed": 0}
    assert {each["document_id"] for each in said["changes"]["articles"]} == set(EDITED)
    moved = {each["question"]: each for each in said["impact"]["moved"]}
    assert list(moved) == [DIVE, CLOCK]
    assert said["impact"]["questions"] == 4
    dive, clock = moved[DIVE], moved[CLOCK]
    assert (dive["id"], dive["before"]["short"], dive["after"]["short"]) == ("1", "1,200 metres", "1,280 metres")
    cited = dive["before"]["citations"][0]
    assert (cited["document_id"], cited["article"], cited["state"]) == ("turtles.en.md", "changed", "stale")
    assert "Salisbury" in clock["before"]["citations"][0]["quote"]
    states = said["impact"]["citations"]
    assert (states["valid"] >= 1, states["moved"] >= 1, states["stale"] >= 2) == (True, True, True)


def test_known_answers_tell_how_recall_changed(rebuilt: Any, tmp_path: Path) -> None:
    """With a question set of an evaluation, each measure is there before and after, and the question that lost it."""
    said = rebuilt(write_lines(tmp_path / "gold.jsonl", *GOLD))
    measures = {each["measure"]: each for each in said["impact"]["measures"]}
    assert (measures["answer recall"]["old"], measures["answer recall"]["new"]) == (1.0, 0.5)
    assert (measures["recall@10"]["old"], measures["recall@10"]["new"]) == (1.0, 0.5)
    assert (measures["rightly refused"]["old"], measures["rightly refused"]["new"]) == (1.0, 1.0)
    (dive,) = said["impact"]["moved"]
    assert (dive["id"], dive["lost"]["answer recall"]) == ("dive", [1.0, 0.0])


def test_nothing_edited_moves_nothing(small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build of the same articles changes no passage, moves no answer, and leaves every citation valid."""
    questions = write_lines(tmp_path / "gold.jsonl", *GOLD)
    options = ["build", "--corpus", str(small_corpus), "--index", str(tmp_path / "index"), "--impact", str(questions)]
    assert main(options) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "No index was here before that could be asked, so there is no impact to tell."
    ]
    assert main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("passages: 0 added, 0 changed, 0 removed, ")
    assert lines[2].startswith("0 of 3 answers moved; of what was cited before: ")
    assert lines[2].endswith(" valid, 0 moved, 0 stale")
    assert all(" +0.000 " in line for line in lines[4:])


def test_the_text_says_what_was_cited_and_what_became_of_it(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal each answer that moved stands with its old and new text, the article and what became of it."""
    questions = tmp_path / "questions.txt"
    questions.write_text(f"{DIVE}\n{CLOCK}\n", encoding="utf-8")
    options = ["build", "--corpus", str(small_corpus), "--index", str(tmp_path / "index"), "--impact", str(questions)]
    assert main(options) == 0
    write_articles(small_corpus, EDITED)
    (small_corpus / "clocks.txt").unlink()
    capsys.readouterr()
    assert main(options) == 0
    said = capsys.readouterr().out
    assert "  clocks.txt: 1 removed\n" in said
    assert "2 of 2 answers moved; " in said
    assert "short: “1,200 metres” → “1,280 metres”" in said
    assert "was cited from turtles.en.md, which changed: stale, no article says this any more" in said
    assert "was cited from clocks.txt, which is gone: stale, no article says this any more" in said
    assert "+ “A leatherback turtle can dive to a depth of 1,280 metres.” of turtles.en.md" in said


def test_an_old_index_is_asked_as_it_was_built(small_corpus: Path, small_index: Path) -> None:
    """An index whose articles have all changed answers what it did when they had not; asked plainly it cannot."""
    loaded = index.load(generations.live_folder(small_index))
    settings = Settings(index=loaded.manifest.settings)
    before = Chat(loaded, settings).ask(DIVE)
    for path in small_corpus.rglob("*.*"):
        path.write_bytes(b"Another text.\n")
    assert Chat(loaded, settings, as_built=True).ask(DIVE) == before
    with pytest.raises(CorpusError, match="have changed"):
        Chat(loaded, settings).ask(DIVE)


def test_lines_of_one_chain_are_a_conversation(small_index: Path, tmp_path: Path) -> None:
    """JSON Lines are asked as `qa ask --questions` asks them: a follow-up with the answers before it in its chain."""
    path = write_lines(
        tmp_path / "q.jsonl", {"question": DIVE, "chain": 1}, {"id": "then", "question": "Why?", "chain": 1}
    )
    asked = impact.ask(index.load(generations.live_folder(small_index)), impact.read(path), "before", lambda *_: None)
    chat = Chat.open(small_index)
    first = chat.ask(DIVE)
    assert asked.answers == {"1": first, "then": chat.ask("Why?", history=[first])}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("q.jsonl", b'{"question": "a?"}\n{"text": "b?"}', 'line 2: is not JSON with "question"'),
        ("q.jsonl", b'{"question": 1}', "line 1: is not JSON"),
        ("q.jsonl", b"[1]", "line 1: is not JSON"),
        ("q.jsonl", b'{"question": "a?", "id": 1}\n{"question": "b?", "id": "1"}', "line 2: the id '1' stands in"),
        ("q.txt", b"\n \n", "holds no questions"),
        ("q.txt", "问".encode("gb18030"), "cannot be read as UTF-8"),
        ("q.txt", b"...", "Question 1: The question holds no word"),
    ],
)
def test_a_file_that_cannot_be_asked_stops_the_build(
    small_corpus: Path, small_index: Path, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    """A file of questions that cannot be read or asked is said in one line, and nothing is built."""
    live = generations.live_folder(small_index)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(QuestionError, match=re.escape(told)) as caught:
        impact.ask(index.load(live, IndexSettings()), impact.read(tmp_path / name), "before", lambda *_: None)
    assert "\n" not in str(caught.value)
    options = ["--corpus", str(small_corpus), "--index", str(small_index), "--impact", str(tmp_path / name)]
    assert main(["build", *options]) == 2
    assert generations.live_folder(small_index) == live
