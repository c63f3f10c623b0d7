"""Contrastive tuning of the token vectors for what they are used for: mean vectors and late interaction.

Both losses take the other pairs of the batch as negatives (van den Oord, Li, Vinyals 2018), in both
directions. The second scores a pair as serving does: each question token's best cosine among the passage's
tokens, weighted by its squared norm (after Khattab, Zaharia 2020, "ColBERT").
"""

import random
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn import functional
from tqdm import trange

from training.sources import Source

Tokens = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of steps with one batch size, learning rate and mix of losses."""

    name: str
    steps: int
    batch_size: int
    learning_rate: float
    alignment: bool
    scale: float = 20.0
    left_tokens: int = 48
    right_tokens: int = 160


MEAN_STAGE = Stage("mean vectors", steps=1500, batch_size=512, learning_rate=3e-3, alignment=False)
ALIGNMENT_STAGE = Stage(
    "mean vectors and alignment", steps=1500, batch_size=64, learning_rate=1e-3, alignment=True,
    left_tokens=32, right_tokens=128,
)  # fmt: skip


class TokenisedSource:
    """One source's pairs as token ids, drawn in batches without two equal left sides."""

    def __init__(self, source: Source, tokenizer: Tokenizer, ignored: frozenset[int]) -> None:
        self.share = source.share
        left, right = zip(*source.pairs, strict=True)
        lefts, rights = _tokenise(tokenizer, list(left), ignored), _tokenise(tokenizer, list(right), ignored)
        self.pairs = [(a, b) for a, b in zip(lefts, rights, strict=True) if len(a) and len(b)]

    def batch(self, size: int, generator: random.Random) -> list[tuple[Tokens, Tokens]]:
        """`size` pairs (fewer from a small source), each left side and each right side once."""
        chosen: dict[bytes, tuple[Tokens, Tokens]] = {}
        rights: set[bytes] = set()
        for index in generator.sample(range(len(self.pairs)), min(size, len(self.pairs))):
            left, right = self.pairs[index]
            if right.tobytes() not in rights:
                rights.add(right.tobytes())
                chosen.setdefault(left.tobytes(), (left, right))
        return list(chosen.values())


def _tokenise(tokenizer: Tokenizer, texts: list[str], ignored: frozenset[int]) -> list[Tokens]:
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    return [
        np.array([token for token in encoding.ids if token not in ignored][:256], dtype=np.int64)
        for encoding in encodings
    ]


def _padded(sequences: list[Tokens], longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, each (batch, tokens)."""
    width = min(longest, max(map(len, sequences)))
    ids = np.zeros((len(sequences), width), dtype=np.int64)
    mask = np.zeros((len(sequences), width), dtype=np.float32)
    for row, sequence in enumerate(sequences):
        kept = sequence[:width]
        ids[row, : len(kept)] = kept
        mask[row, : len(kept)] = 1.0
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _both_directions(scores: torch.Tensor) -> torch.Tensor:
    target = torch.arange(len(scores))
    return (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2


def alignment_scores(
    left: torch.Tensor, left_mask: torch.Tensor, right: torch.Tensor, right_mask: torch.Tensor
) -> torch.Tensor:
    """Late-interaction score of every left text with every right text: (batch, batch), in [-1, 1].

    Args:
        left: token vectors (batch, left tokens, dimension); their squared norms are their weights.
        right: token vectors (batch, right tokens, dimension).
    """
    unit_left = functional.normalize(left, dim=-1)
    unit_right = functional.normalize(right, dim=-1)
    cosines = torch.einsum("ald,brd->albr", unit_left, unit_right)
    best = cosines.masked_fill(right_mask[None, None] == 0, -1.0).amax(dim=-1)
    weights = left.square().sum(dim=-1) * left_mask
    return torch.einsum("alb,al->ab", best, weights) / weights.sum(dim=1, keepdim=True).clamp_min(1e-6)


def _loss(table: torch.Tensor, pairs: list[tuple[Tokens, Tokens]], stage: Stage) -> torch.Tensor:
    left_ids, left_mask = _padded([pair[0] for pair in pairs], stage.left_tokens)
    right_ids, right_mask = _padded([pair[1] for pair in pairs], stage.right_tokens)
    left = functional.embedding(left_ids, table, sparse=True) * left_mask[..., None]
    right = functional.embedding(right_ids, table, sparse=True) * right_mask[..., None]
    means = functional.normalize(left.sum(dim=1), dim=-1) @ functional.normalize(right.sum(dim=1), dim=-1).T
    loss = _both_directions(stage.scale * means)
    if stage.alignment:
        loss = loss + _both_directions(stage.scale * alignment_scores(left, left_mask, right, right_mask))
        loss = loss + _both_directions(stage.scale * alignment_scores(right, right_mask, left, left_mask).T)
    return loss


def tune(
    vectors: NDArray[np.float32], sources: list[TokenisedSource], stages: list[Stage], seed: int
) -> NDArray[np.float32]:
    """The vectors after every stage, shape unchanged; a batch holds one source only."""
    generator = random.Random(seed)
    table = torch.nn.Parameter(torch.from_numpy(vectors.copy()))
    shares = [source.share for source in sources]
    for stage in stages:
        optimizer = torch.optim.SparseAdam([table], lr=stage.learning_rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, stage.steps)
        running = 0.0
        for step in (progress := trange(stage.steps, desc=stage.name)):
            source = generator.choices(sources, shares)[0]
            loss = _loss(table, source.batch(stage.batch_size, generator), stage)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
            progress.set_postfix(loss=f"{running:.3f}", refresh=False)
    return table.detach().numpy()
