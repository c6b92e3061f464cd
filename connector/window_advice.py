"""What was observed of late changes, in words: whether the window of a stream suffices, and what would."""

from collections.abc import Iterator

from connector.advice import counted
from connector.lateness import LEAST_DAYS, LEAST_ROWS, Lateness, as_period, as_window


def advice_on_window(name: str, one: Lateness | None) -> Iterator[str]:
    """At most one line, only where another window is recommended because of what was seen."""
    if one is None:
        return
    new = f"window: {as_window(one)}; connector status {name} tells more"
    match one.verdict:
        case "short":
            yield f"{name}: {share(1 - one.covered)} of the rows change later than the window looks: {new}"
        case "longer":
            yield (
                f"{name}: {share(1 - one.by_lookback)} of the rows change after the lookback and are mended by a "
                f"recheck only: {new}"
            )
        case "shorter":
            yield f"{name}: a shorter lookback would do: {new}"


def story(one: Lateness) -> Iterator[str]:
    """All there is to tell of one stream, a line each."""
    if one.verdict == "too few":
        yield (
            f"how late values change: not enough seen yet ({one.rows:,} of {LEAST_ROWS:,} rows looked at again, "
            f"{one.days} of {LEAST_DAYS} days)"
        )
        return
    yield (
        f"how late values change, measured up to {as_period(one.measured_to)}: "
        f"{counted(one.rows, 'row', 'rows')} looked at again in {one.days} days, "
        f"{counted(one.changed, 'late change', 'late changes')}"
    )
    alone = f", {share(one.by_lookback)} by the lookback alone" if one.recheck else ""
    today = f"{as_period(one.lookback)}, recheck: [{', '.join(map(as_period, one.recheck))}]"
    enough = {"enough": ": it suffices", "shorter": ": more than enough"}.get(one.verdict, "")
    yield f"today's window (lookback: {today}) meets the last value of {share(one.covered)} of the rows{alone}{enough}"
    if one.measured_to < max(one.recheck, default=0):
        yield f"the recheck after {as_period(max(one.recheck))} has not looked at enough rows yet"
    elif one.measured_to < max(48, one.lookback):
        yield f"later than {as_period(one.measured_to)} nothing was looked at: a recheck such as [P1D, P4D] would"
    if one.verdict != "enough":
        yield f"recommended: window: {as_window(one)}: {_cost(one)}"


def _cost(one: Lateness) -> str:
    """What the recommended window costs beside today's."""
    lookback = "the lookback stays"
    if one.best_lookback != one.lookback:
        lookback = f"each run reads {one.best_lookback} h again instead of {one.lookback} h"
    more = len(one.best_recheck) - len(one.recheck)
    recheck = f", and each day is read {counted(more, 'time', 'times')} more" if more > 0 else ""
    return lookback + recheck


def share(part: float) -> str:
    """In per cent, two digits: what is not all is never shown as all, what is not nothing never as nothing."""
    if 0 < part < 0.0001:
        return "less than 0.01 %"
    if 0.9999 < part < 1:
        return "more than 99.99 %"
    return f"{part * 100:.2f} %"
