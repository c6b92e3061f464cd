"""How the service says no. Source: vendor reference, "rate limits, retries, errors" (ErrorBody)."""

from collections.abc import Iterable, Mapping
from typing import Any


class ApiError(Exception):
    """An answer other than success; the application turns it into an ErrorBody.

    params: values the message is built from. more: further keys of the body, such as `limit`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.params = dict(params or {})
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def body(self, context_id: str) -> dict[str, Any]:
        """The ErrorBody."""
        return {
            "message": self.message,
            "code": self.code,
            "status": self.status,
            "messageParams": self.params,
            "contextId": context_id,
            "details": [],
            "errors": [],
            **self.more,
        }


def bad_request(message: str, code: str = "bad.request") -> ApiError:
    """HTTP 400."""
    return ApiError(400, code, message)


def check_keys(body: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Raise HTTP 400 for keys the service does not know."""
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise bad_request(f"{what}: unrecognized field {', '.join(unknown)}", "invalid.property")


def page_asked(holder: Mapping[str, Any], largest: int) -> tuple[int, int]:
    """pageNumber (from 1; default 1) and pageSize (default 25); raises HTTP 400 outside 1..largest."""
    number, size = holder.get("pageNumber", 1), holder.get("pageSize", 25)
    for name, value in (("pageNumber", number), ("pageSize", size)):
        if type(value) is not int or value < 1:
            raise bad_request(f"{name} must be a number from 1", "invalid.value")
    if size > largest:
        raise bad_request(f"pageSize must not be greater than {largest}", "invalid.value")
    return number, size
