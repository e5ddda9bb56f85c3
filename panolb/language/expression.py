"""Under construction."""


def explain(text: str) -> str | None:
    return None
