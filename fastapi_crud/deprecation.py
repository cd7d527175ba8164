"""What still works and will be removed: how it is told."""

import warnings


class CrudDeprecationWarning(UserWarning):
    """What is used here will be removed; the message names what to use, and the version without it.

    Python shows it unless told otherwise, which it does not do with every `DeprecationWarning`.
    """


def warn_deprecated(name: str, *, use: str, removed_in: str, stacklevel: int = 1) -> None:
    """Warn of an argument, an option or a setting that is used.

    Functions and classes have `typing_extensions.deprecated` with this category, so that editors
    and type checkers tell as well.

    Args:
        name: What is deprecated, as a user writes it.
        use: What to use instead.
        removed_in: The version that is without it.
        stacklevel: How many calls of ours are between the user's code and the caller.
    """
    text = f"{name} is deprecated and will be removed in {removed_in}: use {use}"
    warnings.warn(text, CrudDeprecationWarning, stacklevel=stacklevel + 2)
