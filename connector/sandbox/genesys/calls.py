"""One call as it reaches a part of the simulated service, and how a part says which calls it serves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from werkzeug import Request, Response

from connector.sandbox.faults import Rule
from connector.sandbox.genesys.problems import ApiError, bad_request

_LARGEST_BODY = 512_000


@dataclass(frozen=True)
class Asked:
    """One call of the API, allowed and parsed as far as all calls are alike.

    identity: the id in its path, "" when there is none. rules: faults that act on it and that the lists interpret.
    """

    request: Request
    identity: str
    rules: tuple[Rule, ...]

    def body(self) -> dict[str, Any]:
        """The JSON object sent; raises HTTP 400, 413 or 415."""
        if self.request.mimetype != "application/json":
            raise ApiError(415, "unsupported.media.type", "Send Content-Type: application/json")
        sent = self.request.get_data()
        if len(sent) > _LARGEST_BODY:
            raise ApiError(413, "request.entity.too.large", f"The body must not exceed {_LARGEST_BODY} bytes")
        try:
            body = orjson.loads(sent)
        except orjson.JSONDecodeError:
            raise bad_request("The request body is not JSON") from None
        if not isinstance(body, dict):
            raise bad_request("The request body must be an object")
        return body

    def query_string(self, *numbers: str) -> dict[str, Any]:
        """The query string: the first value of each name; those named in `numbers` as numbers where they are one."""
        given: dict[str, Any] = dict(self.request.args.items())
        for name in numbers:
            if name in given and given[name].isdecimal():
                given[name] = int(given[name])
        return given

    def arguments(self, name: str) -> dict[str, Any] | None:
        """The arguments of the first acting rule with this action; None when none acts."""
        return next((dict(rule.arguments) for rule in self.rules if rule.action == name), None)


class Served(NamedTuple):
    """A call the service knows.

    methods: such as "GET POST". path: with `<identity>` where an id stands. permission: what a caller needs.
    """

    methods: str
    path: str
    permission: str | None
    answer: Callable[[Asked], Response]


def json_answer(body: Any, status: int = 200) -> Response:
    """An answer with a JSON body."""
    return Response(orjson.dumps(body), status, content_type="application/json")
