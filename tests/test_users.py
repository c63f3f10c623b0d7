"""The file of those who may log in, and the command that writes it."""

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from qa import users
from qa.cli import CANNOT, main
from qa.errors import UsersError
from qa.users import Users

PASSWORD = "correct horse 电池"
HASHED = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one reader."""
    users.add(tmp_path / "users.json", "anna", "reader", lambda: PASSWORD)
    return tmp_path / "users.json"


def run(monkeypatch: pytest.MonkeyPatch, said: str, *arguments: str) -> int:
    """The exit code of `qa user` where that is a line of standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    return main(["user", *arguments])


def test_a_password_is_kept_as_its_hash(file: Path) -> None:
    """The file holds no password, a user is known by name and password together, however these are composed."""
    assert PASSWORD not in file.read_text(encoding="utf-8")
    users.add(file, "Zoë", "editor", lambda: "e\u0301tudes et café")
    known = Users(file)
    for name, password, role in (
        ("anna", PASSWORD, "reader"), ("Zoe\u0308", "\u00e9tudes et cafe\u0301", "editor"),
        ("anna", "other password", None), ("anna", "", None), ("nobody", PASSWORD, None),
    ):  # fmt: skip
        user = known.verified(name, password)
        assert (user.role if user else None) == role


def test_two_hashes_of_a_password_differ(file: Path) -> None:
    """Each password has a salt of its own."""
    users.add(file, "bob", "reader", lambda: PASSWORD)
    assert len({each.password for each in users.read(file).values()}) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_file_is_its_owner_s_alone(file: Path) -> None:
    """Whoever else may read the folder cannot read the file, also where it could be read before."""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    users.set_role(file, "anna", "editor")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_change_is_seen_at_once(file: Path) -> None:
    """Who reads the file sees a new role, a new password, a new user and a removed one with the next question."""
    known = Users(file)
    users.set_role(file, "anna", "editor")
    assert known.named("anna").role == "editor"
    users.set_password(file, "anna", lambda: "another password")
    assert known.verified("anna", PASSWORD) is None
    assert known.verified("anna", "another password") is not None
    users.add(file, "王芳", "reader", lambda: PASSWORD)
    users.remove(file, "anna")
    assert (known.named("anna"), known.named("王芳").role) == (None, "reader")
    file.unlink()
    with pytest.raises(UsersError, match="cannot be read"):
        known.named("王芳")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "-a", ".", "a/b", "a\nb", "a\x1b[2J", "<b>", "a\u202eb", "😀", "x" * 65], ids=ascii
)
def test_an_odd_name_is_refused(name: str, file: Path) -> None:
    """A name that could deceive, command a terminal or break a path is neither added nor read."""
    before = file.read_bytes()
    with pytest.raises(UsersError, match="is no name"):
        users.add(file, name, "reader", lambda: pytest.fail("it asks for a password"))
    assert file.read_bytes() == before
    file.write_text(json.dumps({name: {"role": "reader", "password": HASHED}}), encoding="utf-8")
    with pytest.raises(UsersError, match="is no name"):
        users.read(file)


@pytest.mark.parametrize("password", ["", "   ", "\t", "short", "x" * 1_001], ids=len)
def test_a_weak_password_is_refused(password: str, file: Path) -> None:
    """A password that is empty, short or endless changes nothing."""
    before = file.read_bytes()
    for change in (
        lambda: users.set_password(file, "anna", lambda: password),
        lambda: users.add(file, "bob", "reader", lambda: password),
    ):
        with pytest.raises(UsersError, match="nothing is changed"):
            change()
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "no JSON"), (b"\xff\xfe{", "no JSON"), (b"[" * 100_000, "no JSON"), (b"[]", "no table"),
     (b"null", "no table"), (b'{"a": 1}', "just a role"), (b'{"a": {"role": "reader"}}', "just a role"),
     (json.dumps({"a": {"role": "king", "password": HASHED}}).encode(), "king"),
     (json.dumps({"a": {"role": "reader", "password": "secret"}}).encode(), "no Argon2 hash"),
     (json.dumps({"a": {"role": "reader", "password": None}}).encode(), "no Argon2 hash")],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_a_damaged_file_is_said(content: bytes, says: str, file: Path) -> None:
    """A file that is damaged is named in one line that says what is wrong, and no change overwrites it."""
    file.write_bytes(content)
    for act in (lambda: Users(file), lambda: users.add(file, "bob", "reader", lambda: PASSWORD)):
        with pytest.raises(UsersError, match=says) as caught:
            act()
        assert "\n" not in str(caught.value)
        assert str(file) in str(caught.value)
    assert file.read_bytes() == content


def test_a_file_that_names_nobody_serves_nobody(file: Path) -> None:
    """A page cannot be served to no one: the message says how to add a user."""
    users.remove(file, "anna")
    with pytest.raises(UsersError, match="qa user add"):
        Users(file)


def test_the_command_changes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`qa user` adds, lists, changes and removes users; a password comes from standard input where that is piped."""
    auth = ("--auth", str(tmp_path / "who.json"))
    assert run(monkeypatch, f"{PASSWORD}\r\n", "add", "anna", *auth) == 0
    assert run(monkeypatch, f"{PASSWORD}\n", "add", "王芳", "--role", "editor", *auth) == 0
    assert run(monkeypatch, "", "role", "anna", "editor", *auth) == 0
    assert run(monkeypatch, "another password", "password", "anna", *auth) == 0
    capsys.readouterr()
    assert run(monkeypatch, "", "list", *auth) == 0
    assert capsys.readouterr().out == "anna  editor\n王芳  editor\n"
    assert Users(tmp_path / "who.json").verified("anna", "another password")
    assert run(monkeypatch, "", "remove", "anna", *auth) == 0
    assert list(users.read(tmp_path / "who.json")) == ["王芳"]


@pytest.mark.parametrize(
    ("said", "arguments", "says"),
    [(PASSWORD, ("add", "anna"), "has 'anna' already"), (PASSWORD, ("add", "a b"), "is no name"),
     ("", ("add", "bob"), "is empty"), (PASSWORD, ("password", "bob"), "has no 'bob'; it has anna"),
     ("", ("remove", "bob"), "has no 'bob'"), ("", ("role", "bob", "editor"), "has no 'bob'")],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_the_command_says_what_is_wrong(
    said: str,
    arguments: tuple[str, ...],
    says: str,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be done is one line and changes nothing."""
    before = file.read_bytes()
    assert run(monkeypatch, said, *arguments, "--auth", str(file)) == CANNOT
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert file.read_bytes() == before


def test_no_file_lists_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is said, with the command that makes one."""
    for arguments in (("list",), ("remove", "anna"), ("role", "anna", "editor")):
        assert main(["user", *arguments, "--auth", str(tmp_path / "none.json")]) == CANNOT
        assert "qa user add" in capsys.readouterr().err
    assert not (tmp_path / "none.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
@pytest.mark.parametrize(("second", "code"), [(PASSWORD, 0), ("something else", CANNOT)], ids=["same", "other"])
def test_a_terminal_is_asked_twice_without_echo(second: str, code: int, tmp_path: Path) -> None:
    """On a terminal the password is typed twice and never shown; where the two differ nothing is written."""
    import pty

    arguments = ["user", "add", "anna", "--auth", str(tmp_path / "users.json")]
    command = [sys.executable, "-c", f"import sys; from qa.cli import main; sys.exit(main({arguments!r}))"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = b""
        for prompt, typed in ((b"Password: ", PASSWORD), (b"Again: ", second)):
            while not shown.endswith(prompt):
                shown += os.read(ours, 1_000)
            os.write(ours, f"{typed}\n".encode())
        while process.poll() is None:
            shown += _rest(ours)
    os.close(ours)
    assert process.returncode == code
    assert PASSWORD.encode() not in shown
    assert (tmp_path / "users.json").exists() == (code == 0)


def _rest(terminal: int) -> bytes:
    """What a terminal still shows; nothing once its program has ended."""
    try:
        return os.read(terminal, 1_000)
    except OSError:
        return b""
