"""Pages of rows."""

from dataclasses import FrozenInstanceError

import pytest

from fastapi_crud import Page


def test_a_page_is_rows_and_their_number() -> None:
    """Are pages equal by what is on them?"""
    page = Page([1, 2], total=7)
    assert page == Page(items=[1, 2], total=7)
    assert page != Page([1, 2], total=8)


def test_a_page_cannot_be_changed() -> None:
    """Is a page frozen?"""
    page = Page([1], 0)
    with pytest.raises(FrozenInstanceError):
        page.total = 1  # type: ignore[misc]


def test_a_page_may_say_what_is_on_it() -> None:
    """Can a page be made of the generic class, as type checkers like it?"""
    assert Page[int]([1], 1) == Page([1], 1)
