"""Several targets of one stream: rows follow those of the objects they point to, and nobody waits for ever."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from lab import MAPPING, Lab, at, conversation
from test_delivery import KEY, OBJECT, Dock

from connector.assemble import to_stream
from connector.delivery import Delivery
from connector.genesys.judge import Seen
from connector.mapping import Row, load_mapping
from connector.orders import Order, Result
from connector.sandbox.faults import Rule
from connector.sandbox.objects import OBJECTS, lookup
from connector.sandbox.salesforce import SalesforceSim
from connector.schedules import in_turns
from connector.spans import Span, stamp
from connector.state.hashes import digest
from connector.state.one_pass import Checkpoint
from connector.state.outbox import Entry
from connector.sync import Runner
from connector.windows import Planned

CHILD, CHILD_KEY, LINK = "Conversation_Leg__c", "Leg_Key__c", "Conversation__r.Conversation_Id__c"


class Family(Dock):
    """Records that give a parent row and a child row each, queued by hand, and a delivery for either."""

    def family(self, *names: str, parent: str = "inbound", child: str = "inbound") -> None:
        """A pass of one page: each name gives a conversation and its leg. parent, child: what they say."""
        prints = ("fields-1", "source-1")
        now = self.lab.clock.now()
        one = self.store.passes.begin(self.stream, Planned("new", Span(at(0), at(24))), prints, self.run, now)
        entries = [
            Entry(
                digest(name),
                digest(name, parent, child),
                stamp(at(1)),
                "mapped",
                [
                    Row(0, name, stamp(at(1)), {KEY: name, "Direction__c": parent}),
                    Row(1, name, stamp(at(1)), {CHILD_KEY: name, LINK: name, "Direction__c": child}),
                ],
            )
            for name in names
        ]
        self.store.outbox.store_page(one, entries, [OBJECT, CHILD], Checkpoint(1, "", Seen()), len(names), now)
        self.store.passes.pulled(one)

    def children(self, **lane: Any) -> Delivery:
        columns = (CHILD_KEY, LINK, "Direction__c")
        delivery = self.delivery(**{"object": CHILD, "external_id": CHILD_KEY, "columns": columns, **lane})
        delivery.parents = frozenset({OBJECT})
        return delivery

    def step_all(self, *deliveries: Delivery) -> float | None:
        """One step of each, as a run takes them; None when none has anything to send."""
        waits = [wait for one in deliveries if (wait := one.step(more_comes=False)) is not None]
        return min(waits, default=None)

    def deliver_all(self, *deliveries: Delivery) -> None:
        for _ in range(500):
            wait = self.step_all(*deliveries)
            if wait is None:
                return
            self.lab.clock.sleep(wait)
        raise AssertionError("the deliveries never came to an end")

    def linked(self) -> dict[str, bool]:
        """Every leg in the org, and whether it points to its conversation."""
        ids = {key: record["Id"] for key, record in self.lab.salesforce.records(OBJECT).items()}
        legs = self.lab.salesforce.rows(CHILD)
        return {
            key: row["Conversation__c"] is not None and row["Conversation__c"] == ids[key] for key, row in legs.items()
        }

    def pending(self) -> list[str]:
        sql = "SELECT object || ' ' || external_id AS row FROM outbox ORDER BY seq"
        return [row["row"] for row in self.store.db.rows(sql)]


@pytest.fixture
def make_family(make_lab) -> Iterator[Callable[..., Family]]:
    opened = []

    def make(by: str = "auto", **org: Any) -> Family:
        lab = make_lab(now=at(30), **org)
        context = lab.opened()
        opened.append(context)
        made = Family(lab, context.__enter__())
        made.by = by
        made.prove()
        return made

    yield make
    for context in opened:
        context.__exit__(None, None, None)


WAYS = pytest.mark.parametrize("by", ["collections", "bulk"])


@WAYS
def test_children_wait_until_their_parents_are_there(make_family, by: str):
    family = make_family(by)
    family.family("a", "b")
    children = family.children()
    assert (children.step(more_comes=False), children.waits_for_parents) == (None, True)
    family.deliver()
    family.deliver(children)
    assert (family.linked(), family.books()) == ({"a": True, "b": True}, {"created": 4})


def test_children_wait_while_their_parents_are_on_their_way(make_family):
    family = make_family("bulk", job_seconds=60)
    family.family("a")
    parents, children = family.delivery(), family.children()
    while not parents.step(more_comes=False):
        assert children.step(more_comes=False) is None
    assert (children.step(more_comes=False), children.waits_for_parents) == (None, True)
    family.deliver_all(parents, children)
    assert (family.linked(), family.books()) == ({"a": True}, {"created": 2})


def test_parents_that_came_later_hold_back_only_the_children_that_came_with_them(make_family):
    family = make_family()
    family.family("a", "b")
    family.deliver()
    family.family("c", "d")
    assert family.deliver(family.children()) == []
    assert family.linked() == {"a": True, "b": True}
    assert family.pending() == [f"{OBJECT} c", f"{CHILD} c", f"{OBJECT} d", f"{CHILD} d"]


def test_a_job_of_children_takes_none_that_came_while_it_was_formed(make_family):
    family = make_family("bulk")
    family.family(*(f"a{number:04}" for number in range(1500)))
    family.deliver()
    children = family.children()
    children.step(more_comes=False)
    children.step(more_comes=False)
    family.family("b")
    family.deliver(children)
    assert [rows for _, _, rows in family.batches()] == [1500, 1500]
    assert family.pending() == [f"{OBJECT} b", f"{CHILD} b"]


def test_a_child_waits_also_for_a_later_version_of_its_parent_that_took_the_place_of_the_first(make_family):
    family = make_family()
    family.family("a")
    family.family("a", parent="outbound")
    assert family.pending() == [f"{CHILD} a", f"{OBJECT} a"]
    children = family.children()
    assert (children.step(more_comes=False), children.waits_for_parents) == (None, True)
    family.deliver_all(family.delivery(), children)
    assert (family.linked(), family.books()) == ({"a": True}, {"created": 2, "superseded": 1, "unchanged": 1})


def test_a_child_waits_also_for_a_version_that_waits_behind_its_refused_parent(make_family):
    family = make_family("bulk")
    family.lab.salesforce.add_validation_rule(OBJECT, lambda row: row["Direction__c"] == "inbound", "no")
    family.family("a")
    parents, children = family.delivery(), family.children()
    while not family.store.batches.open(family.org.org_id):
        parents.step(more_comes=False)
    parents.step(more_comes=False)
    family.family("a", parent="outbound")
    family.deliver_all(parents, children)
    assert family.linked() == {"a": True}


def test_children_of_refused_parents_are_tried_and_wait_for_the_next_run(make_family):
    family = make_family()
    family.lab.salesforce.add_validation_rule(OBJECT, lambda row: row[KEY] == "b", "no")
    family.family("a", "b")
    family.deliver_all(family.delivery(), family.children())
    assert (family.linked(), family.pending()) == ({"a": True}, [f"{CHILD} b"])
    assert family.books() == {"created": 2, "rejected": 1, "pending": 1}


def test_children_wait_for_parents_that_are_tried_again_and_all_arrive_in_one_run(make_family):
    family = make_family()
    family.family("a", "b")
    family.lab.salesforce.lock(OBJECT, "b", 3)
    family.deliver_all(family.delivery(), family.children())
    assert (family.linked(), family.books()) == ({"a": True, "b": True}, {"created": 4})


def test_children_do_not_wait_for_parents_that_wait_for_the_next_run(make_family):
    family = make_family()
    family.family("a")
    with family.store.db.transaction() as db:
        db.execute("UPDATE outbox SET skip_run = ? WHERE object = ?", [family.run, OBJECT])
    assert family.deliver(family.children()) == []
    assert family.books() == {"pending": 2}
    family.next_run()
    family.deliver_all(family.delivery(), family.children())
    assert (family.linked(), family.books()) == ({"a": True}, {"created": 2})


# Whole runs

LEGS = """
source: {query: conversations.details}
window: {start: 2026-03-02}
target: {object: Conversation_Leg__c, external_id: Leg_Key__c}
fields:
  Leg_Key__c: {key: [conversationId]}
  Conversation__r.Conversation_Id__c: conversationId
  Direction__c: direction
"""


class Two:
    """Runs of one stream with two targets, the child's written first."""

    def __init__(self, lab: Lab, parents_by: str, children_by: str, legs: str = LEGS) -> None:
        self.lab = lab
        child = lab.folder / "legs.yml"
        child.write_text(legs.replace("Leg_Key__c}\n", f"Leg_Key__c, deliver: {children_by}}}\n"))
        lab.mapping.write_text(MAPPING.replace("_Id__c}\n", f"_Id__c, deliver: {parents_by}}}\n", 1))
        mapping = load_mapping(lab.mapping)
        self.stream = to_stream(replace(mapping, targets=load_mapping(child).targets + mapping.targets))

    def sync(self) -> Result:
        with self.lab.opened() as ready:
            return ready.runner.run(self.stream, Order())

    def linked(self) -> set[bool]:
        ids = {key: record["Id"] for key, record in self.lab.salesforce.records(OBJECT).items()}
        return {row["Conversation__c"] == ids.get(key, "none") for key, row in self.lab.salesforce.rows(CHILD).items()}


def fill(lab: Lab, count: int, *, first: float = 0.5, every_minutes: float = 1) -> None:
    for number in range(count):
        lab.world.add(conversation(f"c{first}-{number:05}", at(first + number * every_minutes / 60)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parents_by", ["auto", "bulk", "collections"])
@pytest.mark.parametrize("children_by", ["bulk", "collections"])
def test_no_child_is_sent_before_its_parent_however_steps_alternate(
    make_lab, parents_by: str, children_by: str, seed: int
):
    """One sent too early would wait for the next run."""
    lab = make_lab(now=at(10.3), seed=seed, job_seconds=random.Random(seed).choice([1, 30]))
    fill(lab, 450)
    two = Two(lab, parents_by, children_by)
    result = two.sync()
    assert (result.error, result.books.created, result.books.pending) == (None, 900, 0)
    assert two.linked() == {True}
    assert lab.rows() == lab.truth(at(10.05))


def test_where_a_look_up_has_another_name_than_its_object_describe_tells_whose_child_it_is(make_lab):
    lab = make_lab(now=at(10.3))
    legs = next(one for one in OBJECTS if one.name == CHILD)
    renamed = replace(legs, fields=(legs.fields[0], lookup("Made_In__c", "Made In", OBJECT), *legs.fields[2:]))
    lab.salesforce.close()
    objects = [renamed if one is legs else one for one in OBJECTS]
    lab.salesforce = SalesforceSim(":memory:", objects, lab.clock, job_seconds=5)
    fill(lab, 150)
    two = Two(lab, "bulk", "collections", LEGS.replace("Conversation__r", "Made_In__r"))
    first = two.sync()
    lab.clock.advance(3600)
    fill(lab, 10, first=10.1)
    second = two.sync()
    assert [(one.error, one.books.created, one.books.pending) for one in (first, second)] == [
        (None, 300, 0),
        (None, 20, 0),
    ]


def test_parents_do_not_hold_back_for_more_when_children_have_enough_to_send(make_lab):
    lab = make_lab(now=at(10.3), seed=3)
    fill(lab, 1200, every_minutes=0.4)
    two = Two(lab, "bulk", "collections")
    two.sync()
    assert len(lab.salesforce.jobs()) > 1


def test_a_locked_parent_loses_no_child(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 150)
    lab.salesforce.lock(OBJECT, "c0.5-00007", 2)
    two = Two(lab, "auto", "auto")
    result = two.sync()
    assert (result.error, result.books.created, result.books.pending, two.linked()) == (None, 300, 0, {True})


def test_a_parent_that_is_refused_makes_its_child_a_reject_after_three_runs_and_stops_nothing(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 150)
    lab.salesforce.add_validation_rule(OBJECT, lambda row: row[KEY] == "c0.5-00007", "not this one")
    two = Two(lab, "auto", "auto")
    books = [(one.books.rejected, one.books.pending) for one in (two.sync() for _ in range(3))]
    assert books == [(1, 1), (1, 1), (2, 0)]
    assert {one["object"] for one in lab.table("v_rejects")} == {OBJECT, CHILD}


def test_an_unavailable_org_in_the_middle_is_gone_on_with_by_the_next_run(make_lab):
    rule = Rule("status", {"code": 503}, service="salesforce", path="/composite/", nth=(3, 4, 5, 6, 7))
    lab = make_lab(now=at(10.3), rules=(rule,))
    fill(lab, 450)
    two = Two(lab, "collections", "collections")
    first, second = two.sync(), two.sync()
    assert (first.exit_code, second.exit_code, second.books.pending, two.linked()) == (4, 0, 0, {True})
    assert (len(lab.rows()), len(lab.salesforce.rows(CHILD))) == (450, 450)


def test_a_pull_that_is_paused_lets_what_waits_be_sent_however_little_it_is(make_lab):
    """Else each would wait for the other."""
    lab = make_lab(now=at(10.3))
    fill(lab, 150)
    lab.salesforce.storage_full()
    assert lab.sync().exit_code == 4
    lab.salesforce.storage_full(full=False)
    lab.clock.advance(3600)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        assert len(waits) < 100, "it waits for ever"
        lab.clock.sleep(seconds)

    with lab.opened() as ready:
        runner = Runner(
            ready.store,
            ready.client,
            ready.org,
            lab.folder / ".connector",
            now=ready.transport.now,
            schedule=in_turns(lambda: lab.random.random() < 0.5, sleep),
            sleep=sleep,
            outbox_rows=100,
        )
        result = runner.run(lab.stream, Order())
    assert (result.error, result.books.pending, lab.rows()) == (None, 0, lab.truth(at(11.05)))
