"""What an answer is worth, as pure functions: its words against gold ones, its confidence against what came true.

Every definition is the published one, so that figures stand beside those of others.
"""

import re
import string
from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from qa.text import Language

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NO_CMRC_PUNCTUATION = str.maketrans("", "", "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_HAN_WORD_OR_MARK = re.compile(
    r"[\u4e00-\u9fa5]|(?:(?![\u4e00-\u9fa5])\w)+(?:[.,'](?:(?![\u4e00-\u9fa5])\w)+)*|[^\w\s]"
)


def exact_match(given: str, gold: str, language: Language) -> float:
    """1 where both are the same once normalised, else 0.

    English as SQuAD has it (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250, the script `evaluate-v2.0.py`):
    no case, no ASCII punctuation, no articles, white space folded. Chinese as CMRC 2018 has it (Cui et al. 2019,
    https://arxiv.org/abs/1810.07366, the script `cmrc2018_evaluate.py` of github.com/ymcui/cmrc2018): no case, no
    punctuation of its list.
    """
    if language == "en":
        return float(_squad_tokens(given) == _squad_tokens(gold))
    return float(_cmrc_text(given) == _cmrc_text(gold))


def f1(given: str, gold: str, language: Language) -> float:
    """Harmonic mean, in [0, 1], of the shares of both texts that they have in common; symmetric.

    In English the tokens in common, in any order, as in SQuAD's script. In Chinese the longest run in common, over
    single Han characters and whole words of other scripts, as in CMRC 2018's, whose “LCS” is a substring, not a
    subsequence. Where either holds no token, 1 if both do, as in SQuAD 2.0. CMRC's script cuts words by NLTK's
    tokenizer; here a word keeps its inner points, commas and apostrophes, and marks stand alone.
    """
    if language == "en":
        mine, other = _squad_tokens(given), _squad_tokens(gold)
        common = (Counter(mine) & Counter(other)).total()
    else:
        mine, other = _cmrc_segments(given), _cmrc_segments(gold)
        common = _longest_run(mine, other)
    if not mine or not other:
        return float(mine == other)
    return 2 * common / (len(mine) + len(other))


def short_answer_scores(given: str, golds: Sequence[str], language: Language) -> tuple[float, float]:
    """Exact match and F1, each the best over the gold answers; zeros where nothing is given."""
    if not given or not golds:
        return 0.0, 0.0
    return max(exact_match(given, gold, language) for gold in golds), max(f1(given, gold, language) for gold in golds)


def _squad_tokens(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_ASCII_PUNCTUATION)).split()


def _cmrc_text(text: str) -> str:
    return text.lower().strip().translate(_NO_CMRC_PUNCTUATION)


def _cmrc_segments(text: str) -> list[str]:
    return _HAN_WORD_OR_MARK.findall(_cmrc_text(text))


def _longest_run(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    return SequenceMatcher(None, one, other, autojunk=False).find_longest_match().size


def reliability(confidences: Sequence[float], held: Sequence[bool], bins: int = 10) -> dict[str, Any]:
    """How far confidence is from how often it came true.

    Args:
        confidences: probabilities in [0, 1], one a question.
        held: whether what each is the probability of was so.
        bins: how many bins of equal width.

    Returns:
        `expected calibration error`: the mean over questions of the gap between a bin's mean confidence and its share
        that held (Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602; Guo et al. 2017,
        https://arxiv.org/abs/1706.04599). `Brier score`: the mean squared error (Brier 1950,
        https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2). `bins`: for each that is not empty `low`,
        `high`, `count`, mean `confidence` and share `held`.
    """
    stated, true = np.asarray(confidences, dtype=np.float64), np.asarray(held, dtype=np.float64)
    places = np.minimum((stated * bins).astype(int), bins - 1)
    found = [
        {
            "low": place / bins,
            "high": (place + 1) / bins,
            "count": int((places == place).sum()),
            "confidence": float(stated[places == place].mean()),
            "held": float(true[places == place].mean()),
        }
        for place in sorted(set(places.tolist()))
    ]
    gaps = [each["count"] * abs(each["confidence"] - each["held"]) for each in found]
    return {
        "expected calibration error": sum(gaps) / len(stated),
        "Brier score": float(((stated - true) ** 2).mean()),
        "bins": found,
    }


def risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """What answering only above a confidence would cost: the share answered, and the share of these that is wrong.

    Args:
        confidences: one a question.
        right: whether the answer, had it been given, was right.

    Returns:
        `points`: for each confidence stated, highest first, the `coverage` and the `risk` of answering from it on
        (El-Yaniv & Wiener 2010, https://jmlr.org/papers/v11/el-yaniv10a.html). `area`: the mean risk as questions are
        added one by one (Geifman et al. 2019, https://arxiv.org/abs/1805.08206), those of one confidence together.
    """
    stated, wrong = np.asarray(confidences, dtype=np.float64), 1.0 - np.asarray(right, dtype=np.float64)
    levels, counts = np.unique(-stated, return_counts=True)
    answered = counts.cumsum()
    risks = wrong[np.argsort(-stated, kind="stable")].cumsum()[answered - 1] / answered
    points = [
        {"confidence": -level, "coverage": count / len(stated), "risk": risk}
        for level, count, risk in zip(levels.tolist(), answered.tolist(), risks.tolist(), strict=True)
    ]
    return {"area": float((risks * counts).sum() / len(stated)), "points": points}
