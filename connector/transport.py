"""One requests session for both services: timeouts, one retry policy, status to error, masking.

What is transient is asked again with growing waits and an end; everything else is an error that names the service, the
call, the status and what the service said about it, masked. Nothing here knows what a call means: the module that asks
turns `Refused` into an error that says what to do.

Sources: Genesys platform guide, rate limits and the retry policy of the vendor's SDKs (429, 502, 503, 504, Retry-After
up to 180 s, five tries); Salesforce REST guide, "Status Codes and Error Responses"; retries of public Salesforce
clients (420 is an edge server without a route to the host).
"""

import logging
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from typing import IO, Any
from urllib.parse import urlsplit

import orjson
import requests
import tenacity
from requests import exceptions as faults
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager
from urllib3 import exceptions as raw_faults
from urllib3.connection import HTTPConnection

from connector.connection import NEXT_RUN, describe_fault
from connector.errors import ConfigError, MalformedAnswer, QuotaSpent, Refused, ServiceUnavailable
from connector.masking import mask, shortened
from connector.refusals import Said, read_error

Params = Mapping[str, str | Sequence[str]]
"""Of the query string; a list of texts is written as the same name once for each."""

CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0

_TRANSIENT = frozenset({408, 420, 429, 500, 502, 503, 504})
_OUTCOME_UNKNOWN = frozenset({408, 500, 502, 504})
"""With these a service, or a gateway before it, may have done the work all the same."""

_WAIT_FACTOR = 3
_LONGEST_GUESS_SECONDS = 60.0
_TOO_MANY_SECONDS = 3.0
_CLOCK_TOLERANCE = timedelta(minutes=2)
_LASTING_FAULT_TRIES = 2


class AnswerLost(ServiceUnavailable):
    """The request may have reached the service, its answer did not reach us: whether it acted is unknown."""


@dataclass(frozen=True)
class Retry:
    """attempts: tries in all. longest_wait: seconds; a service that asks for more ends the call with QuotaSpent."""

    attempts: int = 5
    longest_wait: float = 180.0


class Transport:
    """One requests session for everything.

    now: the local clock, in UTC. sleep: waits so many seconds. mount: gets the session once, to mount adapters on.
    jitter: a number from 0 to 1. log: gets one DEBUG line per try and one INFO line per wait; never headers, bodies,
    queries of URLs. Proxies and private CAs come from the environment (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE);
    a .netrc file is not read, cookies are not kept. May be shared by threads.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        mount: Callable[[requests.Session], None] | None = None,
        jitter: Callable[[], float] = random.random,
        log: logging.Logger | None = None,
        retry: Retry = Retry(),
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self._log = log or logging.getLogger("connector.transport")
        self._retry = retry
        self._answered: set[str] = set()
        self._ahead: dict[str, timedelta] = {}
        self._warned_of_clock = False
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"connector/{version('connector')}"
        self._session.auth = _no_login  # else an entry in .netrc would replace the Authorization header
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("https://", _PromptAdapter())
        if mount:
            mount(self._session)

    def request(
        self,
        service: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        json: object = None,
        data: bytes | str | IO[bytes] | None = None,
        stream: bool = False,
        repeat: bool = True,
        before: Callable[[], None] | None = None,
        timeout: float | tuple[float, float] | None = None,
        unsound: Callable[[requests.Response], str] | None = None,
        before_wait: Callable[[int | None, float], None] | None = None,
        final: Callable[[requests.Response], Said | None] | None = None,
        most_tries: int | None = None,
    ) -> requests.Response:
        """The answer, when its status is below 300, or 300 or 304; redirects are not followed.

        service: the word for messages. json: written as the body. data: the body; a file is sent from where it stands,
        at every try. stream: the body is left unread, the caller reads and closes it; with `unsound`, that reads it to
        its end, and a connection that breaks meanwhile is asked again like any other.
        repeat: statuses 408, 420, 429, 500, 502, 503, 504, connection faults, timeouts and cut bodies are tried again.
        Without it only a 429 or Salesforce's "too many at once" is, for then the service has refused to act.
        before: called before every try. timeout: seconds, or (connect, read).
        unsound: says what is wrong with an answer of good status ("" when nothing is); such an answer is asked again.
        before_wait: called with the status (None: no answer) and the seconds before each wait.
        final: reads an error answer in the service's own form; what it gives is Refused, whatever the status says.
        most_tries: not more tries than this, whatever happens.

        Raises Refused (any other status), ServiceUnavailable, AnswerLost (`repeat=False` only), QuotaSpent,
        MalformedAnswer (still unsound at the last try), ConfigError (an address, header or CA file cannot work).
        """
        ask = _Ask(
            service=service,
            method=method.upper(),
            url=url,
            headers={**({} if json is None else {"Content-Type": "application/json"}), **(headers or {})},
            params=params,
            body=data.encode() if isinstance(data, str) else data if json is None else orjson.dumps(json),
            stream=stream,
            repeat=repeat,
            timeout=timeout or (CONNECT_SECONDS, READ_SECONDS),
            unsound=unsound,
            final=final,
        )
        start = ask.body.tell() if ask.is_file() else 0

        def once() -> requests.Response:
            if before:
                before()
            if ask.is_file():
                ask.body.seek(start)
            return self._once(ask)

        def tell(state: tenacity.RetryCallState) -> None:
            again, seconds = _again(state), state.upcoming_sleep
            text = "%s: trying again in %.1f s (try %d of %d)"
            self._log.info(text, again.error.message, seconds, state.attempt_number + 1, again.tries)
            if before_wait:
                before_wait(again.error.status, seconds)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=lambda state: state.attempt_number >= min(_again(state).tries, most_tries or _again(state).tries),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=tell,
            reraise=True,
        )
        try:
            return retrying(once)
        except _Again as again:
            raise again.error from None

    def now(self) -> datetime:
        """The earlier of the local clock and the services' `Date` header (as of each host's latest answer), in UTC."""
        return self._now() + min([timedelta(0), *self._ahead.values()])

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _wait(self, state: tenacity.RetryCallState) -> float:
        asked = _again(state).asked_seconds
        if asked is not None:
            return asked + self._jitter()
        longest = float(_WAIT_FACTOR ** (state.attempt_number - 1))
        return self._jitter() * min(longest, _LONGEST_GUESS_SECONDS)

    def _once(self, ask: "_Ask") -> requests.Response:
        began = self._now()
        try:
            answer = self._session.request(
                ask.method,
                ask.url,
                headers=ask.headers,
                params=ask.params,
                data=ask.body,
                stream=ask.stream,
                timeout=ask.timeout,
                allow_redirects=False,
            )
            if ask.unsound and not _is_good(answer):
                answer.content  # noqa: B018  # what the service says about an error is read whole, or asked for again
        except (OSError, raw_faults.HTTPError) as fault:  # every fault of requests is an OSError
            raise self._from_fault(ask, fault) from None
        self._answered.add(ask.host)
        correlation = answer.headers.get("ININ-Correlation-Id") or answer.headers.get("X-SFDC-Request-Id") or "-"
        milliseconds = answer.elapsed.total_seconds() * 1000
        where = (ask.method, ask.host, ask.path)
        self._log.debug("%s %s%s %d in %.0f ms, %s", *where, answer.status_code, milliseconds, correlation)
        if _is_good(answer):
            self._compare_clocks(ask, answer, began)
            wrong = self._wrong(ask, answer)
            if not wrong:
                return answer
            message = f"{ask} answered {answer.status_code}, but {wrong}"
            error = MalformedAnswer(message, f"is a proxy in between? {NEXT_RUN}", status=answer.status_code)
            raise _Again(error, self._retry.attempts if ask.repeat else 1)
        try:
            raise self._from_status(ask, answer)
        finally:
            answer.close()

    def _wrong(self, ask: "_Ask", answer: requests.Response) -> str:
        """What `unsound` says about an answer of good status, which may read its body from the wire."""
        try:
            return ask.unsound(answer) if ask.unsound else ""
        except (OSError, raw_faults.HTTPError) as fault:
            answer.close()
            raise self._from_fault(ask, fault) from None
        except BaseException:
            answer.close()
            raise

    def _from_fault(self, ask: "_Ask", fault: Exception) -> Exception:
        """What a fault without an answer becomes: _Again, or an error of its own."""
        if isinstance(fault, faults.InvalidHeader):
            return ConfigError(f"{ask}: a login value holds a line break or another sign that no header may hold")
        if isinstance(fault, faults.InvalidURL) and not isinstance(fault, faults.InvalidProxyURL):
            return ConfigError(f"{ask}: {ask.host or 'the address'} is not a host name", "check the domain in .env")
        if type(fault) is OSError and "TLS CA certificate bundle" in str(fault):
            return ConfigError(f"{ask}: {fault}", "name an existing file in REQUESTS_CA_BUNDLE")
        found = describe_fault(fault)
        if found is None:
            return fault
        message = f"{ask}: {ask.host} {found.text}"
        if not ask.repeat:
            if found.was_sent:
                return _Again(AnswerLost(message, "whether the service acted is unknown; it is asked before going on"))
            return _Again(ServiceUnavailable(message, found.hint))
        tries = self._retry.attempts
        if found.is_lasting and ask.host not in self._answered:
            tries = min(tries, _LASTING_FAULT_TRIES)
        return _Again(ServiceUnavailable(message, found.hint), tries)

    def _from_status(self, ask: "_Ask", answer: requests.Response) -> Exception:
        """What an error status becomes: _Again, Refused, or QuotaSpent where waiting makes no sense."""
        status = answer.status_code
        final = ask.final(answer) if ask.final else None
        code, said, body = final or read_error(answer)
        said = shortened(mask(said, hidden=_token(ask.headers)))
        message = f"{ask} answered {status}{f' {code}' if code else ''}{f': {said}' if said else ''}"
        if final:
            return Refused(message, status=status, code=code, answer=body)
        too_many = status == 403 and code == "REQUEST_LIMIT_EXCEEDED"
        if too_many and "totalrequests" in said.lower():
            return QuotaSpent(message, "the org's daily calls are used up; the next run goes on", status=status)
        if not (too_many or status in _TRANSIENT):
            hint = ""
            if 300 <= status < 400:
                hint = "the service sends us to another address; check the domain in .env"
            elif body is None:
                hint = "the answer is not JSON: did a proxy or firewall give it?"
            return Refused(message, hint, status=status, code=code, answer=body)
        asked = self._asked_seconds(answer)
        if not (ask.repeat or too_many or status == 429):
            kind = AnswerLost if status in _OUTCOME_UNKNOWN else ServiceUnavailable
            return kind(message, NEXT_RUN, status=status)
        if asked is not None and asked > self._retry.longest_wait:
            later = self._now() + timedelta(seconds=asked)
            message = f"{message}; it asks to come back in {asked:.0f} s, at {later:%Y-%m-%dT%H:%M:%SZ}"
            return QuotaSpent(message, "the next run after that goes on", status=status, come_back_seconds=asked)
        if status == 429:
            hint = f"other programs with the same login count too; {NEXT_RUN}"
            spent = QuotaSpent(message, hint, status=status, come_back_seconds=asked)
            return _Again(spent, self._retry.attempts, _TOO_MANY_SECONDS if asked is None else asked)
        return _Again(ServiceUnavailable(message, NEXT_RUN, status=status), self._retry.attempts, asked)

    def _asked_seconds(self, answer: requests.Response) -> float | None:
        """Seconds the service asks to wait: Retry-After in seconds or as a date, else Genesys' window reset on 429."""
        text = answer.headers.get("Retry-After", "").strip()
        if not text and answer.status_code == 429:
            text = answer.headers.get("inin-ratelimit-reset", "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
            return float(text)
        until = _http_date(text)
        if until is None:
            return None
        since = _http_date(answer.headers.get("Date", "")) or self._now()
        return max(0.0, (until - since).total_seconds())

    def _compare_clocks(self, ask: "_Ask", answer: requests.Response, began: datetime) -> None:
        told = _http_date(answer.headers.get("Date", ""))
        if told is None or "Age" in answer.headers:  # an answer from a cache tells an old time
            return
        # The date is cut to the second and was written somewhere between the request and now: only what lies
        # outside of that counts as a difference.
        ended = self._now()
        is_late = told + timedelta(seconds=1) <= began
        ahead = told - began if is_late else max(timedelta(0), told - ended)
        self._ahead[ask.host] = ahead
        if abs(ahead) > _CLOCK_TOLERANCE and not self._warned_of_clock:
            self._warned_of_clock = True
            order = "ahead of" if ahead < timedelta(0) else "behind"
            seconds = abs(ahead).total_seconds()
            text = "the clock of this machine is %.0f s %s that of %s; set it (NTP). The earlier one is used"
            self._log.warning(text, seconds, order, ask.service)


class _PromptAdapter(HTTPAdapter):
    """Sends at once, also to a proxy: there urllib3 waits for full packets, which costs 40 ms per request."""

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(
            proxy, **{"socket_options": HTTPConnection.default_socket_options, **options}
        )
        return manager


@dataclass(frozen=True)
class _Ask:
    """One call as it is tried; its text is how messages name it."""

    service: str
    method: str
    url: str
    headers: Mapping[str, str]
    params: Params | None
    body: Any
    stream: bool
    repeat: bool
    timeout: float | tuple[float, float]
    unsound: Callable[[requests.Response], str] | None
    final: Callable[[requests.Response], Said | None] | None

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2].lower()

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def is_file(self) -> bool:
        return hasattr(self.body, "read")

    def __str__(self) -> str:
        return f"{self.service}: {self.method} {mask(self.path)}"


class _Again(Exception):
    """Try again, in all so many times; `error` is what the last try ends with. asked_seconds: as the service asks."""

    def __init__(self, error: ServiceUnavailable, tries: int = 1, asked_seconds: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.tries = tries
        self.asked_seconds = asked_seconds


def _again(state: tenacity.RetryCallState) -> _Again:
    fault = state.outcome.exception() if state.outcome else None
    if not isinstance(fault, _Again):
        raise TypeError("only _Again is tried again")
    return fault


def _is_good(answer: requests.Response) -> bool:
    return answer.status_code < 301 or answer.status_code == 304


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _token(headers: Mapping[str, str]) -> str:
    return headers.get("Authorization", "").rpartition(" ")[2]
