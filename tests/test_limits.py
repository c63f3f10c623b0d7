"""What visitors may ask of the server at a time, and how a page tells that it was too much."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pages import CHINESE, ENGLISH, exchanges, question_box, served, some_refused, submit
from playwright.sync_api import Browser, expect

from qa.chat import Chat
from qa.cli import CANNOT, main
from qa.config import PageLimits
from qa.errors import SettingsError
from ui.limits import Pace, address_of

CALL = "/gradio_api/run/predict"
LONG_TALK = json.dumps([[CHINESE, CHINESE]] * 40)  # which the server answers again, as it does not know the visitor


def functions(client: httpx.Client) -> dict[str, int]:
    """The numbers of the page's functions by their names."""
    return {each["api_name"]: each["id"] for each in client.get("/config").json()["dependencies"]}


def asked(client: httpx.Client, number: int, *data: str | None) -> httpx.Response:
    return client.post(CALL, json={"fn_index": number, "data": [*data], "session_hash": "visitor"})


def test_so_many_in_a_while_and_no_more() -> None:
    """Of each key so many events may happen at once; then there is a time to wait for, within the while."""
    pace = Pace(2, 3600)
    for _ in range(2):
        assert pace.wait("a") == 0
        pace.count("a")
    assert 0 < pace.wait("a") <= 3600 / 2
    assert pace.wait("b") == 0


def test_what_is_forgotten_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys whose events are forgotten are kept no longer once there are many."""
    monkeypatch.setattr("ui.limits.MOST_KEYS", 100)
    pace = Pace(1, 1e-9)
    for number in range(1_000):
        pace.count(str(number))
    assert len(pace._forgotten) <= 100


@pytest.mark.parametrize(
    ("host", "key"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("pipe", "pipe"), (None, "")],
)  # fmt: skip
def test_a_home_counts_as_one(host: str | None, key: str) -> None:
    """An IPv4 address is one visitor, and so is a whole network of IPv6 addresses; headers count for nothing."""
    headers = [(b"x-forwarded-for", b"198.51.100.1"), (b"forwarded", b"for=198.51.100.1")]
    assert address_of({"type": "http", "client": host and (host, 1), "headers": headers}) == key


@pytest.mark.parametrize("name", PageLimits.__dataclass_fields__)
def test_a_limit_is_at_least_one(name: str) -> None:
    """A limit of nothing, which would let nobody in, is an error that names it."""
    with pytest.raises(SettingsError, match=name):
        PageLimits(**{name: 0})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("serve", "--limit", "calls_per_minute=0"), "must be at least 1"),
     (("serve", "--limit", "calls=1"), "one of file_bytes"),
     (("serve", "--limit", "call_bytes=x"), "one of file_bytes"),
     (("build", "--limit", "call_bytes=1"), "one of file_bytes")],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_an_odd_limit_is_said(arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that does not exist, is no number or lets nobody in is refused before anything is built."""
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code
    assert code == CANNOT
    assert says in capsys.readouterr().err


@pytest.fixture(scope="module")
def slow_address(chat: Chat) -> Iterator[str]:
    """Where a visitor may make three calls a minute."""
    with served(chat, limits=PageLimits(calls_per_minute=3)) as address:
        yield address


def test_who_calls_too_often_waits(slow_address: str) -> None:
    """After some calls the next is refused with when to try again; what an open page does by itself never is."""
    with httpx.Client(base_url=slow_address, timeout=60) as client:
        named = functions(client)
        call = named["respond"], ENGLISH, "en", "[]", None, None
        answers = [asked(client, *call) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
        said = answers[-1].json()["said"]
        assert f"in {answers[-1].headers['retry-after']} seconds" in said["en"]
        assert f"{answers[-1].headers['retry-after']} 秒" in said["zh"]
        for header in ("x-forwarded-for", "x-real-ip", "forwarded"):
            assert client.post(CALL, json=_call(call), headers={header: "192.0.2.1"}).status_code == 429
        for _ in range(20):
            for path in ("/", "/healthz", "/standing", "/theme.css", "/config", "/gradio_api/startup-events"):
                assert client.get(path).status_code == 200
            assert asked(client, named["in_language"], "en").status_code == 200
            assert asked(client, named["header"], "en").status_code == 200
            assert asked(client, named["render"], "en").status_code == 200
        assert client.put("/articles/a.md", content=b"x").status_code == 429


def _call(call: tuple[int | str | None, ...]) -> dict[str, object]:
    return {"fn_index": call[0], "data": call[1:], "session_hash": "visitor"}


@pytest.mark.parametrize(("locale", "says"), [("en-US", "That was too often."), ("zh-CN", "请求太频繁")])
def test_the_page_tells_of_a_limit(locale: str, says: str, chat: Chat, browser: Browser) -> None:
    """The page says in its language that it was too often and when to try again; what was typed stays."""
    with served(chat, limits=PageLimits(calls_per_minute=4)) as address, browser.new_context(locale=locale) as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("html.ready")).to_be_attached()
        told = page.get_by_role("alert").filter(visible=True)
        for number in range(6):
            if told.count():
                break
            submit(page, CHINESE)
            expect(exchanges(page).nth(number).or_(told).first).to_be_visible()
        expect(told).to_have_text(re.compile(rf"{says}.*\d+"))
        expect(question_box(page)).to_have_value(CHINESE)
        asked_before = exchanges(page).count()
        expect(told).to_have_count(0, timeout=30_000)  # once one may ask again, it is gone
        question_box(page).press("Enter")
        expect(exchanges(page)).to_have_count(asked_before + 1)


def test_the_page_tells_that_a_call_is_too_long(chat: Chat, browser: Browser) -> None:
    """A file above the size of a call is refused with the size, in words on the page."""
    limits = PageLimits(call_bytes=20_000)
    with served(chat, limits=limits) as address, browser.new_context(locale="en-US") as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_role("tab", name="Evaluate").click()
        file = {"name": "set.jsonl", "mimeType": "text/plain", "buffer": b"x" * 50_000}
        page.locator("#evaluate-controls input[type=file]").first.set_input_files([file])
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("At most 20,000 bytes")


def test_more_questions_than_places_are_refused(chat: Chat) -> None:
    """Of many questions at once some are answered and the others refused with when to try again, none is an error."""
    limits = PageLimits(questions_at_once=1, questions_waiting=1, calls_per_minute=10_000)
    with served(chat, limits=limits) as address, httpx.Client(base_url=address, timeout=60) as client:
        call = functions(client)["respond"], ENGLISH, "en", LONG_TALK, None, None
        answers: list[httpx.Response] = []
        threads = [threading.Thread(target=lambda: answers.append(asked(client, *call))) for _ in range(12)]
        for thread in threads:
            thread.start()
        assert client.get("/standing").status_code == 200
        assert client.get("/healthz").status_code == 200
        for thread in threads:
            thread.join()
        refused = some_refused(answers)
        assert refused[0].json()["said"]["zh"].startswith("现在提问的人太多")
        assert asked(client, *call).status_code == 200  # each place is given up again


def test_the_page_tells_that_all_places_are_taken(chat: Chat, browser: Browser) -> None:
    """Where others ask more than the server answers, the page says so and when to try again; what was typed stays."""
    limits = PageLimits(questions_at_once=1, questions_waiting=1, calls_per_minute=100_000)
    with served(chat, limits=limits) as address, browser.new_context(locale="zh-CN") as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("html.ready")).to_be_attached()
        ended = threading.Event()
        others = [threading.Thread(target=_ask_until, args=(address, ended)) for _ in range(12)]
        for other in others:
            other.start()
        told = page.get_by_role("alert").filter(visible=True)
        try:
            for number in range(10):
                submit(page, CHINESE)
                expect(exchanges(page).nth(number).or_(told).first).to_be_visible(timeout=60_000)
                if told.count():
                    break
            expect(told).to_have_text(re.compile(r"现在提问的人太多，请在 5 秒后再试"))
            expect(question_box(page)).to_have_value(CHINESE)
        finally:
            ended.set()
            for other in others:
                other.join()


def _ask_until(address: str, ended: threading.Event) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        number = functions(client)["respond"]
        while not ended.is_set():
            asked(client, number, ENGLISH, "en", LONG_TALK, None, None)


def test_uploads_go_on_when_they_may(small_index: Path, browser: Browser) -> None:
    """More files than may be sent in a minute are all taken in the end: the page waits as it is told."""
    with (
        served(Chat.open(small_index), limits=PageLimits(calls_per_minute=12)) as address,
        browser.new_context(locale="en-US") as context,
    ):
        page = context.new_page()
        page.goto(address)
        page.get_by_role("tab", name="Corpus").click()
        files = [{"name": f"{each}.md", "mimeType": "text/plain", "buffer": b"# A\n\nText.\n"} for each in range(12)]
        page.locator("#corpus-tools input[type=file]").set_input_files(files)
        expect(page.locator("#corpus-notice")).to_contain_text("11.md is uploaded.", timeout=60_000)
        expect(page.locator("#corpus-notice")).not_to_contain_text("Not uploaded")
