import gzip
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

WHOLE = "fused and ranked"
SUN, TEA, LIBRARY = range(3)
ENGLISH = [
    "The Sun is a star. Its light takes about eight minutes to reach the Earth.",
    "White tea is brewed with water of 80 degrees. Hotter water makes it bitter.",
    "The city library is closed on Mondays. Every reader may borrow twelve books.",
]
CHINESE = [
    "太阳是一颗恒星。太阳的光大约要八分钟才能到达地球。",
    "白茶要用80度的水冲泡。水太烫，茶会发苦。",
    "城市图书馆每周一闭馆。每位读者可以借阅十二本书。",
]
# The last question is about the library but filed under tea: its right paragraph can only come second or third.
ASKED = [
    ("light", SUN, "How long does sunlight take to reach us?", "阳光到达地球要多久？", "eight minutes", "八分钟"),
    ("water", TEA, "How hot is the water for white tea?", "泡白茶的水要多热？", "80 degrees", "80度"),
    ("closed", LIBRARY, "When is the city library closed?", "城市图书馆哪天闭馆？", "Mondays", "每周一"),
    ("misfiled", TEA, "How many books may a library reader borrow?", "图书馆的读者可以借几本书？", "water", "水"),
]  # fmt: skip


def squad(paragraphs: list[str], question: int, answer: int) -> str:
    """The questions as SQuAD-format JSON, an article for each paragraph."""
    articles = []
    for number, context in enumerate(paragraphs):
        qas = [
            {"id": asked[0], "question": asked[question], "answers": [{"text": asked[answer], "answer_start": 0}]}
            for asked in ASKED
            if asked[1] == number
        ]
        articles.append({"title": str(number), "paragraphs": [{"context": context, "qas": qas}]})
    return json.dumps({"version": "1.1", "data": articles}, ensure_ascii=False)


@pytest.fixture
def english(tmp_path: Path) -> Path:
    """The English file, plain."""
    path = tmp_path / "english.json"
    path.write_text(squad(ENGLISH, 2, 4), encoding="utf-8")
    return path


@pytest.fixture
def chinese(tmp_path: Path) -> Path:
    """The Chinese file, compressed."""
    path = tmp_path / "chinese.json.gz"
    path.write_bytes(gzip.compress(squad(CHINESE, 3, 5).encode("utf-8")))
    return path


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """`eval/benchmark.py`, which is a script and no part of a package."""
    path = Path(__file__).parents[1] / "eval" / "benchmark.py"
    specification = importlib.util.spec_from_file_location("benchmark", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def report_of(benchmark: ModuleType, output: Path, *arguments: Path | str) -> dict[str, dict[str, float]]:
    """What the script writes for these arguments."""
    assert benchmark.main([*map(str, arguments), "--output", str(output)]) == 0
    report: dict[str, dict[str, float]] = json.loads(output.read_text(encoding="utf-8"))
    return report


def test_figures_are_those_counted_by_hand(
    benchmark: ModuleType, english: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of four questions have their paragraph first, the misfiled one has not: recall@1 is .75 on every side."""
    report = report_of(benchmark, tmp_path / "report.json", english)
    assert (report["questions"], report["paragraphs"], report["embedder"]) == (4, 3, "bundled")
    for side in ("dense", "alignment", "BM25", "dense + alignment", "fused", WHOLE):
        assert report[side]["recall@1"] == 0.75
        assert report[side]["recall@3"] == report[side]["recall@10"] == 1.0
        assert report[side]["MRR"] in (pytest.approx(3.5 / 4), pytest.approx((3 + 1 / 3) / 4))
        assert report[side]["right sentence first"] == 0.75
    printed = capsys.readouterr().out
    assert printed.startswith("4 questions, 3 paragraphs, embedder bundled")
    assert all(side in printed for side in ("BM25", WHOLE))


def test_each_quartile_is_reported(benchmark: ModuleType, english: Path, tmp_path: Path) -> None:
    """The misfiled question shares fewest words with its paragraph, so that the lowest quartile alone is zero."""
    report = report_of(benchmark, tmp_path / "report.json", english)
    assert report[WHOLE]["recall@1 by overlap quartile"] == [0.0, 1.0, 1.0, 1.0]
    assert report[WHOLE]["right sentence first by overlap quartile"] == [0.0, 1.0, 1.0, 1.0]


def test_compressed_and_plain_files_read_alike(benchmark: ModuleType, chinese: Path, tmp_path: Path) -> None:
    """The Chinese file gives one report, compressed or not."""
    plain = tmp_path / "chinese.json"
    plain.write_bytes(gzip.decompress(chinese.read_bytes()))
    compressed = report_of(benchmark, tmp_path / "one.json", chinese)
    assert compressed == report_of(benchmark, tmp_path / "other.json", plain)
    assert compressed[WHOLE]["recall@1"] == 0.75


def test_parallel_files_are_matched_by_question(
    benchmark: ModuleType, chinese: Path, english: Path, tmp_path: Path
) -> None:
    """With `--passages` Chinese questions meet English paragraphs and answers; a question without one is left out."""
    report = report_of(benchmark, tmp_path / "across.json", chinese, "--passages", english)
    assert (report["questions"], report["paragraphs"]) == (4, 3)
    assert report[WHOLE]["recall@1"] == report[WHOLE]["right sentence first"] == 0.75
    shorter = json.loads(english.read_text(encoding="utf-8"))
    shorter["data"] = shorter["data"][:2]
    english.write_text(json.dumps(shorter), encoding="utf-8")
    report = report_of(benchmark, tmp_path / "shorter.json", chinese, "--passages", english)
    assert (report["questions"], report["paragraphs"]) == (3, 2)


def test_either_parallel_counts_where_both_are_in_one_index(
    benchmark: ModuleType, chinese: Path, english: Path, tmp_path: Path
) -> None:
    """With `--mixed` a question may find its paragraph in either language, among the paragraphs of both."""
    report = report_of(benchmark, tmp_path / "mixed.json", chinese, "--passages", english, "--mixed")
    assert (report["questions"], report["paragraphs"]) == (4, 6)
    assert report[WHOLE]["recall@1"] == 0.75
    assert report[WHOLE]["recall@5"] == 1.0


def test_systems_are_compared_side_by_side(
    benchmark: ModuleType, chinese: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--compare` prints a line for each search alone and for all together, with quality, speed and size."""
    assert benchmark.main([str(chinese), "--compare"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:18].strip() for line in lines[1:]] == list(benchmark.SIDES)
    assert all(" MB " in line for line in lines[1:])
