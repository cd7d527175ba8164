"""The command line: see `python -m tests.benchmarks.speed --help`."""

import argparse
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import tests.benchmarks.speed as about
from tests.benchmarks.measuring import Taken, show
from tests.benchmarks.speed.asking import Wrong
from tests.benchmarks.speed.in_process import measure_in_process
from tests.benchmarks.speed.loading import measure_under_load
from tests.benchmarks.speed.loops import run
from tests.benchmarks.speed.plot import draw
from tests.benchmarks.speed.profiling import profile
from tests.benchmarks.speed.tables import Key, show_results
from tests.benchmarks.speed.variants import (
    BACKENDS,
    CLASSIC,
    OPERATIONS,
    VARIANTS,
    Operation,
    Variant,
)

ROUNDS, SECONDS = 5, 3.0
"""How often each is loaded, and how long."""
CPU_ROUNDS, CPU_SECONDS = 15, 0.1
"""How often each is called in process, and for how much CPU time: short turns, of which the
machine disturbs some and not the others."""
PROFILED = 2
"""How many seconds of CPU time a profile looks at."""


def main() -> int:
    """Run what was asked for; the exit code."""
    said = _read()
    if not (said.in_process or said.profile or shutil.which("wrk")):
        show("wrk is not installed, which makes the load: apt-get install wrk, or --in-process")
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _run(said)
    except Wrong as wrong:
        show(f"BROKEN: {wrong}")
        return 1
    return 0


def _interrupt(*_: object) -> None:
    """Leave nothing behind when ended early."""
    signal.raise_signal(signal.SIGINT)


class Said(argparse.Namespace):
    """What the command line says."""

    rounds: int
    seconds: float
    in_process: bool
    only: list[str]
    profile: tuple[str, Operation] | None
    plot: Path | None
    backends: list[str]

    @property
    def way(self) -> str:
        """How it is measured."""
        return "in process" if self.in_process else "under load"


def _read() -> Said:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.speed",
        description=about.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="that one figure covers")
    parser.add_argument("--in-process", action="store_true", help="no sockets, CPU time")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="VARIANT", help=f"of {', '.join(VARIANTS)}"
    )
    parser.add_argument("--profile", nargs=2, metavar=("VARIANT", "OPERATION"))
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw what was measured")
    parser.add_argument("backends", nargs="*", metavar="DATABASE", help=" or ".join(BACKENDS))
    said = parser.parse_args(namespace=Said())
    # Databases may follow the variants.
    said.backends += [name for name in said.only if name in BACKENDS]
    said.only = [name for name in said.only if name not in BACKENDS]
    _check(parser, said.backends, BACKENDS)
    _check(parser, said.only, [*VARIANTS])
    if said.profile is not None:
        _check(parser, said.profile[:1], [*VARIANTS])
        _check(parser, said.profile[1:], OPERATIONS)
        said.only = [*said.profile[:1]]
    rounds, seconds = (CPU_ROUNDS, CPU_SECONDS) if said.in_process else (ROUNDS, SECONDS)
    said.rounds = said.rounds or rounds
    said.seconds = said.seconds or (seconds if said.profile is None else PROFILED)
    said.backends = said.backends or [*BACKENDS]
    return said


def _check(parser: argparse.ArgumentParser, names: Sequence[str], known: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no {', '.join(unknown)}; there are {', '.join(known)}")


def _run(said: Said) -> None:
    """Measure the databases that answer."""
    variants = _chosen(said.only)
    results: dict[str, Taken[Key]] = {}
    if not variants:
        return
    for backend in said.backends:
        try:
            if said.profile is not None:
                _, operation = said.profile
                run(profile(backend, variants[0], operation, said.seconds))
                continue
            results[backend], slowest = run(_measure(backend, variants, said))
        except pytest.skip.Exception as skipped:
            show(f"\n== {backend} is left out: {skipped}")
            continue
        show(f"\n== {backend}, {said.way}, medians of {said.rounds} rounds")
        show_results(results[backend], slowest, variants)
    if said.plot is not None and results:
        title = "Requests per second of CPU time" if said.in_process else "Requests per second"
        draw(said.plot, f"{title}, of one process (x of {CLASSIC})", results, variants)


async def _measure(
    backend: str, variants: Sequence[Variant], said: Said
) -> tuple[Taken[Key], Taken[Key] | None]:
    if said.in_process:
        return await measure_in_process(backend, variants, said.rounds, said.seconds), None
    return await measure_under_load(backend, variants, said.rounds, max(1, round(said.seconds)))


def _chosen(names: Sequence[str]) -> list[Variant]:
    chosen = [VARIANTS[name] for name in VARIANTS if name in names or not names]
    for variant in chosen:
        if variant.missing:
            show(f"{variant.name} is left out: {variant.package} is not installed")
    return [variant for variant in chosen if not variant.missing]


if __name__ == "__main__":
    sys.exit(main())
