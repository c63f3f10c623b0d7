import hashlib
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from conftest import write_articles
from hypothesis import assume, example, given
from hypothesis import strategies as st

from qa import receipts
from qa.chat import Chat
from qa.cli import main
from qa.config import AnswerSettings, Settings
from qa.corpus import parse_document
from qa.datatypes import Answer, Citation, Passage
from qa.errors import CorpusError, ReceiptError
from qa.files import content_hash
from qa.receipts import Articles, Place, Receipt, Verdict

QUESTION = "How deep can a leatherback turtle dive?"
DEPTH = "A leatherback turtle can dive to a depth of 1,200 metres."
REFUSED = "火星上的基地什么时候建成？"

# Any character a file can hold, and more often those that repeat, cannot be seen, or end a line.
characters = st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aab北。\r\n \ufeff\u200b\u0301é"))
texts = st.text(characters, max_size=30)
quotes = st.text(characters, min_size=1, max_size=12)


def cited(corpus: Path, identity: str, *spans: tuple[int, int]) -> Receipt:
    """The receipt of an answer that cites spans of an article as its file is."""
    raw = (corpus / identity).read_bytes()
    document = parse_document(identity, raw.decode("utf-8"), content_hash(raw))
    passage = Passage(0, identity, (document.title,), 0, len(document.text), document.text)
    citations = tuple(
        Citation(number, passage, start, end, document.text[start:end], "")
        for number, (start, end) in enumerate(spans, 1)
    )
    return receipts.issue(Answer("问?", "", citations, (), 0.5), {identity: document}, "generation-000001-a", {})


def cited_text(corpus: Path, identity: str, quote: str) -> Receipt:
    start = (corpus / identity).read_bytes().decode("utf-8").index(quote)
    return cited(corpus, identity, (start, start + len(quote)))


def verdict(receipt: Receipt, corpus: Path) -> Verdict:
    (only,) = receipts.verify(receipt, Articles(corpus))
    return only


def text_at(place: Place | None, corpus: Path) -> str:
    """What an article says at a place, read here and now."""
    assert place
    return (corpus / place.document_id).read_bytes().decode("utf-8")[place.start : place.end]


def verdict_after(text: str, span: tuple[int, int], edited: str) -> tuple[Verdict, str]:
    """What becomes of a span of a text in a file that is then edited, and what stands at the place given."""
    with TemporaryDirectory() as name:
        corpus = write_articles(Path(name), {"article.md": text})
        receipt = cited(corpus, "article.md", span)
        write_articles(corpus, {"article.md": edited})
        found = verdict(receipt, corpus)
        return found, text_at(found.place, corpus) if found.place else ""


@given(texts, quotes, texts, st.data())
def test_a_changed_character_inside_is_never_valid(before: str, quote: str, after: str, data: st.DataObject) -> None:
    """Whatever character of a cited span becomes another, the citation is stale, or moved to where its text stands."""
    position = data.draw(st.integers(0, len(quote) - 1))
    other = data.draw(characters.filter(lambda character: character != quote[position]))
    edited = before + quote[:position] + other + quote[position + 1 :] + after
    found, stands = verdict_after(before + quote + after, (len(before), len(before) + len(quote)), edited)
    assert found.state == ("moved" if quote in edited else "stale")
    assert (found.place is None) == (found.state == "stale")
    assert stands in ("", quote)


@given(texts, quotes, texts, texts, texts)
@example("", "aa", "aa", "a", "")
def test_an_edit_outside_is_never_stale(before: str, quote: str, after: str, above: str, below: str) -> None:
    """Whatever is written before and after a cited span, it is valid or moved, and its place holds its text."""
    edited = above + quote + below
    span = (len(before), len(before) + len(quote))
    found, stands = verdict_after(before + quote + after, span, edited)
    assert stands == quote
    assert found.state == ("valid" if edited[slice(*span)] == quote else "moved")


@given(st.text(characters, max_size=60), st.text(characters, max_size=60), st.data())
def test_any_edit_at_all_is_told_truly(text: str, edited: str, data: st.DataObject) -> None:
    """Valid is exactly where the span still holds its text, moved where only another does, stale where none does."""
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    assume(start < end)
    found, stands = verdict_after(text, (start, end), edited)
    quote = text[start:end]
    truth = "valid" if edited[start:end] == quote else "moved" if quote in edited else "stale"
    assert (found.state, stands) == (truth, "" if truth == "stale" else quote)


PLAIN = "# 标题\n\nCafé costs １２ euros,\nand ﬁne tea.\n\nThe end.\n"
SPAN = (PLAIN.index("Café"), PLAIN.index("\n\nThe"))


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda text: text.replace("\n", "\r\n"), "stale"),
        (lambda text: text.replace(",\n", ", "), "stale"),
        (lambda text: unicodedata.normalize("NFKC", text), "stale"),
        (lambda text: unicodedata.normalize("NFD", text), "stale"),
        (lambda text: text.replace("costs", "co\u200bsts"), "stale"),
        (lambda text: text.replace("costs ", "costs\u00a0"), "stale"),
        (lambda text: text.replace("Café", "\ufeffCafé"), "moved"),
        (lambda text: f"\ufeff{text}", "moved"),
        (lambda text: text.replace("标题", "题"), "moved"),
        (lambda text: text.replace("标题", "题标"), "valid"),
        (lambda text: text.replace("The end.\n", "The end\r\n"), "valid"),
        (lambda text: f"{text}\ufeff", "valid"),
    ],
    ids=[
        "line ends", "line end to space", "width", "decomposed", "invisible inside", "hard space inside",
        "mark before", "byte order mark", "shorter before", "same length before", "line end after", "after",
    ],
)  # fmt: skip
def test_every_byte_of_a_span_counts_and_no_other(change: Callable[[str], str], state: str) -> None:
    """Line ends, width, composition and invisible marks inside a span make it stale; before it they move it."""
    found, stands = verdict_after(PLAIN, SPAN, change(PLAIN))
    assert found.state == state
    assert stands == ("" if state == "stale" else PLAIN[slice(*SPAN)])


def test_a_repeated_text_is_found_by_what_stood_around_it(tmp_path: Path) -> None:
    """Of several places with the same text, the moved one is that between the same neighbours."""
    sections = [f"## Year {year}\n\nIt rained all day. In {year} that was rare.\n\n" for year in range(1990, 2000)]
    corpus = write_articles(tmp_path, {"rain.md": "".join(sections)})
    start = "".join(sections[:6]).rindex("It rained all day.")
    receipt = cited(corpus, "rain.md", (start, start + len("It rained all day.")))
    edited = "".join(["Rain, the other way round.\n\n", *reversed(sections)])
    write_articles(corpus, {"rain.md": edited})
    found = verdict(receipt, corpus)
    assert (found.state, text_at(found.place, corpus)) == ("moved", "It rained all day.")
    assert found.place
    assert edited[found.place.end :].startswith(" In 1995")


def test_between_equal_neighbours_the_nearest_place_is_taken(tmp_path: Path) -> None:
    """Of places with the same text and the same neighbours, the one nearest to the old place is given."""
    corpus = write_articles(tmp_path, {"a.txt": "-" * 100 + "|x|" + "-" * 200 + "|x|" + "-" * 100})
    receipt = cited(corpus, "a.txt", (304, 305))
    write_articles(corpus, {"a.txt": "-" * 105 + "|x|" + "-" * 200 + "|x|" + "-" * 100})
    assert verdict(receipt, corpus).place == Place("a.txt", 309, 310)


def test_a_text_is_followed_into_other_articles(small_corpus: Path) -> None:
    """A text is found in a renamed or another article, but not sought there while its own article has it."""
    receipt = cited_text(small_corpus, "turtles.en.md", DEPTH)
    original = (small_corpus / "turtles.en.md").read_bytes()
    (small_corpus / "old copy.md").write_bytes(original)
    (small_corpus / "turtles.en.md").write_bytes(b"\n\n" + original)
    assert verdict(receipt, small_corpus).place == Place(
        "turtles.en.md", receipt.citations[0].start + 2, receipt.citations[0].end + 2
    )
    (small_corpus / "old copy.md").unlink()
    (small_corpus / "turtles.en.md").rename(small_corpus / "图书馆" / "turtles.md")
    found = verdict(receipt, small_corpus)
    assert (found.state, found.note) == ("moved", "there is no such article")
    assert found.place
    assert found.place.document_id == "图书馆/turtles.md"
    assert text_at(found.place, small_corpus) == DEPTH
    (small_corpus / "图书馆" / "turtles.md").unlink()
    clocks = (small_corpus / "clocks.txt").read_bytes()
    (small_corpus / "clocks.txt").write_bytes(clocks + DEPTH.encode())
    (small_corpus / "a list.md").write_bytes(b"- " + DEPTH.encode() + b" It comes up for air")
    found = verdict(receipt, small_corpus)
    assert found.place == Place("a list.md", 2, 2 + len(DEPTH))


@pytest.mark.parametrize("what", ["gone", "not UTF-8", "hidden", "link out", "link in a circle", "folder"])
def test_an_article_that_cannot_be_read_is_stale(what: str, small_corpus: Path, tmp_path: Path) -> None:
    """A cited article that is gone, unreadable, hidden or a way out of the folder is stale, and the reason is given."""
    receipt = cited_text(small_corpus, "turtles.en.md", DEPTH)
    path = small_corpus / "turtles.en.md"
    raw = path.read_bytes()
    path.unlink()
    (tmp_path / "outside.md").write_bytes(raw)
    if what == "not UTF-8":
        path.write_bytes(raw + b"\xff")
    elif what == "hidden":
        (small_corpus / ".turtles.en.md").write_bytes(raw)
    elif what == "link out":
        path.symlink_to(tmp_path / "outside.md")
    elif what == "link in a circle":
        path.symlink_to(path)
    elif what == "folder":
        path.mkdir()
    reason = f"the article cannot be read: not UTF-8 (byte {len(raw)}), UTF-16, GB18030 or Big5; save it as UTF-8"
    assert verdict(receipt, small_corpus) == Verdict(
        "stale", None, reason if what == "not UTF-8" else "there is no such article"
    )


def test_an_edit_elsewhere_is_told(small_corpus: Path) -> None:
    """A citation that is valid in an article edited elsewhere says so, one in an untouched article says nothing."""
    receipt = cited_text(small_corpus, "turtles.en.md", DEPTH)
    assert verdict(receipt, small_corpus).note == ""
    path = small_corpus / "turtles.en.md"
    path.write_bytes(path.read_bytes().replace(b"at night", b"by day"))
    found = verdict(receipt, small_corpus)
    assert (found.state, found.note) == ("valid", "the article was edited elsewhere")


surrogates = st.text(st.one_of(characters, st.characters(categories=["Cs"])), max_size=20)


@given(surrogates, surrogates, st.lists(quotes, max_size=3), st.sampled_from([0, 1, 3]))
def test_what_is_saved_is_what_is_read(question: str, searched_as: str, cited_texts: list[str], copies: int) -> None:
    """Any receipts, answered or refused, of any question, are read from their file as they were saved."""
    with TemporaryDirectory() as name:
        corpus = write_articles(Path(name), {"article.md": "".join(cited_texts)})
        ends = [sum(map(len, cited_texts[:number])) for number in range(len(cited_texts) + 1)]
        spans = cited(corpus, "article.md", *pairwise(ends)).citations
        answer = Answer(question, "said", (), (), 0.25, searched_as=searched_as)
        receipt = receipts.issue(answer, {}, "generation-000001-a", {"article.md": "0"})
        written = signed({**as_record(receipt), "citations": [as_record(span) for span in spans]})
        receipt = receipts.parse(json.dumps(written).encode(), "it")
        assert (receipt.citations, receipt.text, receipt.format) == (spans, "said", 1)
        assert receipt.question == question.encode("utf-8", "replace").decode()
        receipts.save(Path(name) / "saved", [receipt] * copies)
        assert [entry for _, entry in receipts.read(Path(name) / "saved")][:copies] == [receipt] * copies


def as_record(value: Any) -> dict[str, Any]:
    """A record of the package as JSON has it."""
    names = [name for name in value.__slots__ if not name.startswith("_")]
    return {name: plain(getattr(value, name)) for name in names}


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return as_record(value) if hasattr(value, "__slots__") else value


def signed(record: dict[str, Any]) -> dict[str, Any]:
    """A record with the checksum of what it says: SHA-256 of its JSON with sorted keys."""
    said = {name: value for name, value in record.items() if name != "checksum"}
    return {**said, "checksum": hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()}


def only(path: Path) -> Receipt | ReceiptError:
    ((_, entry),) = receipts.read(path)
    return entry


@given(st.data())
def test_no_damaged_byte_goes_unseen(data: st.DataObject) -> None:
    """A receipt with any one byte changed, added or lost is refused, or says just what it said."""
    with TemporaryDirectory() as name:
        corpus = write_articles(Path(name), {"article.md": PLAIN})
        receipt, path = cited(corpus, "article.md", SPAN), Path(name) / "receipt.json"
        receipts.save(path, [receipt])
        raw = path.read_bytes()
        position = data.draw(st.integers(0, len(raw) - 1))
        path.write_bytes(raw[:position] + data.draw(st.binary(max_size=2)) + raw[position + 1 :])
        read = only(path)
        assert read == receipt or isinstance(read, ReceiptError)
        assert "\n" not in str(read) or read == receipt


@pytest.fixture
def record(small_corpus: Path) -> dict[str, Any]:
    """A receipt that cites the short articles, as JSON has it."""
    return as_record(cited_text(small_corpus, "turtles.en.md", DEPTH))


def with_citation(record: dict[str, Any], **changes: object) -> dict[str, Any]:
    return signed({**record, "citations": [{**record["citations"][0], **changes}]})


def without(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != name}


CORRUPTIONS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "nothing": (lambda record: b"", "is no receipt"),
    "not JSON": (lambda record: b"\x00\xff\nnot JSON\n", "is no receipt"),
    "cut short": (lambda record: json.dumps(record).encode()[:-9], "is no receipt"),
    "a list": (lambda record: [record], "is no receipt"),
    "very deep": (lambda record: b"[" * 200_000, "is no receipt"),
    "lone surrogate": (lambda record: signed({**record, "question": "\ud800"}), "is no receipt"),
    "another version": (lambda record: {"format": 2, "anything": "else"}, "has format 2, this version reads 1"),
    "huge version": (lambda record: {"format": "9" * 9999}, "this version reads 1"),
    "no version": (lambda record: without(record, "format"), "'format'"),
    "no question": (lambda record: without(record, "question"), "'question'"),
    "no quote": (lambda record: {**record, "citations": [without(record["citations"][0], "quote")]}, "quote"),
    "unknown field": (lambda record: signed({**record, "a\nb\x1b[31m": 1}), r"a\nb\x1b[31m"),
    "number for text": (lambda record: signed({**record, "text": 5}), "'text'"),
    "text for number": (lambda record: with_citation(record, start="5"), "start"),
    "yes for number": (lambda record: with_citation(record, number=True), "number"),
    "no list": (lambda record: signed({**record, "citations": None}), "'citations'"),
    "negative start": (lambda record: with_citation(record, start=-60, end=-3), "not as long as its quote"),
    "end too far": (lambda record: with_citation(record, end=10**30), "not as long as its quote"),
    "empty quote": (
        lambda record: with_citation(record, start=5, end=5, quote="", quote_hash=content_hash(b"")),
        "not as long as its quote",
    ),
    "quote altered": (
        lambda record: with_citation(record, quote=DEPTH.replace("1,200", "9,999")),
        "was altered after it was saved: the quote of citation 1 does not match its hash",
    ),
    "answer altered": (lambda record: {**record, "text": "It flies."}, "its checksum does not match"),
    "short of nothing": (
        lambda record: signed({**record, "short": {"number": 1, "start": 3, "end": 7, "quote": "made"}}),
        "its short answer is no part of what it cites",
    ),
    **{
        f"id {identity[:40]!r}": (
            lambda record, identity=identity: with_citation(record, document_id=identity),
            "can be no article of a corpus folder",
        )
        for identity in [
            "", ".", "..", "../../etc/passwd", "../turtles.en.md", "sub/../turtles.en.md", "/etc/passwd", "/notes.md",
            "turtles.en.md\0", "turtles\0.md", "C:\\notes.txt", "\\\\host\\share\\notes.md", "..\\notes.md",
            ".hidden.md", "sub//notes.md", "turtles.en", "x" * 99_999,
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CORRUPTIONS)
def test_a_corrupted_receipt_is_one_line(
    case: str, record: dict[str, Any], small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no receipt, or was altered, is said in one line that names file and cure, with exit code 2."""
    corrupt, reason = CORRUPTIONS[case]
    written = corrupt(record)
    path = tmp_path / "receipt.json"
    path.write_bytes(written if isinstance(written, bytes) else json.dumps(written).encode())
    assert main(["verify", str(path), "--corpus", str(small_corpus)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"qa: {path} ")
    assert reason in said.err
    assert said.err.count("\n") == 1
    assert said.err[:-1].isprintable()
    assert any(cure in said.err for cure in ("name a file that", "ask again", "the version that wrote it"))
    assert len(said.err) < 400 + len(str(path))
    assert said.out == "0 valid, 0 moved, 0 stale, 0 refused, 1 not read\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file")
def test_a_file_without_end_is_left_alone(small_corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file far too large for receipts is not read to its end, and is named."""
    assert main(["verify", "/dev/zero", "--corpus", str(small_corpus)]) == 2
    assert capsys.readouterr().err.startswith("qa: /dev/zero has more than 67,108,864 bytes; ")


def test_a_forged_place_is_told(record: dict[str, Any], small_corpus: Path) -> None:
    """A receipt whose hashes all match, but not the article that it says is unchanged, is told from an edit."""
    quote = DEPTH.replace("1,200", "9,999")
    forged = with_citation(record, quote=quote, quote_hash=content_hash(quote.encode()))
    receipt = receipts.parse(json.dumps(forged).encode(), "forged")
    altered = "the article is as it was, so the receipt was altered"
    assert verdict(receipt, small_corpus) == Verdict("stale", None, altered)


def test_a_receipt_commands_no_terminal(
    record: dict[str, Any], small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line ends, escapes and direction marks in a receipt print as one line of marks that do nothing."""
    hostile = with_citation(
        {**record, "question": "\x1b[2J\n  [1] valid \u202e", "saved": "\r\x9b"},
        document_id="a\x1b]0;x\x07\n[2] valid.md",
    )
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(hostile), encoding="utf-8")
    assert main(["verify", str(path), "--corpus", str(small_corpus)]) == 1
    said = capsys.readouterr().out
    assert [line[:9] for line in said.splitlines()[1:]] == ["  [1] mov", "0 valid, "]
    assert said.replace("\n", "").isprintable()


def test_ask_saves_and_verify_rechecks(
    small_index: Path, small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A saved answer is valid, after an edit above it moved, after an edit in it stale; the exit code says so."""
    path, article = tmp_path / "receipt.json", small_corpus / "turtles.en.md"
    path.write_bytes(b"something older")
    assert main(["ask", QUESTION, "--index", str(small_index), "--receipt", str(path)]) == 0
    assert list(tmp_path.glob("receipt*")) == [path]
    record = json.loads(path.read_text(encoding="utf-8"))
    said = capsys.readouterr().out
    assert record["text"] in said
    first, text = record["citations"][0], article.read_bytes().decode("utf-8")
    assert (record["format"], record["question"], first["quote"]) == (1, QUESTION, DEPTH)
    assert text[first["start"] : first["end"]] == DEPTH
    assert (first["quote_hash"], first["content_hash"]) == (
        hashlib.sha256(DEPTH.encode()).hexdigest(),
        hashlib.sha256(article.read_bytes()).hexdigest(),
    )
    assert text.startswith(first["before"] + DEPTH + first["after"], first["start"] - len(first["before"]))
    live = json.loads((small_index / "current.json").read_text(encoding="utf-8"))
    assert record["generation"] == live["generation"]
    assert str(tmp_path) not in path.read_text(encoding="utf-8")

    verify = ["verify", str(path), "--corpus", str(small_corpus)]
    count = len(record["citations"])
    assert main(verify) == 0
    said = capsys.readouterr().out
    assert f"  [1] valid · turtles.en.md · {first['start']}–{first['end']}\n" in said
    assert said.endswith(f"{count} valid, 0 moved, 0 stale, 0 refused, 0 not read\n")

    article.write_text(text.replace("## Diving", "## Deep diving"), encoding="utf-8", newline="\n")
    assert main(verify) == 1
    span, now = f"{first['start']}–{first['end']}", f"{first['start'] + 5}–{first['end'] + 5}"
    assert f"  [1] moved · turtles.en.md · {span} → turtles.en.md · {now}\n" in capsys.readouterr().out

    article.write_text(text.replace("1,200", "1,300"), encoding="utf-8", newline="\n")
    assert main([*verify, "--json"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert list(told) == ["receipt", "question", "answered", "spans"]
    assert (told["receipt"], told["question"], told["answered"]) == (str(path), QUESTION, True)
    assert told["spans"][0] == {
        "number": 1, "document_id": "turtles.en.md", "start": first["start"], "end": first["end"], "quote": DEPTH,
        "state": "stale", "now": None, "note": "no article says this any more",
    }  # fmt: skip


def test_a_file_of_questions_makes_a_file_of_receipts(
    index_folder: Path, corpus_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa ask --questions --receipt` saves a line an answer; a damaged line is named, the others are rechecked."""
    questions, path = tmp_path / "questions.jsonl", tmp_path / "receipts.jsonl"
    asked = ["How many chips does FlagOS 2.0 support?", " ", REFUSED, "How many robots ran the canteen?"]
    questions.write_text("".join(json.dumps({"question": question}) + "\n" for question in asked), encoding="utf-8")
    ask = ["ask", "--questions", str(questions), "--index", str(index_folder), "--receipt", str(path)]
    assert main(ask) == 2
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["question"] for line in lines if line] == [asked[0], asked[2], asked[3]]
    assert [json.loads(line)["text"] for line in lines if line] == [
        answer["text"] for answer in answers if "text" in answer
    ]
    verify = ["verify", str(path), "--corpus", str(corpus_folder)]
    assert main(verify) == 0
    said = capsys.readouterr().out
    assert "  a refusal: it cites nothing, so there is nothing to recheck\n" in said
    count = sum(len(answer.get("citations", [])) for answer in answers)
    assert said.endswith(f"{count} valid, 0 moved, 0 stale, 1 refused, 0 not read\n")
    lines[1] = lines[1][:50]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert main([*verify[:2], str(tmp_path / "missing.json"), *verify[2:], "--json"]) == 2
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["receipt"].removeprefix(str(path)) for each in told[:3]] == [", line 1", ", line 2", ", line 3"]
    assert ["error" in each for each in told] == [False, True, False, True]


def test_receipts_of_a_run_that_breaks_off_are_saved(small_index: Path, tmp_path: Path) -> None:
    """Where a file of questions cannot be read to its end, what was answered has its receipt; one before stays else."""
    questions, path = tmp_path / "questions.jsonl", tmp_path / "receipts.jsonl"
    asked = json.dumps({"question": QUESTION}).encode()
    ask = ["ask", "--questions", str(questions), "--index", str(small_index), "--receipt", str(path)]
    questions.write_bytes(asked + b"\n" * 100_000 + b"\xff")
    assert main(ask) == 2
    saved = path.read_bytes()
    assert json.loads(saved)["question"] == QUESTION
    questions.write_bytes(b"\xff" + asked)
    assert main(ask) == 2
    assert path.read_bytes() == saved


def test_a_refusal_has_a_receipt_too(
    index_folder: Path, corpus_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal is saved without citations; with `--json` as without, verifying it finds nothing to object to."""
    path = tmp_path / "receipt.json"
    assert main(["ask", REFUSED, "--json", "--index", str(index_folder), "--receipt", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["answered"] is False
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["question"], record["citations"], record["short"]) == (REFUSED, [], None)
    assert main(["verify", str(path), "--corpus", str(corpus_folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["answered"], told["spans"]) == (False, [])


@pytest.mark.parametrize("where", ["a folder", "in no folder", "in a file"])
def test_a_receipt_that_cannot_be_written_is_one_line(
    where: str, index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a receipt cannot be written, one line names the place, with exit code 2, and nothing is left there."""
    (tmp_path / "file").write_bytes(b"kept")
    path = {"a folder": tmp_path, "in no folder": tmp_path / "no" / "r", "in a file": tmp_path / "file" / "r"}[where]
    assert main(["ask", REFUSED, "--index", str(index_folder), "--receipt", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("qa: ")
    assert str(path) in said
    assert said.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_verify_says_where_the_articles_are_missing(
    record: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a folder of articles nothing is called stale: one line names the option, with exit code 2."""
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    assert main(["verify", str(path), "--corpus", str(tmp_path / "nowhere")]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n"), "--corpus" in said.err) == ("", 1, True)


def test_a_chat_gives_the_receipt_of_its_answers(small_index: Path, small_corpus: Path) -> None:
    """The receipt keeps short span and conflict; both are rechecked, and a changed article gives no receipt."""
    chat = Chat.open(small_index, Settings(answer=AnswerSettings(minimum_confidence=0.0)))
    answer = chat.ask(QUESTION)
    first = answer.citations[0]
    start = first.start + first.quote.index("1,200 metres")
    short = replace(first, start=start, end=start + len("1,200 metres"), quote="1,200 metres")
    receipt = chat.receipt(replace(answer, short=short, conflict=(first,), searched_as="turtle depth"))
    assert receipts.parse(receipts.to_json(receipt).encode(), "it") == receipt
    assert receipt.short == receipts.ShortSpan(1, start, start + len("1,200 metres"), "1,200 metres")
    assert (receipt.searched_as, receipt.conflict) == ("turtle depth", receipt.citations[:1])
    verdicts = receipts.verify(receipt, Articles(small_corpus))
    assert [each.state for each in verdicts] == ["valid"] * (len(answer.citations) + 1)
    path = small_corpus / "turtles.en.md"
    path.write_bytes(b"\n" + path.read_bytes())
    with pytest.raises(ReceiptError, match=r"turtles\.en\.md has changed"):
        chat.receipt(answer)
    path.unlink()
    with pytest.raises(CorpusError, match="qa build"):
        chat.receipt(answer)


def test_the_digest_tells_corpora_apart(small_index: Path, small_corpus: Path, tmp_path: Path) -> None:
    """Two builds of the same articles give receipts with the same digest, a build of edited ones with another."""
    other, index = tmp_path / "other", tmp_path / "other index"
    digests = []
    shutil.copytree(small_corpus, other)
    for edit in (b"", b"One more line.\n"):
        (other / "clocks.txt").write_bytes((small_corpus / "clocks.txt").read_bytes() + edit)
        assert main(["build", "--corpus", str(other), "--index", str(index)]) == 0
        chat = Chat.open(index)
        digests.append(chat.receipt(chat.ask(QUESTION)).corpus_digest)
    chat = Chat.open(small_index)
    assert chat.receipt(chat.ask(QUESTION)).corpus_digest == digests[0] != digests[1]


@pytest.mark.skipif(not hasattr(os, "symlink") or sys.platform == "win32", reason="links need rights on Windows")
def test_a_receipt_behind_a_link_is_written_behind_it(index_folder: Path, tmp_path: Path) -> None:
    """A link stays a link: what it names is replaced, as with any tool that writes a file."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "receipt.json").symlink_to(tmp_path / "kept" / "receipt.json")
    assert main(["ask", REFUSED, "--index", str(index_folder), "--receipt", str(tmp_path / "receipt.json")]) == 0
    assert (tmp_path / "receipt.json").is_symlink()
    assert isinstance(only(tmp_path / "kept" / "receipt.json"), Receipt)
