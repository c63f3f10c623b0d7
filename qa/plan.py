"""Which articles make a part: what stays the same of a corpus after an edit stays in the same parts."""

import hashlib
from collections.abc import Callable, Sequence

Progress = Callable[[str, int, int], None]  # stage, done, total

_PART_BYTES = 300_000  # of articles, from which on a part may end
_PARTS = 64  # beyond about as many they grow with the corpus: a question asks each of them
_ENDS = 32  # articles, of which one may end a part


def runs(articles: Sequence[tuple[str, int]]) -> list[range]:
    """The articles that make a part, as ranges, of articles given in order by their ids and sizes in bytes.

    A part ends with an article whose id hashes so (content-defined chunking, Muthitacharoen et al. 2001), so that an
    edit moves the ends of few. How large parts are follows from the size of all, by powers of two: it seldom changes.
    """
    least, total = _PART_BYTES, sum(size for _, size in articles)
    while least * _PARTS < total:
        least *= 2
    found, start, size = [], 0, 0
    for number, (identity, bytes_of_article) in enumerate(articles, 1):
        size += bytes_of_article
        if number == len(articles) or (size >= least and _may_end(identity)):
            found.append(range(start, number))
            start, size = number, 0
    return found


def _may_end(identity: str) -> bool:
    return hashlib.sha256(identity.encode()).digest()[0] % _ENDS == 0
