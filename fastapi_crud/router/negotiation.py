"""What a client accepts (RFC 9110 §12.5.1): which of several media types suits it best."""

from collections.abc import Iterator, Sequence

WILD = "*"


def best_of(accept: str, offered: Sequence[str]) -> str | None:
    """Choose a media type by quality, then by how exactly it was named, then by our order.

    Args:
        accept: The header; whatever in it cannot be read is passed over.
        offered: The media types that there are, the preferred one first.

    Returns:
        The media type; None if the client accepts none of them.
    """
    ranges = [*_ranges(accept)]
    if not ranges:
        return offered[0]
    ranked = {each: _rank(each, ranges) for each in offered}
    best = max(offered, key=lambda each: ranked[each])
    return best if ranked[best][0] > 0 else None


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        media_type, *parameters = (text.strip().lower() for text in part.split(";"))
        weights = [text[2:].strip() for text in parameters if text.startswith("q=")]
        try:
            quality = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        if media_type and 0 <= quality <= 1:
            yield media_type, quality


def _rank(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """Give the quality by the most exact range that fits, and how exact it is."""
    family = media_type.partition("/")[0]
    for exactness, wanted in ((2, media_type), (1, f"{family}/{WILD}"), (0, f"{WILD}/{WILD}")):
        qualities = [quality for each, quality in ranges if each == wanted]
        if qualities:
            return max(qualities), exactness
    return 0.0, 0
