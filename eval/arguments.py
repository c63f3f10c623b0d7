"""What every script over SQuAD-format files is told on its command line, and where its report goes."""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qa.embedder import BUNDLED


def parser(description: str) -> argparse.ArgumentParser:
    """Takes QUESTIONS.json, `--passages`, `--embedder` and `--output`."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("questions", type=Path, help="SQuAD-format JSON, gzip'd or not")
    found.add_argument("--passages", type=Path, help="a parallel file the passages and answers come from")
    found.add_argument("--embedder", default=BUNDLED)
    found.add_argument("--output", type=Path, help="write the report as JSON")
    return found


def filled(text: str, tables: Mapping[str, str]) -> str:
    """A document with what stands between its `<!-- table: NAME -->` and `<!-- end -->` marks written anew."""
    marked = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return marked.sub(lambda match: f"{match[1]}\n{tables[match[2]]}\n\n{match[3]}", text)


def write(report: Any, path: Path | None) -> None:
    """Writes the report where a path is given."""
    if path is not None:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8", newline="\n")
