"""Faults on demand: a plan is a list of rules, each telling which requests meet which trouble.

A plan in YAML or JSON is a list of mappings with the fields of `Rule`:

    - {service: genesys, path: /details/query$, page: 3, action: empty_page}
    - {path: /jobs/ingest, method: PUT, nth: 2, action: lose_answer}
    - {service: genesys, nth: [1, 2], action: status, arguments: {code: 503, headers: {Retry-After: 7}}}
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson
import yaml
from werkzeug import Request, Response

from connector.sandbox.clock import Clock

COMMON_ACTIONS = frozenset({"status", "refuse", "lose_answer", "cut_body", "html", "delay"})
"""Actions every service knows: their arguments are told at `answer_with_faults`."""

_SERVICES = ("genesys", "salesforce", "any")
_JSON = "application/json"
_PROXY_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


class FaultPlanError(ValueError):
    """A fault plan cannot be used; the message names every place and the mend."""


class ConnectionDropped(Exception):
    """The connection ends without an answer: a server closes the socket, an adapter raises ConnectionError.

    acted: True when the service had done its work before the answer was lost.
    """

    def __init__(self, acted: bool) -> None:
        super().__init__("the service acted, its answer was lost" if acted else "the connection was refused")
        self.acted = acted


@dataclass(frozen=True)
class Rule:
    """Which requests meet which trouble.

    action: one of COMMON_ACTIONS, or a name the service itself interprets, with its `arguments`.
    service: genesys, salesforce or any. method: any when None. path: regular expression searched in the path.
    page: page number asked for (body `paging.pageNumber` or `pageNumber`, else `pageNumber` or `page` in the query
    string), one or several.
    body: dotted path into the JSON body -> value that must stand there.
    nth: which of the matching requests, counted from 1: a number, several, or "every".
    times: at most so many times in all.
    """

    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    service: str = "any"
    method: str | None = None
    path: str = ""
    page: int | Sequence[int] | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    nth: int | Sequence[int] | str = "every"
    times: int | None = None

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise FaultPlanError("; ".join(problems))

    def matches(self, service: str, request: Request) -> bool:
        """Whether the rule speaks of this request, whatever its number."""
        return (
            self.service in ("any", service)
            and (self.method is None or self.method.upper() == request.method)
            and re.search(self.path, request.path) is not None
            and (self.page is None or _page_asked(request) in _as_tuple(self.page))
            and all(_at(json_body(request), place) == value for place, value in self.body.items())
        )

    def acts_on(self, number: int) -> bool:
        """Whether the rule acts on its `number`-th matching request."""
        return isinstance(self.nth, str) or number in _as_tuple(self.nth)


class Faults:
    """The rules of a plan with their counts; safe to share between threads.

    Every rule counts every request it matches, also those on which another rule acts. One request is shown to
    `match` or to `matching`, once.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._lock = threading.Lock()
        self._met = [0] * len(self.rules)
        self._acted = [0] * len(self.rules)

    def match(self, service: str, request: Request) -> Rule | None:
        """The first rule that acts on this request."""
        return next(iter(self.matching(service, request)), None)

    def matching(self, service: str, request: Request) -> tuple[Rule, ...]:
        """All rules that act on this request, in the order of the plan."""
        met = [index for index, rule in enumerate(self.rules) if rule.matches(service, request)]
        acting = []
        with self._lock:
            for index in met:
                rule = self.rules[index]
                self._met[index] += 1
                is_spent = rule.times is not None and self._acted[index] >= rule.times
                if rule.acts_on(self._met[index]) and not is_spent:
                    self._acted[index] += 1
                    acting.append(rule)
        return tuple(acting)

    def acted(self) -> tuple[int, ...]:
        """How often each rule acted so far, in the order of the plan."""
        with self._lock:
            return tuple(self._acted)

    def check_actions(self, service: str, actions: Iterable[str]) -> None:
        """Raise FaultPlanError when a rule meant for `service` alone names an action it does not know."""
        known = COMMON_ACTIONS | set(actions)
        unknown = sorted({rule.action for rule in self.rules if rule.service == service} - known)
        if unknown:
            raise FaultPlanError(f"{service} knows no action {', '.join(unknown)}; use one of {sorted(known)}")


def answer_with_faults(
    faults: Faults,
    service: str,
    request: Request,
    clock: Clock,
    act: Callable[[tuple[Rule, ...]], Response],
) -> Response:
    """Let the service answer, with the trouble the plan holds for this request.

    act: the service itself; gets the acting rules it must interpret, in the order of the plan.
    `delay` {seconds}: the clock sleeps first. `status` {code, headers, and json, html or text}: that answer, the
    service does not act. `html` {code: 502}: a proxy's page instead. `refuse`: ConnectionDropped, nothing done.
    `lose_answer`: the service acts, then ConnectionDropped. `cut_body` {keep: 0.5}: only that share of the answer.
    """
    rules = faults.matching(service, request)
    for rule in rules:
        if rule.action == "delay":
            clock.sleep(float(rule.arguments["seconds"]))
    common = next((rule for rule in rules if rule.action in COMMON_ACTIONS - {"delay"}), None)
    if common is not None and common.action == "refuse":
        raise ConnectionDropped(acted=False)
    if common is not None and common.action in ("status", "html"):
        return _stated_answer(common)
    response = act(tuple(rule for rule in rules if rule.action not in COMMON_ACTIONS))
    if common is not None and common.action == "lose_answer":
        response.close()
        raise ConnectionDropped(acted=True)
    if common is not None and common.action == "cut_body":
        whole = response.get_data()
        response.set_data(whole[: int(len(whole) * float(common.arguments.get("keep", 0.5)))])
    return response


def load_plan(path: Path | str) -> Faults:
    """Read a plan from a YAML or JSON file; raises FaultPlanError telling every problem at once."""
    source = Path(path)
    try:
        entries = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FaultPlanError(f"{source}: cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise FaultPlanError(f"{source}: a fault plan is a list of rules; begin each with '- action:'")
    rules, problems = [], []
    for number, entry in enumerate(entries, 1):
        try:
            rules.append(_rule(entry))
        except FaultPlanError as error:
            problems.append(f"rule {number}: {error}")
    if problems:
        raise FaultPlanError(f"{source}: " + "; ".join(problems))
    return Faults(rules)


def json_body(request: Request) -> Any:
    """The request's JSON body; None when it has none, holds something else or does not parse."""
    if request.mimetype != _JSON:
        return None
    try:
        return orjson.loads(request.get_data(cache=True))
    except orjson.JSONDecodeError:
        return None


def _rule(entry: Any) -> Rule:
    if not isinstance(entry, dict):
        raise FaultPlanError("must be a mapping with at least 'action'")
    known = {one.name for one in fields(Rule)}
    unknown = sorted(str(key) for key in entry if key not in known)
    if unknown:
        raise FaultPlanError(f"unknown {', '.join(unknown)}; use {', '.join(sorted(known))}")
    if "action" not in entry:
        raise FaultPlanError("'action' is missing")
    return Rule(**entry)


def _problems(rule: Rule) -> list[str]:
    problems = []
    if not isinstance(rule.action, str):
        problems.append(f"action must be a name, not {rule.action!r}")
    if rule.service not in _SERVICES:
        problems.append(f"service must be one of {', '.join(_SERVICES)}, not {rule.service!r}")
    if not isinstance(rule.arguments, Mapping):
        problems.append("arguments must be a mapping")
    elif rule.action == "status" and not isinstance(rule.arguments.get("code"), int):
        problems.append("status needs arguments: {code: <HTTP status>}")
    elif rule.action == "delay" and not isinstance(rule.arguments.get("seconds"), int | float):
        problems.append("delay needs arguments: {seconds: <number>}")
    if rule.method is not None and not isinstance(rule.method, str):
        problems.append(f"method must be a word such as POST, not {rule.method!r}")
    if not isinstance(rule.body, Mapping):
        problems.append("body must be a mapping of dotted paths to values")
    if rule.nth != "every" and not _are_counts(rule.nth):
        problems.append(f"nth must be a number from 1, a list of them, or 'every', not {rule.nth!r}")
    if rule.page is not None and not _are_counts(rule.page):
        problems.append(f"page must be a number from 1 or a list of them, not {rule.page!r}")
    if rule.times is not None and not _are_counts(rule.times):
        problems.append(f"times must be a number from 1, not {rule.times!r}")
    try:
        re.compile(rule.path)
    except (re.error, TypeError) as error:
        problems.append(f"path is not a regular expression: {error}")
    return problems


def _are_counts(value: Any) -> bool:
    numbers = value if isinstance(value, list | tuple) else (value,)
    return bool(numbers) and all(type(number) is int and number >= 1 for number in numbers)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _page_asked(request: Request) -> int | None:
    body = json_body(request)
    for found in (_at(body, "paging.pageNumber"), _at(body, "pageNumber")):
        if isinstance(found, int):
            return found
    return request.args.get("pageNumber", type=int) or request.args.get("page", type=int)


def _at(value: Any, place: str) -> Any:
    for name in place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _stated_answer(rule: Rule) -> Response:
    arguments = rule.arguments
    code = int(arguments.get("code", 502))
    response = Response(status=code)
    if rule.action == "html" or "html" in arguments:
        page = arguments.get("html") or arguments.get("text") or _PROXY_PAGE.format(response.status.title())
        response.set_data(page)
        response.content_type = "text/html; charset=utf-8"
    elif "json" in arguments:
        response.set_data(orjson.dumps(arguments["json"]))
        response.content_type = _JSON
    else:
        response.set_data(str(arguments.get("text", "")))
        response.content_type = "text/plain; charset=utf-8"
    for name, value in (arguments.get("headers") or {}).items():
        response.headers[name] = str(value)
    return response
