"""Every shipped stream in whole runs over a simulated contact centre: the org equals what the world says."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from lab import DAY, Lab, at

from connector.assemble import load_streams
from connector.cli import main, sandbox
from connector.cli.session import Surroundings
from connector.ledger import Books
from connector.mapping.relationships import streams_parents_first
from connector.orders import Order, Result
from connector.salesforce.collections import upsert
from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.conversations import milliseconds
from connector.sandbox.objects import OBJECTS
from connector.sandbox.presences import stretches

ROOT = Path(__file__).parent.parent
CENTRE = ContactCentre(seed=24, start=DAY, days=1, queues=4, agents=12, conversations=300)
NOW, HORIZON = at(30.3), at(30)
"""Six hours of the next day: the day is over, some threads of it are not."""

STREAMS = {
    "agent-intervals": ("Agent_Interval__c",),
    "agent-status": ("Agent_Status__c",),
    "conversation-cases": (),  # it adds a link to records of conversations
    "conversation-summary": ("Conversation_Summary__c",),
    "conversations": ("Conversation__c", "Conversation_Leg__c"),
    "queue-intervals": ("Queue_Interval__c",),
    "queue-snapshots": ("Queue_Snapshot__c",),
    "tasks": ("Task",),
    "wrap-up-counts": ("Wrap_Up_Count__c",),
}
KNOWN_CALLERS = 8
KNOWN_CASES = 5
QUIET = {"rejects": 0, "gaps": 0}


class Session(NamedTuple):
    conversation: dict[str, Any]
    participant: dict[str, Any]
    session: dict[str, Any]

    @property
    def key(self) -> str:
        ids = (self.conversation["conversationId"], self.participant["participantId"], self.session["sessionId"])
        return "|".join(ids)

    def first(self, name: str) -> Any:
        """The first value of that name among the segments."""
        return next((one[name] for one in self.session["segments"] if name in one), None)

    def total(self, metric: str) -> int | None:
        """Milliseconds (or a number) of all metrics of that name; None when there is none."""
        found = [one["value"] for one in self.session["metrics"] if one["name"] == metric]
        return sum(found) if found else None


class Org:
    """All shipped streams, switched on, over one lab whose contacts know some of the callers."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lab.mapping.unlink()
        lab.world.directory = CENTRE.directory
        for one in CENTRE.whole_conversations():
            lab.world.add(one)
        for file in sorted((ROOT / "mappings").glob("*.yml")):
            text = file.read_text(encoding="utf-8").replace("enabled: false\n", "")
            text = text.replace("start: 2026-01-01 #", "start: 2026-03-02 #")
            # The second run is to read the whole day again.
            lab.write_mapping(text.replace("lookback: PT6H", "lookback: P1D"), file.stem)
        self.conversations = lab.world.conversations_at(NOW, DAY, HORIZON)
        numbers = {number for one in self.conversations if (number := self._number(one))}
        self.known = set(sorted(numbers)[:KNOWN_CALLERS])
        contacts = [{"Phone_Key__c": number, "LastName": "Known"} for number in sorted(self.known)]
        with lab.opened() as ready:
            assert all(one.is_accepted for one in upsert(ready.org, "Contact", "Phone_Key__c", contacts))
            self.known_cases = set(sorted(set(self.cases_noted().values()))[:KNOWN_CASES])
            cases = [{"Case_Key__c": key} for key in sorted(self.known_cases)]
            assert all(one.is_accepted for one in upsert(ready.org, "Case", "Case_Key__c", cases))

    def sync(self) -> dict[str, Result]:
        streams = load_streams(self.lab.config)
        order = streams_parents_first([one.compiled.mapping for one in streams])
        with self.lab.opened() as ready:
            results = [ready.runner.run(streams[index], Order()) for index in order]
        return {one.stream: one for one in results}

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        return self.lab.salesforce.rows(name)

    def sessions(self) -> Iterator[Session]:
        for conversation in self.conversations:
            for participant in conversation["participants"]:
                for session in participant["sessions"]:
                    yield Session(conversation, participant, session)

    def points(self, metric: str) -> list[Any]:
        """Every metric of that name emitted until the horizon."""
        return [one for one in self.lab.world.points_at(NOW, DAY, HORIZON) if one.name == metric]

    @staticmethod
    def _number(conversation: dict[str, Any]) -> str | None:
        """The customer's number: of who called, or was called."""
        for participant in conversation["participants"]:
            if participant["purpose"] in ("customer", "external"):
                for session in participant["sessions"]:
                    told = session.get("ani" if session["direction"] == "inbound" else "dnis")
                    if told:
                        return str(told).removeprefix("tel:")
        return None

    def cases_noted(self) -> dict[str, str]:
        """Conversation -> the case its attributes name: the customer's own word before that of the others."""
        noted = {}
        for one in self.conversations:
            people = sorted(one["participants"], key=lambda person: person["purpose"] != "customer")
            told = [
                person["attributes"]["caseNumber"] for person in people if "caseNumber" in person.get("attributes", {})
            ]
            if told:
                noted[one["conversationId"]] = told[0]
        return noted

    def calls_taken(self) -> dict[str, str | None]:
        """Conversation -> the number of those that should be tasks: calls an agent joined, and that are over."""
        return {
            one["conversationId"]: self._number(one)
            for one in self.conversations
            if "conversationEnd" in one
            and {"voice", "callback"} & {s["mediaType"] for p in one["participants"] for s in p["sessions"]}
            and any(
                segment["segmentType"] == "interact"
                for participant in one["participants"]
                if participant["purpose"] in ("agent", "user")
                for session in participant["sessions"]
                for segment in session["segments"]
            )
        }


def seconds(milliseconds: int | None) -> float | None:
    """As a mapping rounds them."""
    if milliseconds is None:
        return None
    return float((Decimal(milliseconds) / 1000).quantize(Decimal("0.1"), ROUND_HALF_UP))


@pytest.fixture(scope="module")
def synced(tmp_path_factory) -> Iterator[tuple[Org, dict[str, Result], dict[str, Result]]]:
    """The org after two runs of everything, and what they did."""
    lab = Lab(tmp_path_factory.mktemp("lab"), now=NOW)
    org = Org(lab)
    yield org, org.sync(), org.sync()
    lab.close()


@pytest.fixture
def org(synced) -> Org:
    return synced[0]


def test_every_stream_ends_well_and_the_second_run_sends_nothing(synced):
    org, first, second = synced
    assert sorted(first) == sorted(STREAMS)
    for name, objects in STREAMS.items():
        books = first[name].books
        made = sum(len(org.rows(one)) for one in objects) or len(org.cases_noted())
        sent = books.created + books.updated
        assert (first[name].error, first[name].new, sent, books.made) == (None, QUIET, made, made), name
        again = second[name].books
        if name == "queue-snapshots":
            assert again.made == 0, "there is one snapshot an hour"
            continue
        assert (second[name].error, again.unchanged, again.made > 0) == (None, again.made, True), name


def test_every_pass_is_settled_and_balances(synced):
    org, first, second = synced
    passes = org.lab.table("passes")
    assert {one["state"] for one in passes} == {"settled"}
    for result in (*first.values(), *second.values()):
        result.books.check(result.stream)
    assert sum((one.books for one in first.values()), Books()).without_parent > 0


def test_conversations_and_legs_are_those_of_the_world(org: Org):
    assert set(org.rows("Conversation__c")) == {one["conversationId"] for one in org.conversations}
    ids = {key: record["Id"] for key, record in org.lab.salesforce.records("Conversation__c").items()}
    told = {
        key: (row["Conversation__c"], row["Purpose__c"], row["Queue_Id__c"], row["Agent_Id__c"], row["Talk_s__c"])
        for key, row in org.rows("Conversation_Leg__c").items()
    }
    assert told == {
        one.key: (
            ids[one.conversation["conversationId"]],
            one.participant["purpose"],
            one.first("queueId"),
            one.participant.get("userId"),
            seconds(one.total("tTalkComplete")),
        )
        for one in org.sessions()
    }


def test_talk_of_the_legs_adds_up_to_that_of_their_conversation(org: Org):
    names = {record["Id"]: key for key, record in org.lab.salesforce.records("Conversation__c").items()}
    legs: Counter[str] = Counter()
    for row in org.rows("Conversation_Leg__c").values():
        legs[names[row["Conversation__c"]]] += round((row["Talk_s__c"] or 0) * 10)
    for key, row in org.rows("Conversation__c").items():
        if row["Ended__c"]:
            assert abs(legs[key] - round((row["Talk_s__c"] or 0) * 10)) <= 2, key


def test_names_stand_beside_ids_and_what_is_deleted_has_none(org: Org):
    names = {one["id"]: one["name"] for one in (*CENTRE.directory.queues, *CENTRE.directory.users)}
    for row in org.rows("Conversation_Leg__c").values():
        assert row["Queue_Name__c"] == names.get(row["Queue_Id__c"])
        assert row["Agent_Name__c"] == names.get(row["Agent_Id__c"])
    for row in org.rows("Queue_Interval__c").values():
        assert row["Queue_Name__c"] == names.get(row["Queue_Id__c"])


def test_hours_of_queues_agents_and_codes_count_what_was_measured(org: Org):
    def total(name: str, field: str) -> float:
        return sum(row[field] for row in org.rows(name).values())

    def with_queue(points: list[Any]) -> list[Any]:
        return [one for one in points if Session(one.conversation, {}, one.session).first("queueId")]

    handled = org.points("tHandle")
    assert total("Queue_Interval__c", "Offered__c") == sum(one.value for one in with_queue(org.points("nOffered")))
    # The answer belongs to the agent's session, which names the queue as well.
    assert total("Queue_Interval__c", "Answered__c") == len(with_queue(org.points("tAnswered")))
    assert total("Queue_Interval__c", "Abandoned__c") == len(with_queue(org.points("tAbandon")))
    assert total("Agent_Interval__c", "Handled__c") == len([one for one in handled if "userId" in one.participant])
    coded = [one for one in with_queue(handled) if Session(one.conversation, {}, one.session).first("wrapUpCode")]
    assert total("Wrap_Up_Count__c", "Handled__c") == len(coded)
    by_agent: Counter[str] = Counter()
    for row in org.rows("Agent_Interval__c").values():
        by_agent[row["Agent_Id__c"]] += row["Handled__c"]
    assert by_agent == Counter(one.participant["userId"] for one in handled if "userId" in one.participant)


def test_times_in_a_status_are_those_of_the_shifts(org: Org):
    truth: dict[tuple[str, str, str, str], int] = {}
    for hour in range(30):
        begins = at(hour)
        span = milliseconds(begins), milliseconds(begins + timedelta(hours=1))
        for user in CENTRE.directory.user_ids:
            for stretch in stretches(CENTRE.directory, user, *span):
                for metric, status in (("Presence", stretch.system), ("Routing status", stretch.routing)):
                    if status not in (None, "OFFLINE"):
                        key = (user, f"{begins:%Y-%m-%dT%H}", metric, status)
                        truth[key] = truth.get(key, 0) + stretch.end - stretch.start
    told = {
        (row["Agent_Id__c"], row["Interval_Start__c"][:13], row["Metric__c"], row["Status__c"]): row["Time_s__c"]
        for row in org.rows("Agent_Status__c").values()
    }
    assert told == {key: seconds(value) for key, value in truth.items()}


def test_tasks_are_the_calls_somebody_took_linked_to_the_contacts_who_called(org: Org):
    contacts = {record["Id"]: key for key, record in org.lab.salesforce.records("Contact").items()}
    linked = {key: contacts.get(row["WhoId"]) for key, row in org.rows("Task").items()}
    taken = org.calls_taken()
    assert linked == {key: number if number in org.known else None for key, number in taken.items()}
    assert len([one for one in linked.values() if one]) > 2


def test_conversations_point_to_the_case_their_attributes_name(org: Org):
    cases = {record["Id"]: key for key, record in org.lab.salesforce.records("Case").items()}
    linked = {key: cases[row["Case__c"]] for key, row in org.rows("Conversation__c").items() if row["Case__c"]}
    assert linked == {key: case for key, case in org.cases_noted().items() if case in org.known_cases}
    assert len(linked) >= KNOWN_CASES


def test_all_objects_of_the_shipped_streams_hold_something(org: Org):
    custom = {one.name for one in OBJECTS if one.is_custom}
    assert {name for objects in STREAMS.values() for name in objects} == custom | {"Task"}
    assert all(org.rows(name) for name in custom)


# One conversation, told whole


def twice_transferred(org: Org) -> dict[str, Any]:
    """The first call that three agents took one after the other, and that is over."""
    for one in org.conversations:
        purposes = Counter(participant["purpose"] for participant in one["participants"])
        media = one["participants"][0]["sessions"][0]["mediaType"]
        if purposes["acd"] == purposes["agent"] == 3 and media == "voice":
            return one
    raise AssertionError("no such call in this centre")


CONVERSATION_COLUMNS = {
    "Started__c": "started",
    "Ended__c": "ended",
    "First_Queue_Name__c": "first queue",
    "Last_Queue_Name__c": "last queue",
    "First_Agent_Name__c": "first agent",
    "Last_Agent_Name__c": "last agent",
    "Wait_s__c": "wait",
    "Talk_s__c": "talk",
    "Hold_s__c": "hold",
    "After_Call_Work_s__c": "after",
}
LEG_COLUMNS = {
    "Started__c": "started",
    "Ended__c": "ended",
    "Purpose__c": "purpose",
    "Queue_Name__c": "queue",
    "Agent_Name__c": "agent",
    "Wrap_Up_Code__c": "wrap-up",
    "Talk_s__c": "talk",
    "Hold_s__c": "hold",
    "After_Call_Work_s__c": "after",
}


def as_table(columns: dict[str, str], rows: list[dict[str, Any]]) -> str:
    """A table of Markdown; of instants the time of day."""

    def cell(value: Any) -> str:
        return "" if value is None else re.sub(r"^.*T(\d\d:\d\d:\d\d).*$", r"\1", str(value))

    lines = [list(columns.values())] + [[cell(row[name]) for name in columns] for row in rows]
    told = [re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join(line)} |") for line in lines]
    return "\n".join((told[0], f"|{'---|' * len(columns)}", *told[1:]))


def test_a_call_of_two_transfers_stands_in_the_org_as_the_docs_show_it(org: Org):
    call = twice_transferred(org)
    identity = call["conversationId"]
    parent = org.lab.salesforce.records("Conversation__c")[identity]
    legs = [row for row in org.rows("Conversation_Leg__c").values() if row["Conversation__c"] == parent["Id"]]
    legs.sort(key=lambda row: (row["Started__c"], row["Ended__c"]))
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    for told in (as_table(CONVERSATION_COLUMNS, [org.rows("Conversation__c")[identity]]), as_table(LEG_COLUMNS, legs)):
        assert told in page, f"docs/records.md is to hold\n{told}"


def test_both_sides_agree_about_every_stream_that_can_be_read_again(synced, capsys):
    org, first, _ = synced
    found = {}
    for name in sorted(STREAMS.keys() - {"queue-snapshots"}):
        # Pages asked again take time, in which conversations go on.
        org.lab.clock.set(NOW)
        surroundings = Surroundings(sandbox.SETTINGS, org.lab.seams)
        capsys.readouterr()
        code = main(["verify", name, "--from", "2026-03-02", "--json", "--home", str(org.lab.folder)], surroundings)
        told = orjson.loads(capsys.readouterr().out)["verification"]
        found[name] = (code, told["equal"], told["counts"], sorted(told["left_out"]))
    left_out = {"tasks": ["Task.Contact:Who.Phone_Key__c"]}
    assert found == {name: (0, first[name].books.made, {}, left_out.get(name, [])) for name in found}
