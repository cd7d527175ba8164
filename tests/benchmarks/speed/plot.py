"""What was measured, as a drawing: a small bar chart for each database and operation."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from tests.benchmarks.measuring import Taken
from tests.benchmarks.speed.tables import Key
from tests.benchmarks.speed.variants import CLASSIC, OPERATIONS, Operation, Variant

LABELS, BARS, FIGURES, GAP = 130, 110, 110, 16
"""Widths: of the names, of the longest bar, of the figures beside it, between the charts."""
ROW, HEAD, TITLE = 20, 30, 34
"""Heights: of a bar with its space, of what stands above a chart, of what stands above all."""
CHART, ABREAST = BARS + FIGURES + GAP, 2
"""The width of a chart, and how many stand side by side: more are too small on a page."""

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title, .head { font-weight: 600; }
.title { font-size: 14px; }
.figure { font-size: 11px; fill: #59636e; }
rect { fill: #8c959f; }
rect.ours { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .figure { fill: #9198a1; }
  rect { fill: #656c76; }
  rect.ours { fill: #4493f8; }
}
"""


def draw(
    path: Path, title: str, results: Mapping[str, Taken[Key]], variants: Sequence[Variant]
) -> None:
    """Write the chart: the longer a bar, the faster.

    Args:
        path: The SVG file.
        title: What the bars show.
        results: Seconds per request, by database.
        variants: The bars of each chart.
    """
    height = HEAD + ROW * len(variants) + GAP
    drawn, top = [_text(0, 16, "title", title)], TITLE
    for backend, taken in results.items():
        for first in range(0, len(OPERATIONS), ABREAST):
            drawn += _names(backend, variants, top)
            for column, operation in enumerate(OPERATIONS[first : first + ABREAST]):
                drawn += _chart(taken, operation, variants, LABELS + CHART * column, top)
            top += height
    width, whole = LABELS + CHART * ABREAST, top
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _names(backend: str, variants: Sequence[Variant], top: int) -> list[str]:
    return [
        _text(0, top + 16, "head", backend),
        *(
            _text(0, top + HEAD + ROW * row + 11, "name", variant.name)
            for row, variant in enumerate(variants)
        ),
    ]


def _chart(
    taken: Taken[Key], operation: Operation, variants: Sequence[Variant], left: int, top: int
) -> list[str]:
    rates = {each.name: 1e6 / taken.microseconds((each.name, operation)) for each in variants}
    drawn = [_text(left, top + 16, "head", operation)]
    for row, (name, rate) in enumerate(rates.items()):
        y, width = top + HEAD + ROW * row, max(1, BARS * rate / max(rates.values()))
        kind = "ours" if name.startswith("ours") else "other"
        drawn.append(
            f'<rect class="{kind}" x="{left}" y="{y}" width="{width:.1f}" height="14" rx="2"/>'
        )
        figure = f"{rate:,.0f}"
        if CLASSIC in rates and name != CLASSIC:
            figure += f" (x{taken.ratio((CLASSIC, operation), (name, operation)):.1f})"
        drawn.append(_text(left + width + 5, y + 11, "figure", figure))
    return drawn


def _text(x: float, y: float, kind: str, words: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
