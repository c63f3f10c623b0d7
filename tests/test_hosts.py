"""The names the server answers to."""

from collections.abc import Iterator

import httpx
import pytest
from pages import served

from qa.chat import Chat
from qa.cli import main
from ui.hosts import HostCheck, name_of

OURS = [
    "localhost",
    "localhost:7860",
    "LOCALHOST:1",
    "127.0.0.1",
    "127.0.0.1:7860",
    "[::1]",
    "[::1]:7860",
    "localhost.",
]
OTHERS = [
    "evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:127.0.0.1",
    "", ":7860", "[::1", "::1", "localhost@evil.example", "localhost evil", "evil.example#localhost", "0x7f.1", "xn--a",
]  # fmt: skip
ADDRESSES = ["192.168.1.7", "192.168.1.7:7860", "[2001:db8::1]:7860", "0.0.0.0"]


@pytest.fixture(scope="module")
def client(chat: Chat) -> Iterator[httpx.Client]:
    """A client of a server on 127.0.0.1 that has one name more."""
    with served(chat, names=("Wenju.example.org",)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.mark.parametrize("host", [*OURS, "wenju.example.org", "WENJU.example.org:443"])
def test_its_own_names_are_answered(host: str, client: httpx.Client) -> None:
    """Whoever calls the server by a name of its own is answered, whatever the port and case."""
    assert client.get("/standing", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", [*OTHERS, *ADDRESSES, "other.example.org", "a.wenju.example.org"])
@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/standing", "/articles/ai-city-plan.zh.md", "/gradio_api/queue/join"]
)
def test_another_name_is_refused(host: str, path: str, client: httpx.Client) -> None:
    """A name that is not its own is refused, on every path, whatever other headers say, with what to do about it."""
    for headers in (
        {},
        {"x-forwarded-host": "localhost", "x-forwarded-for": "127.0.0.1", "forwarded": "host=localhost"},
    ):
        answer = client.request("POST" if "queue" in path else "GET", path, headers={"host": host, **headers})
        assert answer.status_code in (400, 403)  # 400: the server itself finds that it is no host
        assert answer.status_code == 400 or "--allow-host NAME" in answer.text


def test_a_page_of_another_name_changes_nothing(client: httpx.Client, chat: Chat) -> None:
    """What a rebound page sends, with its name as host and as origin, is refused."""
    headers = {"host": "evil.example:7860", "origin": "http://evil.example:7860"}
    assert client.put("/articles/a.md", content=b"x", headers=headers).status_code == 403
    assert not (chat.corpus / "a.md").exists()


@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "192.168.1.7"])
def test_addresses_are_answered_where_others_may_come(listening: str) -> None:
    """Served beyond this machine, every address is let in, for none leads elsewhere, and no name but given ones."""
    check = HostCheck(None, listening, ("wenju.example.org",))
    assert [host for host in (*OURS, *ADDRESSES, "wenju.example.org") if not check._is_ours(name_of(host))] == []
    assert [host for host in OTHERS if check._is_ours(name_of(host))] == []


def test_the_name_it_is_served_at_is_its_own() -> None:
    """A server that is told to listen at a name answers to it."""
    check = HostCheck(None, "Wenju.local")
    assert check._is_ours(name_of("wenju.local:7860"))
    assert not check._is_ours(name_of("evil.example"))


@pytest.mark.parametrize("name", ["", "http://a.example", "a.example:80", "*", "a b", "-a", "/"])
def test_an_odd_name_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--allow-host` takes a name alone, and says so of anything else."""
    with pytest.raises(SystemExit):
        main(["serve", f"--allow-host={name}"])
    assert "is not a name such as" in capsys.readouterr().err
