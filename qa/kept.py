"""What was read last, so that it is not read again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Kept(Generic[_Key, _Value]):
    """The values that were read last, by their keys; many threads may share them."""

    def __init__(self, most: int) -> None:
        self._values: OrderedDict[_Key, _Value] = OrderedDict()
        self._most, self._lock = most, threading.Lock()

    def one(self, key: _Key, read: Callable[[list[_Key]], Mapping[_Key, _Value]]) -> _Value:
        """The value of a key; raises KeyError where it has none."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        return self.of([key], read)[key]

    def of(self, keys: Iterable[_Key], read: Callable[[list[_Key]], Mapping[_Key, _Value]]) -> dict[_Key, _Value]:
        """The values of keys; those that are not kept are read, all at once. Keys without a value are left out."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            found = {key: self._values[key] for key in wanted if key in self._values}
            for key in found:
                self._values.move_to_end(key)
        if missing := [key for key in wanted if key not in found]:
            fresh = read(missing)
            found |= fresh
            self.add(fresh)
        return found

    def add(self, fresh: Mapping[_Key, _Value]) -> None:
        """Keeps values that were read otherwise."""
        with self._lock:
            self._values.update(fresh)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
