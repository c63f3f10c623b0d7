"""Proof that everything works on this machine: versions, the model, the index, a round of all commands, the page.

The round and the page run in processes of their own, which end at once when they reach beyond this machine.
"""

import json
import os
import platform
import re
import subprocess
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import httpx
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from qa import generations, offline
from qa.embedder import BUNDLED_FOLDER, CHECKSUMS, MODEL_FILES
from qa.errors import IndexMissingError, WenjuError
from qa.files import content_hash
from qa.manifest import read_manifest
from qa.plan import Progress

State = Literal["fine", "failed", "skipped"]
MARKS: Mapping[State, str] = {"fine": "✓", "failed": "✗", "skipped": "–"}

_HOME = Path(__file__).resolve().parents[1]
_REINSTALL = "install this package anew (in a clone: python -m pip install -e .); if that does not help, report it"
_PATIENCE = 300  # seconds for a round, or for the page to come up
_ARTICLES = {
    "turtles.en.md": "# Turtles of the Open Sea\n\nA leatherback turtle can dive to a depth of 1,200 metres.\n",
    "茶 tea/白茶.zh.md": "# 白茶的泡法\r\n\r\n泡白毫银针要用摄氏80度的水，浸泡三分钟。\r\n",
}
_ASKED = {"How deep can a leatherback turtle dive?": "1,200 metres", "泡白毫银针的水要多热？": "80度"}
_ROUND = """
from qa.cli import main
corpus, index, questions, receipts = sys.argv[1:]
sys.exit(
    main(["build", "--corpus", corpus, "--index", index])
    or main(["ask", "--questions", questions, "--index", index, "--receipt", receipts])
    or main(["verify", receipts, "--corpus", corpus])
)
"""
_SERVE = 'from qa.cli import main\nsys.exit(main(["serve", "--port", "0", *sys.argv[1:]]))'

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_META = re.compile(r"<meta\b[^>]*>", re.IGNORECASE)  # tells others of the page; a browser loads nothing it names
_LOADED = re.compile(r"<(?:script|link)\b[^>]*?\s(?:src|href)\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
_OUTSIDE = re.compile(r"(?:https?|wss?)://[^\s\"'<>()\\]+|(?<=[\"'(])//[\w-]+\.[^\s\"'<>()\\]+", re.IGNORECASE)
_STYLE_LOADS = re.compile(r"(?:url\(|@import)\s*[\"']?(?!data:)([^\"')\s;]+)", re.IGNORECASE)
_HERE = re.compile(r"(?:\w+:)?//(?:(?:localhost|127\.0\.0\.1|\[::1\])(?![\w.@-])|www\.w3\.org/\d{4}/)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and for what failed a cure."""

    name: str
    state: State
    said: str
    cure: str = ""


def examine(root: Path, progress: Progress = lambda stage, done, total: None) -> Iterator[Check]:
    """Each check as soon as it is done; what it finds raises nothing.

    Args:
        root: the folder of the index.
        progress: told of each check as it begins and ends.

    Raises:
        WenjuError: if there is nowhere to write temporary files.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="wenju 问据 ", ignore_cleanup_errors=True)
    except OSError as error:
        raise WenjuError(f"No temporary file can be written ({error}); name a folder for them in TMPDIR.") from error
    with temporary as name:
        folder = Path(name)
        checks: dict[str, Callable[[], Check]] = {
            "Python": _python,
            "packages": _packages,
            "model": _model,
            "index": lambda: _index(root),
            "round": lambda: _round(folder),
            "page": lambda: _page(folder),
        }
        for stage, check in checks.items():
            progress(stage, 0, 1)
            yield check()
            progress(stage, 1, 1)


def check_text(check: Check) -> str:
    """A check for a terminal: its mark, and under what failed the cure."""
    cure = f"\n    cure: {check.cure}" if check.cure else ""
    return f"{MARKS[check.state]} {check.name}: {check.said}{cure}"


def record(checks: Sequence[Check]) -> dict[str, Any]:
    """All checks as plain JSON values."""
    return {"fine": all(check.state != "failed" for check in checks), "checks": [asdict(check) for check in checks]}


def _python() -> Check:
    said, wanted = f"{platform.python_version()} on {platform.platform()}", _project()[0]
    if SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
        return Check("Python", "fine", said)
    return Check("Python", "failed", f"{said}, but {wanted} is needed", "make a virtual environment with such a Python")


def _project() -> tuple[str, list[Requirement]]:
    """The Python and the packages that are needed, as the clone says now, or the installed package."""
    try:
        project = tomllib.loads((_HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        python, needed = project["requires-python"], project["dependencies"]
    except FileNotFoundError:
        python, needed = metadata.metadata("wenju")["Requires-Python"], metadata.requires("wenju") or []
    requirements = [Requirement(text) for text in needed]
    return python, [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]


def _packages() -> Check:
    needed = _project()[1]
    amiss = [(requirement, found) for requirement in needed if (found := _amiss(requirement))]
    if not amiss:
        return Check("packages", "fine", f"all {len(needed)} are here, in versions that fit")
    wanted = " ".join(f'"{requirement}"' for requirement, _ in amiss)
    return Check("packages", "failed", "; ".join(found for _, found in amiss), f"python -m pip install {wanted}")


def _amiss(requirement: Requirement) -> str:
    """What is wrong with a package; nothing where its version fits."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    fits = requirement.specifier.contains(version, prereleases=True)
    return "" if fits else f"{requirement.name} is {version}, but {requirement.specifier} is needed"


def _model() -> Check:
    cure = f"{_REINSTALL} (git checkout -- qa/model brings the files back)"
    try:
        lines = (BUNDLED_FOLDER / CHECKSUMS).read_text(encoding="utf-8").splitlines()
        published = {name: digest for digest, name in (line.split() for line in lines)}
        altered = [
            name for name in MODEL_FILES if content_hash((BUNDLED_FOLDER / name).read_bytes()) != published.get(name)
        ]
    except (OSError, ValueError) as error:
        return Check("model", "failed", f"the files of the model cannot be read: {error}", cure)
    if altered:
        return Check("model", "failed", f"not as published: {', '.join(altered)} in {BUNDLED_FOLDER}", cure)
    return Check("model", "fine", f"{len(MODEL_FILES)} files as published, by their SHA-256")


def _index(root: Path) -> Check:
    try:
        folder = generations.live_folder(root)
    except IndexMissingError:
        return Check("index", "skipped", f"nothing has been built in {root} yet; qa build does it")
    except WenjuError as error:
        return Check("index", "failed", str(error), f"qa build --index {root}")
    corpus = Path("FOLDER")
    try:
        manifest = read_manifest(folder)
        corpus = Path(manifest.corpus)
        reason = generations.reason_to_build(corpus, root, manifest.settings)
    except WenjuError as error:
        reason = str(error)
    if reason:
        return Check("index", "failed", reason, f'qa build --corpus "{corpus}" --index "{root}"')
    return Check("index", "fine", f"whole, and of the articles as they are: {manifest.passages} passages in {folder}")


def _round(folder: Path) -> Check:
    """Builds, asks and verifies in `folder`, unplugged."""
    corpus, questions, receipts = folder / "articles", folder / "questions.jsonl", folder / "receipts.jsonl"
    try:
        for name, text in _ARTICLES.items():
            (corpus / name).parent.mkdir(parents=True, exist_ok=True)
            (corpus / name).write_bytes(text.encode())
        questions.write_text("\n".join(json.dumps({"question": each}) for each in _ASKED), encoding="utf-8")
        command = offline.command(_ROUND, str(corpus), str(folder / "index"), str(questions), str(receipts))
        done = subprocess.run(
            command, env=_environment(), capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Check("round", "failed", f"build, ask and verify did not end within {_PATIENCE} s", _REINSTALL)
    except OSError as error:
        return Check("round", "failed", f"nothing can be written to {folder}: {error}", "free some space there")
    if done.returncode:
        return _fallen("round", done.stdout + done.stderr)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    wrong = [answer["question"] for answer in answers if not _as_known(answer)]
    if wrong or len(answers) != len(_ASKED):
        said = f"of {len(_ASKED)} questions with known answers, {len(answers)} were asked; wrong: {', '.join(wrong)}"
        return Check("round", "failed", said, _REINSTALL)
    return Check("round", "fine", "built, asked in both languages and verified, with no connection beyond this machine")


def _as_known(answer: Mapping[str, Any]) -> bool:
    """Whether what is cited is in the article, and holds the answer."""
    cited = answer.get("citations", [])
    in_place = all(_ARTICLES[each["path"]][each["start"] : each["end"]] == each["quote"] for each in cited)
    return in_place and any(_ASKED[answer["question"]] in each["quote"] for each in cited)


def _environment() -> dict[str, str]:
    """The environment of a round: no language model is asked, whatever server the owner has named."""
    return {name: value for name, value in os.environ.items() if not name.startswith("QA_LLM_")}


def _fallen(name: str, output: str) -> Check:
    """A check whose process did not do its work; its last line says why, unless it reached beyond the machine."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it ended without a word"]
    reached = next((line for line in lines if line.startswith("REACHED ")), None)
    if reached:
        said = f"reached beyond this machine: {reached.removeprefix('REACHED ')}"
        return Check(
            name, "failed", said, "look for what reaches there among the packages added; report it if none was"
        )
    return Check(name, "failed", lines[-1], _REINSTALL)


def _page(folder: Path) -> Check:
    """Serves the page over the index of the round, unplugged, and looks for what a browser would load elsewhere."""
    if not (_HOME / "ui").is_dir():
        return Check("page", "skipped", "the folder ui is not here: the page comes with a clone of the repository")
    try:
        with _served(folder) as (address, process):
            try:
                outside = _loads_outside(address)
            except httpx.HTTPError as error:
                process.kill()
                return _fallen("page", f"{error}\n{process.stdout.read() if process.stdout else ''}")
    except WenjuError as error:
        return _fallen("page", str(error))
    if outside:
        cure = "undo what was changed in ui, or install the version of gradio that pyproject.toml names"
        return Check("page", "failed", f"a browser would load {', '.join(outside)}", cure)
    return Check("page", "fine", "served, and names no address beyond this machine")


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of a page that is served, and its process; raises WenjuError with all it said where it ends."""
    command = offline.command(_SERVE, "--corpus", str(folder / "articles"), "--index", str(folder / "index"))
    with subprocess.Popen(
        command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        errors="replace",
    ) as process:  # fmt: skip
        patience = threading.Timer(_PATIENCE, process.kill)
        patience.start()
        try:
            said = ""
            assert process.stdout is not None
            while not (printed := _ADDRESS.search(said)):
                line = process.stdout.readline()
                if not line:
                    raise WenjuError(said)
                said += line
            yield printed.group(), process
        finally:
            patience.cancel()
            process.kill()


def _loads_outside(address: str) -> list[str]:
    """The outside addresses of the page, and those its style sheets load; scripts are fetched, not searched.

    A script may hold the addresses of links that only a click would open.

    Raises:
        httpx.HTTPError: if the page, or a file of its own that it loads, is not served.
    """
    with httpx.Client(base_url=address, timeout=_PATIENCE, trust_env=False) as client:
        page = client.get("/").raise_for_status().text
        found = outside_addresses(page)
        for name in dict.fromkeys(_LOADED.findall(page)):
            if name not in found and not name.startswith("data:"):
                loaded = client.get(name.removeprefix(".")).raise_for_status()
                if "css" in loaded.headers.get("content-type", ""):
                    found += outside_addresses("\n".join(f'"{each}"' for each in _STYLE_LOADS.findall(loaded.text)))
    return list(dict.fromkeys(found))


def outside_addresses(page: str) -> list[str]:
    """Every address in the HTML of a page that is not of this machine, but for what its `meta` tags say of it."""
    return [address for address in _OUTSIDE.findall(_META.sub("", page)) if not _HERE.match(address)]
