import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qa

PACKAGE = Path(qa.__file__).parent

# A module may import only from those before it.
STAGES = [
    "offline", "version", "disk", "processes", "text", "messages", "converters", "encodings", "phrasing", "errors",
    "datatypes", "question_files", "changes", "embedder", "config", "files", "editing", "corpus", "passages", "vectors",
    "lexical", "bm25", "alignment", "fusion", "rows", "segments", "parts", "nearest", "manifest", "converted",
    "earlier", "inspection", "making", "makers", "plan", "lock", "index", "inventory", "generations", "watch",
    "postgres", "kept", "stored", "stored_articles", "stored_search", "stored_generations", "store", "storing",
    "question", "claims", "sounds", "translations", "query", "reading", "calibration", "ranking", "retriever",
    "explanation", "spans", "evidence", "quantities", "conflict", "missing", "answerer", "turns", "follow_up_chinese",
    "follow_up_english", "follow_up", "receipts", "llm", "support", "writer", "chat", "render", "asking", "worker",
    "metrics", "significance", "evaluation", "question_sets", "failures", "tables", "drawing", "feedback", "chains",
    "comparison", "impact", "building", "lint", "doctor", "users", "cli",
]  # fmt: skip

MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.glob("*.py"))}


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module a file imports, inside functions too; `from qa import index` counts as `qa.index`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            assert node.module is not None
            if node.module == "qa":
                yield from (f"qa.{alias.name}" for alias in node.names)
            else:
                yield node.module


def own_imports(module: str) -> set[str]:
    return {name.split(".")[1] for name in imported(MODULES[module]) if name.startswith("qa.")}


def importers(*libraries: str) -> set[str]:
    return {
        module for module, tree in MODULES.items() if {name.split(".")[0] for name in imported(tree)} & {*libraries}
    }


def test_every_module_has_its_place() -> None:
    """The stages listed here are the modules of the package, no more and no fewer."""
    assert sorted(STAGES) == sorted(MODULES.keys() - {"__init__"})


@pytest.mark.parametrize("module", STAGES)
def test_arrows_point_one_way(module: str) -> None:
    """A module imports only stages before its own, so that there is no cycle and a reader can start at the top."""
    assert own_imports(module) <= set(STAGES[: STAGES.index(module)])


@pytest.mark.parametrize("module", ["vectors", "lexical", "bm25", "alignment", "fusion"])
def test_engines_know_nothing_of_the_package(module: str) -> None:
    """The engines speak integers and floats only."""
    assert own_imports(module) == set()


@pytest.mark.parametrize(
    ("libraries", "modules"),
    [
        (("torch", "sentence_transformers", "transformers"), {"embedder"}),
        (("tokenizers",), {"embedder"}),
        (("safetensors",), {"embedder", "rows", "spans"}),
        (("faiss",), {"vectors"}),
        (("tantivy",), {"lexical"}),
        (("filelock",), {"lock"}),
        (("argon2",), {"users"}),
        (("Stemmer",), {"text"}),
        (("langchain_text_splitters",), {"passages"}),
        (("yaml",), {"corpus"}),
        (("ir_measures",), {"evaluation"}),
        (("pydantic",), {"receipts"}),
        (("gradio",), set()),
        (("eval",), set()),
        (("pickle", "shelve", "marshal", "joblib", "dill"), set()),
        (("httpx",), {"doctor", "llm"}),
        (("packaging",), {"doctor"}),
        (("socket",), {"offline"}),
        (("watchfiles",), {"watch"}),
        (("psycopg", "pgvector"), {"postgres"}),
        (("requests", "urllib", "http", "openai"), set()),
    ],
    ids=lambda value: " ".join(sorted(value)),
)
def test_each_library_stays_in_its_room(libraries: tuple[str, ...], modules: set[str]) -> None:
    """Each library is imported in one module, and those that unpickle, fetch or belong elsewhere in none."""
    assert importers(*libraries) == modules


PAGE = [
    "texts", "interface", "notices", "feedback", "conversation", "why", "article", "ask", "workroom", "markdown",
    "uploads", "badge", "corpus_list", "corpus_view", "runs", "figures", "corpus_build", "corpus", "failures", "moved",
    "evaluate", "login", "page", "refusals", "limits", "gate", "sessions", "door", "hosts", "workers", "api",
    "stopping", "server",
]  # fmt: skip
PAGE_MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in (PACKAGE.parent / "ui").glob("*.py")}


def test_the_page_points_one_way() -> None:
    """The files of the page are those listed; each imports only those before it, and nothing of `eval` or `app`."""
    assert sorted(PAGE) == sorted(PAGE_MODULES.keys() - {"__init__"})
    for place, module in enumerate(PAGE):
        names = {tuple(name.split(".")[:2]) for name in imported(PAGE_MODULES[module])}
        assert {name[1] for name in names if name[0] == "ui"} <= set(PAGE[:place])
        assert not {name[0] for name in names} & {"eval", "app", "tests"}


def test_only_the_command_line_prints() -> None:
    """No module but `cli` calls `print`."""
    printing = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == {"cli"}


def test_question_pays_for_nothing_it_does_not_use() -> None:
    """Importing the package and its command line brings neither torch, the page, the metrics nor pydantic."""
    code = (
        "import sys, qa, qa.cli;"
        "heavy = {'torch', 'sentence_transformers', 'gradio', 'ir_measures', 'scipy', 'pydantic', 'psycopg'};"
        "sys.exit(', '.join(sorted(heavy & sys.modules.keys())) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_a_page_that_opens_pays_for_nothing_it_does_not_use() -> None:
    """Importing the page brings neither torch nor scipy, and reads or writes none of gradio's type stubs."""
    code = (
        "import sys; stubs = [];"
        "sys.addaudithook(lambda event, given: stubs.append(given[0]) if event == 'open'"
        " and str(given[0]).endswith('.pyi') else None);"
        "import ui.server;"
        "sys.exit(', '.join([*stubs, *({'torch', 'scipy'} & sys.modules.keys())]) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_public_names_are_sorted_and_resolve() -> None:
    """`qa.__all__` is sorted, without repeats, and each name in it is there."""
    assert sorted(set(qa.__all__)) == qa.__all__
    assert [name for name in qa.__all__ if not hasattr(qa, name)] == []
