"""Look-ups: queues, users, wrap-up codes, divisions, the organisation. Source: vendor reference, "look-ups"."""

from collections.abc import Sequence
from typing import Any

from werkzeug import Request

from connector.sandbox.directory import Entity
from connector.sandbox.faults import Rule
from connector.sandbox.genesys.listing import Page, ShortPages, cut_page
from connector.sandbox.genesys.problems import bad_request, page_asked

_LARGEST_PAGE = 500
_MOST_USER_IDS = 100
_STATES = ("active", "inactive", "deleted")


def users_listed(request: Request, users: Sequence[Entity]) -> list[Entity]:
    """The users a call asks for: active ones, unless `state` says otherwise (`any`, inactive, deleted)."""
    state = request.args.get("state", "active")
    if state not in ("any", *_STATES):
        raise bad_request(f"state must be any, {', '.join(_STATES)}", "invalid.query.param.value")
    if len(_ids(request)) > _MOST_USER_IDS:
        raise bad_request(f"at most {_MOST_USER_IDS} ids", "max.user.ids")
    return [user for user in users if state in ("any", user.get("state", "active"))]


def entity_listing(
    request: Request, entities: Sequence[Entity], rules: Sequence[Rule], short_pages: ShortPages
) -> dict[str, Any]:
    """One page in the classic envelope, sorted by name, filtered by id, name and divisionId; raises HTTP 400."""
    number, size = page_asked(_paging(request), _LARGEST_PAGE)
    ids, name, division = _ids(request), request.args.get("name"), request.args.get("divisionId")
    chosen = [
        entity
        for entity in sorted(entities, key=lambda one: (one["name"], one["id"]))
        if (not ids or entity["id"] in ids)
        and (name is None or entity["name"].lower() == name.lower())
        and (division is None or entity.get("division", {}).get("id") == division)
    ]
    page = cut_page(chosen, number, size, rules, short_pages, request.path)
    body = page.put({}, rows="entities", total="total", page_count="pageCount")
    last = max(1, -(-len(chosen) // size))
    body |= {
        "pageSize": size,
        "pageNumber": number,
        "firstUri": _uri(request, page, 1),
        "lastUri": _uri(request, page, last),
    }
    body["selfUri"] = _uri(request, page, number)
    if number < last:
        body["nextUri"] = _uri(request, page, number + 1)
    if number > 1:
        body["previousUri"] = _uri(request, page, number - 1)
    return body


def _paging(request: Request) -> dict[str, Any]:
    given = {}
    for name in ("pageNumber", "pageSize"):
        if name in request.args:
            text = request.args[name]
            given[name] = int(text) if text.isdecimal() else text
    return given


def _ids(request: Request) -> set[str]:
    return {one for given in request.args.getlist("id") for one in given.split(",") if one}


def _uri(request: Request, page: Page, number: int) -> str:
    return f"{request.path}?pageSize={page.size}&pageNumber={number}"
