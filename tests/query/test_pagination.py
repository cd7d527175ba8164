"""Pages of rows."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from fastapi_crud import CursorPage, Page


def test_a_page_is_rows_and_their_number() -> None:
    """Are pages equal by what is on them?"""
    page = Page([1, 2], total=7)
    assert page == Page(items=[1, 2], total=7, estimated=False, more=False)
    assert page != Page([1, 2], total=8)
    assert page != Page([1, 2], total=7, more=True)
    assert page != Page([1, 2], total=7, estimated=True)


def test_a_page_of_a_walk_is_rows_and_the_ways_on() -> None:
    """Are those pages equal by what is on them, and alone unless they say otherwise?"""
    page = CursorPage([1, 2])
    assert page == CursorPage(
        items=[1, 2], next_cursor=None, prev_cursor=None, total=None, estimated=False
    )
    assert page != CursorPage([1, 2], next_cursor="a")
    assert CursorPage([1], "a", "b") == CursorPage([1], next_cursor="a", prev_cursor="b")


@pytest.mark.parametrize("page", [Page([1], 0), CursorPage([1])], ids=["page", "page of a walk"])
def test_a_page_cannot_be_changed(page: Any) -> None:
    """Is a page frozen?"""
    with pytest.raises(FrozenInstanceError):
        page.total = 1


def test_a_page_may_say_what_is_on_it() -> None:
    """Can a page be made of the generic class, as type checkers like it?"""
    assert Page[int]([1], 1) == Page([1], 1)
    assert CursorPage[int]([1]) == CursorPage([1])
