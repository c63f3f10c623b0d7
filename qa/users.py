"""Who may log in to the page: a file of names, each with a role and the Argon2 hash of a password.

The file is JSON, `{"anna": {"role": "editor", "password": "$argon2id$…"}}`, and no other user of the machine may read
it. `qa user` writes it, whole or not at all.
"""

import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

from qa.config import ROLES, Role
from qa.disk import write_whole
from qa.errors import UsersError
from qa.lock import file_lock

LONGEST_NAME, SHORTEST_PASSWORD, LONGEST_PASSWORD = 64, 8, 1_000  # characters

_NAME = re.compile(rf"\w[\w.@+-]{{0,{LONGEST_NAME - 1}}}")
_NAME_RULE = f"a name has up to {LONGEST_NAME} letters, digits and . _ - @ +, a letter or digit first"
_LOCK_SECONDS = 10.0  # another change of the file is waited for


@dataclass(frozen=True, slots=True)
class User:
    """One who may log in; `password` is its Argon2 hash."""

    name: str
    role: Role
    password: str


Change = Callable[[dict[str, User]], None]


class Users:
    """The users of a file, which is read again once it has changed."""

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            UsersError: if it cannot be read, is damaged, or names nobody.
        """
        self._path, self._hasher = path, PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._stamp: tuple[int, ...] = ()
        self._users: Mapping[str, User] = {}
        if not self._now():
            raise UsersError(f"{path} names nobody; `qa user add NAME --auth {path}` adds one.")

    def named(self, name: str) -> User | None:
        """The user of that name as the file has it now; None where it has none.

        Raises:
            UsersError: if the file cannot be read any more.
        """
        return self._now().get(unicodedata.normalize("NFC", name))

    def verified(self, name: str, password: str) -> User | None:
        """The user of that name and password, told as slowly where there is none; it takes 64 MB for a moment.

        Raises:
            UsersError: if the file cannot be read any more.
        """
        user = self.named(name)
        given = unicodedata.normalize("NFC", password[:LONGEST_PASSWORD])
        try:
            self._hasher.verify(user.password if user else self._nobody, given)
        except Argon2Error:
            return None
        return user

    def _now(self) -> Mapping[str, User]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise _unreadable(self._path, error) from error
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._stamp:
            self._users, self._stamp = read(self._path), stamp
        return self._users


def read(path: Path) -> dict[str, User]:
    """The users of a file by their names.

    Raises:
        UsersError: if it cannot be read or is damaged; the message says what to do.
    """
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it is no table of names")
        return {name: _user(name, entry) for name, entry in content.items()}
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        reason = error if type(error) is ValueError else "it is no JSON"
        raise UsersError(f"{path} is no file of users: {reason}; mend it, or put a copy in its place.") from error


def _unreadable(path: Path, error: OSError) -> UsersError:
    return UsersError(f"{path} cannot be read: {error.strerror}; `qa user add NAME --auth {path}` makes such a file.")


def _user(name: str, entry: Any) -> User:
    """One entry of a file; raises ValueError, with a reason for a person, where it is none."""
    if not isinstance(entry, dict) or entry.keys() != {"role", "password"}:
        raise ValueError(f"{name!r:.80} has not just a role and a password")
    if entry["role"] not in ROLES:
        raise ValueError(f"{name!r:.80} has the role {entry['role']!r:.80}, which is none of {', '.join(ROLES)}")
    try:
        extract_parameters(entry["password"])
    except (InvalidHashError, TypeError, AttributeError) as error:
        raise ValueError(f"the password of {name!r:.80} is no Argon2 hash") from error
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name: {_NAME_RULE}")
    return User(name, entry["role"], entry["password"])


def add(path: Path, name: str, role: Role, password: Callable[[], str]) -> None:
    """Adds a user; a file that is not there is made.

    Args:
        path: the file.
        name: of the user.
        role: what the user may do.
        password: asked for once the name is found good.

    Raises:
        UsersError: if the name is taken or odd, the password is too short, or the file cannot be used.
    """

    def change(users: dict[str, User]) -> None:
        if (new := _checked_name(name)) in users:
            raise UsersError(f"{path} has {new!r} already; `qa user role` and `qa user password` change it.")
        users[new] = User(new, role, _hashed(password()))

    _change(path, change, new=True)


def set_role(path: Path, name: str, role: Role) -> None:
    """Gives a user another role; raises UsersError where there is no such user, or the file cannot be used."""

    def change(users: dict[str, User]) -> None:
        user = _there(path, users, name)
        users[user.name] = User(user.name, role, user.password)

    _change(path, change)


def set_password(path: Path, name: str, password: Callable[[], str]) -> None:
    """Gives a user another password; raises UsersError as `add` does, or where there is no such user."""

    def change(users: dict[str, User]) -> None:
        user = _there(path, users, name)
        users[user.name] = User(user.name, user.role, _hashed(password()))

    _change(path, change)


def remove(path: Path, name: str) -> None:
    """Removes a user; raises UsersError where there is no such user, or the file cannot be used."""

    def change(users: dict[str, User]) -> None:
        del users[_there(path, users, name).name]

    _change(path, change)


def _change(path: Path, change: Change, *, new: bool = False) -> None:
    """Changes a file of users, which is then read and written by its owner alone; a new one only where it may be."""
    path = path.resolve()
    try:
        with file_lock(path, _LOCK_SECONDS):
            users = {} if new and not path.exists() else read(path)
            change(users)
            entries = {user.name: {"role": user.role, "password": user.password} for user in users.values()}
            text = json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
            write_whole(path, text.encode(), mode=0o600)
    except TimeoutError as error:
        raise UsersError(f"Another process is changing {path}; try again.") from error
    except OSError as error:
        raise UsersError(f"{path} cannot be written: {error.strerror}; name another file.") from error


def _there(path: Path, users: Mapping[str, User], name: str) -> User:
    try:
        return users[unicodedata.normalize("NFC", name)]
    except KeyError:
        raise UsersError(f"{path} has no {name!r}; it has {', '.join(users) or 'nobody'}.") from None


def _checked_name(name: str) -> str:
    """The name as it is kept; raises UsersError where it has other characters than a name may have."""
    kept = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(kept):
        raise UsersError(f"{name!r:.80} is no name: {_NAME_RULE}.")
    return kept


def _hashed(password: str) -> str:
    """The hash that is kept; raises UsersError for a password that is too short or long."""
    if not password.strip():
        raise UsersError("The password is empty; nothing is changed.")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        wanted = f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD}"
        raise UsersError(f"A password has {wanted} characters, not {len(password)}; nothing is changed.")
    return PasswordHasher().hash(unicodedata.normalize("NFC", password))
