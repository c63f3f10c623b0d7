"""The door of the page: `python app.py` builds the index where it must, and serves."""

import sys
from pathlib import Path

from qa.cli import main

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.exit(main(["serve", "--corpus", str(here / "corpus"), "--index", str(here / "index"), *sys.argv[1:]]))
