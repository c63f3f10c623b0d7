"""What several test files share: the shipped corpus, one index of it, and a corpus small enough to know by heart."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pages import address, browser, page, seats, visit  # noqa: F401 - fixtures of every test of the page
from postgres_server import postgres, store_url  # noqa: F401 - fixtures of every test of a store

from qa import generations, index
from qa.chat import Chat
from qa.config import IndexSettings
from qa.index import SearchIndex

ROOT = Path(__file__).resolve().parents[1]

for name in ("QA_LLM_BASE_URL", "QA_LLM_MODEL", "QA_LLM_API_KEY"):  # no test asks the server of whoever runs it
    os.environ.pop(name, None)

# No property is one of how fast the machine is.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

SMALL_ARTICLES = {
    "turtles.en.md": (
        "---\ntitle: Turtles of the Open Sea\nlanguage: en\n---\n\n# Turtles of the Open Sea\n\n## Diving\n\n"
        "A leatherback turtle can dive to a depth of 1,200 metres. It comes up for air after about 85 minutes.\n\n"
        "## Nests\n\nThe turtles dig their nests on warm beaches at night.\n"
    ),
    "tea.zh.md": (
        "---\ntitle: 白茶的泡法\nlanguage: zh\n---\n\n# 白茶的泡法\n\n## 水温\n\n"
        "泡白毫银针要用摄氏80度的水，浸泡三分钟。水太烫，茶汤就会发苦。\n\n"
        "## 储存\n\n白茶应当放在干燥、避光的地方。\n"
    ),
    "图书馆/读者.zh.md": "\ufeff# 城北图书馆\r\n\r\n城北图书馆每周一闭馆。\r\n每位读者一次最多可以借阅12本书。\r\n",
    "clocks.txt": "The oldest working clock stands in Salisbury Cathedral. It has no face and strikes the hours.\n",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--refresh-screenshots` writes the pictures of the README anew."""
    parser.addoption("--refresh-screenshots", action="store_true", help="write the pictures of the README into docs/")


def write_articles(folder: Path, articles: dict[str, str]) -> Path:
    """Writes articles byte for byte, so that line ends are the same on every system."""
    for name, text in articles.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    return folder


@pytest.fixture(scope="session")
def corpus_folder() -> Path:
    """The articles shipped with the project."""
    return ROOT / "corpus"


@pytest.fixture(scope="session")
def index_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the shipped articles, built once; tests that write into one copy it first."""
    folder = tmp_path_factory.mktemp("shipped") / "index"
    generations.build(corpus_folder, folder, IndexSettings())
    return folder


@pytest.fixture(scope="session")
def chat(index_folder: Path) -> Chat:
    """The shipped articles, ready to be asked."""
    return Chat.open(index_folder)


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    """Four short articles, two a language, that a test may edit."""
    return write_articles(tmp_path / "articles", SMALL_ARTICLES)


@pytest.fixture
def small_index(small_corpus: Path, tmp_path: Path) -> Path:
    """An index of the short articles."""
    generations.build(small_corpus, tmp_path / "small index", IndexSettings())
    return tmp_path / "small index"


@pytest.fixture(scope="session")
def small_loaded(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    """The short articles, loaded once; no test writes into them."""
    folder = tmp_path_factory.mktemp("small")
    generations.build(write_articles(folder / "articles", SMALL_ARTICLES), folder / "index", IndexSettings())
    return index.load(generations.live_folder(folder / "index"))
