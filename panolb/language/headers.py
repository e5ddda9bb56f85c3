"""Under construction."""


def explain_request_rule(text: str) -> str | None:
    return None


def explain_response_rule(text: str) -> str | None:
    return None
