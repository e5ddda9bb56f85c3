"""Under construction."""


def explain(text: str) -> str | None:
    """Say why a text is no format, or return None."""
    return None
