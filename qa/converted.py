"""What converters made of files, kept in a generation, so that the same bytes are converted once and read alike."""

from collections.abc import Iterable, Iterator, Mapping

from qa.rows import Lines


class ConvertedTexts(Mapping[str, str]):
    """Texts by the content hash of their files; each is read from the disk when it is asked for."""

    def __init__(self, places: Iterable[tuple[str, Lines, int]] = ()) -> None:
        """Takes content hashes, each with lines and which of them is its text; an empty one is none."""
        self._places = {content_hash: (lines, number) for content_hash, lines, number in places if lines.length(number)}

    def __getitem__(self, content_hash: str) -> str:
        lines, number = self._places[content_hash]
        return lines[number].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
