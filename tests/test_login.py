"""Several users on one server: who comes in, what each may do, and that none sees what is another's."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pages import CHINESE, ENGLISH, LAPTOP, PHONE, ask, exchanges, question_box, served
from playwright.sync_api import Browser, BrowserContext, Page, expect

from qa import users
from qa.chat import Chat
from qa.config import IndexSettings
from qa.editing import file_hash
from qa.users import Users
from ui.door import FAILURES
from ui.sessions import Sessions

PASSWORD = "correct horse"
LATE = 30_000  # milliseconds: the page looks every few seconds where the index stands
Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def accounts_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a reader, anna, and an editor, 王芳, which no test changes."""
    file = tmp_path_factory.mktemp("accounts") / "users.json"
    users.add(file, "anna", "reader", lambda: PASSWORD)
    users.add(file, "王芳", "editor", lambda: PASSWORD)
    return file


@pytest.fixture(scope="module")
def guarded(chat: Chat, accounts_kept: Path) -> Iterator[str]:
    """Where the shipped articles are served to those of the file."""
    with served(chat, users=accounts_kept) as address:
        yield address


@pytest.fixture
def client(guarded: str) -> Iterator[httpx.Client]:
    """A client that has not logged in."""
    with httpx.Client(base_url=guarded, timeout=60) as client:
        yield client


@pytest.fixture
def accounts(accounts_kept: Path, tmp_path: Path) -> Path:
    """A copy of the file, to be changed."""
    return Path(shutil.copy(accounts_kept, tmp_path))


@pytest.fixture
def changing(small_index: Path, accounts: Path) -> Iterator[str]:
    """Where the short articles are served to those of the copy."""
    with served(Chat.open(small_index), users=accounts) as address:
        yield address


@pytest.fixture
def member(changing: str) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=changing, timeout=60) as client:
        yield client


def log_in(client: httpx.Client, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password}, headers=headers)


@pytest.fixture
def enter(browser: Browser, guarded: str) -> Iterator[Enter]:
    """Opens the page as a user, in a browser of its own or a given one."""
    contexts: list[BrowserContext] = []

    def entered(name: str, context: BrowserContext | None = None, at: str = guarded, locale: str = "en-US") -> Page:
        if context is None:
            context = browser.new_context(locale=locale, viewport={"width": LAPTOP[0], "height": LAPTOP[1]})
            contexts.append(context)
        page = context.new_page()
        page.goto(at)
        fill(page, name)
        expect(page.locator("html.ready")).to_be_attached()
        expect(page.get_by_role("banner")).to_contain_text(name)
        return page

    yield entered
    for context in contexts:
        context.close()


def fill(page: Page, name: str, password: str = PASSWORD) -> None:
    """Logs in with the keyboard alone; the box of the name is ready to be typed in."""
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


WORDS = {
    "en-US": ("en", "User name", "Password", "Log in", "The user name or the password is wrong", "Log out"),
    "zh-CN": ("zh-CN", "用户名", "密码", "登录", "用户名或密码不对", "退出"),
}


@pytest.mark.parametrize("locale", WORDS)
def test_one_logs_in_in_one_s_language(locale: str, browser: Browser, guarded: str) -> None:
    """The login page is in the browser's language, labelled; it says an error at once and keeps the name."""
    tag, name, password, button, wrong, leave = WORDS[locale]
    with browser.new_context(locale=locale) as context:
        page = context.new_page()
        page.goto(guarded)
        assert page.url == f"{guarded}/login"
        expect(page.locator("html")).to_have_attribute("lang", tag)
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_label(name).fill("anna")
        page.get_by_label(password).fill("wrong password")
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("alert")).to_contain_text(wrong)
        expect(page.locator("html")).to_have_attribute("lang", tag)
        expect(page.get_by_label(name)).to_have_value("anna")
        expect(page.get_by_label(password)).to_be_focused()
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("banner")).to_contain_text("anna")
        page.get_by_role("button", name=leave).click()
        expect(page.get_by_label(name)).to_be_visible()


def test_the_login_page_switches_language_and_remembers_the_appearance(browser: Browser, guarded: str) -> None:
    """A link switches the language, for the page behind too; the appearance is the system's or the chosen one."""
    with browser.new_context(locale="en-US", color_scheme="dark") as context:
        page = context.new_page()
        page.goto(guarded)
        dark = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        page.get_by_role("link", name="中文").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        fill(page, "anna")
        expect(page.locator("html.ready")).to_have_attribute("lang", "zh-CN")
        page.get_by_role("button", name="浅色").click()
        page.get_by_role("button", name="退出").click()
        expect(page.locator("#name")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") != dark


def test_the_login_page_needs_no_script(browser: Browser, guarded: str) -> None:
    """Without scripts one logs in all the same, and the page fits a narrow window."""
    with browser.new_context(
        locale="en-US", java_script_enabled=False, viewport={"width": 320, "height": 568}
    ) as context:
        page = context.new_page()
        page.goto(guarded)
        assert page.locator("main").bounding_box()["width"] <= 320
        page.get_by_label("User name").fill("anna")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{guarded}/")


GUARDED = [
    ("GET", "/"), ("HEAD", "/"), ("GET", "/config"), ("GET", "/standing"), ("GET", "/articles/clocks.txt"),
    ("PUT", "/articles/new.md"), ("GET", "/theme.css"), ("GET", "/favicon.ico"), ("GET", "/assets/x.js"),
    ("GET", "/static/x"), ("GET", "/gradio_api/queue/data?session_hash=a"), ("GET", "/gradio_api/heartbeat/a"),
    ("GET", "/gradio_api/startup-events"), ("GET", "/gradio_api/app_id"), ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/cancel"), ("GET", "/login/"), ("GET", "//login"),
    ("GET", "/healthz/"), ("GET", "/healthz/../standing"), ("GET", "/login_check"), ("POST", "/"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), GUARDED, ids=" ".join)
def test_nothing_is_given_to_strangers(method: str, path: str, client: httpx.Client) -> None:
    """Whatever is asked without a session is refused with a line that says so; a browser is led to the login page."""
    for cookie in ({}, {"cookie": "wenju-session-0=x"}, {"cookie": f"{_cookie_name(client)}=W10.x.x"}):
        answer = client.request(method, path, headers=cookie)
        assert answer.status_code == 401
        if method != "HEAD":
            assert answer.json()["detail"] == "You are no longer logged in. Log in again."
    if method == "GET":
        answer = client.get(path, headers={"accept": "text/html,*/*"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def _cookie_name(client: httpx.Client) -> str:
    return f"wenju-session-{client.base_url.port}"


def test_what_watches_the_server_needs_no_login(client: httpx.Client) -> None:
    """`/healthz` answers without a session."""
    assert client.get("/healthz").json()["status"] == "ok"


def test_a_session_is_a_cookie_that_no_script_reads(client: httpx.Client) -> None:
    """The cookie is HttpOnly, SameSite and ends, is Secure where the browser uses https; no answer is kept there."""
    answer = log_in(client, "anna")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(rf"{_cookie_name(client)}=[\w.-]+; HttpOnly; Max-Age=43200; Path=/; SameSite=lax", cookie)
    assert PASSWORD not in cookie
    assert client.get("/standing").status_code == 200
    assert client.get("/standing").headers["cache-control"] == "no-store"
    origin = str(client.base_url).rstrip("/").replace("http:", "https:")
    assert "; Secure" in log_in(client, "anna", origin=origin).headers["set-cookie"]


def test_another_site_logs_nobody_in_or_out(client: httpx.Client) -> None:
    """A form of another site is refused, whatever it holds."""
    assert log_in(client, "anna", origin="http://example.com").status_code == 403
    assert client.get("/standing").status_code == 401
    log_in(client, "anna")
    assert client.post("/logout", headers={"origin": "http://example.com"}).status_code == 403
    assert client.get("/standing").status_code == 200


def test_a_log_out_ends_the_session_on_the_server(client: httpx.Client) -> None:
    """A copy of the cookie opens nothing after a log-out; another session of the same user goes on."""
    log_in(client, "anna")
    copy = {"cookie": f"{_cookie_name(client)}={client.cookies[_cookie_name(client)]}"}
    with httpx.Client(base_url=client.base_url) as other:
        log_in(other, "anna")
        assert client.post("/logout").status_code == 204
        assert client.get("/standing", headers=copy).status_code == 401
        assert other.get("/standing").status_code == 200


@pytest.mark.parametrize(
    "change",
    [lambda file: users.remove(file, "anna"), lambda file: users.set_password(file, "anna", lambda: "another one"),
     lambda file: file.write_text("{"), lambda file: file.unlink()],
    ids=["removed", "password", "damaged", "gone"],
)  # fmt: skip
def test_a_session_ends_with_its_user(change: Callable[[Path], Any], member: httpx.Client, accounts: Path) -> None:
    """Who is removed, has another password or stands in a file that cannot be read is out with the next call."""
    log_in(member, "anna")
    assert member.get("/standing").status_code == 200
    change(accounts)
    assert member.get("/standing").status_code == 401


def test_a_file_that_cannot_be_read_is_said(member: httpx.Client, accounts: Path) -> None:
    """While the file is damaged nobody can log in, and the page says so; once it is whole again, all is well."""
    whole = accounts.read_bytes()
    accounts.write_text("{", encoding="utf-8")
    answer = log_in(member, "anna")
    assert answer.status_code == 503
    assert "nobody can at present" in answer.text
    assert str(accounts) not in answer.text
    accounts.write_bytes(whole)
    assert log_in(member, "anna").status_code == 303


def test_a_session_ends_with_its_time(accounts: Path) -> None:
    """A token is good for its seconds and for this start of the server, and no letter of it can be another."""
    known = Users(accounts)
    anna = known.named("anna")
    sessions = Sessions(known, 3600)
    token = sessions.begun(anna)
    assert sessions.user(token) == anna
    over = Sessions(known, -1)
    assert over.user(over.begun(anna)) is None
    assert Sessions(known, 3600).user(token) is None
    forged = [
        f"{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}" for place in range(len(token))
    ]
    assert [each for each in (*forged[:-1], "", ".", token[:-2], f"{token}x") if sessions.user(each)] == []


def test_failing_to_log_in_is_slowed_down(member: httpx.Client) -> None:
    """After some failures even the right password has to wait, is told how long, and others still come in."""
    for _ in range(FAILURES):
        assert log_in(member, "anna", "wrong password").status_code == 401
    answer = log_in(member, "anna", **{"x-forwarded-for": "192.0.2.1", "accept-language": "en"})
    assert answer.status_code == 429
    assert f"Try again in {answer.headers['retry-after']} seconds" in answer.text
    assert member.get("/standing").status_code == 401
    assert log_in(member, "王芳").status_code == 303


def test_guessing_names_is_slowed_down(member: httpx.Client) -> None:
    """Who tries one name after the other has to wait as well."""
    answers = [log_in(member, f"name{number}", "wrong password").status_code for number in range(25)]
    assert set(answers[:10]) == {401}
    assert answers[-1] == 429


def test_no_form_is_an_error(client: httpx.Client) -> None:
    """Whatever a form holds, it is a failure to log in; an endless one is refused."""
    for content in (b"", b"=&=&&&", b"name=%00&password=%ff%fe", b"name=" + b"\xff" * 500, "name=王芳".encode()):
        assert client.post("/login", content=content).status_code == 401
        assert client.post("/login", content=content + b"x" * 50_000).status_code == 413
    assert client.delete("/login").status_code == 404


def test_a_name_is_shown_as_letters(client: httpx.Client) -> None:
    """A name that is HTML stays letters on the login page."""
    answer = log_in(client, '"><script>alert(1)</script>')
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


def called(client: httpx.Client, name: str, words: list[str], event: dict[str, Any] | None = None) -> str:
    """What a function of the page answers, called without the page."""
    functions = {each["api_name"]: each for each in client.get("/config").json()["dependencies"]}
    data = [*words, *[None] * (len(functions[name]["inputs"]) - len(words))]
    call = {"fn_index": functions[name]["id"], "session_hash": "a", "data": data, "event_data": event or {}}
    answer = client.post("/gradio_api/run/predict", json=call)
    assert answer.status_code == 200, (name, answer.text)
    return json.dumps(answer.json(), ensure_ascii=False)


CHANGES = [
    ("write", ["en", "a.md", "text", "", ""]), ("new", ["en"]), ("edit", ["en"]), ("delete", ["en"]),
    ("rename", ["en"]), ("undo", ["en"]), ("build", ["en"]), ("stop", ["en"]), ("switch", ["en"]), ("rollback", ["en"]),
]  # fmt: skip


def test_a_reader_changes_nothing(member: httpx.Client, small_corpus: Path, small_index: Path) -> None:
    """Each call that changes something is refused to a reader by the server itself, uploads too, in words."""
    before = {path: path.read_bytes() for path in small_corpus.rglob("*.*")}
    generation = Chat.open(small_index).generation
    read_as = file_hash(small_corpus, "tea.zh.md", IndexSettings())
    log_in(member, "anna")
    for name, words in CHANGES:
        said = called(member, name, words, {"name": "tea.zh.md", "read_as": read_as, "to": "a.md", "number": 1})
        assert "You are a reader" in said, name
    assert member.put("/articles/a.md?language=zh", content=b"x").json()["detail"].startswith("您是读者")
    assert member.put("/articles/a.md", content=b"x").status_code == 403
    assert {path: path.read_bytes() for path in small_corpus.rglob("*.*")} == before
    assert Chat.open(small_index).generation == generation


def test_an_editor_changes_articles(member: httpx.Client, small_corpus: Path, accounts: Path) -> None:
    """An editor writes and uploads; from the moment the role is another, no more."""
    log_in(member, "王芳")
    assert "is saved" in called(member, "write", ["en", "a.md", "text", "", ""])
    assert member.put("/articles/b.md", content=b"x").status_code == 200
    users.set_role(accounts, "王芳", "reader")
    assert "You are a reader" in called(member, "write", ["en", "c.md", "text", "", ""])
    assert member.put("/articles/d.md", content=b"x").status_code == 403
    assert [(small_corpus / f"{name}.md").exists() for name in "abcd"] == [True, True, False, False]


def test_a_role_counts_for_renaming_and_undoing(member: httpx.Client, small_corpus: Path, accounts: Path) -> None:
    """An editor renames an article and undoes that; who is a reader by now can undo not even a change of their own."""
    tea = {"name": "tea.zh.md", "read_as": file_hash(small_corpus, "tea.zh.md", IndexSettings()), "to": "white.md"}
    log_in(member, "王芳")
    assert "tea.zh.md is now white.md" in called(member, "rename", ["en"], tea)
    assert "Undone" in called(member, "undo", ["en"])
    assert "is now" in called(member, "rename", ["en"], tea)
    users.set_role(accounts, "王芳", "reader")
    assert "您是读者" in called(member, "undo", ["zh"])
    assert "You are a reader" in called(member, "rename", ["en"], {**tea, "name": "white.md", "to": "tea.zh.md"})
    assert [(small_corpus / name).exists() for name in ("white.md", "tea.zh.md")] == [True, False]


def test_nobody_edits_where_the_server_is_for_reading(small_index: Path, accounts: Path) -> None:
    """`--read-only` counts for editors too."""
    with (
        served(Chat.open(small_index), users=accounts, read_only=True) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        log_in(client, "王芳")
        assert "for reading only" in called(client, "write", ["en", "a.md", "text", "", ""])
        assert client.put("/articles/a.md", content=b"x").status_code == 403


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_long_name_leaves_room(locale: str, changing: str, accounts: Path, enter: Enter) -> None:
    """However long a user's name is, the header fits a phone, and hides neither a tab nor a switch on a laptop."""
    name = "A.very.long.name@" + "w" * 40
    users.add(accounts, name, "reader", lambda: PASSWORD)
    page = enter(name, at=changing, locale=locale)
    tabs = page.get_by_role("tab").last.bounding_box()
    switch = page.get_by_role("banner").get_by_role("group").first.bounding_box()
    assert tabs["x"] + tabs["width"] <= switch["x"]
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    leave = page.locator("[data-leave]").bounding_box()
    assert leave["x"] + leave["width"] <= PHONE[0]


OFFERS = ("New article", "Rebuild anyway")


def test_a_reader_is_offered_no_change(enter: Enter, changing: str, accounts: Path) -> None:
    """A reader is offered nothing that changes articles or index, an editor all; a new role shows on an open page."""
    page, other = enter("anna", at=changing), enter("王芳", at=changing)
    for each in (page, other):
        each.get_by_role("tab", name="Corpus").click()
        expect(each.locator("#corpus-list li").first).to_be_visible()
    for name in OFFERS:
        expect(other.get_by_role("button", name=name)).to_be_visible()
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.locator("input[type=file][multiple]")).to_have_count(0)
    users.set_role(accounts, "anna", "editor")
    users.set_role(accounts, "王芳", "reader")
    for name in OFFERS:
        expect(page.get_by_role("button", name=name)).to_be_visible(timeout=LATE)
        expect(other.get_by_role("button", name=name)).to_have_count(0, timeout=LATE)


def test_two_users_of_one_browser_see_each_their_own(browser: Browser, enter: Enter) -> None:
    """A conversation comes back to who had it, though another used the browser in between, and never to that other."""
    with browser.new_context(locale="en-US") as context:
        page = enter("anna", context)
        ask(page, ENGLISH)
        question_box(page).fill("What anna was typing")
        context.clear_cookies()  # the session is over
        page = _again(page, "王芳")
        expect(page.locator(".welcome")).to_be_visible()
        expect(question_box(page)).to_have_value("")
        ask(page, CHINESE)
        context.clear_cookies()
        page = _again(page, "anna")
        expect(exchanges(page)).to_have_count(1)
        expect(exchanges(page)).to_contain_text("32 AI")
        expect(question_box(page)).to_have_value("What anna was typing")


def _again(page: Page, name: str) -> Page:
    page.reload()
    fill(page, name)
    expect(page.locator("html.ready")).to_be_attached()
    return page


def test_a_log_out_leaves_nothing_behind(browser: Browser, enter: Enter, guarded: str) -> None:
    """After a log-out the browser holds nothing of what was asked, and the way back leads to the login page."""
    with browser.new_context(locale="en-US") as context:
        page = enter("anna", context)
        ask(page, ENGLISH)
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("#name")).to_be_visible()
        assert "FlagOS" not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")
        page.go_back()
        expect(page.locator("#name")).to_be_visible()
        expect(page.get_by_text("32 AI")).to_have_count(0)
        page.goto(f"{guarded}/articles/ai-city-plan.zh.md")
        expect(page.locator("#name")).to_be_visible()


def test_a_tab_follows_who_has_logged_in(browser: Browser, enter: Enter) -> None:
    """Where another logs in in a second tab, the first one is soon the other's too, without the conversation."""
    with browser.new_context(locale="en-US") as context:
        first = enter("anna", context)
        ask(first, ENGLISH)
        second = context.new_page()
        second.goto(first.url)
        second.get_by_role("button", name="Log out").click()
        fill(second, "王芳")
        expect(second.get_by_role("banner")).to_contain_text("王芳")
        expect(first.get_by_role("banner")).to_contain_text("王芳", timeout=LATE)
        expect(first.locator(".welcome")).to_be_visible()


@pytest.mark.parametrize(("locale", "says"), [("en-US", "no longer logged in"), ("zh-CN", "登录已失效")])
def test_an_open_page_says_that_its_session_is_over(
    locale: str, says: str, enter: Enter, changing: str, accounts: Path
) -> None:
    """Who is removed is told on the open page, in its language, with a link to the login page; no answer is given."""
    page = enter("anna", at=changing, locale=locale)
    users.remove(accounts, "anna")
    question_box(page).fill(ENGLISH)
    question_box(page).press("Enter")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text(re.compile(says))
    expect(exchanges(page)).to_have_count(0)
    expect(question_box(page)).to_have_value(ENGLISH)
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.locator("#name")).to_be_visible()


def test_without_users_nobody_logs_in(address: str) -> None:
    """Where no file of users is given there is no login page, and the header names nobody."""
    with httpx.Client(base_url=address) as client:
        assert client.get("/").status_code == 200
        assert (client.get("/login").status_code, client.post("/login").status_code) == (404, 404)
        assert "wenju-user" not in client.get("/standing").headers


def test_one_command_serves_those_who_log_in(small_corpus: Path, tmp_path: Path, accounts: Path) -> None:
    """`qa serve --auth` lets in who logs in; no header that a proxy might write makes a stranger another."""
    options = [
        "--corpus",
        str(small_corpus),
        "--index",
        str(tmp_path / "index"),
        "--auth",
        str(accounts),
        "--port",
        "0",
    ]
    command = [sys.executable, "-c", "import sys; from qa.cli import main; sys.exit(main())", "serve", *options]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8") as process:
        too_long = threading.Timer(180, process.kill)
        too_long.start()
        try:
            said = ""
            while not (printed := re.search(r"http://127\.0\.0\.1:\d+", said)):
                line = process.stdout.readline()
                assert line, f"it ended: {said}"
                said += line
            with httpx.Client(base_url=printed.group(), timeout=60) as client:
                assert client.get("/standing", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 401
                for number in range(FAILURES):
                    log_in(client, "anna", "wrong password", **{"x-forwarded-for": f"192.0.2.{number}"})
                assert log_in(client, "anna", **{"x-forwarded-for": "192.0.2.99"}).status_code == 429
                assert log_in(client, "王芳").status_code == 303
                assert "Wells" not in called(client, "respond", [CHINESE, "zh", "[]"])
        finally:
            too_long.cancel()
            process.terminate()


def test_a_file_that_cannot_be_used_serves_nobody(small_index: Path, small_corpus: Path, tmp_path: Path) -> None:
    """`qa serve --auth` with a file that is not there ends with a line that says how to make it."""
    command = [sys.executable, "-c", "import sys; from qa.cli import main; sys.exit(main())", "serve", "--port", "0"]
    options = ["--corpus", str(small_corpus), "--index", str(small_index), "--auth", str(tmp_path / "none.json")]
    finished = subprocess.run([*command, *options], capture_output=True, encoding="utf-8", check=False, timeout=180)
    assert finished.returncode == 2
    assert "qa user add NAME" in finished.stderr
    assert "Traceback" not in finished.stderr
