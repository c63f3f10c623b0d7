import pytest

from ui.markdown import markdown_html


def test_markdown_is_rendered() -> None:
    """Headings, lists, tables and links to other sites become what they mean, headings below those of the page."""
    html = markdown_html("# One\n\n- two **three**\n\n|a|\n|-|\n|4|\n\n[five](https://example.com/?a=1&b=2)")
    for part in ("<h3>One</h3>", "<li>two <strong>three</strong></li>", "<td>4</td>"):
        assert part in html
    assert (
        '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">five</a>' in html
    )


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "![a](http://example.com/x.png)",
     "![a][1]\n\n[1]: http://example.com/x.png", "<http://example.com/x.png><svg onload=alert(1)>",
     "<div\nonclick='alert(1)'>\n\n</div>", "<style>*{display:none}</style>", "<!-- --!><iframe src=x>"],
)  # fmt: skip
def test_no_html_of_an_article_is_obeyed(text: str) -> None:
    """Tags in an article are letters, and its images are fetched from nowhere."""
    html = markdown_html(text)
    for tag in ("<script", "<img", "<svg", "<div", "<style", "<iframe", "<!--"):
        assert tag not in html


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java&#10;script:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
     "/healthz", "//example.com", "#top", "../x", "\\\\host\\share"],
)  # fmt: skip
def test_no_link_does_anything_on_the_page(address: str) -> None:
    """A link that is no address of another site cannot be followed."""
    html = markdown_html(f"[a](<{address}>) [b]\n\n[b]: <{address}>")
    assert "href" not in html


def test_a_title_stands_once() -> None:
    """The first heading is left out where it is the title, and only then."""
    assert markdown_html("# One\n\nTwo", "One") == "<p>Two</p>\n"
    assert "One" in markdown_html("# One\n\nTwo", "Other")
    assert "One" in markdown_html("Two\n\n# One", "One")
