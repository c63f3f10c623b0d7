from collections.abc import Sequence

import pytest

from qa.kept import Kept


def test_what_is_kept_is_not_read_again() -> None:
    """Only missing keys are read, all at once; the value met longest ago goes first; a key without a value has none."""
    asked: list[list[str]] = []

    def lengths(keys: Sequence[str]) -> dict[str, int]:
        asked.append(list(keys))
        return {key: len(key) for key in keys if key}

    kept: Kept[str, int] = Kept(2)
    assert kept.of(["one", "three", "one"], lengths) == {"one": 3, "three": 5}
    assert kept.of(["one"], lengths) == {"one": 3}
    assert kept.of(["three", "eleven"], lengths) == {"three": 5, "eleven": 6}
    assert kept.one("one", lengths) == 3
    assert kept.of(["", "eleven"], lengths) == {"eleven": 6}
    assert kept.one("one", lengths) == 3
    assert kept.of(["two"], lengths) == {"two": 3}
    assert kept.one("one", lengths) == 3
    with pytest.raises(KeyError):
        kept.one("", lengths)
    assert asked == [["one", "three"], ["eleven"], ["one"], [""], ["two"], [""]]
