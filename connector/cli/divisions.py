"""Divisions that have queues but gave no record in recent weeks: for `connector check`."""

from collections.abc import Mapping, Sequence, Set

from connector.assemble import Seams
from connector.genesys.client import GenesysClient
from connector.genesys.lookups import Properties, list_all
from connector.orders import Stream
from connector.rhythm import LEAST_DAYS, RECENT_DAYS
from connector.state.store import Store


def unheard_divisions(
    store: Store, streams: Sequence[Stream], client: GenesysClient, seams: Seams
) -> tuple[str, ...] | None:
    """A warning for each division whose queues the client may list but that no record named; None: nothing can be said.

    Streams that filter at the source say nothing of what they leave out; nor does one without enough days read.
    Raises what `list_all` raises.
    """
    queues, divisions = set[str](), set[str]()
    for stream in streams:
        source = stream.compiled.mapping.source
        covered = store.heard.covered_days(stream.name, stream.window.size.zone)[-RECENT_DAYS:]
        if source.filter or source.filters.conversation or source.filters.segment or len(covered) < LEAST_DAYS:
            continue
        recent = [one for one in store.heard.all(stream.name) if one.last >= covered[0]]
        queues |= {one.id for one in recent if one.kind == "queue"}
        divisions |= {one.id for one in recent if one.kind == "division"}
    if not queues and not divisions:
        return None
    names, listed = (list_all(client, kind, now=seams.now, sleep=seams.sleep) for kind in ("divisions", "queues"))
    return warnings_of(names, listed, queues, divisions)


def warnings_of(
    names: Mapping[str, Properties], listed: Mapping[str, Properties], queues: Set[str], divisions: Set[str]
) -> tuple[str, ...]:
    """names, listed: divisions and queues as Genesys Cloud lists them; queues, divisions: ids that records named."""
    spoke = {names[one]["name"] for one in divisions if one in names}
    spoke |= {listed[one]["division"] for one in queues if one in listed}
    counts: dict[str, int] = {}
    for queue in listed.values():
        if (division := queue["division"]) and division not in spoke:
            counts[division] = counts.get(division, 0) + 1
    return tuple(
        f"division {division} has {count:,} {'queue' if count == 1 else 'queues'} but gave no record in recent weeks: "
        "either nothing happens there or the role lacks the division (Genesys Cloud: Admin > Integrations > OAuth > "
        "your client > Roles)"
        for division, count in sorted(counts.items())
    )
