"""Where reports go: refused early, written whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cli_samples import Daemon

from console.reports.gather import gather
from console.reports.write import ReportError, check, write


@pytest.mark.parametrize("name", ["report.pdf", "report", "report.html.gz"])
def test_a_form_that_there_is_not_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReportError, match=r"\.html, \.md or \.json"):
        check(tmp_path / name)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="nowhere does not exist"):
        check(tmp_path / "nowhere" / "report.html")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ReportError, match="is a directory"):
        check(tmp_path / "report.html")


def test_a_directory_that_may_not_be_written_is_refused_before_the_work() -> None:
    with pytest.raises(ReportError, match="cannot be written to /proc"):
        check(Path("/proc/report.html"))


def test_a_report_replaces_the_old_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    file.write_text("old")
    write(gather(Daemon()), file)
    assert file.read_text().startswith("**SIMULATED AWS**")
    assert list(tmp_path.iterdir()) == [file]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("old")
    broken = gather(Daemon())
    del broken["coverage"]
    with pytest.raises(Exception, match="coverage"):
        write(broken, file)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]
