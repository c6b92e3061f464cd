"""Commands over a stream of snapshots: what they show, and what they refuse."""

from collections.abc import Callable

import orjson
import pytest
from cli_lab import EVENING, Cli

from connector.sandbox.directory import make_directory

MAPPING = """
source: {query: queues.observations, granularity: PT1H, metrics: [oWaiting]}
window: {start: 2026-03-02}
target: {object: Queue_Snapshot__c, external_id: Genesys_Key__c}
fields: {Genesys_Key__c: {key: [queueId, mediaType, start]}, Waiting__c: oWaiting.count, Taken__c: taken}
"""


@pytest.fixture
def cli(make_cli: Callable[..., Cli]) -> Cli:
    made = make_cli()
    made.lab.mapping.unlink()
    made.lab.write_mapping(MAPPING, "queues")
    made.lab.world.directory = make_directory(1, 2, 4)
    return made


def test_resync_is_refused_for_the_past_is_gone(cli: Cli) -> None:
    cli("sync")
    said = cli("resync", "queues", "--last", "2h")
    assert said.code == 3
    assert "queues: queues.observations answers what is now, so no time can be read again" in said.err
    assert "connector sync takes the snapshot of the present interval" in said.err


def test_status_counts_the_snapshots_and_names_the_last_that_was_missed(cli: Cli) -> None:
    cli("sync")
    cli.lab.clock.advance(2 * 3600)
    cli("sync")
    said = cli("status")
    assert said.code == 0
    assert " snapshots " in said.out
    assert " 2 of 3 " in said.out
    assert "queues: 1 snapshot of 3 since 2026-03-02T20:00:00Z missed, the last for 2026-03-02T21:00:00Z" in said.out
    (told,) = cli("status", "--json").json["streams"]
    assert told["snapshots"] == {
        "taken": 2,
        "due": 3,
        "since": "2026-03-02T20:00:00Z",
        "missed": [{"start": "2026-03-02T21:00:00Z", "end": "2026-03-02T22:00:00Z"}],
    }
    assert (told["complete_to"], told["is_stale"]) == ("2026-03-02T23:00:00Z", False)


def test_check_asks_for_what_is_now(cli: Cli) -> None:
    said = cli("check")
    assert (said.code, "queues: query: queues.observations answers" in said.out) == (0, True)


def test_preview_shows_the_present_moment(cli: Cli) -> None:
    told = cli("preview", "queues", "--json").json
    assert told["span"] == {"start": "2026-03-02T20:00:00Z", "end": "2026-03-02T21:00:00Z"}
    record = told["records"][0]["record"]
    assert (record["start"], record["taken"]) == ("2026-03-02T20:00:00Z", EVENING.strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_a_saved_answer_is_shown_without_a_list_of_queues(cli: Cli) -> None:
    group = {"queueId": "q1", "mediaType": "voice"}
    saved = {"results": [{"group": group, "data": [{"metric": "oWaiting", "stats": {"count": 4}}]}]}
    file = cli.home / "answer.json"
    file.write_bytes(orjson.dumps(saved))
    told = cli("preview", "queues", "--sample", str(file), "--json").json
    (shown,) = told["records"]
    assert shown["rows"][0]["values"] == {
        "Genesys_Key__c": "q1|voice|2026-03-02T00:00:00Z",
        "Waiting__c": 4,
        "Taken__c": "2026-03-02T00:00:00Z",
    }


def test_plan_tells_of_one_snapshot_until_it_is_taken(cli: Cli) -> None:
    (before,) = cli("plan", "--json").json["streams"]
    assert [(one["kind"], one["passes"], one["first"]) for one in before["kinds"]] == [
        ("new", 1, "2026-03-02T20:00:00Z")
    ]
    cli("sync")
    (after,) = cli("plan", "--json").json["streams"]
    assert after["kinds"] == []
