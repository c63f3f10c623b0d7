"""Thumbs up or down on an answer, and what should have been cited; kept in a file, see `qa.feedback`."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import gradio as gr

from qa import feedback
from qa.chat import Chat
from qa.datatypes import Answer, Passage
from qa.errors import WenjuError
from qa.render import shortened
from qa.text import Language, dominant_language
from ui.interface import numbers, sends, writable
from ui.notices import PageError, notice_html
from ui.texts import say

Given = tuple[str, str]  # the form to be shown, and what is said


def rating_html(exchange: int, language: Language) -> str:
    """The two thumbs of an answer; which one was pressed the browser remembers."""
    thumbs = "".join(
        f'<button type="button" class="thumb" {sends("rate", exchange=exchange, up=up)} aria-pressed="false" '
        f'aria-label="{say(key, language)}" title="{say(key, language)}">{sign}</button>'
        for up, sign, key in ((1, "👍", "thumb_up"), (0, "👎", "thumb_down"))
    )
    return f'<div class="feedback" role="group" aria-label="{say("feedback", language)}">{thumbs}</div>'


def rate(path: Path, answers: Sequence[Answer], chat: Chat, language: Language, event: gr.EventData) -> Given:
    """Keeps what is thought of an answer; where it is wrong, asks what would have been right."""
    exchange, up = numbers(event, "exchange", "up")
    try:
        answer = _answer(answers, exchange)
        feedback.append(path, feedback.judged(answer, "right" if up == 1 else "wrong"))
    except WenjuError as error:
        return "", notice_html(error, language)
    thanks = f'<p role="status">{say("feedback_kept", language)}</p>'
    return ("", thanks) if up == 1 else (form_html(exchange, answer, chat, language), "")


def correct(path: Path, answers: Sequence[Answer], chat: Chat, language: Language, event: gr.EventData) -> Given:
    """Keeps what should have been cited: a passage that was found, words of any article, or that no article says it.

    What cannot be understood is said, and the form stays.
    """
    (exchange,) = numbers(event, "exchange")
    chosen, words = (writable(str(event._data.get(name, ""))) for name in ("passage", "words"))
    try:
        answer = _answer(answers, exchange)
    except PageError as error:
        return "", notice_html(error, language)
    try:
        passages, standing = _expected(answer, chosen, words, chat)
        feedback.append(path, feedback.corrected(answer, passages, standing))
    except WenjuError as error:
        return form_html(exchange, answer, chat, language, chosen, words), notice_html(error, language)
    return "", f'<p role="status">{say("feedback_kept", language)}</p>'


def _answer(answers: Sequence[Answer], exchange: int) -> Answer:
    if exchange not in range(len(answers)):
        raise PageError("not_there")
    return answers[exchange]


def _expected(answer: Answer, chosen: str, words: str, chat: Chat) -> tuple[Sequence[Passage], str]:
    """The passages that a form names, and the words of them that answer.

    Raises:
        PageError: if it names none, or the words stand elsewhere.
    """
    if chosen == "none":
        return [], ""
    if chosen == "elsewhere":
        standing, passages = feedback.holding(words, chat.index.passages)
        if not words.strip():
            raise PageError("words_needed")
    elif chosen.isdecimal() and int(chosen) in range(len(answer.hits)):
        passages, standing = [answer.hits[int(chosen)].passage], ""
        if words.strip():
            standing, passages = feedback.holding(words, passages)
    else:
        raise PageError("passage_needed")
    if not passages:
        raise PageError("words_nowhere")
    return passages, standing


def form_html(exchange: int, answer: Answer, chat: Chat, language: Language, chosen: str = "", words: str = "") -> str:
    """The form that asks what should have been cited."""
    documents = chat.index.documents

    def option(value: str, text: str) -> str:
        checked = " checked" if value == chosen else ""
        return f'<label><input type="radio" name="passage" value="{value}"{checked}> {text}</label>'

    def passage(number: int, each: Passage) -> str:
        title = documents[each.document_id].title if each.document_id in documents else each.document_id
        begin = f'<span lang="{dominant_language(each.text)}">{escape(shortened(each.text))}</span>'
        return option(str(number), f"<cite>{escape(title)}</cite> {begin}")

    found = "".join(passage(number, hit.passage) for number, hit in enumerate(answer.hits))
    others = option("elsewhere", say("other_place", language)) + option("none", say("not_in_corpus", language))
    hint = say("words_hint", language)
    return (
        f'<form class="correct" {sends("correct", exchange=exchange)}><fieldset><legend>'
        f"{say('should_cite', language)}</legend><p class='asked' lang='{dominant_language(answer.question)}'>"
        f"{escape(answer.question)}</p><div class='choices'>{found}{others}</div></fieldset>"
        f'<label>{hint}<textarea name="words" rows="2" maxlength="2000">{escape(words)}</textarea></label>'
        f'<p><button type="submit" class="primary">{say("send", language)}</button>'
        f'<button type="button" {sends("dismiss")}>{say("dismiss", language)}</button></p></form>'
    )
