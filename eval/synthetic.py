"""Articles of made-up text whose words are spread as those of languages are, with answers planted in them.

Half of the articles are Chinese, half English. Words follow Zipf's law: the frequent ones are those of the articles
that ship with the project, the long tail is the dictionary of the bundled model, in an order drawn at random. Every
other word, on the average, is of the article's topic, which has its own order of words. A planted answer is a sentence
about a thing that no other sentence speaks of, named by two rare words.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edits import SHIPPED
from numpy.typing import NDArray

import qa
from qa.text import LANGUAGES, Language

PARTS = 20  # of an article, each of the length of a passage
SENTENCES = (3, 6)  # of a part
WORDS = {"en": (8, 18), "zh": (7, 15)}  # of a sentence
HEAD, TAIL = 2_000, 40_000  # words taken from the articles, and from the dictionary
TOPICS, OF_A_TOPIC, SHARE_OF_TOPIC = 1_000, 500, 0.5  # how many there are, words of each, and their share of a text
_OFFSET = 2.7  # of a rank in the law of Zipf and Mandelbrot
_HAN, _LATIN = re.compile(r"[\u4e00-\u9fff]{2,4}"), re.compile(r"[a-z]{3,}")
_FACTS = {
    "en": ("The {} {} observatory was founded by {}.", "Who founded the {} {} observatory?"),
    "zh": ("{}{}天文台由{}创立。", "{}{}天文台是谁创立的？"),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """A question, and the answer that one part of one article gives."""

    question: str
    answer: str
    article: str
    language: Language


class Words:
    """The words of a language, drawn by Zipf's law."""

    def __init__(self, language: Language, seed: int) -> None:
        generator = random.Random(f"{seed} {language}")
        found = _HAN if language == "zh" else _LATIN
        texts = [path.read_text(encoding="utf-8").lower() for path in sorted(SHIPPED.glob(f"*.{language}.md"))]
        frequent = [
            word for word, _ in Counter(word for text in texts for word in found.findall(text)).most_common(HEAD)
        ]
        dictionary = Path(qa.__file__).with_name("translations.txt").read_text(encoding="utf-8").lower()
        others = sorted({word for line in dictionary.split("\n") for word in line.split("\t") if found.fullmatch(word)})
        self.rare = generator.sample(others, min(TAIL, len(others)))
        self.all = np.array([*frequent, *(word for word in self.rare if word not in set(frequent))], dtype=object)
        self._topics = [np.array(generator.sample(range(len(self.all)), OF_A_TOPIC)) for _ in range(TOPICS)]
        self._of_all, self._of_a_topic = _cumulated(len(self.all)), _cumulated(OF_A_TOPIC)

    def drawn(self, generator: np.random.Generator, count: int, topic: int) -> Iterator[str]:
        """So many words, the frequent ones more often, half of them by the order of a topic."""
        words = np.searchsorted(self._of_all, generator.random(count))
        of_topic = generator.random(count) < SHARE_OF_TOPIC
        ranks = np.searchsorted(self._of_a_topic, generator.random(int(of_topic.sum())))
        words[of_topic] = self._topics[topic][ranks]
        return iter(self.all[words].tolist())


def _cumulated(count: int) -> NDArray[np.float64]:
    """How likely a word of that rank, or one before it, is."""
    weights = 1.0 / (np.arange(count) + _OFFSET)
    return np.cumsum(weights) / weights.sum()


def _part(words: Iterator[str], language: Language, generator: np.random.Generator) -> list[str]:
    """The sentences of a part."""
    lengths = generator.integers(
        *WORDS[language], size=int(generator.integers(*SENTENCES, endpoint=True)), endpoint=True
    )
    sentences = [[next(words) for _ in range(length)] for length in lengths.tolist()]
    if language == "zh":
        return ["".join(each) + "。" for each in sentences]
    return [" ".join(each).capitalize() + "." for each in sentences]


def write_articles(folder: Path, passages: int, planted: int, seed: int = 1) -> list[Planted]:
    """Writes about so many passages as articles of `PARTS`, so many answers in them, and says which."""
    folder.mkdir(parents=True)
    words = {language: Words(language, seed) for language in LANGUAGES}
    generator = np.random.default_rng(seed)
    count = max(2, passages // PARTS)
    chosen = random.Random(seed)
    homes = Counter(chosen.randrange(count) for _ in range(planted))
    facts: list[Planted] = []
    for number in range(count):
        language = LANGUAGES[number % 2]
        name = f"{number // 1000:03d}/{number:07d}.{language}.md"
        most = PARTS * SENTENCES[1] * WORDS[language][1]
        drawn = words[language].drawn(generator, most, chosen.randrange(TOPICS))
        parts = [_part(drawn, language, generator) for _ in range(PARTS)]
        for _ in range(homes[number]):
            statement, question = _FACTS[language]
            first, second, founder = chosen.sample(words[language].rare, 3)
            facts.append(Planted(question.format(first, second), founder, name, language))
            part = chosen.choice(parts)
            part.insert(chosen.randint(0, len(part)), statement.format(first, second, founder))
        body = "\n\n".join(
            f"## {place}\n\n{('' if language == 'zh' else ' ').join(part)}" for place, part in enumerate(parts)
        )
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {number}\n\n{body}\n", encoding="utf-8", newline="\n")
    return facts
