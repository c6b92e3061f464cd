"""`connector sync`: runs of one or several streams, watched, stoppable, and accounted for at the end."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from connector.assemble import Installation, StopSign, installation, load_streams, rehearsal
from connector.cli.progress import watched
from connector.cli.session import Session, worst
from connector.cli.show import result_tables
from connector.cli.stopping import stoppable
from connector.config import Config
from connector.errors import AlreadyRunning, ConfigError, ConnectorError, Stopped
from connector.mapping.relationships import streams_parents_first
from connector.orders import Order, Result, Stream
from connector.report import as_data, trouble

log = logging.getLogger(__name__)


def run_sync(session: Session, names: Sequence[str], order: Order, max_minutes: float | None) -> int:
    """Run the named streams, or all that are enabled."""
    config = session.config()
    streams = load_streams(config, list(dict.fromkeys(names)) or None)
    if not streams:
        raise ConfigError(f"no stream of {config.mappings} is enabled", "name the streams to run, or enable one")
    return run_streams(session, config, streams, order, max_minutes)


def run_streams(
    session: Session,
    config: Config,
    streams: Sequence[Stream],
    order: Order,
    max_minutes: float | None = None,
) -> int:
    """Run streams and show what they did. Returns the exit code."""
    is_new_state = not config.state.exists()
    session.announce(config, will_write=not order.rehearse)
    results = run_all(session, config, streams, order, max_minutes)
    return show_results(session, config, results, order, is_new_state=is_new_state)


def run_all(
    session: Session,
    config: Config,
    streams: Sequence[Stream],
    order: Order,
    max_minutes: float | None = None,
) -> list[Result]:
    """Run streams one after the other, parents first, each whatever became of the others, watched and stoppable."""
    stop = StopSign()
    first_to_last = streams_parents_first([one.compiled.mapping for one in streams])
    streams = [streams[index] for index in first_to_last]
    with ExitStack() as stack:
        used = stack.enter_context(rehearsal(config)) if order.rehearse else config
        tell = stack.enter_context(watched(session))
        ready = stack.enter_context(installation(used, session.seams(stop, tell)))
        stack.enter_context(stoppable(stop, session.note, max_minutes))
        return list(run_each(session, ready, streams, order, stop))


def run_each(
    session: Session, ready: Installation, streams: Sequence[Stream], order: Order, stop: StopSign
) -> Iterator[Result]:
    """The result of every stream; of those not begun because the run was stopped, just that."""
    for stream in streams:
        try:
            stop.sleep(0)
            yield _run(ready, stream, order, session)
        except Stopped as stopped:
            yield Result(stream.name, stopped.exit_code, error=stopped)
        except Exception as fault:
            error = session.told(fault)
            yield Result(stream.name, error.exit_code, error=error)


def _run(ready: Installation, stream: Stream, order: Order, session: Session) -> Result:
    if not order.wait:
        return ready.runner.run(stream, order)
    result = ready.runner.run(stream, replace(order, wait=False))
    if not isinstance(result.error, AlreadyRunning):
        return result
    if not session.quiet:
        session.note(f"{result.error.message}; waiting for it")
    return ready.runner.run(stream, order)


def result_document(
    config: Config, results: Sequence[Result], order: Order, *, is_new_state: bool = False
) -> dict[str, object]:
    """What runs did, as --json tells it."""
    return {
        "home": config.home,
        "state": config.state,
        "is_new_state": is_new_state,
        "is_dry_run": order.rehearse,
        "streams": list(results),
        "exit_code": worst(one.exit_code for one in results),
    }


def show_results(
    session: Session, config: Config, results: Sequence[Result], order: Order, *, is_new_state: bool
) -> int:
    """Show the books of all streams, then what went wrong. Returns the exit code."""
    code = worst(one.exit_code for one in results)
    document = result_document(config, results, order, is_new_state=is_new_state)
    for one in results:
        log.info("%s: run ended with %d", one.stream, one.exit_code, extra={"result": as_data(one)})
    begun = [one for one in results if one.books.pulled or one.error is None]
    session.show(document, *result_tables(begun, session.out.width, rehearsed=order.rehearse))
    if order.rehearse and not session.quiet and not session.as_json:
        session.note("dry run: nothing was sent and nothing written")
    for one in results:
        for line in one.story if not session.quiet else ():
            session.note(f"{one.stream}: {line}")
    tell_trouble(session, results)
    return code


def _told_once(results: Iterable[Result]) -> Iterator[ConnectorError]:
    """Each error with the streams it stopped: the same one, such as a refused login, is told once."""
    streams: dict[tuple[str, str], list[str]] = {}
    errors: dict[tuple[str, str], ConnectorError] = {}
    for one in results:
        if one.error is not None:
            what = (one.error.message, one.error.hint)
            streams.setdefault(what, []).append(one.stream)
            errors[what] = one.error
    for what, error in errors.items():
        if not all(name in error.message for name in streams[what]):
            error.message = f"{', '.join(streams[what])}: {error.message}"
        yield error


def tell_trouble(session: Session, results: Sequence[Result]) -> None:
    """Errors of the runs, and what they met that is new; also when quiet."""
    stopped = [one for one in results if isinstance(one.error, Stopped)]
    for error in _told_once(one for one in results if one not in stopped):
        session.complain(error)
    for one in results:
        for line in trouble(one):
            session.warn(line)
    if stopped and (stopped[0].exit_code or not session.quiet):
        names = ", ".join(one.stream for one in stopped)
        why = "stopped" if stopped[0].exit_code else "the time given is over"
        session.note(f"{why}: {names}; nothing is lost, the next run goes on from here")
