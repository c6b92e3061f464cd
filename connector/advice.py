"""What a person may do about a stream, told beside its status: a line each, with the command to use."""

from collections.abc import Iterator, Sequence

from connector.orders import Stream
from connector.spans import stamp
from connector.state.open_records import ToFollow
from connector.state.vanished import Held
from connector.windows import Snapshots


def advice_on_rows(
    name: str, stream: Stream | None, *, rejects: int, gaps: int, held: int, outdated: int
) -> tuple[str, ...]:
    advice = []
    if stream is None:
        advice.append(f"{name}: there is no mapping of this name any more; its state is kept")
    if held:
        rows = counted(held, "row is held", "rows are held")
        advice.append(f"{name}: {rows}, for Salesforce refused most of them: connector runs {name}")
    if rejects:
        advice.append(f"{name}: {counted(rejects, 'row was', 'rows were')} set aside: connector rejects {name}")
    if gaps and stream is not None and stream.compiled.mapping.enabled:
        spans = counted(gaps, "span was not read whole and is", "spans were not read whole and are")
        advice.append(f"{name}: {spans} tried again by every run: connector gaps {name}")
    elif gaps:
        advice.append(f"{name}: {counted(gaps, 'span was', 'spans were')} not read whole: connector gaps {name}")
    if outdated:
        spans = counted(outdated, "span was", "spans were")
        advice.append(
            f"{name}: {spans} mapped by an earlier version of the mapping; "
            f"to map all anew: connector resync {name} --full"
        )
    return tuple(advice)


def advice_on_time(name: str, stream: Stream | None, followed: ToFollow, *, is_stale: bool) -> tuple[str, ...]:
    """is_stale: it lags further behind than the mapping allows; followed: its open records."""
    advice = []
    if is_stale and stream is not None:
        freshness = stream.compiled.mapping.freshness
        advice.append(f"{name}: further behind than {freshness} (freshness): connector runs {name}")
    if followed.unanswered:
        records = counted(followed.unanswered, "open record is", "open records are")
        until = f" for {stream.compiled.mapping.open_give_up} after their start" if stream else ""
        advice.append(f"{name}: {records} not given by Genesys Cloud any more; asked for again{until}")
    return tuple(advice)


def advice_on_snapshots(name: str, stream: Stream | None, told: Snapshots | None) -> Iterator[str]:
    """told: how many snapshots of the last days were taken."""
    if stream is not None and told is not None and told.missed:
        missed = counted(told.due - told.taken, "snapshot", "snapshots")
        yield (
            f"{name}: {missed} of {told.due:,} since {stamp(told.since)} missed, the last for "
            f"{stamp(told.missed[-1].start)} to {stamp(told.missed[-1].end)}; what is past cannot be asked for: run "
            f"connector sync more often than every {stream.compiled.mapping.source.granularity}"
        )


def advice_on_vanished(name: str, stream: Stream | None, held: Sequence[Held], of_mapping: int) -> Iterator[str]:
    """held: passes that wait for a person; of_mapping: rows given no more where the mapping or its path had changed."""
    if held:
        rows = counted(sum(one.vanished for one in held), "row is", "rows are")
        period = f"--from {stamp(min(one.span.start for one in held))} --to {stamp(max(one.span.end for one in held))}"
        yield (
            f"{name}: {rows} no longer given and wait for your word before they are cleared or deleted: give back a "
            f"lost division or role, or connector resync {name} {period} --accept-vanished"
        )
    targets = stream.compiled.mapping.targets if stream is not None else ()
    if of_mapping and any(target.when_vanished != "leave" for target in targets):
        rows = counted(of_mapping, "row is", "rows are")
        yield (
            f"{name}: {rows} no longer given since the mapping or its path changed, and left as they are; to clear or "
            f"delete them: connector resync {name} --full --accept-vanished"
        )


def counted(many: int, one: str, several: str) -> str:
    """A number with its words, in the singular or the plural."""
    return f"{many:,} {one if many == 1 else several}"
