"""Hourly runs read the newest part of a day only, and lose nothing when the order cannot be relied on."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from lab import MAPPING, Killed, KillingAdapter, Lab, at, conversation

from connector.ledger import COUNTERS, Books
from connector.orders import Order, Result
from connector.sandbox.faults import Rule
from connector.spans import Span, instant

DETAILS = "/details/query$"
NEWEST = {"order": "desc"}
REFUSED = {"code": 400, "json": {"code": "bad.request", "message": "no"}}
AN_HOUR = 12


def opened(folder: Path, begins: float) -> Lab:
    """Twelve conversations an hour from then until midnight, ten on a page; the clock stands at half past ten."""
    lab = Lab(folder, now=at(10.5))
    lab.write_mapping(MAPPING.replace("conversations.details}", "conversations.details, page_size: 10}"))
    lab.change_mapping("lookback: PT6H", "lookback: PT3H")
    for number in range(int((24 - begins) * AN_HOUR)):
        lab.world.add(conversation(f"c{number:03}", at(begins + number / AN_HOUR)))
    return lab


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first sync, at half past ten."""
    lab = opened(tmp_path_factory.mktemp("begun"), 6)
    assert lab.sync().exit_code == 0
    lab.close()
    return lab.folder


@pytest.fixture
def lab(begun: Path, tmp_path: Path) -> Iterator[Lab]:
    """The same source and a copy of that home."""
    lab = opened(Path(shutil.copytree(begun, tmp_path / "home")), 6)
    yield lab
    lab.close()


def rush(lab: Lab) -> None:
    """All of the next run's span is to be delivered by it: nothing was, or is as it was. And one more conversation
    begins every five seconds of the quarter of an hour in which it reads."""
    for one in lab.world.conversations_at(at(11.25), at(7.25), at(10.25)):
        lab.world.correct(one["conversationId"], {"originatingDirection": "outbound"}, at(11))
    for number in range(180):
        lab.world.add(conversation(f"r{number:03}", at(11.5 + number / 720)))


def calls(lab: Lab) -> int:
    return sum(1 for call in lab.genesys.calls if call.path.endswith("/details/query"))


def hourly(lab: Lab) -> tuple[Result, int]:
    """One run an hour after the last, and the pages it asked for."""
    lab.clock.advance(3600)
    before = calls(lab)
    result = lab.sync()
    return result, calls(lab) - before


def read_whole(lab: Lab) -> list[bool]:
    """Of each pass of part of a day, whether its days were read whole in the end; oldest first."""
    return [one["reading"] > 1 for one in lab.table("passes") if instant(one["start"]).hour]


def check(lab: Lab, result: Result) -> None:
    """The org holds what the source shows up to the mark, and every pass that is over balances."""
    assert (result.exit_code, result.error) == (0, None)
    assert result.complete_to is not None
    assert lab.rows() == lab.truth(result.complete_to)
    for one in lab.table("passes"):
        if one["ended"]:
            Books(**{name: one[name] for name in COUNTERS}).check(str(one["id"]))


def killed(lab: Lab, step: int) -> Result:
    """A run that dies at so many-th commit, request or answer."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1
        if taken >= step:
            raise Killed

    lab.after_commit = count
    lab.wrap_adapter = lambda adapter: KillingAdapter(lab, count)
    try:
        return lab.sync()
    except Killed:
        return Result("conversations", 137)
    finally:
        lab.after_commit = lambda: None
        lab.wrap_adapter = lambda adapter: adapter


def test_calls_of_an_hourly_run_follow_its_span_and_not_the_hour_of_the_day(lab: Lab):
    asked = []
    for _ in range(7):
        result, pages = hourly(lab)
        check(lab, result)
        asked.append(pages)
    # Four hours of a span and a quarter that is not settled yet: 51 records.
    assert asked == [6] * 7
    assert not any(read_whole(lab))


def test_where_the_day_begins_inside_the_span_the_list_is_read_to_its_end(tmp_path: Path):
    """Nothing begins before nine, while the span goes back to eight, and conversations begin while pages are read."""
    lab = opened(tmp_path, 9)
    assert lab.sync().exit_code == 0
    rush(lab)
    lab.faults.change(SLOWLY)
    check(lab, hourly(lab)[0])
    assert lab.table("passes")[-1]["outside"] > 0
    assert read_whole(lab) == [False]
    lab.close()


SLOWLY = Rule("delay", {"seconds": 25}, path=DETAILS)

SWITCHES: dict[str, tuple[bool, list[Rule]]] = {
    "nothing": (False, []),
    "conversations begin while pages are read": (False, [SLOWLY]),
    "rows move to and fro": (True, [Rule("shift", {"rows": 3}, path=DETAILS, body=NEWEST, page=[3, 5])]),
    "a page comes twice": (False, [Rule("repeat_previous_page", path=DETAILS, body=NEWEST, page=4, times=1)]),
    "a page is empty once": (False, [Rule("empty_page", path=DETAILS, body=NEWEST, page=4, times=1)]),
    "totals are missing": (True, [Rule("total", {"value": "missing"}, path=DETAILS, body=NEWEST)]),
    "totals are too low": (False, [Rule("total", {"value": "stale_low"}, path=DETAILS, body=NEWEST)]),
    "the order is ignored": (True, [Rule("ignore_order", path=DETAILS)]),
    "there is no order": (True, [Rule("ignore_order", {"order": "unordered"}, path=DETAILS, body=NEWEST)]),
    "the order is refused": (True, [Rule("status", REFUSED, path=DETAILS, body=NEWEST)]),
    "later pages are refused": (True, [Rule("status", REFUSED, path=DETAILS, body=NEWEST, page=[3, 4])]),
    "later pages are not answered": (True, [Rule("status", {"code": 504}, path=DETAILS, body=NEWEST, page=3)]),
    "a page stays empty": (True, [Rule("empty_page", path=DETAILS, body=NEWEST, page=4)]),
    "the list is missing": (True, [Rule("empty_missing_list", path=DETAILS, body=NEWEST)]),
    "a page lacks records": (True, [Rule("drop_rows", {"rows": 2}, path=DETAILS, body=NEWEST, page=4)]),
    "a page always comes twice": (True, [Rule("repeat_previous_page", path=DETAILS, body=NEWEST, page=[3, 4, 5])]),
}
"""What the service does -> whether the days are read whole then, and the rules that make it do so."""


@pytest.mark.parametrize("switch", sorted(SWITCHES))
def test_every_row_is_delivered_by_one_run(lab: Lab, switch: str):
    is_doubted, rules = SWITCHES[switch]
    rush(lab)
    lab.faults.change(*rules)
    result, _ = hourly(lab)
    check(lab, result)
    assert read_whole(lab) == [is_doubted]
    assert lab.table("gaps") == []


@pytest.mark.parametrize("switch", sorted(SWITCHES))
def test_every_row_is_delivered_by_runs_that_are_killed(lab: Lab, switch: str):
    rush(lab)
    lab.faults.change(*SWITCHES[switch][1])
    lab.clock.advance(3600)
    codes = []
    for step in (17, 26):
        codes.append(killed(lab, step).exit_code)
        lab.clock.advance(60)
    assert codes == [137, 137]
    check(lab, lab.sync())
    assert lab.table("gaps") == []


@pytest.mark.parametrize(("minutes", "reading", "stored", "pages"), [(0, 1, 6, 5), (30, 2, 8, 9)])
def test_a_killed_run_goes_on_newest_first_or_begins_so_again_when_the_list_has_moved(
    lab: Lab, minutes: float, reading: int, stored: int, pages: int
):
    """Killed behind its second page, of six."""
    lab.clock.advance(3600)
    killed(lab, 17)
    assert [one["pages"] for one in lab.table("passes") if one["state"] == "pulling"] == [2]
    lab.clock.advance(minutes * 60)
    before = calls(lab)
    check(lab, lab.sync())
    one = next(one for one in lab.table("passes") if instant(one["start"]).hour)
    assert (one["reading"], one["pages"], calls(lab) - before) == (reading, stored, pages)


def test_a_pass_once_doubted_is_not_tried_newest_first_again(lab: Lab):
    """Killed just when it was begun anew, before its first page."""
    lab.faults.change(Rule("ignore_order", path=DETAILS))
    lab.clock.advance(3600)

    def readings() -> list[int]:
        with closing(sqlite3.connect(lab.config.state)) as db:
            return [number for (number,) in db.execute("SELECT reading FROM passes ORDER BY id")]

    def die_when_begun_anew() -> None:
        if readings() == [1, 2]:
            raise Killed

    lab.after_commit = die_when_begun_anew
    with pytest.raises(Killed):
        lab.sync()
    lab.after_commit = lambda: None
    check(lab, lab.sync())
    assert readings() == [1, 2]


def test_a_resync_of_part_of_a_day_reads_it_whole(lab: Lab):
    """So does what looks for holes: a person, a recheck, a gap."""
    lab.clock.advance(3600)
    before = calls(lab)
    check(lab, lab.sync(Order("resync", resync=lambda horizon: Span(at(8), at(9)))))
    # 66 records began since six: seven pages, and one that shows there is no more.
    assert calls(lab) - before == 8
