from pathlib import Path

from qa.question_files import SavedQuestion, lines, read


def test_each_form_of_file_gives_its_questions(tmp_path: Path) -> None:
    """A line of text is a question; one of JSON may bring its id and chain, and graded with a language and type."""
    (tmp_path / "plain.TXT").write_text("\ufeff one?\n\n二？\n", encoding="utf-8")
    assert read(tmp_path / "plain.TXT") == [SavedQuestion("1", "one?"), SavedQuestion("3", "二？")]
    records = (
        '{"question": "one?"}\n{"id": 7, "question": "二？", "chain": "a"}\n\n'
        '{"id": "x", "question": "three?", "language": "en", "type": "who"}\n'
    )
    (tmp_path / "lines.jsonl").write_text(records, encoding="utf-8")
    assert read(tmp_path / "lines.jsonl") == [
        SavedQuestion("1", "one?"),
        SavedQuestion("7", "二？", '"a"'),
        SavedQuestion("x", "three?", graded=True),
    ]


def test_a_line_separator_ends_no_line(tmp_path: Path) -> None:
    """Only a line end ends a line, of any system; the separators that Unicode adds stand inside one."""
    (tmp_path / "q.txt").write_bytes("a\u2028b\r\n\r\nc\u0085d\n".encode())
    assert list(lines(tmp_path / "q.txt")) == [(1, "a\u2028b\n"), (3, "c\u0085d\n")]
