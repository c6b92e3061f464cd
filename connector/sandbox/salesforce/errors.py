"""What the simulated organisation answers when it refuses: a whole request, or one row."""

from dataclasses import dataclass
from typing import Any

__all__ = ["RestError", "RowError", "RowRefused"]


class RestError(Exception):
    """A refused request: HTTP status and the JSON list body `[{"errorCode", "message", "fields"?}]`.

    Source: REST API guide, "Status Codes and Error Responses".
    """

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.fields = status, code, message, fields

    def body(self) -> list[dict[str, Any]]:
        """The body as JSON values."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields:
            error["fields"] = list(self.fields)
        return [error]


@dataclass(frozen=True)
class RowError:
    """Why one row was not saved: status code, message, fields concerned."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def as_csv(self) -> str:
        """The `sf__Error` cell: `CODE:message:fields --`.

        Source: Bulk API 2.0 guide, failed results; the blank before `--` stands only after a field name.
        """
        return f"{self.code}:{self.message}:{','.join(self.fields)}{' ' if self.fields else ''}--"

    def as_json(self) -> dict[str, Any]:
        """One entry of `errors` in a Collections answer."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}


class RowRefused(Exception):
    """Raised while one row is read or checked; carries its `RowError`."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(f"{code}: {message}")
        self.error = RowError(code, message, fields)
