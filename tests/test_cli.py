import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import write_articles

from qa import generations
from qa.cli import main

QUESTION = "众智FlagOS 2.0支持多少款芯片？"
GOLD = [
    {
        "id": "zh-1", "question": "京津冀创业投资引导基金的总规模是多少？", "language": "zh", "type": "number",
        "documents": ["jingjinji-collaboration-data.zh.md"], "answers": ["500亿元"],
    },
    {
        "id": "en-1", "question": "How many chips does FlagOS 2.0 support?", "language": "en", "type": "number",
        "documents": ["open-source-flagos.en.md"], "answers": ["32 AI chips"],
    },
    {"id": "no-1", "question": "火星上的基地什么时候建成？", "language": "zh", "type": "unanswerable"},
]  # fmt: skip


def write_lines(path: Path, *records: object) -> Path:
    """A JSON Lines file of records; text and bytes are written as they are."""
    lines = [
        record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode() for record in records
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def qa_command() -> str:
    """The console script of the environment the tests run in."""
    found = shutil.which("qa", path=str(Path(sys.executable).parent)) or shutil.which("qa")
    assert found, "the package is not installed: pip install -e ."
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_process_may_hold_the_files_of_a_large_index() -> None:
    """Where a process may hold few files at first, as on macOS, a command lets itself hold as many as it may need."""
    script = (
        "import resource; from qa.cli import main; most = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
        " resource.setrlimit(resource.RLIMIT_NOFILE, (256, most)); main(['verify', 'none.json']);"
        " print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    now, most = map(int, found.stdout.splitlines()[-1].split())
    assert now == (4096 if most == -1 else min(4096, most)) > 256


def test_build_says_what_it_built(small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`qa build` prints one line with the counts and the folder, and names what it left out and what it assumed."""
    (small_corpus / "old.txt").write_bytes(b"caf\xe9")
    (small_corpus / "clocks.txt").write_bytes("最古老的钟在一座教堂里，没有钟面。".encode("gb18030"))
    assert main(["build", "--corpus", str(small_corpus), "--index", str(tmp_path / "index")]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    assert said.out.startswith("4 articles, ")
    assert str(generations.live_folder(tmp_path / "index")) in said.out
    assert said.err.splitlines() == [
        "left out: old.txt: not UTF-8 (byte 3), UTF-16, GB18030 or Big5; save it as UTF-8",
        "read as gb18030: clocks.txt",
    ]


def test_strict_build_stops_at_what_it_cannot_read(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa build --strict` names the article that cannot be read, exits with 2 and builds nothing."""
    (small_corpus / "old.txt").write_bytes(b"caf\xe9")
    assert main(["build", "--strict", "--corpus", str(small_corpus), "--index", str(tmp_path / "index")]) == 2
    assert "old.txt cannot be read: not UTF-8" in capsys.readouterr().err
    assert list((tmp_path / "index").glob("generation-*")) == []


def test_limit_is_named_where_it_leaves_an_article_out(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An article beyond a limit is left out with the limit and the option that raises it, and raising it reads it."""
    build = ["build", "--corpus", str(small_corpus), "--index", str(tmp_path / "index")]
    (small_corpus / "long.txt").write_text("A sentence of a long article. " * 100, encoding="utf-8")
    assert main([*build, "--limit", "file_bytes=1000"]) == 0
    assert "left out: long.txt: it has 3,000 bytes (limit 1,000); raise it with --limit file_bytes=N" in (
        capsys.readouterr().err
    )
    assert main([*build, "--limit", "file_bytes=3000"]) == 0
    assert capsys.readouterr().err == ""


def test_ask_prints_quotes_and_their_places(
    index_folder: Path, corpus_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa ask` prints the cited sentences, then file, headings and characters of each, which hold the sentence."""
    assert main(["ask", "How many chips does FlagOS 2.0 support?", "--index", str(index_folder)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "32 AI chips from 18 vendors across all scenarios." in said.out
    place = next(line for line in said.out.splitlines() if line.startswith("[1] open-source-flagos.en.md · "))
    start, end = map(int, place.rsplit(" · ", 1)[1].split("–"))
    assert "32 AI chips" in (corpus_folder / "open-source-flagos.en.md").read_bytes().decode("utf-8")[start:end]


def test_ask_prints_json_of_the_stable_form(
    index_folder: Path, corpus_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa ask --json` prints one line with exactly the promised keys, answered or refused."""
    for question, answered in ((QUESTION, True), ("火星上的基地什么时候建成？", False)):
        assert main(["ask", question, "--json", "--index", str(index_folder)]) == 0
        record = json.loads(capsys.readouterr().out)
        assert list(record) == [
            "question", "searched_as", "answered", "text", "confidence", "short", "conflict", "citations", "passages",
        ]  # fmt: skip
        assert (record["question"], record["answered"], bool(record["citations"])) == (question, answered, answered)
        for citation in record["citations"]:
            assert list(citation) == ["number", "document_id", "title", "path", "start", "end", "quote", "headings"]
            text = (corpus_folder / citation["path"]).read_bytes().decode("utf-8")
            assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert len(record["passages"]) == 10
        for passage in record["passages"]:
            sides = ["score", "dense", "lexical", "alignment"]
            assert list(passage) == ["document_id", "path", "start", "end", "text", *sides]


def test_ask_answers_a_file_line_for_line(
    index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa ask --questions` prints a line for each line; a bad one says why, the rest are answered, the code is 2."""
    path = write_lines(
        tmp_path / "questions.jsonl",
        {"id": "first", "question": QUESTION},
        b"not JSON",
        b"[1, 2]",
        {"id": "no question"},
        {"id": "blank", "question": "  "},
        {"id": "null", "question": None},
        {"question": "How many chips does FlagOS 2.0 support?"},
        b'{"id": "surrogate", "question": "FlagOS 2.0 \\ud800"}',
        b"[" * 200_000,
        {"id": "last", "question": "朱松纯是谁？\u2028"},
    )
    assert main(["ask", "--questions", str(path), "--index", str(index_folder)]) == 2
    said = capsys.readouterr()
    records = [json.loads(line) for line in said.out.split("\n") if line]
    assert [record["id"] for record in records] == [
        "first",
        2,
        3,
        "no question",
        "blank",
        "null",
        7,
        "surrogate",
        9,
        "last",
    ]
    assert ["error" in record for record in records] == [False, True, True, True, True, True, False, False, True, False]
    assert all(record["citations"] for record in (records[0], records[6], records[9]))
    assert said.err == ""
    write_lines(path, {"id": "first", "question": QUESTION})
    assert main(["ask", "--questions", str(path), "--index", str(index_folder)]) == 0


@pytest.mark.parametrize("identity", ["NaN", "-Infinity", "1e999", '{"a": [NaN]}'])
def test_an_id_that_is_no_json_is_refused(
    index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], identity: str
) -> None:
    """A line whose id cannot be said again as JSON is refused by its number, and what is printed is JSON throughout."""
    line = f'{{"id": {identity}, "question": "{QUESTION}"}}'
    path = write_lines(tmp_path / "questions.jsonl", line.encode())
    assert main(["ask", "--questions", str(path), "--index", str(index_folder)]) == 2
    record = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert record == {"id": 1, "error": 'line 1 is not JSON with "question"'}


def test_lines_of_a_chain_are_a_conversation(
    index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines of one chain build on those before them, even with other lines between; a line without one on none."""
    path = write_lines(
        tmp_path / "questions.jsonl",
        {"question": QUESTION, "chain": "a"},
        {"question": "How many robots ran the canteen?", "chain": 2},
        {"question": "它是哪个团队做的？"},
        {"question": "它是哪个团队做的？", "chain": "a"},
        {"question": "Which companies made them?", "chain": 2},
    )
    assert main(["ask", "--questions", str(path), "--index", str(index_folder)]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.split("\n") if line]
    assert [record["searched_as"] for record in records] == [
        "", "", "", "众智FlagOS 2.0是哪个团队做的？", "Which companies made the robots of the canteen?",
    ]  # fmt: skip


def test_chat_holds_a_conversation(
    index_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa chat` answers line by line with the lines before, says what went wrong and goes on; `/new` forgets."""
    lines = [QUESTION, "", "？？", "它是哪个团队做的？", "/new", "它是哪个团队做的？"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert main(["chat", "--index", str(index_folder)]) == 0
    said = capsys.readouterr()
    assert said.out.count("（按“众智FlagOS 2.0是哪个团队做的？”检索）") == 1
    assert said.out.count("检索") == 1
    assert "32 AI chips from 18 vendors across all scenarios." in said.out
    assert said.err == "qa: The question holds no word or number; ask in Chinese or English.\n"


def test_chat_speaks_utf8_through_a_pipe(index_folder: Path) -> None:
    """The console script reads and prints Chinese through pipes, without a prompt, whatever the terminal's encoding."""
    done = subprocess.run(
        [qa_command(), "chat", "--index", str(index_folder)],
        input=f"{QUESTION}\n它是哪个团队做的？\n".encode(), capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert "（按“众智FlagOS 2.0是哪个团队做的？”检索）" in done.stdout.decode("utf-8")
    assert not done.stdout.startswith(b"?")


def test_a_file_is_answered_line_for_line_when_articles_have_gone(
    small_index: Path, small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A question whose articles have changed since the build has its own error line, like any that cannot be asked."""
    path = write_lines(
        tmp_path / "questions.jsonl", {"id": "one", "question": "茶"}, {"id": "two", "question": "turtle"}
    )
    for article in small_corpus.rglob("*.*"):
        article.unlink()
    assert main(["ask", "--questions", str(path), "--index", str(small_index)]) == 2
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["id"], "error" in record) for record in records] == [("one", True), ("two", True)]


def test_eval_prints_writes_and_keeps_the_floor(
    index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa eval` prints every measure, writes the report, and exits with 1 under a floor, 0 on it, 2 for a wrong one."""
    path = write_lines(tmp_path / "gold.jsonl", *GOLD)
    report = tmp_path / "reports" / "report.json"
    command = ["eval", "--questions", str(path), "--index", str(index_folder)]
    assert main([*command, "--output", str(report), "--floor", "answer recall=0", "--floor", "recall@10=1"]) == 0
    printed = capsys.readouterr().out
    written = json.loads(report.read_text(encoding="utf-8"))
    assert [question["id"] for question in written["questions"]] == ["zh-1", "en-1", "no-1"]
    figures = written["figures"]["all"]
    assert figures["answer recall"]["count"] == 2
    assert figures["rightly refused"]["count"] == 1
    for name, figure in figures.items():
        assert f"  {name:<26} {figure['mean']:.3f} " in printed
    for part, name in (("reliability", "expected calibration error"), ("risk and coverage", "area")):
        assert f"{name} {written['confidence'][part][name]:.3f}" in printed
    assert main([*command, "--floor", "answer recall=1.01"]) == 1
    assert capsys.readouterr().err.startswith("qa: answer recall ")
    assert main([*command, "--floor", "no such measure=1"]) == 2
    assert "recall@10" in capsys.readouterr().err


def test_eval_tells_what_moved_since_an_earlier_report(
    index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa eval --against` names the questions that moved, were added or removed, and tests every measure in pairs."""
    report, index = tmp_path / "report.json", ["--index", str(index_folder)]
    old = write_lines(tmp_path / "old.jsonl", *GOLD[:2])
    assert main(["eval", "--questions", str(old), *index, "--output", str(report)]) == 0
    capsys.readouterr()
    other = {**GOLD[1], "answers": ["no such words"]}
    new = write_lines(tmp_path / "new.jsonl", other, GOLD[2])
    assert main(["eval", "--questions", str(new), *index, "--against", str(report), "--output", str(report)]) == 0
    lines = capsys.readouterr().out.splitlines()
    place = lines.index(f"lost    en-1  {GOLD[1]['question']}")
    assert "        - answer recall 1 → 0" in lines[place:]
    assert "1 of 1 questions moved." in lines
    assert any(line.startswith("  answer recall ") and "McNemar, n=1" in line for line in lines[place:])
    assert lines[-3:] == ["added (1): no-1", "removed (1): zh-1", "altered (1): en-1"]
    assert [each["id"] for each in json.loads(report.read_text(encoding="utf-8"))["questions"]] == ["en-1", "no-1"]


def test_eval_measures_follow_ups_beside_the_questions(
    index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Chains in `follow_ups.jsonl` beside the questions, or in the file that is named, are measured with them."""
    turn = {"standalone": True, "means": "", **{key: GOLD[0][key] for key in ("question", "documents", "answers")}}
    path = write_lines(tmp_path / "gold.jsonl", *GOLD)
    command = [
        "eval",
        "--questions",
        str(path),
        "--index",
        str(index_folder),
        "--output",
        str(tmp_path / "report.json"),
    ]
    named = write_lines(tmp_path / "named.jsonl", {"id": "chain-1", "language": "zh", "turns": [turn, turn]})

    def measured(*more: str) -> list[str]:
        assert main([*command, *more]) == 0
        assert ("turns: first (1)" in capsys.readouterr().out) == bool(more or (tmp_path / "follow_ups.jsonl").exists())
        report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        return [each["id"] for each in report.get("follow_ups", {"questions": []})["questions"]]

    assert measured() == []
    assert measured("--follow-ups", str(named)) == ["chain-1/1", "chain-1/2"]
    named.rename(tmp_path / "follow_ups.jsonl")
    assert measured() == ["chain-1/1", "chain-1/2"]


def test_a_gold_question_may_hold_any_character(
    index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON allows a line separator inside a string; such a line of a gold file is one line."""
    path = write_lines(tmp_path / "gold.jsonl", {**GOLD[0], "question": f"{GOLD[0]['question']}\u2028\u0085"})
    assert main(["eval", "--questions", str(path), "--index", str(index_folder)]) == 0
    assert "answer recall" in capsys.readouterr().out


@pytest.mark.parametrize(
    "case",
    [
        *("no index", "corpus missing", "corpus empty", "empty article", "article not UTF-8", "index damaged"),
        *("pointer damaged", "blank question", "question and file", "neither", "no such file", "file not UTF-8"),
        *("gold not JSON", "gold empty", "no such model", "passages too small", "index is a file", "report unwritable"),
        *("no old report", "old report without outcomes", "no follow-ups", "follow-ups not JSON"),
    ],
)
def test_an_error_is_one_line(case: str, small_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a person gets wrong is said in exactly one line on stderr, with exit code 2 and nothing on stdout."""
    folder, missing = tmp_path / "empty", str(tmp_path / "missing")
    folder.mkdir()
    index, build = ["--index", str(small_index)], ["build", "--index", str(tmp_path / "new"), "--corpus"]
    gold = write_lines(tmp_path / "gold.jsonl", *GOLD)
    commands = {
        "no index": ["ask", QUESTION, "--index", missing],
        "corpus missing": [*build, missing],
        "corpus empty": [*build, str(folder)],
        "empty article": [*build, str(folder)],
        "article not UTF-8": [*build, str(folder)],
        "index damaged": ["ask", QUESTION, *index],
        "pointer damaged": ["ask", QUESTION, *index],
        "blank question": ["ask", " ", *index],
        "question and file": ["ask", QUESTION, "--questions", str(gold), *index],
        "neither": ["ask", *index],
        "no such file": ["ask", "--questions", missing, *index],
        "file not UTF-8": ["ask", "--questions", str(write_lines(tmp_path / "gb.jsonl", b"\xd6\xd0\xff")), *index],
        "gold not JSON": ["eval", "--questions", str(write_lines(tmp_path / "bad.jsonl", b"{")), *index],
        "gold empty": ["eval", "--questions", str(write_lines(tmp_path / "none.jsonl", b"")), *index],
        "no such model": [*build, str(tmp_path / "articles"), "--embedder", missing],
        "passages too small": [*build, str(tmp_path / "articles"), "--passage-bytes", "1"],
        "index is a file": ["build", "--corpus", str(tmp_path / "articles"), "--index", str(gold)],
        "no old report": ["eval", "--questions", str(gold), "--against", missing, *index],
        "old report without outcomes": ["eval", "--questions", str(gold), "--against", str(gold), *index],
        "no follow-ups": ["eval", "--questions", str(gold), "--follow-ups", missing, *index],
        "follow-ups not JSON": ["eval", "--questions", str(gold), "--follow-ups", str(gold), *index],
        "report unwritable": ["eval", "--questions", str(gold), "--output", str(gold / "report.json"), *index],
    }
    if case == "empty article":
        (folder / "empty.md").write_bytes(b"")
    elif case == "article not UTF-8":
        (folder / "old.md").write_bytes("旧编码".encode("gb18030"))
    elif case == "index damaged":
        (generations.live_folder(small_index) / "states.npy").write_bytes(b"damage")
    elif case == "pointer damaged":
        (small_index / "current.json").write_bytes(b'{"generation": "../elsewhere"}')
    assert main(commands[case]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("qa: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    assert said.out == "" or case == "report unwritable"


def test_the_installed_command_speaks_utf8(index_folder: Path, tmp_path: Path) -> None:
    """The console script takes and prints Chinese, exits with 2 on an error, and shows no traceback."""
    command = [qa_command(), "ask", QUESTION, "--json", "--index"]
    done = subprocess.run([*command, str(index_folder)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode("utf-8"))["question"] == QUESTION
    failed = subprocess.run([*command, str(tmp_path / "missing")], capture_output=True, check=False)
    assert (failed.returncode, failed.stdout) == (2, b"")
    assert failed.stderr.decode("utf-8").count("\n") == 1
    assert b"Traceback" not in failed.stderr


def test_index_lists_switches_and_prunes(
    small_corpus: Path, small_index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa index` names the generations and which is live, changes that, and removes what is not wanted."""
    at = ["--index", str(small_index)]
    first = generations.live_folder(small_index).name
    (small_corpus / "clocks.txt").write_text("The oldest clock has no face at all.\n", encoding="utf-8")
    assert main(["build", "--corpus", str(small_corpus), *at]) == 0
    assert "passages: 0 added, 1 changed, 0 removed, " in capsys.readouterr().out
    second = generations.live_folder(small_index).name
    assert main(["index", "list", *at]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[first, "kept"], [second, "live"]]
    assert main(["index", "rollback", *at]) == 0
    assert capsys.readouterr().out == f"live: {first}\n"
    assert main(["index", "switch", "2", *at]) == 0
    assert capsys.readouterr().out == f"live: {second}\n"
    assert main(["index", "prune", "--keep", "1", *at]) == 0
    assert capsys.readouterr().out == f"removed: {first}\n"
    assert main(["index", "switch", "1", *at]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_command_prints_what_commands_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes in titles, names and quotes reach no terminal raw, from any command; in JSON they are whole."""
    escape, turn = "\x1b[31m", "\u202e"
    text = f"# The {escape}red{turn} tower\n\nThe {escape}red{turn} tower of the harbour is 30 metres tall.\n"
    corpus = write_articles(tmp_path / "corpus", {f"tower{turn}.md": text, f"copy{turn}.md": text, "b.txt": "a"})
    (corpus / "broken\u202e.md").write_bytes(b"\xff\x00 \x81")
    places = ["--corpus", str(corpus), "--index", str(tmp_path / "index")]
    question = f"How tall is the {escape}red{turn} tower of the harbour?"
    commands = (
        ["build", *places], ["build", "--json", *places], ["lint", *places], ["lint", "--json", *places],
        ["index", "list", *places[2:]], ["ask", "--explain", question, *places[2:]],
        ["ask", "--json", question, *places[2:]], ["ask", turn, *places[2:]],
    )  # fmt: skip
    for command in commands:
        main(command)
        said = capsys.readouterr()
        assert not {"\x1b", "\u202e"} & {*said.out, *said.err}, command
        assert said.out or said.err
    main(["ask", "--json", question, *places[2:]])
    record = json.loads(capsys.readouterr().out)
    assert record["question"] == question
    assert f"{escape}red{turn} tower" in record["citations"][0]["quote"]
