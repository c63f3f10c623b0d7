"""A report of `qa.evaluation` as a table for a spreadsheet: a row a question."""

import csv
import io
from collections.abc import Sequence

from qa.evaluation import Outcome, measures_of
from qa.failures import failure

BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for the code page of the machine
_ASKED = ("id", "question", "language", "type", "crossing")


def questions_csv(outcomes: Sequence[Outcome]) -> str:
    """What was asked, known, given and measured, as CSV with a byte order mark.

    A question that does not have a measure has nothing in its column. Several answers or quotes are parted by " | ".
    """
    measures = measures_of(outcomes)
    file = io.StringIO(newline="")
    file.write(BYTE_ORDER_MARK)
    writer = csv.writer(file)
    given = ("answered", "confidence", "short answer", "cited", "failure")
    writer.writerow([*_ASKED, "documents", "answers", *given, *measures])
    for each in outcomes:
        said = each["given"]
        writer.writerow([
            *(each.get(key, "") for key in _ASKED),
            " | ".join(each.get("documents", [])),
            " | ".join(each.get("answers", [])),
            said.get("answered", ""),
            said.get("confidence", ""),
            said.get("short") or "",
            " | ".join(citation["quote"] for citation in said.get("citations", [])),
            failure(each) or "",
            *(each["measures"].get(measure, "") for measure in measures),
        ])  # fmt: skip
    return file.getvalue()
