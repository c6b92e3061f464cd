"""What a mapping needs in Salesforce: types, sizes, labels, look-ups, rights."""

from pathlib import Path
from typing import Any

import pytest
from schema_plans import plan_of, plan_of_fields

from connector.errors import MappingError
from connector.salesforce.schema.fields import NewField, label_of
from connector.salesforce.schema.plan import Plan, plural_of

KEY = NewField("Call__c", "Key__c", "Key", "Text", length=255, is_key=True)


@pytest.fixture
def planned(tmp_path: Path):
    """The plan of a stream of conversations with these fields besides its key."""

    def make(*fields: str, **more: Any) -> Plan:
        return plan_of_fields(tmp_path, *fields, **more)

    return make


@pytest.mark.parametrize(
    ("field", "needs"),
    [
        ("F__c: conversationId", {"type": "Text", "length": 255}),
        ("F__c: {from: conversationId, truncate: 80}", {"type": "Text", "length": 80}),
        ("F__c: {from: conversationId, truncate: 80, then: {truncate: 40}}", {"type": "Text", "length": 40}),
        ("F__c: {from: conversationId, truncate: 80, length: 100}", {"type": "Text", "length": 100}),
        ("F__c: {from: conversationId, truncate: 4000}", {"type": "LongTextArea", "length": 4000}),
        ("F__c: {from: conversationId, length: 256}", {"type": "LongTextArea", "length": 256}),
        ("F__c: {from: conversationId, type: LongTextArea}", {"type": "LongTextArea", "length": 32_768}),
        (
            "F__c: {from: conversationId, truncate: 500, type: LongTextArea}",
            {"type": "LongTextArea", "length": 500},
        ),
        ("F__c: {from: conversationId, type: Phone}", {"type": "Phone"}),
        ("F__c: {from: duration_ms, divide: 1000, round: 1}", {"type": "Number", "precision": 18, "scale": 1}),
        ("F__c: {from: duration_ms, divide: 1000}", {"type": "Number", "precision": 18, "scale": 4}),
        ("F__c: {from: duration_ms, divide: 1000, round: 0}", {"type": "Number", "precision": 18, "scale": 0}),
        ("F__c: duration_ms", {"type": "Number", "precision": 18, "scale": 0}),
        (
            "F__c: {from: duration_ms, type: Percent, divide: 3, round: 2}",
            {"type": "Percent", "precision": 18, "scale": 2},
        ),
        ("F__c: is_open", {"type": "Checkbox"}),
        ("F__c: conversationStart", {"type": "DateTime"}),
        ("F__c: {from: conversationStart, date: UTC}", {"type": "Date"}),
        (
            "F__c: {from: direction, map: {inbound: In, outbound: Out}, else: Other, type: Picklist}",
            {"type": "Picklist", "choices": ("In", "Out", "Other")},
        ),
        ("F__c: {from: conversationId, label: Which call}", {"type": "Text", "length": 255, "label": "Which call"}),
    ],
)
def test_the_type_of_a_field_follows_from_its_steps_or_is_said(planned, field, needs):
    assert planned(field).fields == (KEY, NewField("Call__c", "F__c", **{"label": "F", **needs}))


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("F__c: {from: conversationId, type: Text, length: 300}", "a Text has 255 characters at most"),
        ("F__c: {from: conversationId, type: LongTextArea, length: 80}", "a LongTextArea has more than 255 characters"),
        ("F__c: {from: conversationId, type: Picklist}", "the values of a Picklist are not known"),
        (f"{'F' * 41}__c: conversationId", "the name is longer than the 40 characters"),
    ],
)
def test_what_salesforce_would_refuse_is_told_before_anything_is_written(planned, field, problem):
    with pytest.raises(MappingError) as refused:
        planned(field)
    name = field.partition(":")[0]
    (told,) = refused.value.problems
    assert told.startswith(f"calls: fields.{name}: {problem}")


def test_the_key_is_always_text(tmp_path):
    path = tmp_path / "calls.yml"
    path.write_text(
        "source: {query: conversations.details}\nwindow: {start: 2026-01-01}\n"
        "target: {object: Call__c, external_id: Key__c}\nfields: {Key__c: {key: [conversationId], type: Email}}\n"
    )
    with pytest.raises(MappingError, match=r"calls: fields\.Key__c: the key field must be of type Text, not Email"):
        plan_of(path)


def test_every_problem_is_told_at_once(planned):
    with pytest.raises(MappingError) as refused:
        planned("F__c: {from: conversationId, type: Picklist}", "G__c: {from: direction, type: Text, length: 300}")
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Average_Handle_s__c", "Average Handle (s)"),
        ("Wait_ms__c", "Wait (ms)"),
        ("Answered_pct__c", "Answered (%)"),
        ("QueueName__c", "Queue Name"),
        ("Time_of_day__c", "Time of day"),
        ("s__c", "S"),
        ("Queue_Id__c", "Queue Id"),
    ],
)
def test_labels_read_like_words(name, label):
    assert label_of(name) == label


@pytest.mark.parametrize(
    ("label", "plural"),
    [
        ("Queue Interval", "Queue Intervals"),
        ("Conversation Summary", "Conversation Summaries"),
        ("Agent Status", "Agent Statuses"),
        ("Survey", "Surveys"),
    ],
)
def test_plurals_follow_english(label, plural):
    assert plural_of(label) == plural


def test_a_relationship_makes_a_look_up_and_lets_the_user_see_the_parents_key(planned):
    plan = planned("Queue__r.Ext__c: first_queue_id", known=("Queue__c",))
    assert plan.fields == (KEY, NewField("Call__c", "Queue__c", "Queue", "Lookup", parent="Queue__c"))
    assert plan.permissions.objects == {"Call__c": {"read", "create", "edit"}, "Queue__c": {"read"}}
    assert plan.permissions.fields == {"Call__c.Key__c": True, "Call__c.Queue__c": True, "Queue__c.Ext__c": False}
    assert plan.notes == ()


def test_a_look_up_whose_parent_no_mapping_fills_is_guessed_aloud(planned):
    plan = planned("Case__r.Case_Key__c: first_queue_id", "Team__r.Ext__c: first_queue_id")
    assert [field.parent for field in plan.fields] == ["", "Case", "Team__c"]
    assert [note.partition(",")[0] for note in plan.notes] == [
        "fields.Case__r.Case_Key__c: the look-up Case__c is taken to point to Case",
        "fields.Team__r.Ext__c: the look-up Team__c is taken to point to Team__c",
    ]
    assert plan.permissions.objects.keys() == {"Call__c", "Case", "Account", "Contact", "Team__c"}


def test_of_a_standard_object_only_custom_fields_are_made_and_its_own_only_granted(planned):
    plan = planned(
        "Subject: conversationId", "Status: {value: Completed}", "Contact:Who.Ext__c: first_queue_id", object="Task"
    )
    assert plan.objects == ()
    assert [field.full_name for field in plan.fields] == ["Task.Key__c"]
    assert plan.permissions.fields == {
        "Contact.Ext__c": False,
        "Task.Key__c": True,
        "Task.Subject": True,
        "Task.WhoId": True,
    }
    assert plan.permissions.objects == {"Account": {"read"}, "Contact": {"read"}}
    assert plan.permissions.user == ("ApiEnabled", "EditTask")


def test_a_name_that_is_mapped_is_no_auto_number_and_needs_no_right(planned):
    plan = planned("Name: conversationId")
    assert [(made.name, made.named) for made in plan.objects] == [("Call__c", True)]
    assert plan.permissions.fields == {"Call__c.Key__c": True}


def test_fields_of_a_managed_package_are_there_already(planned):
    plan = planned("ns__Thing__c: conversationId")
    assert plan.fields == (KEY,)
    assert plan.permissions.fields == {"Call__c.Key__c": True, "Call__c.ns__Thing__c": True}


def test_a_value_nobody_can_tell_the_kind_of_becomes_text_aloud(planned):
    plan = planned('F__c: {jmespath: "participants[0].purpose"}', 'G__c: {jmespath: "participants[0].x", type: Number}')
    assert [field.type for field in plan.fields] == ["Text", "Text", "Number"]
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith("fields.F__c: what values it will have is not known")


def test_only_a_stream_that_deletes_may_delete(tmp_path):
    plan_of_fields(tmp_path)
    path = tmp_path / "calls.yml"
    path.write_text(path.read_text().replace("external_id: Key__c", "external_id: Key__c, when_vanished: delete"))
    assert plan_of(path).permissions.objects == {"Call__c": {"read", "create", "edit", "delete"}}
