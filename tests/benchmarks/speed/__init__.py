"""How fast the endpoints of `make_crud_router` are, beside the same ones made in other ways.

    python -m tests.benchmarks.speed                        # requests per second, under load
    python -m tests.benchmarks.speed --in-process           # CPU time, without sockets: the least noise
    python -m tests.benchmarks.speed --in-process --only by_hand ours postgresql
    python -m tests.benchmarks.speed --profile ours get sqlite

`pip install '.[benchmarks]'` brings the other ways; one that is not installed is left out. The load
comes from [wrk](https://github.com/wg/wrk).

Every way serves the same table of users, in a database of its own with 10,000 of them, and never
hashes at real cost. Lists are pages of 100 with the total. Read the ratios: they are medians of
what each round says, in which all took their turn.

What is to be the same work must be asked the same: `bare` takes addresses as text, as `ours_str`
does; `bare_checked` parses those that it is sent, as `ours` does and every API should.
"""
