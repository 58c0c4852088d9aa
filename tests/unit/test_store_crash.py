"""A store whose writer was killed opens again, with every acknowledged sweep and none by half."""

from pathlib import Path

from store_crash import crash


def test_killing_the_writer_loses_no_acknowledged_sweep_and_tears_none(tmp_path: Path) -> None:
    figures = crash(tmp_path, rounds=10)
    assert figures.kills == 10
    assert figures.acknowledged >= 10
