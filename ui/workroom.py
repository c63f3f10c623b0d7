"""What the corpus panel, the badge and uploads work on: the articles, their index, and who may change them."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from starlette.requests import Request

from qa.building import Builder
from qa.chat import LiveChat
from qa.config import IndexSettings, PageLimits
from qa.inventory import Inventory, count_pending
from qa.text import Language
from ui.notices import PageError
from ui.texts import say

Visited = gr.Request | Request  # has as `user` who is logged in, where visitors log in


@dataclass(frozen=True, slots=True)
class Workroom:
    """The server's, shared by all visitors, of whom it holds nothing.

    Attributes:
        live: what answers.
        corpus: the folder of the articles.
        root: the folder of the index.
        settings: of a build.
        inventory: what is in the folder.
        builder: builds the index.
        read_only: whether nobody may change anything.
        roles: whether visitors log in, each in a role; without that all may do the same.
        limits: how much visitors may send.
    """

    live: LiveChat
    corpus: Path
    root: Path
    settings: IndexSettings
    inventory: Inventory
    builder: Builder
    read_only: bool
    roles: bool
    limits: PageLimits

    @classmethod
    def of(
        cls,
        live: LiveChat,
        *,
        read_only: bool = False,
        roles: bool = False,
        questions: Path | None = None,
        limits: PageLimits | None = None,
    ) -> "Workroom":
        """The one of a live chat; `questions` is a file whose answers are compared after each build."""
        chat = live.current()
        corpus, root, settings = chat.corpus, chat.index.folder.parent, chat.index.manifest.settings
        inventory, builder = Inventory(corpus, settings), Builder(corpus, root, settings, questions)
        return cls(live, corpus, root, settings, inventory, builder, read_only, roles, limits or PageLimits())

    def may_edit(self, request: Visited) -> bool:
        """Whether who makes a request may change articles and index; nothing else decides that."""
        return not self.read_only and (not self.roles or request.user.role == "editor")

    def require_edit(self, request: Visited) -> None:
        """Raises PageError where they may not."""
        if not self.may_edit(request):
            raise PageError("read_only" if self.read_only else "readers_read")

    def standing(self, language: Language, request: Visited) -> dict[str, str | int]:
        """Where the index stands, for who looks every few seconds.

        Returns:
            `key`, another whenever the page has to show something else; of a running build, what it does in words, and
            how much of it is done.
        """
        index, state = self.live.current().index, self.builder.state
        pending = count_pending(self.inventory.files(index))
        key = f"{index.folder.name} {pending} {state.number} {state.step is None} {state.stopping}"
        key += f" {self.may_edit(request)}"
        if not state.step:
            return {"key": key}
        label = say(f"stage_{state.step.stage}", language)
        return {"key": key, "label": label, "done": state.step.done, "total": state.step.total}
