"""`/api/ask`, for scripts and programs."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pages import CHINESE, ENGLISH, REFUSED, served, some_refused

from qa import users
from qa.asking import Asked, reply_to
from qa.chat import TURNS, Chat
from qa.cli import main
from qa.config import PageLimits

ASK = "/api/ask"
FIRST, FOLLOW_UP = "众智FlagOS 2.0支持多少款芯片？", "它是哪个团队做的？"


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    """A client of a server of the shipped articles."""
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def ask(client: httpx.Client, question: object, **more: Any) -> httpx.Response:
    return client.post(ASK, json={"question": question, **more})


@pytest.mark.parametrize("question", [CHINESE, ENGLISH, *REFUSED, "1\u20282 chips?"])
def test_a_program_gets_what_the_command_prints(
    question: str, client: httpx.Client, index_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A question sent as JSON, or in the address, is answered with the very line of `qa ask --json`, a refusal too."""
    assert main(["ask", question, "--json", "--index", str(index_folder)]) == 0
    printed = capsys.readouterr().out
    for answer in (ask(client, question), client.get(ASK, params={"question": question})):
        assert (answer.status_code, answer.text) == (200, printed)
        assert answer.headers["content-type"] == "application/json"


def test_a_program_may_follow_up(
    client: httpx.Client, index_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A follow-up is answered as in a chain of `qa ask --questions`, after the questions before it or their answers."""
    file = tmp_path / "chain.jsonl"
    lines = [json.dumps({"question": each, "chain": 1}) for each in (FIRST, FOLLOW_UP, "负责人是谁？")]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert main(["ask", "--questions", str(file), "--index", str(index_folder)]) == 0
    expected = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert expected[1]["searched_as"]
    answers: list[dict[str, Any]] = []
    for number, chained in enumerate(expected, 1):
        before = [each["question"] for each in answers]
        answer = ask(client, chained["question"], history=answers).json()
        assert ask(client, chained["question"], history=["?", *before]).json() == answer
        assert {"id": number, **answer} == chained
        answers.append(answer)


def test_a_corrected_question_is_what_a_follow_up_follows(client: httpx.Client, chat: Chat) -> None:
    """What was searched for an earlier question is taken as it is sent, and of many questions the last few count."""
    before = {"question": "Who?", "searched_as": FIRST}
    expected = chat.ask(FOLLOW_UP, history=[chat.ask("Who?", searched_as=FIRST)])
    assert ask(client, FOLLOW_UP, history=[before]).json()["searched_as"] == expected.searched_as != ""
    forgotten = ask(client, FOLLOW_UP, history=[FIRST, *[{"question": ENGLISH}] * TURNS]).json()
    assert forgotten["searched_as"] != expected.searched_as


@pytest.mark.parametrize(
    ("question", "status", "english", "chinese"),
    [("", 400, "no word or number", "没有一个字"), ("？!", 400, "no word or number", "没有一个字"),
     ("why " * 1_000, 413, "limit 2,000", "上限是 2,000")],
    ids=["empty", "only marks", "long"],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(
    question: str, status: int, english: str, chinese: str, client: httpx.Client
) -> None:
    """An empty or long question is an error in the language that is asked for, which is English where none is."""
    chinese_header = {"Accept-Language": "zh-CN,en;q=0.5"}
    for said, answer in (
        (english, ask(client, question)),
        (english, client.get(ASK, params={"question": question})),
        (english, client.post(ASK, json={"question": question, "language": "en"}, headers=chinese_header)),
        (chinese, ask(client, question, language="zh")),
        (chinese, client.get(ASK, params={"question": question, "language": "zh"})),
        (chinese, client.post(ASK, json={"question": question}, headers=chinese_header)),
    ):
        assert answer.status_code == status
        assert said in answer.json()["error"]


def test_an_error_is_in_the_language_of_the_question(client: httpx.Client) -> None:
    """Who says nothing of a language is told in that of the question."""
    assert "上限是 2,000" in ask(client, "这是什么" * 1_000).json()["error"]


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"[]", b"{}", b'{"question": 1}', b'{"question": "x", "histroy": []}', b"[" * 100_000,
     b'{"question": "x", "history": "x"}', b'{"question": "x", "history": [{"searched_as": "x"}]}',
     b'{"question": "x", "language": "fr"}', b'{"question": "\\ud800"}', b'{"question": "\xff"}'],
    ids=lambda body: body[:60].decode("latin-1"),
)  # fmt: skip
def test_what_is_no_question_is_refused(body: bytes, client: httpx.Client) -> None:
    """What is not the JSON of a question is refused, and the form it should have is said."""
    answer = client.post(f"{ASK}?language=zh", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith('请发送 JSON：{"question"')


def test_nothing_but_asking_is_there(client: httpx.Client) -> None:
    """Other methods and paths beside it are not found."""
    assert [client.request(method, ASK).status_code for method in ("PUT", "DELETE", "HEAD")] == [404] * 3
    assert [client.post(f"/api{path}", json={"question": ENGLISH}).status_code for path in ("", "/", "/ask/")] == [
        404
    ] * 3


def test_changed_articles_are_said(small_index: Path, small_corpus: Path) -> None:
    """Where the articles behind an answer have changed it is not given; that is said with when to ask again."""
    for path in small_corpus.glob("**/*.*"):
        path.write_bytes(b"Other words.\n")
    with served(Chat.open(small_index)) as address, httpx.Client(base_url=address, timeout=60) as client:
        for language, said in (("en", "have changed"), ("zh", "改过了")):
            answer = ask(client, "How deep can a leatherback turtle dive?", language=language)
            assert answer.status_code == 503
            assert said in answer.json()["error"]
            assert answer.headers["retry-after"] == "5"


def test_a_failure_is_an_answer_too(small_index: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong inside is said in a line that tells nothing of it, and is logged."""
    broken = Chat.open(small_index)
    broken._answerer = None
    reply = reply_to(broken, Asked("How deep can a leatherback turtle dive?", "zh"))
    assert (reply.problem, reply.text) == ("failed", "出错了，详情见服务器的日志。")
    assert "AttributeError" in caplog.text


def test_a_program_that_asks_too_often_waits(chat: Chat) -> None:
    """After some calls a program is told when to ask again, in its language; what is too large is not read."""
    limits = PageLimits(calls_per_minute=2, call_bytes=20_000)
    with served(chat, limits=limits) as address, httpx.Client(base_url=address, timeout=60) as client:
        large = client.post(f"{ASK}?language=zh", content=b" " * 20_001)
        assert (large.status_code, large.json()["error"]) == (413, large.json()["said"]["zh"])
        assert ask(client, ENGLISH).status_code == 200
        assert client.get(ASK, params={"question": ENGLISH}).status_code == 200
        for answer in (ask(client, ENGLISH), client.get(ASK, params={"question": ENGLISH})):
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 30
            assert answer.json()["error"].startswith("That was too often.")
        assert client.post(f"{ASK}?language=zh", json={}).json()["error"].startswith("请求太频繁")


def test_more_programs_than_places_are_refused(chat: Chat) -> None:
    """Of many questions at once some are answered and the others refused with when to ask again, none is an error."""
    limits = PageLimits(questions_at_once=1, questions_waiting=1, calls_per_minute=10_000)
    with served(chat, limits=limits) as address, httpx.Client(base_url=address, timeout=60) as client:
        answers: list[httpx.Response] = []
        long_talk = [CHINESE, ENGLISH] * (TURNS // 2)
        threads = [
            threading.Thread(target=lambda: answers.append(ask(client, ENGLISH, history=long_talk))) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = some_refused(answers)
        assert refused[0].json()["error"].startswith("Too many questions are waiting.")
        assert ask(client, ENGLISH).status_code == 200


def test_a_program_comes_through_the_same_doors(chat: Chat, tmp_path: Path) -> None:
    """Without a login, from another site, or by a name that is not the server's, nothing is answered."""
    file = tmp_path / "users.json"
    users.add(file, "anna", "reader", lambda: "correct horse")
    with served(chat, users=file) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert client.get(ASK, params={"question": ENGLISH}).status_code == 401
        refused = client.post(f"{ASK}?language=zh", json={"question": ENGLISH})
        assert (refused.status_code, refused.json()["error"]) == (401, "登录已失效，请重新登录。")
        client.post("/login", data={"name": "anna", "password": "correct horse"})
        assert ask(client, ENGLISH).json()["answered"]
        for headers in ({"Origin": "http://elsewhere.example"}, {"Host": "elsewhere.example"}):
            assert client.post(ASK, json={"question": ENGLISH}, headers=headers).status_code == 403
