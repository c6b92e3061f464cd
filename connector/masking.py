"""Text without secrets and customer values, for messages and logs.

What a service says about a refused call may quote what was sent: phone numbers, addresses, tokens. What tells nothing
about a person and helps to find the fault stays readable: ids, dates, names of fields.
"""

import re

_LONGEST = 20_000
LONGEST_MESSAGE = 300

_KEPT = r"""
    (?P<kept> \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b            # ids of Genesys
            | \b(?:19|20)\d\d-\d\d-\d\d(?!\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?  # dates, instants
            | \b[A-Za-z]\w*__[A-Za-z]{1,3}\b(?!@) )                      # API names of Salesforce
"""
_MASKED = r"""
      \b(?:[Bb]earer|Basic)\s+\S{8,} | \b00D\w{12,15}!\S+ | \beyJ[\w-]+\.[\w.-]+
    | (?:tel|sip|sips|mailto):\S+
    | [\w.+%-]+@[\w-]+(?:\.[\w-]+)+
    | (?<![A-Za-z0-9])\+?\(?\d(?:[ ./()-]{0,2}\d){6,}(?![A-Za-z0-9])      # phone numbers, long numbers
    | (?<![\w!+=-])(?=[\w!+=-]*\d)(?=[\w!+=-]*[A-Za-z])[\w!+=-]{32,}      # tokens, secrets; no paths
"""
_SENSITIVE = re.compile(f"{_KEPT}|{_MASKED}", re.VERBOSE)


def mask(text: str, hidden: str = "") -> str:
    """The start of `text`, with *** for addresses, phone and long numbers, tokens, and for `hidden` itself.

    Names and free text cannot be told from other words: never pass notes or record values through messages.
    """
    text = text[:_LONGEST]
    if len(hidden) >= 8:
        text = text.replace(hidden, "***")
    return _SENSITIVE.sub(lambda found: found["kept"] or "***", text)


def shortened(text: str) -> str:
    """On one line and at most 300 characters, as a message can carry it."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"
