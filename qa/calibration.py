"""The fitted numbers: how passages and sentences are ranked, what kinds of answer tell, and when to refuse."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("calibration.json")


@cache
def calibration() -> Mapping[str, Any]:
    """`passage`, `sentence`, `kinds` and `answer`, with the report of their fit."""
    loaded: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return loaded
