import csv
import io

from qa.tables import questions_csv

OUTCOMES = [
    {"id": "a", "question": "多深？", "language": "zh", "type": "number", "crossing": False, "documents": ["x", "y"],
     "answers": ['5 "m"', "5,\n米"], "weights": {}, "measures": {"recall@10": 1.0, "F1": 0.25},
     "given": {"answered": True, "confidence": 0.75, "short": "6",
               "citations": [{"document_id": "x", "quote": "q, r"}]}},
    {"id": "b", "question": "Who?", "language": "en", "type": "unanswerable", "crossing": False, "documents": [],
     "answers": [], "weights": {}, "measures": {"rightly refused": 1.0},
     "given": {"answered": False, "confidence": 0.125, "short": None, "citations": []}},
]  # fmt: skip


def test_a_row_holds_what_was_asked_known_given_and_measured() -> None:
    """The file reads back, commas, quotes and line ends in its cells included; what a question lacks is empty."""
    text = questions_csv(OUTCOMES)
    assert text.startswith("\ufeff")
    first, second = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert first == {
        "id": "a", "question": "多深？", "language": "zh", "type": "number", "crossing": "False",
        "documents": "x | y", "answers": '5 "m" | 5,\n米', "answered": "True", "confidence": "0.75",
        "short answer": "6", "cited": "q, r", "failure": "short answer", "recall@10": "1.0", "F1": "0.25",
        "rightly refused": "",
    }  # fmt: skip
    assert (second["recall@10"], second["rightly refused"], second["short answer"]) == ("", "1.0", "")
