"""`connector status` tells how late values change."""

from collections.abc import Callable

from cli_lab import Cli
from lab import at, conversation

from connector.spans import stamp

MakeCli = Callable[..., Cli]


def counted(cli: Cli, *cells: tuple[str, int, int, int, int]) -> None:
    """Let the state hold these counts of thirty days. cells: way, ages before and after, rows, changed."""
    sql = "INSERT OR REPLACE INTO lateness VALUES ('conversations', ?, ?, ?, ?, ?, 0, ?, ?)"
    with cli.lab.opened() as ready, ready.store.db.transaction() as db:
        db.executemany(sql, [[*cell, stamp(at(-24 * 30)), stamp(at(0))] for cell in cells])


def test_status_of_a_stream_says_that_not_enough_was_seen_yet(make_cli: MakeCli) -> None:
    cli = make_cli()
    cli.lab.world.add(conversation("c1", at(18)))
    cli("sync")
    cli.lab.clock.advance(3600)
    cli("sync")
    assert cli("status", "conversations").out.splitlines()[-1] == (
        "how late values change: not enough seen yet (1 of 1,000 rows looked at again, 0 of 7 days)"
    )
    assert "how late" not in cli("status").out


def test_status_says_in_one_line_what_it_tells_whole_of_one_stream_and_in_json(make_cli: MakeCli) -> None:
    cli = make_cli()
    cli("sync")
    counted(
        cli, *(("lookback", age, age + 1, 5_000, 25 * (age == 8)) for age in range(12)), ("recheck", 12, 96, 5000, 0)
    )
    cli.lab.change_mapping("lookback: PT6H", "lookback: PT6H, recheck: [P4D]")
    line = (
        "conversations: 0.50 % of the rows change after the lookback and are mended by a recheck only: "
        "window: lookback: PT9H, recheck: [P4D]; connector status conversations tells more"
    )
    assert [one for one in cli("status").out.splitlines() if "lookback" in one] == [line]
    whole = cli("status", "conversations").out
    shown = [one.rstrip() for one in whole[whole.index("how late") :].splitlines()]
    assert shown[:3] == [
        "how late values change, measured up to P4D: 5,000 rows looked at again in 30 days, 25 late changes",
        "today's window (lookback: PT6H, recheck: [P4D]) meets the last value of 100.00 % of the rows, 99.50 % by the "
        "lookback alone",
        "recommended: window: lookback: PT9H, recheck: [P4D]: each run reads 9 h again instead of 6 h",
    ]
    assert [one.split() for one in shown[6:] if one] == [
        *([f"PT{hours}H", "0.50", "%"] for hours in (1, 2, 3, 6)),
        *([f"PT{hours}H", "0.00", "%"] for hours in (9, 12)),
        ["P1D", "0.00", "%"],
        ["P2D", "0.00", "%"],
    ]
    (told,) = cli("status", "--json").json["streams"]
    assert (told["lateness"]["verdict"], told["lateness"]["best_lookback"], told["lateness"]["best_recheck"]) == (
        "longer",
        9,
        [96],
    )
