"""Who is logged in: a signed token a browser, which ends with its time, its user, that user's password or a log-out."""

import hashlib
import secrets
import time

from itsdangerous import BadData, URLSafeTimedSerializer

from qa.errors import UsersError
from qa.users import User, Users


class Sessions:
    """Gives out tokens and knows them again; another start of the server knows none of them."""

    def __init__(self, users: Users, seconds: int) -> None:
        """Takes who may log in, and how long a token is good for."""
        self.users, self.seconds = users, seconds
        self._signer = URLSafeTimedSerializer(secrets.token_bytes(32), signer_kwargs={"digest_method": hashlib.sha256})
        self._ended: dict[str, float] = {}

    def begun(self, user: User) -> str:
        """A token for a user who has given the right password."""
        return self._signer.dumps([user.name, _stamp(user), secrets.token_urlsafe(12)])

    def user(self, token: str) -> User | None:
        """Whose token it is, with the role of now; None where it is good for nothing, or no more."""
        try:
            name, stamp, number = self._signer.loads(token, max_age=self.seconds)
            user = self.users.named(name)
        except (BadData, UsersError):
            return None
        return user if user and stamp == _stamp(user) and number not in self._ended else None

    def end(self, token: str) -> None:
        """Makes a token good for nothing."""
        try:
            *_, number = self._signer.loads(token, max_age=self.seconds)
        except BadData:
            return
        now = time.monotonic()
        self._ended = {each: until for each, until in self._ended.items() if until > now}
        self._ended[number] = now + self.seconds


def _stamp(user: User) -> str:
    """Another for each password a user has had."""
    return hashlib.sha256(user.password.encode()).hexdigest()[:16]
