"""Wenju beside what a user would pick instead: the same passages and questions, each peer in a process of its own.

    python eval/peers/run.py --data DIR [--peers NAME …] [--sets NAME …] [--rounds 3] [--synthetic 100000]
                             [--environments DIR] [--output eval/peers/results.json]

DIR holds the SQuAD-format sets. Each peer has a virtual environment of its own, made of its `requirements-NAME.txt` at
the first run and kept in the folder of `--environments`; from then on nothing is fetched. Peers take turns, and with
`--rounds` all of them do so again; times are the median of the rounds. What is measured replaces what the output held
of the same set and peer; where that is the file that is kept, `docs/peers.md` and its drawing are written from it.
"""

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import table

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the other scripts of eval/

from arguments import write
from edits import PARTS, write_articles
from results import SETS

from qa.evaluation import Case, mixed_cases, paired_cases, read_squad
from qa.text import fold, sentences

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SYNTHETIC = "synthetic"
SYNTHETIC_QUESTIONS = 200
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False"}
INSTALLERS = {"pip", "setuptools", "pkg_resources", "_distutils_hack", "__pycache__"}  # in every environment

Paragraphs = dict[str, str]


@dataclass(frozen=True, slots=True)
class Setup:
    """A peer, its embedder, and how it cuts text into words, where that is not as it comes."""

    peer: str
    embedder: str | None
    words: str = ""

    @property
    def name(self) -> str:
        """As the results have it."""
        return ", ".join(filter(None, (self.peer, self.embedder, self.words)))


SETUPS = [
    Setup("wenju", "bundled"),
    *(Setup("langchain", embedder, words) for embedder in ("teacher", "bundled") for words in ("", "jieba")),
    *(Setup("llama_index", embedder, words) for embedder in ("teacher", "bundled") for words in ("", "characters")),
    *(Setup(peer, embedder) for peer in ("haystack", "txtai") for embedder in ("teacher", "bundled")),
    *(Setup("rank_bm25", None, words) for words in ("", "jieba")),
]
PEERS = list(dict.fromkeys(setup.peer for setup in SETUPS))


def fits(setup: Setup, name: str) -> bool:
    """Whether a setup is measured on a set: not the transformer on the largest, nor Han characters where are none."""
    if name == SYNTHETIC:
        return setup.embedder != "teacher"
    return setup.words != "characters" or not name.endswith("en")


def environment(peer: str, folder: Path) -> Path:
    """The Python of a peer's virtual environment, made where it is missing or its requirements have changed."""
    home, wanted = folder / peer, HERE / f"requirements-{peer}.txt"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    installed = home / "installed.txt"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", wanted], cwd=ROOT, check=True)
        shutil.copyfile(wanted, installed)
    return python


def installation(peer: str, python: Path) -> dict[str, Any]:
    """What a peer's environment takes on disk, the versions in it, and the lines of code its user writes."""
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip())
    folders = [path for path in packages.iterdir() if path.name.split("-")[0] not in INSTALLERS]
    if peer == "wenju":  # installed as a link to these
        folders += [ROOT / "qa", ROOT / "ui"]
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, text=True, check=True)
    versions = {row["name"].lower().replace("_", "-"): row["version"] for row in json.loads(listed.stdout)}
    return {
        "bytes": sum(_bytes(path) for path in folders),
        "versions": {name: versions[name] for name in _required(peer) if name in versions},
        "lines": lines_written((HERE / f"{peer}_peer.py").read_text(encoding="utf-8")),
    }


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file() and each.suffix != ".pyc")


def _required(peer: str) -> list[str]:
    lines = (HERE / f"requirements-{peer}.txt").read_text(encoding="utf-8").split()
    return ["wenju"] if peer == "wenju" else [line.split("=")[0].split("<")[0].split(">")[0] for line in lines]


def lines_written(script: str) -> int:
    """Lines of code between the two marks, without blank lines, comments and what belongs to the measuring."""
    code = script.split("# what a user writes\n")[1].split("# so far\n")[0].splitlines()
    return sum(bool(line.strip()) and not line.strip().startswith(("#", '"""', "from protocol ")) for line in code)


def of_set(name: str, data: Path, synthetic: int) -> tuple[Paragraphs, list[Case]]:
    """The paragraphs and questions of a set."""
    if name == SYNTHETIC:
        return synthetic_set(data, synthetic)
    questions, passages = SETS[name]
    return paired_cases(data / questions, data / passages)


def synthetic_set(data: Path, count: int) -> tuple[Paragraphs, list[Case]]:
    """The paragraphs of XQuAD in both languages among many made of other sentences; questions in both, half each.

    Either parallel paragraph counts as right.
    """
    chinese, english = (data / SETS[name][0] for name in ("XQuAD zh → zh", "XQuAD en → en"))
    paragraphs, cases = mixed_cases(chinese, english)
    translated = read_squad(english)[1]
    drawn = random.Random(1).sample(cases, min(SYNTHETIC_QUESTIONS, len(cases)))
    half = len(drawn) // 2
    drawn[half:] = [replace(case, question=translated[case.id].question) for case in drawn[half:]]
    with tempfile.TemporaryDirectory() as folder:
        write_articles(Path(folder) / "articles", -(-max(0, count - len(paragraphs)) // PARTS))
        parts = (part for path in sorted((Path(folder) / "articles").iterdir()) for part in _parts(path))
        for number, part in zip(range(count - len(paragraphs)), parts, strict=False):
            paragraphs[f"made-{number:06d}"] = part
    return paragraphs, drawn


def _parts(path: Path) -> Iterator[str]:
    for part in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        yield part.split("\n", 1)[1].strip()


def write_set(folder: Path, paragraphs: Paragraphs, cases: Sequence[Case]) -> None:
    """What the peers read: passages with their sentences, and questions, as JSON Lines."""
    with (folder / "passages.jsonl").open("w", encoding="utf-8") as file:
        for key, text in paragraphs.items():
            row = {"id": key, "text": text, "sentences": [text[start:end] for start, end in sentences(text)]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    with (folder / "questions.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"question": case.question}, ensure_ascii=False) + "\n" for case in cases)


def measured(
    setup: Setup, python: Path, folder: Path, cases: Sequence[Case], seconds: float, with_sentences: bool
) -> dict[str, float]:
    """Builds an index in one process and asks in a second; the figures of both.

    Args:
        setup: what is measured.
        python: of the peer's environment.
        folder: what `write_set` wrote.
        cases: the questions of the set.
        seconds: that either process may take.
        with_sentences: whether the right sentence is measured too, which takes longer than all else.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as index:
        task = {
            "passages": str(folder / "passages.jsonl"),
            "questions": str(folder / "questions.jsonl"),
            "index": index,
            "embedder": setup.embedder,
            "words": bool(setup.words),
            "sentences": str(folder / f"{setup.embedder}.pickle") if with_sentences else None,
        }
        built = step(setup.peer, python, task | {"step": "build"}, seconds)
        asked = step(setup.peer, python, task | {"step": "ask"}, seconds)
    warm = asked["milliseconds"][1:] or asked["milliseconds"]  # the first is part of the cold start
    right = [right_sentences(cases, asked["found"], best) for best in asked["sentences"]]
    return {
        **recalls(cases, asked["found"]),
        **({"right sentence": max(right)} if right else {}),
        "index seconds": built["seconds"],
        "p50": float(np.percentile(warm, 50)),
        "p95": float(np.percentile(warm, 95)),
        "cold start": asked["cold start"],
        "memory building": built["memory"],
        "memory asking": asked["memory"],
        "disk": built["disk"],
    }


def step(peer: str, python: Path, task: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The outcome of one step in a process of its own."""
    with tempfile.TemporaryDirectory() as exchange:
        told, outcome = Path(exchange) / "task.json", Path(exchange) / "outcome.json"
        told.write_text(json.dumps({**task, "started": time.time()}), encoding="utf-8")
        command = [python, HERE / f"{peer}_peer.py", told, outcome]
        subprocess.run(command, env=os.environ | OFFLINE, capture_output=True, text=True, check=True, timeout=seconds)
        found: dict[str, Any] = json.loads(outcome.read_text(encoding="utf-8"))
    return found


def recalls(cases: Sequence[Case], found: Sequence[Sequence[str]]) -> dict[str, float]:
    """The share of questions with a right passage among the first k, given the ids found for each, best first."""
    return {f"recall@{k}": mean(_holds(case, ids[:k]) for case, ids in zip(cases, found, strict=True)) for k in (1, 5)}


def right_sentences(cases: Sequence[Case], found: Sequence[Sequence[str]], best: Sequence[str]) -> float:
    """The share of questions whose first passage is right, and its best sentence holds an answer."""
    return mean(
        _holds(case, ids[:1]) and any(fold(answer) in fold(sentence) for answer in case.answers)
        for case, ids, sentence in zip(cases, found, best, strict=True)
    )


def _holds(case: Case, ids: Sequence[str]) -> bool:
    return any(document in ids for document in case.documents)


def combined(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each figure over the rounds that have it."""
    return {name: median(each[name] for each in rounds if name in each) for name in rounds[0]}


def failure(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    """The last line a peer said before it failed, the signal that ended it, or how long it was waited for."""
    if isinstance(error, subprocess.TimeoutExpired):
        return f"stopped after {error.timeout:.0f} s"
    if error.returncode < 0:
        return f"ended by signal {-error.returncode}"
    return (error.stderr or "").strip().rpartition("\n")[2] or f"exit code {error.returncode}"


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "Python": platform.python_version(),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [*SETS, SYNTHETIC]
    parser.add_argument("--data", type=Path, required=True, help="folder of the SQuAD-format sets")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--sets", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=3, help="times are the median of so many")
    parser.add_argument("--synthetic", type=int, default=100_000, help="passages of the synthetic set")
    parser.add_argument("--seconds", type=float, default=7200, help="that a peer may take for one step")
    cache = Path.home() / ".cache" / "wenju-peers"
    parser.add_argument("--environments", type=Path, default=cache, help="folder of the virtual environments")
    parser.add_argument("--output", type=Path, default=table.RESULTS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    report = json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    pythons = {peer: environment(peer, options.environments) for peer in options.peers}
    installed = {peer: installation(peer, python) for peer, python in pythons.items()}
    report |= {"machine": machine(), "installations": report.get("installations", {}) | installed}
    report.setdefault("sets", {})
    for name in options.sets:
        paragraphs, cases = of_set(name, options.data, options.synthetic)
        setups = [setup for setup in SETUPS if setup.peer in options.peers and fits(setup, name)]
        kept = report["sets"].setdefault(name, {"figures": {}})
        kept |= {"passages": len(paragraphs), "questions": len(cases)}
        rounds: dict[str, list[dict[str, float]]] = {setup.name: [] for setup in setups}
        with tempfile.TemporaryDirectory() as folder:
            write_set(Path(folder), paragraphs, cases)
            for setup in setups * options.rounds:
                print(f"{name}: {setup.name}", flush=True)
                try:
                    first = not rounds[setup.name]
                    figures = measured(setup, pythons[setup.peer], Path(folder), cases, options.seconds, first)
                    rounds[setup.name].append(figures)
                    kept["figures"][setup.name] = combined(rounds[setup.name])
                except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                    kept["figures"][setup.name] = {"failed": failure(error)}
                    print(f"  failed: {failure(error)}", flush=True)
                write(report, options.output)
    return table.main() if options.output == table.RESULTS else 0


if __name__ == "__main__":
    sys.exit(main())
