"""Every exception of the connector, grouped by what to do next.

    ConnectorError                 one message, one hint, one exit code
      NeedsMending                 exit 3: settings, mapping, login or permission; repeating changes nothing
        ConfigError                settings missing, wrong or unreadable
        MappingError               one or more mapping files cannot work
        LoginRefused               a service refused the credentials
        PermissionMissing          logged in, but not allowed
        QueryRefused               the service refuses the query itself, however small the span
        DeliveryRefused            Salesforce refuses the target: object, field, key, or most rows
        WrongOrganisation          the state belongs to another organisation
        StateError                 the state file cannot be used (newer version, unreadable, disk full)
        KeysChanged                the mapping now writes other keys than the rows already delivered
      ServiceUnavailable           exit 4: a transient fault outlived its retries; the next run goes on
        QuotaSpent                 an allowance is used up, with the time to come back where the service told it
      AlreadyRunning               exit 5: another process works on this stream
      Stopped                      exit 130/143: stopped cleanly by a signal
      Refused                      an error status that is not transient; the module that asked says what it means
      RefusedSpan                  this span is refused as asked; a smaller one may do (never leaves a pass)
      CannotHalve                  a span without a boundary strictly inside (never leaves a pass)
      MalformedAnswer              an answer is not what the catalogue says; exit 4, the pass stays open
      UnbalancedPass               the books of a pass do not add up; exit 1, the pass is read again
      TooManyVanished              more rows vanished than are cleared or deleted before a person accepts it; exit 1

Exit codes are those of the README's table. Messages never hold secrets or customer values.
"""

from collections.abc import Sequence


class ConnectorError(Exception):
    """What happened and where, with `hint` saying what to do next (may be empty).

    `exit_code` is what a command ends with when nothing above handles the error.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.hint}" if self.hint else self.message


class NeedsMending(ConnectorError):
    """A person must change something; repeating the run changes nothing."""

    exit_code = 3


class ConfigError(NeedsMending):
    """Settings are missing, wrong or unreadable."""


class MappingError(NeedsMending):
    """One or more mapping files cannot work. `problems` holds every one of them, a line each."""

    def __init__(self, problems: Sequence[str], hint: str = "") -> None:
        super().__init__("\n".join(problems), hint)
        self.problems = tuple(problems)


class LoginRefused(NeedsMending):
    """A service refused the credentials."""


class PermissionMissing(NeedsMending):
    """Logged in, but a permission is missing."""


class QueryRefused(NeedsMending):
    """The service refuses the query itself, however small the span."""


class DeliveryRefused(NeedsMending):
    """Salesforce refuses the target as a whole, or most of its rows for one reason."""


class WrongOrganisation(NeedsMending):
    """The state was made for another Genesys or Salesforce organisation."""


class StateError(NeedsMending):
    """The state file cannot be used."""


class KeysChanged(NeedsMending):
    """The mapping now makes other external ids, or writes elsewhere, than the rows already delivered."""


class ServiceUnavailable(ConnectorError):
    """A transient fault outlived its retries; nothing is lost and the next run goes on.

    status: the last HTTP status, or None when no answer came at all.
    """

    exit_code = 4

    def __init__(self, message: str, hint: str = "", *, status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class QuotaSpent(ServiceUnavailable):
    """A service's allowance is used up. `come_back_seconds` is what the service asked to wait, if it told."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int | None = None,
        come_back_seconds: float | None = None,
    ) -> None:
        super().__init__(message, hint, status=status)
        self.come_back_seconds = come_back_seconds


class MalformedAnswer(ServiceUnavailable):
    """An answer is not what the catalogue of queries says. The pass stays open."""


class AlreadyRunning(ConnectorError):
    """Another process works on this stream."""

    exit_code = 5


class Stopped(ConnectorError):
    """Stopped at a point from which the next run goes on: by a signal, or (0) because the time given is over.

    `exit_code` is 128 + the signal, 0 without one.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__("stopped; nothing is lost, the next run goes on from here")
        self.exit_code = 128 + signal_number if signal_number else 0


class Refused(ConnectorError):
    """A service answered with an error status that is not transient.

    status: HTTP status; code: the service's own error code or ""; answer: the parsed JSON body, or None when the body
    is no JSON. The module that asked turns it into an error that says what to do.
    """

    def __init__(self, message: str, hint: str = "", *, status: int, code: str = "", answer: object = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.answer = answer


class RefusedSpan(ConnectorError):
    """The service answered 400 or 413: this span, asked like this, is refused. Halve it."""


class CannotHalve(ConnectorError):
    """The span has no boundary strictly inside."""


class UnbalancedPass(ConnectorError):
    """The books of a pass do not add up. Its span is read again by the next run."""


class TooManyVanished(ConnectorError):
    """More rows are no longer given than are cleared or deleted before a person accepts it."""
