"""What all panels share: the language of the page, the labels that follow it, and the events of own HTML."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, TypeVar

import gradio as gr

from qa.text import Language
from ui.texts import say

FIRST: Language = "zh"  # until the browser has said its own

Labelled = TypeVar("Labelled", bound=gr.blocks.Block)


class Interface:
    """The language of the page and every label in it, while the page is built; it holds nothing of a visitor.

    Attributes:
        language: "zh" or "en", kept in the visitor's browser. What is written in it is rendered by `language.change`,
            which is called once at the start too.
    """

    def __init__(self) -> None:
        self.language = gr.Textbox(visible="hidden", elem_id="language", show_label=False)
        self._labels: list[tuple[gr.blocks.Block, dict[str, str]]] = []

    def label(self, component: Labelled, **keys: str) -> Labelled:
        """Gives properties of a component the texts of those keys, in the language of the page from now on."""
        for name, key in keys.items():
            setattr(component, name, say(key, FIRST))
        self._labels.append((component, keys))
        return component

    @property
    def labelled(self) -> list[gr.blocks.Block]:
        """The components that have labels."""
        return [component for component, _ in self._labels]

    def in_language(self, language: Language) -> list[Any]:
        """An update for each of `labelled`."""
        updates = [{name: say(key, language) for name, key in keys.items()} for _, keys in self._labels]
        return [gr.update(**update) for update in updates] if len(updates) != 1 else gr.update(**updates[0])


def pane(elem_id: str, *events: str) -> gr.HTML:
    """A place for own HTML, whose elements with `data-event` trigger one of these events: `sends` gives them that.

    A button triggers it at a click, a form as it is submitted. The event brings the other `data-` values of the element
    (whole numbers as numbers) and the fields of the form: `gr.EventData` has them as attributes.
    """
    listen = f"wenju.delegate(element, trigger, [{', '.join(repr(event) for event in events)}])"
    return gr.HTML(elem_id=elem_id, js_on_load=listen, apply_default_css=False)


def sends(event: str, **values: int | str) -> str:
    """The attributes of an element that triggers an event with those values; see `pane`."""
    return " ".join(f'data-{name}="{escape(str(value))}"' for name, value in {"event": event, **values}.items())


def table_html(heads: Sequence[str], rows: Iterable[str], kind: str = "", label: str = "") -> str:
    """A table of HTML: what stands in its head, its rows, its class; with a label it scrolls sideways by itself."""
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    name = f' class="{kind}"' if kind else ""
    table = f"<table{name}><thead><tr>{columns}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}">{table}</div>' if label else table


def writable(text: str) -> str:
    """Text that any encoding can write: a lone surrogate, half a character, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def texts(event: gr.EventData, *names: str) -> Sequence[str]:
    """Those values of an event as text; empty for one that is missing."""
    return [str(event._data.get(name, "")) for name in names]


def numbers(event: gr.EventData, *names: str) -> Sequence[int]:
    """Those values of an event; −1, which is no place anywhere, for one that is missing or no whole number."""
    values = [event._data.get(name) for name in names]
    return [value if isinstance(value, int) else -1 for value in values]
