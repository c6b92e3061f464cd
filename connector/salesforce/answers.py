"""Whether an answer of Salesforce is what it claims to be, and its body as values."""

from typing import Any

import requests

from connector.errors import MalformedAnswer


def web_page(answer: requests.Response) -> str:
    """What is wrong with an answer that is a web page; "" for every other one."""
    is_page = "text/html" in answer.headers.get("Content-Type", "").lower()
    return "it is a web page instead of data" if is_page else ""


def unsound(answer: requests.Response) -> str:
    """What is wrong with a web page, or with JSON that cannot be read; "" when nothing is."""
    if "json" in answer.headers.get("Content-Type", "").lower():
        try:
            answer.json()
        except ValueError:
            return "its JSON breaks off or is damaged"
    return web_page(answer)


def parsed(answer: requests.Response) -> Any:
    """The JSON body. Raises MalformedAnswer."""
    try:
        return answer.json()
    except ValueError as error:
        raise MalformedAnswer("Salesforce answered with a body that is no JSON") from error
