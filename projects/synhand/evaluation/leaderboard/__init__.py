"""One table over models and benchmarks, from dumps of `tools/test.py`."""

from synhand.evaluation.leaderboard.benchmarks import BENCHMARKS, Benchmark
from synhand.evaluation.leaderboard.dumps import Dump, read_dump
from synhand.evaluation.leaderboard.page import html_page
from synhand.evaluation.leaderboard.published import Published, published
from synhand.evaluation.leaderboard.results import Result, score_dump
from synhand.evaluation.leaderboard.tables import all_tables, markdown

__all__ = [
    'BENCHMARKS',
    'Benchmark',
    'Dump',
    'Published',
    'Result',
    'all_tables',
    'html_page',
    'markdown',
    'published',
    'read_dump',
    'score_dump',
]
