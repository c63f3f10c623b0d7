"""The tokenizer: one file that folds, cuts Chinese into dictionary words and English into words and pieces.

A Unigram model (Kudo 2018) whose vocabulary is chosen, not learned: dictionary words, every Han character of
the basic block, frequent English words, numbers. Its scores come from hard expectation-maximisation over the
training texts, with a floor so that a dictionary word never seen there still beats its own characters.
"""

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from qa.embedder import CUTS
from qa.text import fold

UNKNOWN = "<unk>"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_HAN_WORD = re.compile(r"[\u4e00-\u9fff]+")
_LATIN_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+")
_FLOOR = 0.75  # of the score of the best way to spell a word with shorter ones


def folding_rules() -> list[tuple[str, str]]:
    """Every code point, and every base with one combining mark, that `qa.text.fold` changes."""
    rules: dict[str, str] = {}
    for code_point in range(0x110000):
        if 0xD800 <= code_point < 0xE000:
            continue
        character = chr(code_point)
        decomposed = unicodedata.normalize("NFD", character)
        sources = [character, decomposed] if len(decomposed) == 2 else [character]
        rules.update((source, fold(source)) for source in sources if fold(source) != source)
    return list(rules.items())


def folding_normalizer() -> normalizers.Normalizer:
    """`qa.text.fold` compiled into one table that keeps offsets into the original text.

    Letters and their marks are composed first: the table looks a cluster up by its first letter.
    """
    compiled = sentencepiece.SentencePieceNormalizer(
        norm_map=folding_rules(), add_dummy_prefix=False, escape_whitespaces=False, remove_extra_whitespaces=False
    )
    specification = sentencepiece_model_pb2.NormalizerSpec()
    specification.ParseFromString(compiled.serialized_normalizer_spec())
    return normalizers.Sequence([normalizers.NFC(), normalizers.Precompiled(specification.precompiled_charsmap)])


def build_tokenizer(scores: dict[str, float]) -> Tokenizer:
    """A tokenizer over `scores` (log probabilities by token); unknown characters become their bytes."""
    rest = min(scores.values()) - 10.0
    vocabulary = [(UNKNOWN, rest), *((byte, rest) for byte in BYTES), *scores.items()]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = folding_normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CUTS[0]), "removed"),
            pre_tokenizers.Split(Regex(CUTS[1]), "isolated"),
        ]
    )
    return tokenizer


def choose_vocabulary(headwords: Iterable[str], texts: list[str], teacher_words: Iterable[str], size: int) -> list[str]:
    """The tokens, at most `size`: all single characters, numbers and pieces, then the most useful words.

    Args:
        headwords: simplified dictionary words.
        texts: folded training texts, the measure of use.
        teacher_words: English words and pieces the teacher knows.
    """
    counts: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    for text in texts:
        counts.update(_LATIN_WORD.findall(_HAN_WORD.sub(" ", text)))
        numbers.update(_NUMBER.findall(text))
    han = [fold(chr(code_point)) for code_point in range(0x4E00, 0xA000)]
    always = dict.fromkeys(
        [*han, *string.ascii_lowercase, *string.digits, *string.punctuation, *"。，、；：？！“”‘’（）《》—…·"]
    )
    always.update(dict.fromkeys(number for number, count in numbers.items() if count >= 8 and len(number) <= 4))
    pieces = [word for word in teacher_words if re.fullmatch("[a-z]+", word)]
    english = dict.fromkeys(word for word in pieces if counts[word] >= 2 or len(word) <= 4)
    frequent = [word for word, count in counts.most_common() if count >= 4 and re.fullmatch("[^\\W\\d_]{2,24}", word)]
    english.update(dict.fromkeys(frequent))
    chinese = _ranked_headwords({fold(word) for word in headwords if _HAN_WORD.fullmatch(word)}, texts)
    english_room = min(len(english), size // 4)
    tokens = dict.fromkeys([*always, *sorted(english, key=lambda word: -counts[word])[:english_room]])
    tokens.update(dict.fromkeys(chinese[: size - len(tokens) - len(BYTES) - 1]))
    return list(tokens)


def _ranked_headwords(headwords: set[str], texts: list[str]) -> list[str]:
    """Words of two characters and more: those that occur first, by count; then the others, shorter first."""
    longest = max(map(len, headwords))
    counts: Counter[str] = Counter()
    for text in texts:
        for run in _HAN_WORD.findall(text):
            for start in range(len(run)):
                for end in range(start + 2, min(start + longest, len(run)) + 1):
                    word = run[start:end]
                    if word in headwords:
                        counts[word] += 1
    many = [word for word in headwords if len(word) > 1]
    return sorted(many, key=lambda word: (-counts[word], len(word), word))


def fit_scores(vocabulary: list[str], texts: list[str], rounds: int = 3) -> dict[str, float]:
    """Log probability of each token after `rounds` of hard expectation-maximisation over folded `texts`."""
    scores = {token: -math.log(len(vocabulary)) - (2.0 if len(token) == 1 else 0.0) for token in vocabulary}
    for _ in range(rounds):
        counts: Counter[str] = Counter()
        for encoding in build_tokenizer(scores).encode_batch(texts, add_special_tokens=False):
            counts.update(encoding.tokens)
        total = sum(counts[token] + 0.5 for token in vocabulary)
        scores = {token: math.log((counts[token] + 0.5) / total) for token in vocabulary}
        scores = _with_floor(scores)
    return scores


def _with_floor(scores: dict[str, float]) -> dict[str, float]:
    """Raises each longer token to `_FLOOR` times the score of its best spelling with shorter tokens."""
    raised = dict(scores)
    for token in sorted((token for token in scores if len(token) > 1), key=len):
        best = [0.0] + [-math.inf] * len(token)
        for end in range(1, len(token) + 1):
            for start in range(end):
                part = token[start:end]
                if part != token and part in raised:
                    best[end] = max(best[end], best[start] + raised[part])
        raised[token] = max(raised[token], _FLOOR * best[-1])
    return raised
