"""`make bench`: every figure beside its baseline, taken in the same run. Exit 1 when a bar is missed."""

from __future__ import annotations

import importlib
import sys
import time

from benchmarks.heap import like_a_daemon

BENCHMARKS = ("table", "pane_start", "stalls", "crashes", "kills", "collection", "history", "spot")


def main(names: list[str]) -> int:
    missed = 0
    for name in names or BENCHMARKS:
        started = time.perf_counter()
        figures = importlib.import_module(f"benchmarks.{name}").run()
        print(f"\n{name} ({time.perf_counter() - started:.0f} s)")
        for figure in figures:
            print("  " + str(figure), flush=True)
            missed += not figure.met
    return 1 if missed else 0


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"no benchmark named {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    like_a_daemon()
    sys.exit(main(sys.argv[1:]))
