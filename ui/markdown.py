"""An article's Markdown as HTML that can do nothing: no HTML of its own is obeyed, and nothing is fetched."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_DEEPEST = 6  # of headings
_UNDER = 2  # levels of headings that stand above an article on the page


def markdown_html(text: str, title: str = "") -> str:
    """The text as HTML; images are shown as links, and only links to other sites can be followed.

    A first heading that is the title, which stands above already, is left out.
    """
    tokens = _MARKDOWN.parse(text)
    if len(tokens) > 1 and tokens[0].type == "heading_open" and tokens[1].content == title:
        tokens = tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + _UNDER, _DEEPEST)}"
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return html


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, _: Any) -> str:
    token = tokens[place]
    if urlsplit(str(token.attrGet("href"))).scheme in ("http", "https", "mailto"):
        token.attrs |= {"target": "_blank", "rel": "noopener noreferrer nofollow"}
    else:  # of the page it would lead nowhere
        token.attrs = {}
    return renderer.renderToken(tokens, place, options, {})


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
_MARKDOWN.add_render_rule("link_open", _link_open)
