"""The page: a header, a tab for each panel, and the language all of it is in."""

from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from qa.chat import LiveChat
from qa.text import Language
from qa.users import User
from ui.ask import AskPanel
from ui.badge import Badge
from ui.corpus import CorpusPanel
from ui.evaluate import EvaluatePanel
from ui.interface import Interface, pane
from ui.login import LANGUAGES
from ui.texts import say
from ui.workroom import Workroom

HERE = Path(__file__).resolve().parent
STYLES = ("style.css", "ask.css", "feedback.css", "corpus.css", "evaluate.css", "refused.css")
SCRIPTS = ("page.js", "refused.js", "ask.js", "feedback.js", "corpus.js", "evaluate.js")


def build_page(live: LiveChat, workroom: Workroom, feedback: Path | None = None) -> gr.Blocks:
    """The page over the live chat and its articles; it keeps no state but each visitor's own.

    What visitors say of answers goes to the file of feedback, where there is one.
    """
    with gr.Blocks(title="问据 Wenju", analytics_enabled=False) as page:
        interface = Interface()
        top = pane("header", "speak")
        badge = Badge(workroom, interface)
        # A panel is built inside its tab: (the key of the tab's label, what builds it).
        panels = (
            ("ask_tab", partial(AskPanel, feedback=feedback)),
            ("corpus_tab", partial(CorpusPanel, workroom=workroom, badge=badge)),
            ("evaluate_tab", EvaluatePanel),
        )
        with gr.Tabs(elem_id="panels"):
            for key, build in panels:
                with interface.label(gr.Tab(id=key, elem_id=key), label=key):
                    build(live, interface)
        for come in (page.load, top.speak):
            come(None, None, interface.language, js="() => wenju.language()", api_visibility="private")
        interface.language.change(
            interface.in_language, interface.language, interface.labelled, queue=False, api_visibility="private"
        ).then(None, js="() => wenju.ready()")
        interface.language.change(
            header_of(workroom), interface.language, top, queue=False, api_visibility="private"
        )  # fmt: skip
        page.queue(max_size=workroom.limits.questions_waiting)
    return page


def header_of(workroom: Workroom) -> Callable[..., str]:
    """What makes the header for who has come."""

    def header(language: Language, request: gr.Request) -> str:
        return header_html(language, request.user if workroom.roles else None)

    return header


def header_html(language: Language, user: User | None = None) -> str:
    """The name of the page, the switch of its language, that of its appearance, and who is logged in."""
    themes = "".join(_choice("theme", each, sign, say(f"theme_{each}", language)) for each, sign in THEMES)
    languages = "".join(_choice("language", each, name, name) for each, name in LANGUAGES)
    return (
        f'<header class="top" role="banner"><h1>{say("title", language)}</h1><p>{say("motto", language)}</p>'
        f'<div class="switch" role="group" aria-label="{say("language", language)}">{languages}</div>'
        f'<div class="switch" role="group" aria-label="{say("theme", language)}">{themes}</div>'
        f"{_user_html(user, language) if user else ''}</header>"
    )


def _user_html(user: User, language: Language) -> str:
    """Who is logged in, and the button that logs out."""
    role, name = say(f"role_{user.role}", language), escape(user.name)
    title = say("logged_in", language, name=name, role=role)
    return (
        f'<div class="who" role="group" aria-label="{title}" title="{title}"><b>{name}</b>'
        f'<button type="button" data-leave>{say("log_out", language)}</button></div>'
    )


THEMES = (("light", "☀"), ("system", "◐"), ("dark", "☾"))


def _choice(name: str, value: str, sign: str, label: str) -> str:
    """A button that chooses; which one is chosen only the browser knows."""
    speaks = ' data-event="speak"' if name == "language" else ""
    return f'<button type="button" data-{name}="{value}"{speaks} aria-label="{label}" title="{label}">{sign}</button>'


def head() -> str:
    """The styles and scripts of the page, for its head; they load nothing from elsewhere."""
    styles, scripts = ("".join(_read(name) for name in names) for names in (STYLES, SCRIPTS))
    return f"<style>{styles}</style><script>{scripts}</script>"


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
