"""What speaks for a passage, as a row of features, and the fitted linear model that orders passages by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.query import Query
from qa.question import kind_evidence, phrases, share_held
from qa.reading import Reading

PASSAGE_FEATURES = (
    "dense",
    "dense, relative",
    "alignment",
    "alignment, relative",
    "lexical share",
    "phrases",
    "best sentence's dense, weighed",
    "best sentence's dense",
    "best sentence in its topic",
    "best sentence in its topic and after another",
    "best sentence within the passage",
    "best sentence in its topic, in translation",
    "kind",
    "length",
    "crossing",
)

Scores = NDArray[np.float32]
Features = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sides:
    """What the three sides say of some passages, each an array of shape (passages,).

    `relative` ones are moved to [0, 1] among the candidates of one language; `lexical` is the share of the question
    that a passage holds in so many words; `crossing` is 1 where question and passage differ in language.
    """

    dense: Scores
    relative_dense: Scores
    aligned: Scores
    relative_aligned: Scores
    lexical: Scores
    crossing: Scores


def passage_features(
    query: Query, sides: Sides, reading: Reading, texts: Sequence[str], kinds: Mapping[str, Sequence[float]]
) -> Features:
    """One row of `PASSAGE_FEATURES` for each passage, shape (passages, features).

    Args:
        query: the question, its words weighed.
        sides: what the sides say of the passages.
        reading: the same passages, read.
        texts: their texts.
        kinds: how telling each kind of answer is, as `kind_evidence` takes it.
    """
    shares = query.shares
    in_topic = np.maximum(reading.matches, reading.topics[reading.passage])
    after = np.maximum(in_topic, reading.previous(reading.matches))
    sentences = [texts[passage][start:end] for passage, start, end in reading.places]
    kind = np.array(kind_evidence(sentences, query.text, kinds), dtype=np.float32)
    wanted = phrases(query.text)
    columns = (
        sides.dense,
        sides.relative_dense,
        sides.aligned,
        sides.relative_aligned,
        sides.lexical,
        np.array([share_held(wanted, text) for text in texts]),
        reading.best_sentence(reading.cosines(query, query.weights)),
        reading.best_sentence(reading.cosines(query, query.norms)),
        reading.best_sentence(in_topic @ shares),
        reading.best_sentence(after @ shares),
        reading.best_sentence(reading.within(query)),
        reading.best_sentence(reading.in_translation(query)),
        reading.best_sentence(kind),
        np.log1p(np.add.reduceat(reading.lengths, reading.starts)) if len(texts) else np.zeros(0),
        sides.crossing,
    )
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def linear(features: Features, model: Mapping[str, float], names: Sequence[str]) -> Features:
    """The linear model's score of each row."""
    scores: Features = features @ np.array([model[name] for name in names])
    return scores
