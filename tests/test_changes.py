from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from qa.changes import ArticleChanges, PassageChanges, changes_text, passage_changes

articles = st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("stuvw"), max_size=6), max_size=3)


def contents(texts: dict[str, list[str]]) -> dict[str, list[bytes]]:
    """What stands for the passages of articles."""
    return {identity: [text.encode() for text in each] for identity, each in texts.items()}


def test_an_edit_is_counted_as_a_person_would() -> None:
    """A text in the stead of another has changed; one more is added, one less removed, one that moved is kept."""
    old = {"edited": ["one", "two", "three"], "gone": ["four", "eight"], "turned": ["five", "six"], "same": ["two"]}
    new = {
        "edited": ["one", "zwei", "three", "drei"],
        "new": ["four", "nine"],
        "turned": ["six", "five"],
        "same": ["two"],
    }
    changes = passage_changes(contents(old), contents(new))
    assert changes == PassageChanges(
        added=2, changed=1, removed=1, kept=6,
        articles=(
            ArticleChanges("edited", added=1, changed=1, removed=0),
            ArticleChanges("gone", added=0, changed=0, removed=1),
            ArticleChanges("new", added=1, changed=0, removed=0),
        ),
    )  # fmt: skip
    assert changes_text(changes).splitlines() == [
        "passages: 2 added, 1 changed, 1 removed, 6 kept",
        "  edited: 1 added, 1 changed",
        "  gone: 1 removed",
        "  new: 1 added",
    ]


@given(articles, articles)
def test_the_counts_add_up(old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    """Every passage of before is kept, changed or removed, every one of now kept, changed or added."""
    changes = passage_changes(contents(old), contents(new))
    assert changes.kept + changes.changed + changes.removed == sum(map(len, old.values()))
    assert changes.kept + changes.changed + changes.added == sum(map(len, new.values()))
    texts = [Counter(text for article in each.values() for text in article) for each in (old, new)]
    assert changes.kept == (texts[0] & texts[1]).total()
    assert not {each.document_id for each in changes.articles} & {key for key in old if old[key] == new.get(key)}


def test_of_many_articles_a_dozen_are_named() -> None:
    """On a terminal the first dozen articles are named, and how many more there are."""
    changes = passage_changes({}, contents({f"{number:02}": ["text"] for number in range(15)}))
    lines = changes_text(changes).splitlines()
    assert (len(lines), lines[-2:]) == (14, ["  11: 1 added", "  and 3 articles more"])
