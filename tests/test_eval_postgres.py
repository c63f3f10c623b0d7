import json
from pathlib import Path

import postgres as measuring
import pytest
from postgres_server import PostgresServer

ASKED = [
    {"id": "1", "question": "How deep can a leatherback turtle dive?", "language": "en", "type": "number",
     "documents": ["turtles.en.md"], "answers": ["1,200 metres"], "crossing": False},
    {"id": "2", "question": "泡白毫银针要用多少度的水？", "language": "zh", "type": "number",
     "documents": ["tea.zh.md"], "answers": ["80度"], "crossing": False},
]  # fmt: skip


def test_a_small_store_is_measured_beside_a_folder(
    small_corpus: Path, tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find what was planted and have the same measures; what was made is gone again, but for the report."""
    questions, output = tmp_path / "questions.jsonl", tmp_path / "report.json"
    questions.write_text("\n".join(json.dumps(each) for each in ASKED), encoding="utf-8")
    for name, value in {"PLANTED": 4, "SHIPPED": small_corpus, "QUESTIONS": questions}.items():
        monkeypatch.setattr(measuring, name, value)
    databases = "SELECT count(*) FROM pg_database"
    before = postgres.execute("postgres", databases)
    assert measuring.main([postgres.url("postgres"), "--passages", "100", "--output", str(output)]) == 0
    assert postgres.execute("postgres", databases) == before
    report = json.loads(output.read_text(encoding="utf-8"))
    shipped, made = report["shipped articles"], report["made up"]
    assert shipped["questions"] == 2
    assert shipped["folder"] == shipped["store"]
    assert made["passages"] == 100
    assert made["found"]["folder"] == made["found"]["store"] == {"R@1": 1.0, "R@10": 1.0}
    assert made["of the 10 nearest vectors, found"] == 1.0
    assert made["bytes a passage"]["all"] > made["bytes a passage"]["passages"] > 1_000
