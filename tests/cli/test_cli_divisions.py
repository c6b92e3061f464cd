"""check warns of a division that has queues but never gave a record; status shows what fell silent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cli_lab import Cli
from lab import at, conversation

MakeCli = Callable[..., Cli]
WARNING = (
    "division South has 2 queues but gave no record in recent weeks: either nothing happens there or the role lacks "
    "the division (Genesys Cloud: Admin > Integrations > OAuth > your client > Roles)"
)


def cli_of(make_cli: MakeCli, days: int) -> Cli:
    """Two divisions with two queues each; those of South give nothing."""
    cli = make_cli(now=at(days * 24 + 12))
    names = {"d1": "North", "d2": "South"}
    divisions = tuple({"id": one, "name": name} for one, name in names.items())
    queues = tuple(
        {"id": queue, "name": f"Queue {queue}", "division": {"id": one, "name": names[one]}}
        for queue, one in {"q1": "d1", "q2": "d1", "q3": "d2", "q4": "d2"}.items()
    )
    cli.lab.world.directory = replace(cli.lab.world.directory, divisions=divisions, queues=queues)
    for day in range(days):
        for queue in ("q1", "q2"):
            cli.lab.world.add(conversation(f"{queue}-{day}", at(day * 24 + 9), queue=queue))
    assert cli("sync").code == 0
    return cli


def divisions_of(cli: Cli) -> list[dict[str, Any]]:
    said = cli("check", "--json")
    assert said.code == 0
    return [item for item in said.json["items"] if item["name"] == "divisions"]


def test_a_division_with_queues_that_never_gave_a_record_is_a_warning(make_cli: MakeCli) -> None:
    (item,) = divisions_of(cli_of(make_cli, 11))
    assert (item["state"], item["warnings"]) == ("good", [WARNING])


def test_without_enough_days_check_says_nothing_of_divisions(make_cli: MakeCli) -> None:
    assert divisions_of(cli_of(make_cli, 9)) == []


def test_where_the_source_filters_check_says_nothing_of_divisions(make_cli: MakeCli) -> None:
    cli = cli_of(make_cli, 11)
    predicate = "{type: or, predicates: [{dimension: queueId, value: q1}]}"
    cli.lab.change_mapping("conversations.details}", f"conversations.details, filters: {{segment: [{predicate}]}}}}")
    assert divisions_of(cli) == []


def test_without_the_permission_for_queues_check_says_so_and_is_no_failure(make_cli: MakeCli) -> None:
    cli = cli_of(make_cli, 11)
    cli.lab.genesys.withdraw("routing:queue:view")
    (item,) = divisions_of(cli)
    assert (item["state"], "routing:queue:view" in item["text"]) == ("skipped", True)


def test_status_of_a_stream_notes_a_queue_that_fell_silent_by_itself(make_cli: MakeCli) -> None:
    cli = cli_of(make_cli, 11)
    for day in range(11, 15):
        cli.lab.world.add(conversation(f"q1-{day}", at(day * 24 + 9), queue="q1"))
    cli.lab.clock.set(at(15 * 24 + 12))
    assert cli("sync").code == 0
    line = "queue q2 gave records until 2026-03-12 and none since; was it closed?"
    shown = [" ".join(cli(*command).out.split()) for command in (("status", "conversations"), ("status",))]
    assert [line in one for one in shown] == [True, False]
    (stream,) = cli("status", "--json").json["streams"]
    assert stream["quiet_queues"] == [{"id": "q2", "name": "", "last_day": "2026-03-12"}]
