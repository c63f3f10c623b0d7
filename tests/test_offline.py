import json
import subprocess
from pathlib import Path

import pytest

from qa import offline


def guarded(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process that ends with code 86 when it reaches beyond the machine."""
    return subprocess.run(offline.command(code, *arguments), capture_output=True, encoding="utf-8", check=False)


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('192.0.2.1', 443), timeout=1)",
        "socket.getaddrinfo('huggingface.co', 443)",
        "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ],
    ids=["connect", "look-up", "urllib", "datagram"],
)
def test_the_guard_sees_what_it_should(code: str) -> None:
    """The guard of these tests ends a process that opens a connection, looks a name up or sends a datagram."""
    done = guarded(code)
    assert (done.returncode, done.stdout.startswith("REACHED socket.")) == (86, True)


def test_the_guard_lets_the_machine_itself_be() -> None:
    """The guard of these tests lets a process speak to its own machine."""
    code = (
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\nprint('spoken')"
    )
    assert guarded(code).stdout.strip() == "spoken"


def test_every_command_but_serve_reaches_nothing(small_corpus: Path, tmp_path: Path) -> None:
    """Build, ask, verify and eval run to their end without a look-up or a connection beyond the machine."""
    gold = [
        {
            "id": "en-1", "question": "How deep can a leatherback turtle dive?", "language": "en", "type": "number",
            "documents": ["turtles.en.md"], "answers": ["1,200 metres"],
        },
        {"id": "no-1", "question": "火星上的基地什么时候建成？", "language": "zh", "type": "unanswerable"},
    ]  # fmt: skip
    questions, report = tmp_path / "gold.jsonl", tmp_path / "report.json"
    questions.write_text("\n".join(json.dumps(record) for record in gold), encoding="utf-8")
    code = (
        "from qa.cli import main\n"
        "corpus, index, questions, report = sys.argv[1:]\n"
        "assert main(['build', '--corpus', corpus, '--index', index]) == 0\n"
        "assert main(['ask', '泡白毫银针的水要多热？', '--index', index]) == 0\n"
        "assert main(['ask', '--questions', questions, '--index', index, '--receipt', report]) == 0\n"
        "assert main(['verify', report, '--corpus', corpus]) == 0\n"
        "assert main(['eval', '--questions', questions, '--index', index, '--output', report]) == 0\n"
    )
    done = guarded(code, str(small_corpus), str(tmp_path / "index"), str(questions), str(report))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "80度" in done.stdout
    assert json.loads(report.read_text(encoding="utf-8"))["figures"]["all"]["recall@10"]["mean"] == 1.0


def test_the_bundled_folder_reaches_nothing_through_sentence_transformers(small_corpus: Path, tmp_path: Path) -> None:
    """A sentence-transformers model given as a folder builds and answers without reaching beyond the machine."""
    code = (
        "from qa.cli import main; from qa.embedder import BUNDLED_FOLDER\n"
        "build = ['build', '--corpus', sys.argv[1], '--index', sys.argv[2], '--embedder', str(BUNDLED_FOLDER)]\n"
        "assert main(build) == 0\n"
        "assert main(['ask', '泡白毫银针的水要多热？', '--index', sys.argv[2]]) == 0\n"
    )
    done = guarded(code, str(small_corpus), str(tmp_path / "index"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "80度" in done.stdout
