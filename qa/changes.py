"""What passages two generations have to what an edit did to them: added, changed, removed or kept, by article."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

    @property
    def compared(self) -> bool:
        """Whether there was anything before."""
        return bool(self.kept or self.changed or self.removed)


def passage_changes(old: Mapping[str, Sequence[bytes]], new: Mapping[str, Sequence[bytes]]) -> PassageChanges:
    """What became of the passages, by their contents in each article; where a content stands makes no difference.

    One that went to another article is kept. Of the rest, as many of an article have changed as both went and came.
    """
    went: dict[str, Counter[bytes]] = {}
    came: dict[str, Counter[bytes]] = {}
    for identity in sorted(old.keys() | new.keys()):
        were, are = old.get(identity, []), new.get(identity, [])
        if were != are:
            went[identity], came[identity] = Counter(were) - Counter(are), Counter(are) - Counter(were)
    moved = _total(went) & _total(came)
    left, arrived = _counts_without(moved, went), _counts_without(moved, came)
    articles = []
    for identity in went:
        both = min(left[identity], arrived[identity])
        counts = ArticleChanges(identity, arrived[identity] - both, both, left[identity] - both)
        if counts.added or counts.changed or counts.removed:
            articles.append(counts)
    added, changed, removed = (sum(getattr(each, name) for each in articles) for name in _COUNTS)
    return PassageChanges(added, changed, removed, sum(map(len, new.values())) - added - changed, tuple(articles))


def _total(contents: Mapping[str, Counter[bytes]]) -> Counter[bytes]:
    total: Counter[bytes] = Counter()
    for each in contents.values():
        total.update(each)
    return total


def _counts_without(moved: Counter[bytes], contents: Mapping[str, Counter[bytes]]) -> dict[str, int]:
    """How many contents each article has left once those moved, each as often as it did, are taken away."""
    to_take, counts = moved.copy(), {}
    for identity, each in contents.items():
        taken = each & to_take
        to_take.subtract(taken)
        counts[identity] = each.total() - taken.total()
    return counts


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
