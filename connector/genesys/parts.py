"""Filters too long for one call, asked in several: the parts of a query are the pages of its pass. Pure.

A filter that lists ids by `or` can be taken apart without changing what it selects: what fits one of the parts fits
the whole, and each id stands in one part only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.genesys.judge import ASK_AGAIN_SECONDS, AskAgain, Complete, GoOn, Page, Seen, Step
from connector.genesys.queries import IN_PARTS, InParts

Filter = Mapping[str, Any]
"""A filter as the API spells it: {type: and|or, predicates: [...], clauses: [{type, predicates}]}."""


def split_filter(written: Filter, rule: InParts) -> list[Filter]:
    """The filter as it is sent, in as many parts as the service needs; as written where it is short enough.

    What is split: a list of ids joined by `or`, or a filter that holds such a list as its only clause. An id that
    stands twice in it is asked for once. Raises ValueError, whose text says what to write, for a longer filter of
    another form.
    """
    count = sum(one == rule.dimension for one in dimensions(written))
    if count <= rule.most:
        return [written]
    clauses = written.get("clauses")
    if isinstance(clauses, list) and len(clauses) == 1 and not written.get("predicates"):
        if _is_list_of_ids(clauses[0], rule.dimension):
            return [{**written, "clauses": [part]} for part in _parts(clauses[0], rule.most)]
    elif not clauses and _is_list_of_ids(written, rule.dimension):
        return list(_parts(written, rule.most))
    raise ValueError(
        f"names {count} times {rule.dimension}, and one call takes at most {rule.most}; only one plain list can be "
        f"asked in several calls: {{type: or, predicates: [{{dimension: {rule.dimension}, value: ...}}, ...]}}"
    )


def parts_of(written: Filter | None, query: str) -> Sequence[Filter | None]:
    """The filters one reading of a query of the catalogue sends, one a call. Raises ValueError as `split_filter`."""
    rule = IN_PARTS.get(query)
    return split_filter(written, rule) if written and rule else [written or None]


def filter_of_all(ids: Sequence[str], rule: InParts) -> list[Filter]:
    """The filter that names every id, in parts."""
    predicates = [
        {"type": "dimension", "dimension": rule.dimension, "operator": "matches", "value": one} for one in ids
    ]
    return [{"type": "or", "predicates": part} for part in _cut(predicates, rule.most)]


def dimensions(part: Any) -> Iterator[Any]:
    """The dimension of every predicate of a filter as the API spells it, at whatever depth."""
    if isinstance(part, dict):
        if "dimension" in part:
            yield part["dimension"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from dimensions(one)


def judge_part(seen: Seen, page: Page) -> tuple[Step, Seen]:
    """The next step after one part. Its answer is whole in itself, so the pass is when the last one is answered.

    Of what is now the service gives zeros as well, so that an answer without anything is odd: it is asked again.
    """
    parts = page.witnesses.page_count or 1
    if page.taken and not page.records and seen.asked_again < len(ASK_AGAIN_SECONDS):
        again = AskAgain(page.number, ASK_AGAIN_SECONDS[seen.asked_again])
        return again, replace(seen, asked_again=seen.asked_again + 1)
    if parts > 1:
        told = page.witnesses
        seen = replace(seen, witnesses=told, last_number=page.number, last_digest=page.digest, asked_again=0)
    return (GoOn(page.number + 1) if page.number < parts else Complete()), seen


def _is_list_of_ids(part: Any, dimension: str) -> bool:
    return (
        isinstance(part, dict)
        and part.get("type") == "or"
        and not part.get("clauses")
        and isinstance(part.get("predicates"), list)
        and all(_names_id(one, dimension) for one in part["predicates"])
    )


def _names_id(predicate: Any, dimension: str) -> bool:
    return (
        isinstance(predicate, dict)
        and predicate.keys() <= {"type", "dimension", "operator", "value"}
        and predicate.get("type", "dimension") == "dimension"
        and predicate.get("operator", "matches") == "matches"
        and predicate.get("dimension") == dimension
        and isinstance(predicate.get("value"), str)
    )


def _parts(listed: Filter, most: int) -> Iterator[Filter]:
    once = {predicate["value"]: predicate for predicate in listed["predicates"]}
    for part in _cut(list(once.values()), most):
        yield {**listed, "predicates": part}


def _cut(whole: Sequence[Any], most: int) -> Iterator[list[Any]]:
    for first in range(0, len(whole), most):
        yield list(whole[first : first + most])
