"""Two generations' passages to what an edit did to them: added, changed, removed or kept, article by article."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from qa.datatypes import Passage

_ARTICLES_SHOWN = 12
_COUNTS = ("added", "changed", "removed")


@dataclass(frozen=True, slots=True)
class ArticleChanges:
    """How many passages of one article were added, changed and removed."""

    document_id: str
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class PassageChanges:
    """How many passages were added, changed, removed and kept, and the same of each article that is not as it was."""

    added: int
    changed: int
    removed: int
    kept: int
    articles: tuple[ArticleChanges, ...]


def passage_changes(old: Iterable[Passage], new: Iterable[Passage]) -> PassageChanges:
    """What became of the passages, by article and text; where a passage stands in its article makes no difference.

    A passage has changed where another text stands in its stead, between the same neighbours.
    """
    before, after = _texts(old), _texts(new)
    articles, kept = [], 0
    for identity in sorted(before.keys() | after.keys()):
        were, are = before[identity], after[identity]
        kept += (Counter(were) & Counter(are)).total()
        article = _article_changes(identity, were, are)
        if article.added or article.changed or article.removed:
            articles.append(article)
    added, changed, removed = (sum(getattr(each, name) for each in articles) for name in _COUNTS)
    return PassageChanges(added, changed, removed, kept, tuple(articles))


def _texts(passages: Iterable[Passage]) -> defaultdict[str, list[str]]:
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for passage in passages:
        texts[passage.document_id].append(passage.text)
    return texts


def _article_changes(identity: str, were: Sequence[str], are: Sequence[str]) -> ArticleChanges:
    """Of each run of texts in the stead of another, as many as both have in common were changed."""
    runs = SequenceMatcher(None, were, are, autojunk=False).get_opcodes()
    in_place = Counter(text for kind, start, end, _, _ in runs if kind == "equal" for text in were[start:end])
    moved = (Counter(were) & Counter(are)) - in_place  # kept, but elsewhere in the article
    moved_from, moved_to = moved.copy(), moved.copy()
    added = changed = removed = 0
    for kind, old_start, old_end, new_start, new_end in runs:
        if kind != "equal":
            gone = _left(were[old_start:old_end], moved_from)
            come = _left(are[new_start:new_end], moved_to)
            both = min(gone, come)
            added, changed, removed = added + come - both, changed + both, removed + gone - both
    return ArticleChanges(identity, added, changed, removed)


def _left(texts: Sequence[str], moved: Counter[str]) -> int:
    """How many texts are left when those moved, each as often as it is still to be found, are taken away."""
    left = 0
    for text in texts:
        if moved[text]:
            moved[text] -= 1
        else:
            left += 1
    return left


def changes_text(changes: PassageChanges) -> str:
    """The counts for a terminal, then a line for each article that is not as it was, of the first dozen."""
    lines = [
        f"passages: {changes.added} added, {changes.changed} changed, {changes.removed} removed, {changes.kept} kept"
    ]
    for article in changes.articles[:_ARTICLES_SHOWN]:
        counts = ((name, getattr(article, name)) for name in _COUNTS)
        lines.append(f"  {article.document_id}: {', '.join(f'{count} {name}' for name, count in counts if count)}")
    if (more := len(changes.articles) - _ARTICLES_SHOWN) > 0:
        lines.append(f"  and {more} articles more")
    return "\n".join(lines)
