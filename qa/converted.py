"""What converters made of files, kept in a generation, so that the same bytes are converted once and read alike."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from qa.files import PLAIN, suffix_of
from qa.manifest import Manifest, places
from qa.parts import Part, PartRecord
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


def converted_texts(
    manifest: Manifest, opened: Callable[[PartRecord], Part], damaged: Collection[str] = ()
) -> ConvertedTexts:
    """The texts of a generation's articles whose files were converted, of those parts whose files are not damaged."""
    return ConvertedTexts(
        (manifest.documents[identity], opened(record).converted, number)
        for identity, (record, number) in places(manifest)
        if suffix_of(identity) not in PLAIN and record.file not in damaged
    )
