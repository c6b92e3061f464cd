"""`connector resync`: read a settled period again, or try rejects again."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.assemble import load_streams
from connector.cli.rejects import check_code
from connector.cli.session import Session, UsageProblem
from connector.cli.show import moment
from connector.cli.state import open_state
from connector.cli.sync import result_document, run_streams
from connector.config import Config
from connector.errors import ConfigError
from connector.orders import Order, Stream
from connector.report import window_of_resync
from connector.spans import Span

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Period:
    """The period as it was asked for."""

    start: str | None
    end: str | None
    last: str | None
    full: bool
    gaps: bool = False
    rejects: bool = False
    code: str | None = None

    def __str__(self) -> str:
        """As options again."""
        given = (("--from", self.start), ("--to", self.end), ("--last", self.last), ("--code", self.code))
        flags = (("--full", self.full), ("--gaps", self.gaps), ("--rejects", self.rejects))
        options = [option for option, is_given in flags if is_given]
        return " ".join([*options, *(f"{option} {text}" for option, text in given if text)])


def run_resync(session: Session, name: str, asked: Period, order: Order, max_minutes: float | None) -> int:
    """Read the asked period, or all open gaps, of one stream again.

    Raises UsageProblem when the options make no period.
    """
    _check(asked, order)
    config = session.config()
    (stream,) = load_streams(config, [name])
    if stream.window.is_snapshot and not order.accept_new_keys:
        raise ConfigError(
            f"{name}: {stream.compiled.mapping.query.name} answers what is now, so no time can be read again",
            "connector sync takes the snapshot of the present interval, if none was taken in it",
        )
    given = ((" --force", order.forced), (" --accept-vanished", order.accept_vanished))
    order = replace(order, command=f"resync {asked}" + "".join(option for option, is_given in given if is_given))
    if asked.gaps:
        return _run_gaps(session, config, stream, order, max_minutes)
    if asked.rejects:
        return _replay(session, config, stream, asked, order, max_minutes)
    span = span_of(stream, asked, session.now())

    def until(horizon: datetime) -> Span:
        """The clock of the services may be behind: nothing after their horizon is read."""
        if horizon <= span.start:
            raise _unreadable(stream, horizon)
        return Span(span.start, min(span.end, horizon))

    return run_streams(session, config, [stream], replace(order, resync=until), max_minutes)


def _run_gaps(session: Session, config: Config, stream: Stream, order: Order, max_minutes: float | None) -> int:
    """Read all gaps the stream has once its lock is free; without any, no service is asked."""
    with open_state(config) as store:
        # Another run of the stream that is waited for may open some.
        are_none = not store.gaps.open(stream.name) and not order.wait
    if not are_none:
        return run_streams(session, config, [stream], replace(order, gaps=True), max_minutes)
    session.announce(config, will_write=False)
    session.show(result_document(config, [], order), f"{stream.name}: no gaps, so there is nothing to read again")
    return 0


def _replay(
    session: Session, config: Config, stream: Stream, asked: Period, order: Order, max_minutes: float | None
) -> int:
    """Try the open rejects of a stream again. Raises UsageProblem when none has the code asked for."""
    with open_state(config) as store:
        codes = store.replays.codes(stream.name)
    if not codes:
        session.announce(config, will_write=False)
        session.show(result_document(config, [], order), f"{stream.name}: no rows are set aside")
        return 0
    check_code(asked.code, codes)
    return run_streams(session, config, [stream], replace(order, replay=asked.code or ""), max_minutes)


def _check(asked: Period, order: Order) -> None:
    ways = [asked.full, asked.last is not None, asked.start is not None or asked.end is not None]
    if asked.gaps and any(ways):
        raise UsageProblem(
            "--gaps reads the open gaps, whatever their time: it takes no --from, --to, --last or --full",
            "a re-sync of a period reads the gaps it touches too",
        )
    if sum([*ways, asked.rejects]) != 1 and not (asked.gaps and not asked.rejects):
        raise UsageProblem(
            "say which period: --from and --to, or --last 7d, or --full; or --gaps, or --rejects",
            "connector resync --help",
        )
    if asked.gaps and asked.rejects:
        raise UsageProblem("--gaps does not go with --rejects", "ask for one after the other")
    if asked.code is not None and not asked.rejects:
        raise UsageProblem("--code needs --rejects", "it names the reason the rows were refused for")
    if asked.rejects and (order.forced or order.accept_vanished):
        raise UsageProblem(
            "--rejects goes with neither --force nor --accept-vanished",
            "rows set aside are sent again in any case; nothing else is",
        )
    if order.accept_new_keys and not asked.full:
        raise UsageProblem("--accept-new-keys needs --full", "rows of all times get new external ids")


def span_of(stream: Stream, asked: Period, now: datetime) -> Span:
    """The time of a stream a period means. Raises UsageProblem, and ConfigError where nothing of it can be read."""
    if asked.end is not None and asked.start is None:
        raise UsageProblem("--to needs --from", "for everything up to now use --full")
    zone = stream.compiled.mapping.window.timezone
    start = _instant("--from", asked.start, zone) if asked.start else None
    end = _instant("--to", asked.end, zone) if asked.end else None
    if asked.last is not None:
        start = now - _ago(asked.last)
    if start and end and start >= end:
        raise UsageProblem(f"--from {asked.start} is not before --to {asked.end}", "--to itself is not included")
    span = window_of_resync(stream.window, start, end, now)
    if span is None:
        raise _unreadable(stream, stream.window.horizon(now))
    return span


def _unreadable(stream: Stream, horizon: datetime) -> ConfigError:
    return ConfigError(
        f"{stream.name}: nothing of that period can be read: the stream begins at {moment(stream.window.first())} UTC "
        f"and is settled up to {moment(horizon)} UTC",
        f"choose another period, or an earlier `window.start` in mappings/{stream.name}.yml",
    )


def _instant(option: str, text: str, zone: ZoneInfo) -> datetime:
    """A date is midnight in the stream's time zone, and so is an instant without an offset in it."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageProblem(
            f"{option} {text!r} is no date ({error})", "write 2026-03-02, or 2026-03-02T06:00 for a time of that day"
        ) from None


def _ago(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})\s*([mhdw])", text.strip().lower())
    if not found or not int(found[1]):
        raise UsageProblem(f"--last {text!r} is no length of time", "write a number and m, h, d or w: --last 7d")
    return int(found[1]) * _UNITS[found[2]]
