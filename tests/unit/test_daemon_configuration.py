"""`config.toml` as the daemon reads it: what is kept how long, and what of it cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner
from store_world import BOX, GROUP, PRICE

from backends.context import config_directory
from backends.daemon.configuration import Configuration, ConfigurationError, read
from backends.store import Retention
from console.cli_commands.daemon import daemon
from console.cli_commands.failures import explain

KINDS = {kind.name: kind for kind in (BOX, GROUP, PRICE)}


def choose(text: str) -> Path:
    directory = config_directory()
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_everything_is_kept_as_long_as_it_is_kept_for_all() -> None:
    assert read(KINDS) == Configuration(Retention())
    assert Retention().of(BOX.name) == Retention()


def test_each_kind_is_kept_as_long_as_the_file_says() -> None:
    choose(
        '[forecast]\nengine = "local"\n'
        "[retention]\nhistory_days = 60\nseries_days = 100\ncoverage_days = 70\ncompact_after_days = 14\n"
        '[retention.kinds."lab.box"]\nhistory_days = 30\ncompact_after_days = 7\n'
        '[retention.kinds."lab.price"]\nseries_days = 800\n'
    )
    retention = read(KINDS).retention
    box, price, group = (retention.of(name) for name in ("lab.box", "lab.price", "lab.group"))
    assert (box.history_days, box.coverage, box.compact_after_days, box.series_days) == (30, 70, 7, 100)
    assert (price.history_days, price.series_days) == (60, 800)
    assert (group.history_days, group.coverage, group.compact_after_days) == (60, 70, 14)


def test_a_kind_of_short_history_is_not_thinned_as_others_are() -> None:
    choose('[retention]\ncompact_after_days = 14\n[retention.kinds."lab.box"]\nhistory_days = 7\n')
    assert read(KINDS).retention.of("lab.box").history_days == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[retention.kinds."lab.bax"]\nhistory_days = 3', r"no kind 'lab\.bax' to keep .*did you mean lab\.box\?"),
        ('[retention.kinds."zzz"]\nhistory_days = 3', r"no kind 'zzz'"),
        ("[retention]\nhistory_days = 0", r"retention\.history_days is a number of days from 1 to 36500, not 0\.$"),
        ("[retention]\nhistory_days = -4", "not -4"),
        ("[retention]\nhistory_days = 1.5", r"not 1\.5"),
        ("[retention]\nhistory_days = true", "not True"),
        ('[retention]\nhistory_days = "30"', "not '30'"),
        ("[retention]\nhistory_days = 99999", "not 99999"),
        ("[retention]\nhistory = 30", r"retention has no 'history'; did you mean history_days\?"),
        ("[retention]\nqqq = 30", "no 'qqq'; history_days, series_days, coverage_days, compact_after_days"),
        ('[retention.kinds."lab.box"]\nseries_days = 3', r"says nothing: lab\.box has no series"),
        ('[retention.kinds]\n"lab.box" = 3', r'retention\.kinds\."lab\.box" is not a table'),
        ("[retention]\nkinds = 3", r"retention\.kinds is not a table; write \[retention\.kinds\]\.$"),
        ("[retention.kinds.lab.box]\nhistory_days = 3", r'is quoted: write \[retention\.kinds\."lab\.box"\]\.$'),
        ("[retention.kinds.lab.bax]\nhistory_days = 3", r'is quoted: write \[retention\.kinds\."lab\.box"\]\.$'),
        ("[retention.kinds.other.thing]\nhistory_days = 3", r'write \[retention\.kinds\."other\.thing"\]\.$'),
        ("retention = 3", r"retention is not a table; write \[retention\]"),
        ("[retention]\ncoverage_days = 3", r"coverage_days \(3\) is less than history_days \(90\)"),
        (
            '[retention]\ncoverage_days = 90\n[retention.kinds."lab.box"]\nhistory_days = 91',
            r'retention\.kinds\."lab\.box"\.coverage_days \(90\) is less than history_days \(91\)',
        ),
        (
            "[retention]\nhistory_days = 5\ncompact_after_days = 14",
            r"retention\.compact_after_days \(14\) is more than history_days \(5\): nothing would be left to thin\.$",
        ),
        (
            '[retention]\nhistory_days = 30\n[retention.kinds."lab.box"]\ncompact_after_days = 31',
            r'retention\.kinds\."lab\.box"\.compact_after_days \(31\) is more than history_days \(30\)',
        ),
        ("[retentoin]\nhistory_days = 30", r"there is no table 'retentoin'; did you mean retention\?$"),
        (
            "qqq = 1",
            r"no table 'qqq'; there are accounts, costs, forecast, organizations, polling, retention, store\.$",
        ),
        ("[retention", "is not valid TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence_that_names_the_file(text: str, said: str) -> None:
    file = choose(text)
    with pytest.raises(ConfigurationError, match=said) as problem:
        read(KINDS)
    assert str(file) in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_daemon_that_cannot_know_what_to_keep_does_not_start_and_says_why() -> None:
    file = choose('[retention.kinds."ec2.instances"]\nhistory_days = 30')
    ended = CliRunner().invoke(daemon, ["start"])
    assert explain(cast(Exception, ended.exception)) == 2
    assert str(ended.exception) == (
        f"{file}: there is no kind 'ec2.instances' to keep (retention.kinds): did you mean ec2.instance?"
    )
