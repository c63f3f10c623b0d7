"""What is sent to the page's server by something else than the page."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pages import CHINESE, ENGLISH, served

from qa.chat import Chat
from qa.config import PageLimits

CALL = "/gradio_api/run/predict"


@pytest.fixture(scope="module")
def client(chat: Chat) -> Iterator[httpx.Client]:
    """A client of a server of the shipped articles."""
    with served(chat) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def numbers(client: httpx.Client) -> dict[str, int]:
    """The numbers of the page's functions by their names."""
    return {each["api_name"]: each["id"] for each in client.get("/config").json()["dependencies"]}


def asked(client: httpx.Client, number: Any, data: Any, **more: Any) -> httpx.Response:
    return client.post(CALL, json={"fn_index": number, "data": data, "session_hash": "visitor", **more})


def test_a_call_of_the_page_is_answered(client: httpx.Client, numbers: dict[str, int], chat: Chat) -> None:
    """A call in the page's own words is answered, with the conversation it brings asked again."""
    before = json.dumps([[CHINESE, CHINESE]])
    answer = asked(client, numbers["respond"], [ENGLISH, "en", before, None, None])
    assert answer.status_code == 200
    _, conversation = answer.json()["data"][:2]
    assert all(html.escape(chat.ask(question).citations[0].quote) in conversation for question in (CHINESE, ENGLISH))


@pytest.mark.parametrize("value", ["", "x", "9", "²", -1, 10**30], ids=ascii)
def test_no_event_of_measuring_is_an_error(value: str | int, client: httpx.Client, numbers: dict[str, int]) -> None:
    """Whatever place, kind, number or file a call of the panel names, it is refused or answered, and never an error."""
    fields = ("run", "kind", "id", "old", "new", "set", "ranking", "dense")
    for name in ("show", "choose_kind", "open_question", "compare"):
        event = dict.fromkeys(fields, value)
        assert asked(client, numbers[name], ["en", None], event_data=event).status_code == 200
    event = {**dict.fromkeys(fields, value), "set": "own"}
    assert asked(client, numbers["prepare"], ["en", None, None], event_data=event).status_code == 200
    for name in ("upload", "upload_report"):
        assert asked(client, numbers[name], ["en", str(value), None], event_data={}).status_code == 200
        for file in (None, 1, [], {"path": "/etc/passwd"}):
            assert asked(client, numbers[name], ["en", file, None], event_data={}).status_code == 400


def test_no_file_of_the_server_is_given_away(client: httpx.Client, numbers: dict[str, int], tmp_path: Path) -> None:
    """A value or an event that names a file of the server, an address or a component is refused.

    Gradio would copy the file to where anyone may fetch it, and fetch the address.
    """
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    for path in (str(secret), "http://127.0.0.2/"):
        file = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
        component = {"type": "component", "component": "file", "value": file, "constructor_args": {}, "props": {}}
        for value in (file, [file], component, [component]):
            answer = asked(client, numbers["respond"], [value, "en", "[]", None, None])
            assert (answer.status_code, answer.json()) == (400, {"detail": "This is no call of the page."})
            event = {"exchange": value, "number": 1}
            assert asked(client, numbers["open"], ["en", "[]", None], event_data=event).status_code == 400


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["a"], {"a": 1}], ids=repr)
def test_what_is_sent_is_text(value: Any, client: httpx.Client, numbers: dict[str, int]) -> None:
    """What is no text is taken for no question, no language and no history."""
    for place in range(3):
        data = [ENGLISH, "en", "[]", None, None]
        data[place] = value
        assert asked(client, numbers["respond"], data).status_code == 400


def test_what_is_sent_for_a_state_counts_for_nothing(client: httpx.Client, numbers: dict[str, int]) -> None:
    """The answers so far are those the server keeps, not those that are sent."""
    for value in ("x", [1], [{}]):
        assert asked(client, numbers["respond"], [ENGLISH, "en", "[]", value, value]).status_code == 200


HISTORY = json.dumps([[ENGLISH, ENGLISH]])


@pytest.mark.parametrize(
    "event",
    [None, 5, "x", [1], {"exchange": 1.5}, {"exchange": True}, {"exchange": None}, {"exchange": {}}, {"e" * 21: 1},
     {"exchange": "x" * 10_001}],
    ids=lambda event: repr(event)[:40],
)  # fmt: skip
def test_an_event_is_a_few_numbers_and_words(event: Any, client: httpx.Client, numbers: dict[str, int]) -> None:
    """An event of another shape is refused."""
    assert asked(client, numbers["open"], ["en", HISTORY, None], event_data=event).status_code == 400


@pytest.mark.parametrize(
    "event",
    [{}, {"exchange": -1}, {"exchange": 5, "number": 1}, {"exchange": 0, "number": 99}, {"exchange": 0, "number": "1"},
     {"exchange": "x"}],
    ids=repr,
)  # fmt: skip
def test_an_event_may_be_of_nothing_there(event: Any, client: httpx.Client, numbers: dict[str, int]) -> None:
    """An event of nothing that is there is no error of the server's; of something that is, it is shown."""
    there = asked(client, numbers["open"], ["en", HISTORY, None], event_data={"exchange": 0, "number": 1})
    assert "<mark" in there.text
    for name in ("open", "open_passage"):
        answer = asked(client, numbers[name], ["en", HISTORY, None], event_data=event)
        assert answer.status_code == 200
        assert "<mark" not in answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"1", b"\xff\xfe", b"[" * 100_000, b'{"data": []}', b'{"fn_index": 99, "data": []}',
     b'{"fn_index": -1, "data": [], "session_hash": "a"}', b'{"fn_index": 1, "data": [], "session_hash": "a"}',
     b'{"fn_index": 1, "data": {}, "session_hash": "a"}', b'{"fn_index": 2, "data": [], "session_hash": "a"}'],
    ids=lambda body: repr(body[:50]),
)  # fmt: skip
def test_what_is_no_call_is_refused(body: bytes, client: httpx.Client) -> None:
    """A body that is damaged, incomplete, or names no function of the page is refused, whatever it says it is."""
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        assert client.post(CALL, content=body, headers={"content-type": kind}).status_code == 400


def test_a_call_may_not_be_too_long(client: httpx.Client, numbers: dict[str, int]) -> None:
    """A body is read up to a limit, and refused with it."""
    body = json.dumps(
        {"fn_index": numbers["respond"], "data": ["x" * PageLimits().call_bytes, "en", "[]", None, None]}
    ).encode()
    answer = client.post(CALL, content=body)
    assert answer.status_code == 413
    assert f"{PageLimits().call_bytes:,}" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["upload", "file=/etc/passwd", "file/etc/passwd", "proxy=http://127.0.0.2/", "call/respond", "run/respond",
     "api/respond", "reset", "stream/x", "process_recording", "info", "openapi.json", "runs", "token", "user"],
)  # fmt: skip
def test_nothing_else_of_gradio_is_reached(path: str, client: httpx.Client) -> None:
    """Nothing is stored, proxied or given back by path, by any method."""
    assert client.post(f"/gradio_api/{path}", files={"files": ("name.html", b"x")}).status_code == 404
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"):
        assert client.request(method, f"/gradio_api/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["..%2f..%2fapp.py", "%2e%2e/%2e%2e/app.py", "%00", "x" * 5_000, "%2fetc%2fpasswd", "%ff%fe", "C:%5Cx"]
)
def test_no_path_is_an_error(path: str, client: httpx.Client) -> None:
    """A path out of the page's own folders, or that no system could have, is refused."""
    for folder in ("", "static/", "assets/", "svelte/", "gradio_api/custom_component/x/client/component/"):
        assert client.get(f"/{folder}{path}").status_code in (403, 404)
