"""The panel of the corpus: its articles, read, searched and edited; the index built of them, and what that did."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from qa import editing, generations
from qa.building import Built
from qa.chat import LiveChat
from qa.corpus import parse_document
from qa.editing import Change, Opened
from qa.errors import ArticleError, EditError, WenjuError
from qa.inventory import ArticleFile, count_pending
from qa.lint import lint
from qa.text import LANGUAGES, Language
from ui.badge import Badge
from ui.corpus_build import report_html, strip_html
from ui.corpus_list import PAGE, SORTS, STANDINGS, Choice, list_html
from ui.corpus_view import (
    Kind,
    View,
    article_html,
    button,
    generations_html,
    lint_html,
    preview_html,
    unreadable_html,
    welcome_html,
)
from ui.interface import Interface, numbers, pane, sends, texts
from ui.notices import PageError, notice_html, notice_text
from ui.texts import say
from ui.workroom import Workroom

Updates = dict[gr.blocks.Block, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in words; what is to be seen now; and what undoes it, where something does."""

    said: str
    view: View
    change: Change | None = None


UNDO_SECONDS = 600  # for which a visitor's last change is kept, a whole file at most
BUSY = "(...values) => { wenju.busy(true); return values }"  # in the browser, while something takes seconds


class CorpusPanel:
    """The components of the panel and what each event does; shared by all visitors, of whom it holds nothing."""

    def __init__(self, live: LiveChat, interface: Interface, workroom: Workroom, badge: Badge) -> None:
        self._live, self._language, self._workroom, self._badge = live, interface.language, workroom, badge
        self._build(interface)
        self._wire()
        self._wire_editor()
        self._wire_changes()
        self._wire_builds()

    def _build(self, interface: Interface) -> None:
        with gr.Row(elem_id="corpus"):
            with gr.Column(elem_id="shelf"):
                self.strip = pane("corpus-build", "build", "stop", "report")
                self.words = interface.label(
                    gr.Textbox(elem_id="corpus-words", show_label=False, max_lines=1),
                    label="search_articles", placeholder="search_articles",
                )  # fmt: skip
                self.tools = pane("corpus-tools", "new", "generations", "lint", "uploaded")
                self.notice = pane("corpus-notice", "undo")
                self.list = pane("corpus-list", "read", "filter", "sort", "more")
            with gr.Column(elem_id="desk"):
                self.view = pane("corpus-view", "read", "edit", "ask_back", "really", "renamed", "switch", "rollback")
                self._build_editor(interface)
        self.choice, self.looked_at = gr.State(Choice()), gr.State(View())
        self.change = gr.State(None, time_to_live=UNDO_SECONDS)

    def _build_editor(self, interface: Interface) -> None:
        with gr.Column(elem_id="editor", visible=False) as self.editor:
            self.told = pane("editor-notice")
            self.name = interface.label(
                gr.Textbox(elem_id="editor-name", max_lines=1), label="name", placeholder="name_hint"
            )
            self.text = interface.label(
                gr.Textbox(elem_id="editor-text", lines=18, max_lines=30), label="text", placeholder="text_hint"
            )
            with gr.Row(elem_id="editor-buttons"):
                self.save = interface.label(gr.Button(elem_id="editor-save", variant="primary"), value="save")
                self.show = interface.label(gr.Button(elem_id="editor-preview-button"), value="as_preview")
                self.leave = interface.label(gr.Button(elem_id="editor-leave"), value="leave")
            self.preview = pane("editor-preview")
        self.edited = gr.Textbox(visible="hidden", elem_id="edited", show_label=False, value="")
        self.read_as = gr.Textbox(visible="hidden", elem_id="read-as", show_label=False, value="")

    def _wire(self) -> None:
        direct: dict[str, Any] = {"queue": False, "api_visibility": "private"}
        chosen = [self._language, self.choice]
        seen = [*chosen, self.looked_at]
        listed = [self.list, self.choice]
        shown = [self.view, self.looked_at, self.list, self.editor, self.notice]
        for event in (self.words.change, self.words.submit):
            event(self.search, [*seen, self.words], listed, trigger_mode="always_last", **direct)
        self.list.filter(self.filter, seen, listed, **direct)
        self.list.sort(self.sort, seen, listed, **direct)
        self.list.more(self.more, seen, listed, **direct)
        for place in (self.list, self.view):
            place.read(self.read, chosen, shown, **direct)
        self.view.ask_back(self.ask_back, chosen, shown, **direct)
        self.tools.generations(self.show_generations, chosen, shown, js=BUSY, **direct)
        self.tools.lint(self.lint, chosen, shown, js=BUSY, **direct)
        self.tools.uploaded(self.uploaded, seen, [self.notice, self.list, self.strip], **direct)
        everything = [self.strip, self.tools, *shown]
        for changed in (self._language, self._badge.standing):
            changed.change(self.render, seen, everything, **direct)

    def _wire_editor(self) -> None:
        direct: dict[str, Any] = {"queue": False, "api_visibility": "private"}
        seen = [self._language, self.choice, self.looked_at]
        editor = [self.editor, self.view, self.told, self.notice, self.name, self.text, self.edited, self.read_as]
        editor.append(self.preview)
        for event in (
            self.tools.new(self.new, self._language, editor, **direct),
            self.view.edit(self.edit, self._language, editor, **direct),
        ):
            event.then(None, js="() => wenju.opened()")
        written = [self._language, self.name, self.text, self.edited, self.read_as]
        after = [self.told, self.view, self.looked_at, self.list, self.editor, self.notice, self.strip, self.change]
        self.save.click(self.write, [*written, self.choice], after, **direct)
        self.show.click(self.render_preview, [self.name, self.text], self.preview, **direct)
        self.leave.click(self.stop_editing, seen, [self.view, self.editor], **direct)

    def _wire_changes(self) -> None:
        direct: dict[str, Any] = {"queue": False, "api_visibility": "private"}
        chosen = [self._language, self.choice]
        done = [self.view, self.looked_at, self.list, self.editor, self.notice, self.strip, self.change]
        self.view.really(self.delete, chosen, done, **direct)
        self.view.renamed(self.rename, chosen, done, **direct)
        self.notice.undo(self.undo, [*chosen, self.change], done, **direct)
        self.view.switch(self.switch, chosen, done, **direct)
        self.view.rollback(self.rollback, chosen, done, **direct)

    def _wire_builds(self) -> None:
        direct: dict[str, Any] = {"queue": False, "api_visibility": "private"}
        chosen = [self._language, self.choice]
        for event in (self.strip.build, self._badge.pane.rebuild):
            event(self.build, self._language, [self.strip, self.notice], **direct)
        self.strip.stop(self.stop, self._language, [self.strip, self.notice], **direct)
        shown = [self.view, self.looked_at, self.list, self.editor, self.notice]
        self.strip.report(self.report, chosen, shown, **direct)

    # What the visitor sees.

    def render(self, language: Language, choice: Choice, view: View, request: gr.Request) -> Updates:
        """Everything as things stand, in the language of the page; a notice and an edit are left as they are."""
        updates, room = self._shown(language, choice, view, request), self._workroom
        kept = {component: updates[component] for component in (self.list, self.looked_at)}
        kept[self.view] = updates[self.view]["value"]
        return {
            **kept,
            self.strip: self._strip(language, request),
            self.tools: tools_html(room.may_edit(request), room.limits.upload_bytes, language),
        }

    def _strip(self, language: Language, request: gr.Request) -> str:
        pending = count_pending(self._files())
        return strip_html(self._workroom.builder.state, pending, self._workroom.may_edit(request), language)

    def _files(self) -> tuple[ArticleFile, ...]:
        return self._workroom.inventory.files(self._live.current().index)

    def _list(self, language: Language, choice: Choice, view: View) -> str:
        index, inventory = self._live.current().index, self._workroom.inventory
        matching = inventory.matching(index, choice.words) if choice.words.strip() else inventory.files(index)
        return list_html(inventory.files(index), matching, choice, view.name, language)

    def _shown(self, language: Language, choice: Choice, view: View, request: gr.Request, notice: str = "") -> Updates:
        """A view, with the list beside it, and no editor."""
        edit = self._workroom.may_edit(request)
        try:
            html = self._view_html(view, edit, language)
        except WenjuError as error:
            html, notice = welcome_html(edit, language), notice_html(error, language)
        return {
            self.view: gr.update(value=html, visible=True),
            self.looked_at: view,
            self.list: self._list(language, choice, view),
            self.editor: gr.update(visible=False),
            self.notice: notice,
        }

    def _view_html(self, view: View, edit: bool, language: Language) -> str:
        match view.kind:
            case "article" | "delete" | "rename":
                return self._article_html(view, edit, language)
            case "generations":
                return generations_html(self._workroom.live.home.listed(), edit, language)
            case "lint":
                return lint_html(view.findings, language)
            case "report" if isinstance(built := self._workroom.builder.state.ended, Built):
                return report_html(built, language)
        return welcome_html(edit, language)

    def _article_html(self, view: View, edit: bool, language: Language) -> str:
        room = self._workroom
        file = next((file for file in self._files() if file.id == view.name), None)
        if file is None:
            raise EditError("gone", view.name)
        try:
            file_hash = editing.file_hash(room.corpus, file.id, room.settings)
        except EditError as error:
            return unreadable_html(file, notice_text(error, language), "", view, edit, language)
        try:
            document = room.inventory.article(file.id)
        except ArticleError as error:
            reason = notice_text(error, language)
            return unreadable_html(file, reason, file_hash, view, edit, language)
        return article_html(document, file, file_hash, view, edit, language)

    # What the visitor chooses.

    def search(self, language: Language, choice: Choice, view: View, words: str) -> Updates:
        """The articles with those words."""
        return self._chosen(language, replace(choice, words=words[:200], standing="", shown=PAGE), view)

    def filter(self, language: Language, choice: Choice, view: View, event: gr.EventData) -> Updates:
        """The articles that stand so to the index, or are in that language."""
        standing, spoken = event._data.get("standing", choice.standing), event._data.get("spoken", choice.language)
        chosen = replace(
            choice,
            standing=standing if standing in STANDINGS else "",
            language=spoken if spoken in LANGUAGES else "",
            shown=PAGE,
        )
        return self._chosen(language, chosen, view)

    def sort(self, language: Language, choice: Choice, view: View, event: gr.EventData) -> Updates:
        """The articles in that order."""
        sort = event._data.get("sort")
        return self._chosen(language, replace(choice, sort=sort if sort in SORTS else SORTS[0], shown=PAGE), view)

    def more(self, language: Language, choice: Choice, view: View) -> Updates:
        """More of the list."""
        return self._chosen(language, replace(choice, shown=choice.shown + PAGE), view)

    def _chosen(self, language: Language, choice: Choice, view: View) -> Updates:
        return {self.list: self._list(language, choice, view), self.choice: choice}

    def read(self, language: Language, choice: Choice, event: gr.EventData, request: gr.Request) -> Updates:
        """An article, rendered or letter by letter."""
        name, (line,) = str(event._data.get("name", "")), numbers(event, "line")
        shown = View("article", name, event._data.get("look_at") == "text", max(line, 0))
        return self._shown(language, choice, shown, request)

    def show_generations(self, language: Language, choice: Choice, request: gr.Request) -> Updates:
        """The generations of the index."""
        return self._shown(language, choice, View("generations"), request)

    def report(self, language: Language, choice: Choice, request: gr.Request) -> Updates:
        """What the last build did."""
        return self._shown(language, choice, View("report"), request)

    def lint(self, language: Language, choice: Choice, request: gr.Request) -> Updates:
        """What of the articles will answer badly."""
        try:
            findings = tuple(lint(self._workroom.corpus, self._workroom.settings))
        except WenjuError as error:
            return self._shown(language, choice, View(), request, notice_html(error, language))
        return self._shown(language, choice, View("lint", findings=findings), request)

    # What the visitor changes.

    def uploaded(
        self, language: Language, choice: Choice, view: View, event: gr.EventData, request: gr.Request
    ) -> Updates:
        """What became of the files that were sent, as the server said of each."""
        said = str(event._data.get("said", ""))
        return {
            self.notice: said_html(said.splitlines()),
            self.list: self._list(language, choice, view),
            self.strip: self._strip(language, request),
        }

    def new(self, language: Language, request: gr.Request) -> Updates:
        """An empty editor."""
        return self._editing(language, request, lambda: Opened("", say("new_text", language), ""))

    def edit(self, language: Language, event: gr.EventData, request: gr.Request) -> Updates:
        """The editor with an article in it."""
        room, name = self._workroom, str(event._data.get("name", ""))
        return self._editing(language, request, lambda: editing.open_text(room.corpus, name, room.settings))

    def _editing(self, language: Language, request: gr.Request, open_text: Callable[[], Opened]) -> Updates:
        try:
            self._workroom.require_edit(request)
            opened = open_text()
        except WenjuError as error:
            return {self.notice: notice_html(error, language)}
        return {
            self.editor: gr.update(visible=True),
            self.view: gr.update(visible=False),
            self.told: "",
            self.notice: "",
            self.name: gr.update(value=opened.id, interactive=not opened.id),
            self.text: opened.text,
            self.edited: opened.id,
            self.read_as: opened.file_hash,
            self.preview: "",
        }

    def write(
        self, language: Language, name: str, text: str, edited: str, read_as: str, choice: Choice, request: gr.Request
    ) -> Updates:
        """Saves what is in the editor; where that is refused, it stays there."""
        room = self._workroom

        def written() -> Done:
            if edited:
                change = editing.replace_text(room.corpus, Opened(edited, "", read_as), text, room.settings)
                return Done(say("saved", language, name=edited), View("article", edited), change)
            new = editing.create_text(room.corpus, name, text, room.settings)
            return Done(say("saved", language, name=new), View("article", new))

        return self._done(language, choice, request, written, self.told)

    def render_preview(self, name: str, text: str) -> str:
        """What is in the editor as it will be read."""
        return f'<div class="prose">{preview_html(parse_document(name or "new.md", text, ""))}</div>'

    def stop_editing(self, language: Language, choice: Choice, view: View, request: gr.Request) -> Updates:
        """The view as it was before."""
        updates = self._shown(language, choice, view, request)
        return {component: updates[component] for component in (self.view, self.editor)}

    def ask_back(self, language: Language, choice: Choice, event: gr.EventData, request: gr.Request) -> Updates:
        """Whether an article is really to be deleted, or what it is to be called."""
        kind: Kind = "rename" if event._data.get("kind") == "rename" else "delete"
        return self._shown(language, choice, View(kind, str(event._data.get("name", ""))), request)

    def delete(self, language: Language, choice: Choice, event: gr.EventData, request: gr.Request) -> Updates:
        """An article is deleted, if it is still the one that was looked at."""
        room, name, read_as = self._workroom, *texts(event, "name", "read_as")

        def deleted() -> Done:
            change = editing.remove(room.corpus, name, read_as, room.settings)
            return Done(say("deleted", language, name=name), View(), change)

        return self._done(language, choice, request, deleted)

    def rename(self, language: Language, choice: Choice, event: gr.EventData, request: gr.Request) -> Updates:
        """An article gets another name, if it is still the one that was looked at."""
        room, name, read_as, to = self._workroom, *texts(event, "name", "read_as", "to")

        def renamed() -> Done:
            change = editing.rename(room.corpus, name, read_as, to, room.settings)
            said = say("renamed", language, name=name, now=change.now)
            return Done(said, View("article", change.now), change)

        return self._done(language, choice, request, renamed)

    def undo(self, language: Language, choice: Choice, change: Change | None, request: gr.Request) -> Updates:
        """The article that the visitor changed last is as it was, if nobody has changed it since."""
        room = self._workroom

        def undone() -> Done:
            if change is None:
                raise PageError("nothing_to_undo")
            editing.undo(room.corpus, change, room.settings)
            return Done(say("undone", language, name=change.id), View("article", change.id))

        return self._done(language, choice, request, undone)

    def switch(self, language: Language, choice: Choice, event: gr.EventData, request: gr.Request) -> Updates:
        """Another generation answers from now on."""
        (number,) = numbers(event, "number")

        def switched() -> Done:
            name = self._workroom.live.home.switch(str(number))
            return Done(say("switched", language, number=generations.number_of(name)), View("generations"))

        return self._done(language, choice, request, switched)

    def rollback(self, language: Language, choice: Choice, request: gr.Request) -> Updates:
        """The generation before answers from now on."""

        def switched() -> Done:
            name = self._workroom.live.home.rollback()
            return Done(say("switched", language, number=generations.number_of(name)), View("generations"))

        return self._done(language, choice, request, switched)

    def _done(
        self,
        language: Language,
        choice: Choice,
        request: gr.Request,
        act: Callable[[], Done],
        refused: gr.HTML | None = None,
    ) -> Updates:
        """Makes a change and says so; where it is refused, all stays as it is, and why is said in a place for that."""
        try:
            self._workroom.require_edit(request)
            done = act()
        except WenjuError as error:
            return {refused or self.notice: notice_html(error, language)}
        finally:
            self._workroom.inventory.forget()
        notice = said_html([done.said], button("undo", "undo", language, "quiet") if done.change else "")
        shown = self._shown(language, choice, done.view, request, notice)
        return {**shown, self.strip: self._strip(language, request), self.change: done.change}

    def build(self, language: Language, request: gr.Request) -> Updates:
        """A build begins; where one runs, that one is shown."""
        return self._of_build(language, request, self._workroom.builder.start)

    def stop(self, language: Language, request: gr.Request) -> Updates:
        """The running build stops at its next step."""
        return self._of_build(language, request, self._workroom.builder.cancel)

    def _of_build(self, language: Language, request: gr.Request, act: Callable[[], object]) -> Updates:
        try:
            self._workroom.require_edit(request)
            act()
        except WenjuError as error:
            return {self.notice: notice_html(error, language)}
        return {self.strip: self._strip(language, request), self.notice: ""}


def said_html(lines: list[str], undo: str = "") -> str:
    """What was done, a line each, said by a screen reader, and the button that undoes it."""
    return f'<p role="status">{"<br>".join(map(escape, lines))} {undo}</p>'


def tools_html(edit: bool, longest: int, language: Language) -> str:
    """The buttons above the list; those that change something only where one may, uploads up to so many bytes."""

    def tool(event: str, key: str) -> str:
        return f'<button type="button" {sends(event)}>{say(key, language)}</button>'

    changing = ""
    if edit:
        changing = (
            f'{tool("new", "new_article")}<form {sends("uploaded")}><input type="hidden" name="said">'
            f'<label class="upload"><input type="file" multiple class="unseen" data-most="{longest}" '
            f'data-large="{say("upload_large", language)}" data-failed="{say("upload_failed", language)}">'
            f"<span>{say('upload', language)}</span></label>"
            f'<label class="replace"><input type="checkbox" id="replace"> {say("replace", language)}</label></form>'
        )
    leaving = f'<span id="leaving" hidden>{say("leaving", language)}</span>'
    return f'<div class="tools">{changing}{tool("generations", "generations")}{tool("lint", "lint")}{leaving}</div>'
