"""An index in PostgreSQL beside one in a folder: the same answers, how long they take, and what a passage takes there.

    python eval/postgres.py URL [--passages 100000] [--folder DIR] [--squad QUESTIONS.json …] [--output FILE]

URL leads to a server with pgvector on which databases may be created: one is, for each corpus, and is dropped again but
where a folder is named, in which the articles and the index are kept too, to be asked another time. The questions of
`eval/questions.jsonl` are put to the shipped articles, those of SQuAD-format files to their paragraphs, and planted
ones to articles that `eval/synthetic.py` makes; each to both indexes in turn, so that they share what the machine has.
Needs `pip install -e ".[test]"`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from arguments import write
from edits import SETTLED_SECONDS, edit
from psycopg import conninfo, sql
from scale import ALL, found
from synthetic import SHIPPED, Planted, write_articles

from qa import generations, question_sets
from qa.chat import Chat
from qa.config import IndexSettings, SearchSettings, Settings
from qa.corpus import article_names
from qa.evaluation import paired_cases
from qa.index import SearchIndex
from qa.query import encode
from qa.retriever import Retriever
from qa.store import Store
from qa.storing import build

QUESTIONS = Path(__file__).with_name("questions.jsonl")
PLANTED, ASKED = 200, 100  # of which so many are asked for vectors
SIZES = """SELECT relname, pg_total_relation_size(oid) - pg_indexes_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relnamespace = 'wenju'::regnamespace AND relkind = 'r'"""
INDEXES = """SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relnamespace = 'wenju'::regnamespace AND relkind = 'i' AND relname LIKE 'passages%'"""


@contextmanager
def database(url: str, name: str, keep: bool) -> Iterator[str]:
    """The address of a database of a name, made where it is missing."""
    named = sql.Identifier(name)
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(named))
        yield conninfo.make_conninfo(url, dbname=name)
        if not keep:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))


def timed(chats: dict[str, Chat], questions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Milliseconds of the whole of a question, for each index, asked in turn."""
    taken: dict[str, list[float]] = {name: [] for name in chats}
    for question in questions:
        for name, chat in chats.items():
            began = time.perf_counter()
            chat.ask(question)
            taken[name].append(1000 * (time.perf_counter() - began))
    return {
        name: {f"p{share}": round(float(np.percentile(each, share)), 1) for share in (50, 95)}
        for name, each in taken.items()
    }


def sizes(url: str, passages: int) -> dict[str, float]:
    """Bytes a passage, by table (with its long values) and by index of the passages."""
    found: dict[str, float] = {}
    with psycopg.connect(url) as connection:
        for table, rows, indexes in connection.execute(SIZES).fetchall():
            found[table] = rows
            if table != "passages":
                found[f"{table}, its indexes"] = indexes
        found |= dict(connection.execute(INDEXES).fetchall())
    each = {name: round(size / passages, 1) for name, size in found.items() if size / passages >= 1}
    return {**each, "all": round(sum(found.values()) / passages, 1)}


def near(index: SearchIndex, question: str, count: int) -> set[tuple[str, int]]:
    """The passages nearest to a question in both languages, by where they stand."""
    vector = encode(index, question).vector
    rows = [row for each in index.nearest.values() for row, _ in each.search(vector, count)]
    return {(index.passages[row].document_id, index.passages[row].start) for row in rows}


def at_scale(url: str, folder: Path, passages: int) -> dict[str, Any]:
    """All figures of a corpus of about so many passages."""
    corpus, root, kept = folder / "corpus", folder / "index", folder / "planted.json"
    if not kept.exists():
        facts = write_articles(corpus, passages, PLANTED)
        kept.write_text(json.dumps([asdict(fact) for fact in facts]), encoding="utf-8")
        time.sleep(SETTLED_SECONDS)
    planted = [Planted(**fact) for fact in json.loads(kept.read_text(encoding="utf-8"))]
    report: dict[str, Any] = {"seconds to build": {}}
    report["seconds to build"]["folder"] = _seconds(lambda: generations.build(corpus, root, IndexSettings()))
    report["seconds to build"]["store"] = _seconds(lambda: build(corpus, Store(url), IndexSettings()))
    chats = {"folder": Chat.open(root), "store": Chat.open(Store(url))}
    report["passages"] = len(chats["store"].index.passages)
    report["bytes a passage"] = sizes(url, report["passages"])
    for chat in chats.values():
        chat.warm_up()
    report["milliseconds of a question"] = timed(chats, [fact.question for fact in planted])
    report["found"] = {name: found(chat, planted) for name, chat in chats.items()}
    exact = Chat.open(root, Settings(search=SearchSettings(exact_rows=ALL))).index
    for count in (10, 100):
        shares = [
            len(near(exact, fact.question, count) & near(chats["store"].index, fact.question, count)) / count / 2
            for fact in planted[:ASKED]
        ]
        report[f"of the {count} nearest vectors, found"] = round(float(np.mean(shares)), 4)
    edit(corpus / article_names(corpus)[0], 1)
    report["seconds after an edit"] = {
        "folder": _seconds(lambda: generations.build(corpus, root, IndexSettings())),
        "store": _seconds(lambda: build(corpus, Store(url), IndexSettings())),
    }
    return report


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return round(time.perf_counter() - began, 2)


def shipped(url: str, folder: Path) -> dict[str, Any]:
    """The measures of the project's own questions with both, and how long these take."""
    from qa import evaluation

    generations.build(SHIPPED, folder / "index", IndexSettings())
    build(SHIPPED, Store(url), IndexSettings())
    chats = {"folder": Chat.open(folder / "index"), "store": Chat.open(Store(url))}
    asked = question_sets.read(QUESTIONS, None).questions
    report: dict[str, Any] = {"questions": len(asked)}
    for name, chat in chats.items():
        anyway = evaluation.never_refusing(chat).ask
        figures = evaluation.evaluate(asked, chat.index.passages, chat.ask, anyway)["figures"]["all"]
        report[name] = {measure: round(figure["mean"], 4) for measure, figure in figures.items()}
    report["milliseconds of a question"] = timed(chats, [each.question for each in asked])
    return report


def squad(url: str, folder: Path, path: Path) -> dict[str, Any]:
    """Recall on a SQuAD-format file, its paragraphs an article each."""
    paragraphs, cases = paired_cases(path, path)
    names = {identity: f"{number:05d}.txt" for number, identity in enumerate(paragraphs)}
    (folder / "corpus").mkdir()
    for identity, text in paragraphs.items():
        (folder / "corpus" / names[identity]).write_text(text, encoding="utf-8", newline="\n")
    generations.build(folder / "corpus", folder / "index", IndexSettings())
    build(folder / "corpus", Store(url), IndexSettings())
    report: dict[str, Any] = {"questions": len(cases), "paragraphs": len(paragraphs)}
    for name, chat in {"folder": Chat.open(folder / "index"), "store": Chat.open(Store(url))}.items():
        retriever, ranks = Retriever(chat.index, chat.settings.search), []
        for case in cases:
            right = {names[identity] for identity in case.documents}
            stand = [hit.passage.document_id in right for hit in retriever.search(case.question)[1]]
            ranks.append(stand.index(True) if True in stand else 10)
        report[name] = {f"recall@{count}": round(float(np.mean([r < count for r in ranks])), 4) for count in (1, 5, 10)}
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", help="of a database on a server with pgvector, on which others may be created")
    parser.add_argument("--passages", type=int, default=100_000, help="made up; 0 makes none")
    parser.add_argument("--folder", type=Path, help="where what was made is kept, the database too")
    parser.add_argument("--squad", type=Path, nargs="*", default=[], help="SQuAD-format JSON, gzip'd or not")
    parser.add_argument("--output", type=Path, help="write the report as JSON")
    options = parser.parse_args(arguments)
    report: dict[str, Any] = {}
    measures: dict[str, Callable[[str, Path], dict[str, Any]]] = {"shipped articles": shipped}
    for path in options.squad:
        measures[path.name] = lambda url, folder, path=path: squad(url, folder, path)
    for number, (name, measure) in enumerate(measures.items()):
        with tempfile.TemporaryDirectory() as folder, database(options.url, f"wenju_set_{number}", False) as url:
            report[name] = measure(url, Path(folder))
    if options.passages:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
            folder = options.folder or Path(made)
            folder.mkdir(parents=True, exist_ok=True)
            with database(options.url, f"wenju_{options.passages}", bool(options.folder)) as url:
                report["made up"] = at_scale(url, folder, options.passages)
    print(json.dumps(report, indent=1))
    write(report, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
