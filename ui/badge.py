"""The badge in the header, in sight on every tab: which index answers, and whether the articles are newer than it."""

from typing import Any

import gradio as gr

from qa.generations import number_of
from qa.inventory import count_pending
from qa.text import Language
from ui.interface import Interface, pane, sends
from ui.texts import say
from ui.workroom import Workroom


class Badge:
    """The badge, and the box whose change tells the page that something about the index is another now.

    Attributes:
        standing: changes with what `Workroom.standing` says; the browser asks every few seconds.
        pane: triggers `rebuild`.
    """

    def __init__(self, workroom: Workroom, interface: Interface) -> None:
        self._workroom = workroom
        self.pane = pane("badge", "standing", "rebuild")
        self.standing = gr.Textbox(visible="hidden", elem_id="standing", show_label=False, value="")
        direct: dict[str, Any] = {"queue": False, "api_visibility": "private"}
        self.pane.standing(None, None, self.standing, js="() => wenju.standing", api_visibility="private")
        for changed in (self.standing, interface.language):
            changed.change(self.render, interface.language, self.pane, **direct)

    def render(self, language: Language, request: gr.Request) -> str:
        """The badge as things stand."""
        return badge_html(self._workroom, self._workroom.may_edit(request), language)


def badge_html(workroom: Workroom, edit: bool, language: Language) -> str:
    """The number and passages of the live generation, what is newer than it, and the button that builds."""
    index, state = workroom.live.current().index, workroom.builder.state
    pending = count_pending(workroom.inventory.files(index))
    number, passages = number_of(index.folder.name), len(index.passages)
    says = say("badge", language, number=number, passages=f"{passages:,}")
    title = say("badge_title", language, number=number, passages=f"{passages:,}")
    more = f'<span class="fresh">{say("badge_fresh", language)}</span>'
    if state.step:
        more = f'<button type="button" class="pill" data-tab="corpus">{say("badge_building", language)}</button>'
    elif pending:
        newer = say("badge_pending" if pending > 1 else "badge_one_pending", language, count=pending)
        shown = f'<span class="whole">{newer}</span><span class="brief">{pending:,}</span>'
        more = f'<span class="pill" title="{newer}">{shown}</span>'
        if edit:
            label = say("badge_rebuild", language, newer=newer)
            more = (
                f'<button type="button" class="pill" {sends("rebuild")} data-tab="corpus" aria-label="{label}" '
                f'title="{label}">{shown} <b aria-hidden="true">↻</b></button>'
            )
    which = f'<span class="whole">{says}</span><span class="brief">#{number}</span>'
    asks = f'<button type="button" {sends("standing")} hidden></button>'
    return f'<p class="badge" title="{title}">{which} {more}</p>{asks}'
