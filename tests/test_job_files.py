"""The file of a job: rows of one parent together, whatever order they came in, and the same bytes each time."""

import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lab import at
from test_delivery import OBJECT, Before
from test_parents import CHILD, CHILD_KEY, LINK, Family

from connector.genesys.judge import Seen
from connector.job_files import write_job
from connector.mapping import Row
from connector.sandbox.faults import Rule
from connector.spans import Span, stamp
from connector.state.batches import Batch
from connector.state.hashes import digest
from connector.state.one_pass import Checkpoint
from connector.state.outbox import Entry
from connector.windows import Planned

COLUMNS = (CHILD_KEY, LINK, "Direction__c")
CHUNK = 200
"""Rows Salesforce saves at a time (Bulk API 2.0 guide, limits)."""


def queue(family: Family, rows: dict[str, str | None]) -> None:
    """Children, by key, with the keys of their parents."""
    now = family.lab.clock.now()
    one = family.store.passes.begin(
        "calls", Planned("new", Span(at(0), at(24))), ("fields-1", "source-1"), family.run, now
    )
    entries = [
        Entry(
            digest(key),
            digest(key, parent),
            stamp(at(1)),
            "mapped",
            [Row(1, key, stamp(at(1)), {CHILD_KEY: key, LINK: parent, "Direction__c": "inbound"})],
        )
        for key, parent in rows.items()
    ]
    family.store.outbox.store_page(one, entries, [OBJECT, CHILD], Checkpoint(1, "", Seen()), len(rows), now)
    family.store.passes.pulled(one)


def scattered(rows: int, parents: int) -> dict[str, str | None]:
    """Children whose parents take turns; every seventh has none."""
    return {f"k{n:05}": f"p{n % parents}" if n % 7 else None for n in range(rows)}


@pytest.fixture
def make_family(make_lab) -> Iterator[Callable[..., Family]]:
    opened = []

    def make(rows: dict[str, str | None], *rules: Rule) -> Family:
        lab = make_lab(now=at(30), rules=rules)
        uploads: list[bytes] = []

        def keep(request: Any) -> None:
            if request.method == "PUT":
                uploads.append(request.body.read())
                request.body.seek(0)

        lab.wrap_adapter = lambda adapter: Before(adapter, keep)
        context = lab.opened()
        opened.append(context)
        family = Family(lab, context.__enter__())
        family.by, family.uploads = "bulk", uploads  # type: ignore[attr-defined]
        family.prove()
        queue(family, rows)
        return family

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def formed(family: Family) -> Batch:
    """All that waits in a batch, not sent yet."""
    batches, now = family.store.batches, family.lab.clock.now()
    batch = batches.begin("calls", family.org.org_id, (CHILD, CHILD_KEY), "bulk", COLUMNS, "fields-1", family.run, now)
    while batches.take(batch, 1000, now):
        pass
    return batches.move(batch, "ready")


def written(family: Family, batch: Batch, limit: int = 10_000_000) -> tuple[list[tuple[str, str]], list[int]]:
    """Key and parent of each row of the file, and the versions left over."""
    file = io.BytesIO()
    left = write_job(file, batch, family.store.outbox, limit)
    return [tuple(line.split(",")[:2]) for line in file.getvalue().decode().split("\n")[1:-1]], list(left)  # type: ignore[misc]


def chunks_of(rows: list[tuple[str, str]]) -> dict[str, set[int]]:
    """In which chunks of a job each parent is."""
    chunks = defaultdict(set)
    for place, (_, parent) in enumerate(rows):
        chunks[parent].add(place // CHUNK)
    del chunks["#N/A"]
    return chunks


def test_rows_of_one_parent_stand_together_oldest_first(make_family):
    family = make_family(scattered(2500, parents=40))
    batch = formed(family)
    rows, left = written(family, batch)
    assert (sorted(rows), left) == ([(key, parent or "#N/A") for key, parent in scattered(2500, 40).items()], [])
    met = list(dict.fromkeys(parent for _, parent in rows))
    assert rows == sorted(rows, key=lambda row: (met.index(row[1]), row[0]))
    before = [(key, parent or "#N/A") for key, parent in scattered(2500, 40).items()]
    most = [max(map(len, chunks_of(one).values())) for one in (before, rows)]
    print(f"\n40 parents, 2,500 rows: a parent is in up to {most[0]} chunks unsorted, {most[1]} sorted")
    assert most == [13, 2]


def test_a_file_that_is_cut_is_the_same_once_the_others_have_left(make_family):
    family = make_family(scattered(300, parents=9))
    batch = formed(family)
    whole, _ = written(family, batch)
    rows, left = written(family, batch, 3_000)
    assert rows == whole[: len(rows)]
    # Killed while the others leave: the next run writes it again.
    for some, others in ((left[:50], left[50:]), (left[50:], [])):
        family.store.batches.release(batch, some, tried=False, now=family.lab.clock.now())
        batch = family.store.batches.get(batch.id)
        assert written(family, batch, 3_000) == (rows, others)


def test_rows_sent_without_a_parent_do_not_stand_with_it(make_family):
    family = make_family({"a": "p", "b": "q", "c": "p"})
    with family.store.db.transaction() as db:
        db.execute("UPDATE outbox SET left_out = ? WHERE external_id = 'a'", [f'["{LINK}"]'])
    rows, _ = written(family, formed(family))
    assert sorted(rows) == [("a", ""), ("b", "q"), ("c", "p")]


def test_a_job_sent_again_has_the_same_bytes(make_family):
    family = make_family(scattered(300, parents=9), Rule("lose_answer", service="salesforce", path="/batches$", nth=2))
    family.family(*(f"p{n}" for n in range(9)))
    family.deliver()
    family.uploads.clear()
    family.deliver(family.children())
    first, second = family.uploads
    assert first == second
    assert len(family.lab.salesforce.rows(CHILD)) == 309
