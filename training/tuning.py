"""Contrastive tuning of the token vectors for what they are used for: mean vectors and late interaction.

Both losses take the other pairs of the batch as negatives (van den Oord, Li, Vinyals 2018), in both directions.
The second scores a pair as serving does: each question token's best cosine among the passage's tokens, weighted by
the token's question weight (after Khattab, Zaharia 2020, "ColBERT").

What is drawn looks like what is asked: a passage is several sentences of one document, the question one of them in
the other language or in the same with words missing, or a real question, at times with its words exchanged for
their dictionary translations; the batch holds neighbours from the same document.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn import functional
from tqdm import trange

from training.distillation import Lessons
from training.initial import Reduction
from training.sources import Kind, Pair, Source

Tokens = NDArray[np.int64]
Translations = Mapping[int, Sequence[Tokens]]

_LONGEST = 256  # tokens of one text
_LESSON_TOKENS = 64
_ASKING_FACTOR = 0.1  # of the question weight of a word that asks or only binds: it is not what to look for
_ASKING = """
什么 哪 哪些 哪个 哪位 哪里 哪儿 哪家 谁 为什么 为何 怎么 怎样 如何 多少 几 何 何时 吗 呢 多 第几 多大 什么样
是否 请问 的 了 是 在 被 由 有 和 与 及 于 之 一 个 这 那
what which who whom whose why how where when did does do is are was were the a an of in on at to for by with and
or s it its that this be been being has have had can could would should will there many much
"""
_EXCHANGED_QUESTIONS = 0.35  # share of questions asked in dictionary translation
_NEIGHBOURS = 4  # pairs of one document in a batch, at most


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to tune."""

    steps: int = 5_000
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_learning_rate: float = 1e-2
    scale: float = 20.0
    alignment_scale: float = 20.0
    lesson_batch_size: int = 256
    lesson_share: float = 2.0
    left_tokens: int = 40
    right_tokens: int = 160


def translations(tokenizer: Tokenizer, pairs: Iterable[Pair]) -> Translations:
    """By token, what it may be exchanged for: the other side of each (word, translation) that is one token."""
    lefts, rights = zip(*pairs, strict=True)
    found: dict[int, list[Tokens]] = defaultdict(list)
    for left, right in zip(_tokenise(tokenizer, lefts, ()), _tokenise(tokenizer, rights, ()), strict=True):
        for one, other in ((left, right), (right, left)):
            if len(one) == 1 and 1 <= len(other) <= 3:
                found[int(one[0])].append(other)
    return found


class TokenisedSource:
    """One source's documents as token ids, drawn in batches without two equal sides."""

    def __init__(self, source: Source, tokenizer: Tokenizer, ignored: frozenset[int], exchange: Translations) -> None:
        self.share = source.share
        self.kind: Kind = source.kind
        self._exchange = exchange
        left, right = zip(*source.pairs, strict=True)
        lefts, rights = iter(_tokenise(tokenizer, left, ignored)), iter(_tokenise(tokenizer, right, ignored))
        documents = [[(next(lefts), next(rights)) for _ in document] for document in source.documents]
        documents = [[(a, b) for a, b in document if len(a) and len(b)] for document in documents]
        self.documents = [document for document in documents if document]

    def batch(self, size: int, generator: random.Random) -> list[tuple[Tokens, Tokens]]:
        """`size` pairs (fewer from a small source), each left side and each right side once."""
        chosen: dict[bytes, tuple[Tokens, Tokens]] = {}
        rights: set[bytes] = set()
        for _ in range(4 * size):
            for left, right in self._drawn(generator.choice(self.documents), generator):
                if len(left) and len(right) and right.tobytes() not in rights and left.tobytes() not in chosen:
                    rights.add(right.tobytes())
                    chosen[left.tobytes()] = (left, right)
            if len(chosen) >= size:
                break
        return list(chosen.values())[:size]

    def _drawn(self, document: list[tuple[Tokens, Tokens]], generator: random.Random) -> list[tuple[Tokens, Tokens]]:
        """A few pairs of one document, as its kind has them."""
        if self.kind == "parallel":
            windows = _windows(document, generator)[:_NEIGHBOURS]
            return [self._across(window, generator) for window in windows]
        if self.kind == "passage":
            windows = _windows(document, generator, shortest=3)[:_NEIGHBOURS]
            return [self._within(window, generator) for window in windows]
        pairs = generator.sample(document, min(_NEIGHBOURS, len(document)))
        if self.kind == "definition":
            return [pair if generator.random() < 0.5 else (pair[1], pair[0]) for pair in pairs]
        return [(self._at_times_exchanged(left, generator), right) for left, right in pairs]

    def _across(self, window: list[tuple[Tokens, Tokens]], generator: random.Random) -> tuple[Tokens, Tokens]:
        """One sentence of the window asked in one language, the window read in the other (or, at times, the same)."""
        asked = generator.randrange(2)
        read = asked if generator.random() < 0.15 else 1 - asked
        left = generator.choice(window)[asked]
        if generator.random() < 0.7:
            left = _thinned(left, generator.uniform(0.0, 0.5), generator)
        right = np.concatenate([pair[read] for pair in window])
        return left, right if read != asked else _thinned(right, 0.3, generator)

    def _within(self, window: list[tuple[Tokens, Tokens]], generator: random.Random) -> tuple[Tokens, Tokens]:
        """One sentence of the window with words missing or exchanged, and the window with that sentence thinned."""
        target = generator.randrange(len(window))
        left = _thinned(window[target][0], generator.uniform(0.2, 0.6), generator)
        exchanged = generator.random() < 0.6
        if exchanged:
            left = self._exchanged(left, generator)
        read = [pair[0] for pair in window]
        if not exchanged:  # or the very words would give the window away
            read[target] = _thinned(read[target], 0.4, generator)
        return left, np.concatenate(read)

    def _at_times_exchanged(self, tokens: Tokens, generator: random.Random) -> Tokens:
        return self._exchanged(tokens, generator) if generator.random() < _EXCHANGED_QUESTIONS else tokens

    def _exchanged(self, tokens: Tokens, generator: random.Random) -> Tokens:
        """The tokens, most of those with a dictionary translation exchanged for one."""
        pieces = [
            generator.choice(self._exchange[token]) if token in self._exchange and generator.random() < 0.9 else [token]
            for token in tokens.tolist()
        ]
        return np.concatenate([np.asarray(piece, dtype=np.int64) for piece in pieces]) if pieces else tokens


def _windows(
    document: list[tuple[Tokens, Tokens]], generator: random.Random, shortest: int = 1
) -> list[list[tuple[Tokens, Tokens]]]:
    """The document cut into runs of `shortest` to six pairs, in random order."""
    windows: list[list[tuple[Tokens, Tokens]]] = []
    start = 0
    while start < len(document):
        size = generator.randint(shortest, 6)
        windows.append(document[start : start + size])
        start += size
    generator.shuffle(windows)
    return windows


def _thinned(tokens: Tokens, share: float, generator: random.Random) -> Tokens:
    """The tokens with about `share` of them missing, at least one kept."""
    kept = [token for token in tokens.tolist() if generator.random() >= share]
    return np.array(kept, dtype=np.int64) if kept else tokens


def _tokenise(tokenizer: Tokenizer, texts: Sequence[str], ignored: Iterable[int]) -> list[Tokens]:
    left_out = frozenset(ignored)
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [
        np.array([token for token in encoding.ids if token not in left_out][:_LONGEST], dtype=np.int64)
        for encoding in encodings
    ]


def _both_directions(scores: torch.Tensor) -> torch.Tensor:
    target = torch.arange(len(scores))
    return (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2


def _sums(rows: Sequence[torch.Tensor], weights: torch.Tensor, width: int) -> torch.Tensor:
    """For each text the weight of each of `width` tokens, counted as often as it occurs: (texts, width)."""
    texts = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([len(row) for row in rows]))
    tokens = torch.cat(rows)
    summed = torch.zeros(len(rows), width)
    return summed.index_put((texts, tokens), weights[tokens], accumulate=True)


def alignment_scores(
    units: torch.Tensor, weights: torch.Tensor, left: list[torch.Tensor], right: list[torch.Tensor]
) -> torch.Tensor:
    """Late-interaction score of every left text with every right text: (left texts, right texts), in [-1, 1].

    A token's nearest neighbour in a text is looked for once, however many texts hold the token.

    Args:
        units: unit vectors of the distinct tokens, (tokens, dimension).
        weights: of each as a token of a left text, (tokens,), not negative.
        left: rows of `units` of each left text's tokens.
        right: the same for each right text.
    """
    asked, places = torch.unique(torch.cat(left), return_inverse=True)
    read, found = torch.unique(torch.cat(right), return_inverse=True)
    cosines = units[asked] @ units[read].T
    with torch.no_grad():
        texts = found.split([len(text) for text in right])
        nearest = torch.stack([text[cosines[:, text].argmax(dim=1)] for text in texts], dim=1)
    best = cosines.gather(1, nearest)
    shares = _sums(places.split([len(text) for text in left]), weights[asked], len(asked))
    return shares @ best / shares.sum(dim=1, keepdim=True).clamp_min(1e-6)


class TokenisedLessons:
    """The teacher's lessons as token ids of each text and its reduced unit vector."""

    def __init__(self, lessons: Lessons, tokenizer: Tokenizer, ignored: frozenset[int], reduction: Reduction) -> None:
        self._texts = [_tokenise(tokenizer, side, ignored) for side in (lessons.english, lessons.chinese)]
        reduced = reduction(lessons.vectors)
        self._vectors = reduced / np.linalg.norm(reduced, axis=1, keepdims=True)

    def batch(self, size: int, generator: random.Random) -> tuple[list[Tokens], list[int], NDArray[np.float32]]:
        """The texts of `size` lessons, which lesson each is of, and the lessons' vectors."""
        chosen = generator.sample(range(len(self._vectors)), min(size, len(self._vectors)))
        texts = [(side[row], place) for side in self._texts for place, row in enumerate(chosen) if len(side[row])]
        return [text for text, _ in texts], [place for _, place in texts], self._vectors[chosen]


class _Model(torch.nn.Module):
    """Token vectors, whose norms weigh them in a mean, and the weights they have as words of a question."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.from_numpy(vectors.copy()))
        squared = np.square(vectors).sum(axis=1, keepdims=True)
        self.log_weights = torch.nn.Parameter(torch.from_numpy(np.log(np.maximum(squared, 1e-6)).astype(np.float32)))

    def loss(self, pairs: list[tuple[Tokens, Tokens]], schedule: Schedule) -> torch.Tensor:
        left = [pair[0][: schedule.left_tokens] for pair in pairs]
        right = [pair[1][: schedule.right_tokens] for pair in pairs]
        distinct, positions = np.unique(np.concatenate(left + right), return_inverse=True)
        rows = list(torch.from_numpy(positions).split([len(text) for text in left + right]))
        ids = torch.from_numpy(distinct)
        vectors = functional.embedding(ids, self.table, sparse=True)
        weights = functional.embedding(ids, self.log_weights, sparse=True)[:, 0].exp()
        ones = torch.ones(len(ids))
        means = functional.normalize(_sums(rows, ones, len(ids)) @ vectors, dim=-1)
        loss = _both_directions(schedule.scale * means[: len(left)] @ means[len(left) :].T)
        units = functional.normalize(vectors, dim=-1)
        scores = alignment_scores(units, weights, rows[: len(left)], rows[len(left) :])
        return loss + 2.0 * _both_directions(schedule.alignment_scale * scores)

    def lesson_loss(
        self, texts: list[Tokens], lesson: list[int], vectors: NDArray[np.float32], scale: float
    ) -> torch.Tensor:
        """Cross-entropy of the texts' likeness to every teacher vector with that vector's own lesson's likeness."""
        texts = [text[:_LESSON_TOKENS] for text in texts]
        distinct, positions = np.unique(np.concatenate(texts), return_inverse=True)
        rows = torch.from_numpy(positions).split([len(text) for text in texts])
        table = functional.embedding(torch.from_numpy(distinct), self.table, sparse=True)
        means = functional.normalize(_sums(rows, torch.ones(len(distinct)), len(distinct)) @ table, dim=-1)
        taught = torch.from_numpy(vectors)
        aims = functional.softmax(scale * taught[lesson] @ taught.T, dim=1)
        return functional.cross_entropy(scale * means @ taught.T, aims)


def tune(
    vectors: NDArray[np.float32],
    sources: list[TokenisedSource],
    lessons: TokenisedLessons,
    schedule: Schedule,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The tuned vectors, shape unchanged, and the question weight of each token, shape (vocabulary,)."""
    generator = random.Random(seed)
    model = _Model(vectors)
    shares = [source.share for source in sources]
    optimizers = [
        torch.optim.SparseAdam([model.table], lr=schedule.learning_rate),
        torch.optim.SparseAdam([model.log_weights], lr=schedule.weight_learning_rate),
    ]
    schedules = [torch.optim.lr_scheduler.LinearLR(each, 1.0, 0.01, schedule.steps) for each in optimizers]
    running = 0.0
    for step in (progress := trange(schedule.steps, desc="tuning")):
        source = generator.choices(sources, shares)[0]
        loss = model.loss(source.batch(schedule.batch_size, generator), schedule)
        taught = lessons.batch(schedule.lesson_batch_size, generator)
        loss = loss + schedule.lesson_share * model.lesson_loss(*taught, schedule.scale)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer, each in zip(optimizers, schedules, strict=True):
            optimizer.step()
            each.step()
        running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
        progress.set_postfix(loss=f"{running:.3f}", refresh=False)
    return model.table.detach().numpy(), model.log_weights.detach().exp()[:, 0].numpy()


def without_asking(question_weights: NDArray[np.float32], tokenizer: Tokenizer) -> NDArray[np.float32]:
    """The weights with those of words that ask, and of words that only bind others, made small."""
    lowered = question_weights.copy()
    tokens = [tokenizer.token_to_id(word) for word in _ASKING.split()]
    lowered[[token for token in tokens if token is not None]] *= _ASKING_FACTOR
    return lowered
