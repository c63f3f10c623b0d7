"""Files that are sent to the page's server, by the page or by something else."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pages import served

from qa.chat import Chat
from qa.config import PageLimits


@pytest.fixture
def client(small_index: Path) -> Iterator[httpx.Client]:
    """A client of a server of the short articles."""
    with served(Chat.open(small_index)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_written_or_refused_in_words(client: httpx.Client, small_corpus: Path) -> None:
    """What is sent stands in the folder byte for byte; a bad name or one that is there writes nothing and says why."""
    before = files(small_corpus)
    answer = client.put(f"/articles/{quote('新 folder/文章.md', safe='')}?language=zh", content="正文".encode())
    assert (answer.status_code, answer.json()["written"]) == (200, True)
    assert "新 folder/文章.md" in answer.json()["said"]
    assert files(small_corpus) == {**before, "新 folder/文章.md": "正文".encode()}
    for name in ("../a.md", "a.exe", "tea.zh.md", "CON.md", ".a.md", "a\x00.md"):
        answer = client.put(f"/articles/{quote(name, safe='')}", content=b"other")
        assert answer.status_code == 404 or answer.json()["written"] is False
    assert files(small_corpus) == {**before, "新 folder/文章.md": "正文".encode()}
    assert client.put("/articles/tea.zh.md?replace=true", content=b"other").json()["written"]
    assert files(small_corpus)["tea.zh.md"] == b"other"
    assert client.get("/standing").json()["key"].split()[1] == "2"


def test_a_file_that_is_too_long_is_not_kept(client: httpx.Client, small_corpus: Path) -> None:
    """Of a file above the limit nothing is written."""
    before = files(small_corpus)
    part = b"x" * 1_000_000
    parts = (part for _ in range(PageLimits().upload_bytes // len(part) + 1))
    with contextlib.suppress(httpx.TransportError):  # the server stops reading
        assert client.put("/articles/a.md", content=parts).status_code == 413
    assert files(small_corpus) == before


@pytest.mark.parametrize("origin", ["http://example.com", "null", "http://127.0.0.1:1", "https://localhost"])
def test_another_site_changes_nothing(origin: str, client: httpx.Client, small_corpus: Path) -> None:
    """A page of another site that has its visitor's browser call this server is refused, whatever it calls."""
    before = files(small_corpus)
    headers = {"origin": origin, "content-type": "text/plain"}
    assert client.put("/articles/a.md", content=b"x", headers=headers).status_code == 403
    for path in ("run/predict", "queue/join", "cancel"):
        assert client.post(f"/gradio_api/{path}", content=b"{}", headers=headers).status_code == 403
    assert files(small_corpus) == before
    own = {"origin": str(client.base_url).rstrip("/")}
    assert client.put("/articles/a.md", content=b"x", headers=own).status_code == 200


def test_a_server_to_read_takes_nothing(small_index: Path, small_corpus: Path) -> None:
    """Where nothing may be changed, no file is written and no call of the page changes anything."""
    before = files(small_corpus)
    generation = Chat.open(small_index).generation
    with served(Chat.open(small_index), read_only=True) as address, httpx.Client(base_url=address) as client:
        assert client.put("/articles/a.md", content=b"x").status_code == 403
        functions = {each["api_name"]: each for each in client.get("/config").json()["dependencies"]}
        for name, words in (
            ("write", ["en", "a.md", "text", "", ""]), ("delete", ["en"]), ("build", ["en"]), ("rollback", ["en"])
        ):  # fmt: skip
            data = [*words, *[None] * (len(functions[name]["inputs"]) - len(words))]
            event = {"name": "tea.zh.md", "read_as": ""}
            call = {"fn_index": functions[name]["id"], "session_hash": "a", "data": data, "event_data": event}
            answer = client.post("/gradio_api/run/predict", json=call)
            assert answer.status_code == 200, (name, answer.text)
            assert "reading only" in answer.text
    assert files(small_corpus) == before
    assert Chat.open(small_index).generation == generation
