"""The doctor on the project as it is, and on a copy of it that something was done to."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import qa
from qa import generations
from qa.cli import main
from qa.config import IndexSettings
from qa.doctor import MARKS, outside_addresses
from qa.embedder import BUNDLED_FOLDER, CHECKSUMS

ROOT = Path(__file__).resolve().parents[1]
RUN = "import sys; from qa.cli import main; sys.exit(main(['doctor', *sys.argv[1:]]))"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A clone of the project that a test may harm."""
    folder = tmp_path / "a clone"
    shutil.copytree(Path(qa.__file__).parent, folder / "qa", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "ui", folder / "ui", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


def examined(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`qa doctor` as the code in a folder runs it, there."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
    )  # fmt: skip


def test_all_is_fine_here(small_index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a whole installation with an index of the articles as they are, every check passes and the code is 0."""
    assert main(["doctor", "--index", str(small_index)]) == 0
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.out.splitlines()] == [
        f"{MARKS['fine']} {name}" for name in ("Python", "packages", "model", "index", "round", "page")
    ]
    assert said.err == ""


def test_no_index_yet_is_no_fault(tmp_path: Path) -> None:
    """Where nothing has been built the index is skipped, in a console of any encoding, and the code is 0."""
    done = examined(ROOT, "--index", str(tmp_path / "none"), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{MARKS['skipped']} index: nothing has been built in" in done.stdout


def test_what_was_harmed_is_named_with_a_cure(copied: Path) -> None:
    """A flipped byte of the model, a page that loads from elsewhere and a package too old each fail, with a cure."""
    model = copied / "qa" / "model" / "model.safetensors"
    raw = bytearray(model.read_bytes())
    raw[-1] ^= 1
    model.write_bytes(raw)
    style = copied / "ui" / "style.css"
    style.write_text('@import "https://fonts.example.com/f.css";' + style.read_text(encoding="utf-8"), encoding="utf-8")
    old = copied / "gradio-5.0.0.dist-info"  # as pip would have left it, found before the one that is installed
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: gradio\nVersion: 5.0.0\n", encoding="utf-8")
    done = examined(copied, "--json")
    assert done.returncode == 1
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert [name for name, check in checks.items() if check["state"] == "failed"] == ["packages", "model", "page"]
    assert "gradio is 5.0.0" in checks["packages"]["said"]
    assert checks["packages"]["cure"].startswith('python -m pip install "gradio')
    assert "model.safetensors" in checks["model"]["said"]
    assert "https://fonts.example.com/f.css" in checks["page"]["said"]
    assert all(bool(check["cure"]) == (check["state"] == "failed") for check in checks.values())


def test_code_that_reaches_out_is_caught(copied: Path) -> None:
    """A part of the package that opens a connection fails the round, which names where; a missing page is skipped."""
    with (copied / "qa" / "render.py").open("a", encoding="utf-8") as module:
        module.write("\nimport socket\nsocket.create_connection(('192.0.2.1', 443), timeout=1)\n")
    shutil.rmtree(copied / "ui")
    caller = "import socket; socket.create_connection = lambda *a, **k: None\n"  # the doctor's own process goes on
    done = subprocess.run(
        [sys.executable, "-c", caller + RUN, "--json"], cwd=copied, capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONPATH": str(copied)},
    )  # fmt: skip
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.returncode, checks["round"]["state"], checks["page"]["state"]) == (1, "failed", "skipped")
    assert "192.0.2.1" in checks["round"]["said"]


def test_an_index_that_no_longer_fits_fails(small_corpus: Path, tmp_path: Path, copied: Path) -> None:
    """An index of articles edited since, and one with a damaged file, each fail with the build that mends it."""
    root = tmp_path / "index"
    generations.build(small_corpus, root, IndexSettings())
    shutil.rmtree(copied / "ui")
    (small_corpus / "clocks.txt").write_text("Another clock.\n", encoding="utf-8")
    edited = examined(copied, "--index", str(root))
    (generations.live_folder(root) / "states.npy").write_bytes(b"half")
    damaged = examined(copied, "--index", str(root))
    for done, reason in ((edited, "1 article(s) added or changed"), (damaged, "states.npy is missing or damaged")):
        assert done.returncode == 1
        lines = done.stdout.splitlines()
        told = next(number for number, line in enumerate(lines) if line.startswith(f"{MARKS['failed']} index: "))
        assert reason in lines[told]
        assert lines[told + 1] == f'    cure: qa build --corpus "{small_corpus.resolve()}" --index "{root}"'


def test_the_model_is_the_one_that_was_published() -> None:
    """The kept checksums are in the form of `sha256sum`, and those of the model's files."""
    lines = (BUNDLED_FOLDER / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    assert [line[64:] for line in lines] == ["  model.safetensors", "  tokenizer.json"]


@pytest.mark.parametrize(
    ("page", "outside"),
    [
        ('<script src="https://cdn.example.com/a.js"></script>', ["https://cdn.example.com/a.js"]),
        ("<link href='//fonts.example.com/f.css'>", ["//fonts.example.com/f.css"]),
        ('{"socket": "wss://live.example.com/x"}', ["wss://live.example.com/x"]),
        ("<style>a { background: url(http://example.com/b.png) }</style>", ["http://example.com/b.png"]),
        ('<meta property="og:image" content="https://example.com/c.png">', []),
        ('<a href="./assets/a.js">// a remark</a> <svg xmlns="http://www.w3.org/2000/svg">', []),
        ('{"root": "http://127.0.0.1:7860", "other": "http://localhost:80/", "third": "http://[::1]:80/"}', []),
        ("http://127.0.0.1.example.com/", ["http://127.0.0.1.example.com/"]),
        ("http://localhost.example.com/", ["http://localhost.example.com/"]),
    ],
)
def test_outside_addresses_are_found(page: str, outside: list[str]) -> None:
    """Whatever a browser may load from elsewhere is found; this machine, name spaces and `meta` tags are let be."""
    assert outside_addresses(page) == outside
