"""What converters made of files, kept in a generation, so that the same bytes are converted once and read alike."""

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, pairwise
from pathlib import Path

TEXTS, PLACES = "converted.utf8", "converted.json"  # no article's suffix: an index may lie among the articles


class ConvertedTexts(Mapping[str, str]):
    """Texts by the content hash of their files; each is read from the disk when it is asked for."""

    def __init__(self, places: Mapping[str, tuple[int, int]], raw: bytes | mmap.mmap) -> None:
        """Takes where each text starts and ends in their UTF-8."""
        self._places = places
        self._raw = raw

    @classmethod
    def load(cls, folder: Path) -> "ConvertedTexts":
        """Opens what `write_converted` wrote, by memory map."""
        places = json.loads((folder / PLACES).read_text(encoding="utf-8"))
        if not places:
            return cls({}, b"")
        with (folder / TEXTS).open("rb") as file:
            return cls(places, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def __getitem__(self, content_hash: str) -> str:
        start, end = self._places[content_hash]
        return self._raw[start:end].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def write_converted(folder: Path, texts: Iterable[tuple[str, str]]) -> None:
    """Writes texts with the content hashes of their files into a generation's folder; equal ones once, no empty one."""
    kept = {content_hash: text.encode("utf-8", "surrogatepass") for content_hash, text in texts if text}
    ends = list(accumulate(map(len, kept.values()), initial=0))
    (folder / PLACES).write_text(json.dumps(dict(zip(kept, pairwise(ends), strict=True))), encoding="utf-8")
    if kept:
        (folder / TEXTS).write_bytes(b"".join(kept.values()))
