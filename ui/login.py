"""The page that asks for a name and a password; it needs nothing else of the server, and no script."""

from html import escape
from pathlib import Path

from qa.text import Language
from qa.users import LONGEST_NAME, LONGEST_PASSWORD
from ui.texts import say

HERE = Path(__file__).resolve().parent


def login_html(language: Language, problem: str = "", name: str = "") -> str:
    """The whole page; a problem is said, and the name that was given is kept."""
    style, script = ((HERE / file).read_text(encoding="utf-8") for file in ("login.css", "login.js"))
    title = f"{say('log_in', language)} · {say('title', language)}"
    alert = f'<p id="problem" role="alert">{escape(problem)}</p>' if problem else ""
    return (
        f'<!doctype html><html lang="{_tag(language)}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{style}</style><script>{script}</script></head><body><main><h1>{say('title', language)}</h1>"
        f"<p>{say('log_in_how', language)}</p>{alert}{_form_html(language, bool(problem), name)}"
        f"{_languages_html(language)}</main></body></html>"
    )


def _form_html(language: Language, failed: bool, name: str) -> str:
    """The form; what comes next is ready to be typed in."""
    described = ' aria-describedby="problem"' if failed else ""
    first, second = ("", " autofocus") if name else (" autofocus", "")
    return (
        f'<form method="post" action="/login"><input type="hidden" name="language" value="{language}">'
        f'<label for="name">{say("user_name", language)}</label>'
        f'<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none" '
        f'spellcheck="false" maxlength="{LONGEST_NAME}" required{first}{described}>'
        f'<label for="password">{say("password", language)}</label>'
        f'<input id="password" name="password" type="password" autocomplete="current-password" '
        f'maxlength="{LONGEST_PASSWORD}" required{second}{described}>'
        f'<button type="submit">{say("log_in", language)}</button></form>'
    )


def _languages_html(language: Language) -> str:
    links = "".join(
        f'<a href="/login?language={each}" lang="{_tag(each)}" data-language="{each}" '
        f'aria-current="{str(each == language).lower()}">{name}</a>'
        for each, name in LANGUAGES
    )
    return f'<nav aria-label="{say("language", language)}">{links}</nav>'


def _tag(language: Language) -> str:
    return "zh-CN" if language == "zh" else "en"


LANGUAGES: tuple[tuple[Language, str], ...] = (("zh", "中文"), ("en", "English"))
