"""Benchmarks of what a request costs, run by hand: pytest does not collect them.

    python -m tests.benchmarks.paging    # pages of a million rows, by offset and by cursor
    python -m tests.benchmarks.parsing   # reading a query string, against how many filters there are
    python -m tests.benchmarks.speed     # the endpoints beside the same ones made in other ways

Each prints what it measures and leaves nothing behind. Its exit code is 1 where a promise of the
library does not hold: the last page by cursor costs no more than twice the first, and a request
costs the same however many filters there are. Read the ratios: the times are those of one machine.
Medians of interleaved rounds keep out what else that machine does, if it is not too much.
"""
