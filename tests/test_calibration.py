from qa.calibration import calibration
from qa.evidence import ANSWER_FEATURES, SENTENCE_FEATURES
from qa.ranking import PASSAGE_FEATURES


def test_the_fitted_numbers_are_whole() -> None:
    """The calibration file has a number for each feature of each model, and a ratio either way for each kind."""
    assert tuple(calibration()["passage"]) == PASSAGE_FEATURES
    assert tuple(calibration()["sentence"]) == SENTENCE_FEATURES
    pairs = {"zh to zh", "zh to en", "en to zh", "en to en"}
    assert calibration()["answer"].keys() == calibration()["threshold"].keys() == pairs
    assert all(0.0 < value < 1.0 for value in calibration()["threshold"].values())
    for model in calibration()["answer"].values():
        assert set(model) == {"intercept", *ANSWER_FEATURES}
    assert all(with_it > 0 > without_it for with_it, without_it in calibration()["kinds"].values())


def test_it_is_read_once() -> None:
    """The file is read once, however often it is asked for."""
    assert calibration() is calibration()
