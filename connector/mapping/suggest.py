"""The nearest right word for a wrong one."""

import unicodedata
from collections.abc import Iterable

_LETTERS = 2


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word at most two letters away (fewer for very short words), the closest first; None when none is."""
    allowed = min(_LETTERS, len(word) // 2)
    near = [(distance, one) for one in known if (distance := _distance(word.lower(), one.lower(), allowed)) <= allowed]
    return min(near)[1] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message that names the nearest known word, or nothing."""
    found = nearest(word, known)
    return (f"; did you mean '{found}'?" if found else "") + odd_letters(word)


def odd_letters(word: str) -> str:
    """The end of a message that names the letters of a word that only look like others, or nothing."""
    odd = dict.fromkeys(letter for letter in word if not letter.isascii())
    if not odd or len(odd) == len(set(word)):
        return ""
    names = [unicodedata.name(letter, f"U+{ord(letter):04X}") for letter in list(odd)[:3]]
    return f" (it holds {', '.join(names)})"


def _distance(a: str, b: str, most: int) -> int:
    """Letters to insert, drop, change or swap with their neighbour to get from a to b; `most` + 1 stands for more."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, above, row = row, before, [i]
        for j, right in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
