from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_ARTICLES

from qa.config import IndexSettings
from qa.converted import ConvertedTexts
from qa.corpus import parse_document
from qa.datatypes import Document
from qa.earlier import Earlier
from qa.making import Maker
from qa.parts import (
    PARTS,
    Part,
    PartRecord,
    content_hash,
    document_of_line,
    part_name,
    passage_line,
    passage_of,
)
from qa.rows import Lines
from qa.segments import Segments

SETTINGS = IndexSettings(passage_bytes=100)


def documents(**others: str) -> list[Document]:
    return [parse_document(identity, text, f"of {identity}") for identity, text in {**SMALL_ARTICLES, **others}.items()]


def made(folder: Path, *articles: Document) -> tuple[PartRecord, Part]:
    """A part of articles."""
    (folder / PARTS).mkdir(parents=True)
    record = Maker(SETTINGS, Earlier(SETTINGS)).make(folder, articles)
    return record, Part.open(folder / record.file)


def same(one: Part, other: Part) -> bool:
    """Whether two parts are equal to the last byte."""
    columns = [each.name for each in fields(Part)]
    return all(
        all(np.array_equal(getattr(ours, each), getattr(theirs, each)) for each in Segments.__slots__)
        if isinstance(ours, Segments)
        else list(ours) == list(theirs)
        if isinstance(ours, Lines)
        else np.array_equal(ours, theirs) and ours.dtype == theirs.dtype
        for ours, theirs in ((getattr(one, name), getattr(other, name)) for name in columns)
    )


def test_a_part_that_is_saved_is_the_one_that_is_opened(tmp_path: Path) -> None:
    """Saved and opened, every column is as it was, in the same bytes each time it is written."""
    record, part = made(tmp_path / "one", *documents())
    part.save(tmp_path / "again")
    assert same(Part.open(tmp_path / "again"), part)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "one" / record.file).read_bytes()
    assert made(tmp_path / "other", *documents())[0] == record
    assert (tmp_path / "other" / record.file).read_bytes() == (tmp_path / "again").read_bytes()


@pytest.mark.parametrize("texts", [[], [""], ["", "---\ntitle: x\n---\n", ""]], ids=str)
def test_a_part_without_a_row_is_a_part(tmp_path: Path, texts: list[str]) -> None:
    """Articles without a passage, or no article at all, make a part that is saved and opened as any other."""
    articles = [parse_document(f"{number}.md", text, str(number)) for number, text in enumerate(texts)]
    record, part = made(tmp_path / "one", *articles)
    assert (record.articles, record.passages, len(part)) == (len(texts), 0, 0)
    assert [document_of_line(line, row).id for row, line in enumerate(part.documents)] == [
        article.id for article in articles
    ]
    assert part.bounds.tolist() == [0] * (len(texts) + 1)
    assert part.vectors.shape == (0, part.vectors.shape[1])
    part.save(tmp_path / "again")
    assert same(Part.open(tmp_path / "again"), part)


def test_a_part_has_the_rows_of_its_articles_in_order(tmp_path: Path) -> None:
    """Of each article a part has its line, its text where that was converted, and its passages between its bounds."""
    page = parse_document("page.html", "# 标题\n\nText of a page.\n", "page")
    articles = [documents()[0], page, *documents()[1:]]
    record, part = made(tmp_path, *articles)
    assert (record.articles, record.passages) == (len(articles), len(part))
    for number, article in enumerate(articles):
        assert document_of_line(part.documents[number], number) == Document(
            **{each.name: getattr(article, each.name) for each in fields(Document)} | {"text": ""}
        )
        rows = range(part.bounds[number], part.bounds[number + 1])
        passages = [passage_of(part.passages[row], row) for row in rows]
        assert passages
        assert {passage.document_id for passage in passages} == {article.id}
        assert [article.text[passage.start : passage.end] for passage in passages] == [each.text for each in passages]
        assert [passage_line(passage) for passage in passages] == part.passages[rows.start : rows.stop]
        assert part.contents(number) == [content_hash(passage) for passage in passages]
    texts = ConvertedTexts((article.id, part.converted, number) for number, article in enumerate(articles))
    assert dict(texts) == {"page.html": page.text}
    assert (len(texts), list(texts), texts.get("clocks.txt")) == (1, ["page.html"], None)


def test_a_part_remembers_what_articles_were_read_as(tmp_path: Path) -> None:
    """The record of a part tells the encoding of each article that was not UTF-8, and of no other."""
    articles = [
        Document(**{each.name: getattr(article, each.name) for each in fields(Document)} | {"encoding": encoding})
        for article, encoding in zip(documents(), ["utf-8", "gb18030", "", "big5"], strict=True)
    ]
    record, _ = made(tmp_path, *articles)
    assert record.encodings == {articles[1].id: "gb18030", articles[3].id: "big5"}


def test_a_name_follows_from_ids_contents_and_their_order() -> None:
    """Articles of other ids or contents, more, fewer or in another order make a part of another name."""
    names = [
        part_name(articles)
        for articles in (
            [],
            [("a", "1")],
            [("a", "2")],
            [("b", "1")],
            [("a", "1"), ("b", "2")],
            [("b", "2"), ("a", "1")],
            [("a", "2"), ("b", "1")],
            [("a", "1"), ("b", "2"), ("c", "3")],
            [("a1", "")],
            [("文\udce4", "1")],
        )
    ]
    assert len(set(names)) == len(names)
    assert part_name({"a": "1", "b": "2"}.items()) == names[4]
    assert all(name.isascii() and name.isalnum() for name in names)
