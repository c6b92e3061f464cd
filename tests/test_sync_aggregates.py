"""Whole runs over aggregates of users and of other subjects, and over views: the org equals what the service tells."""

from datetime import timedelta

from lab import DAY, at

from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.conversations import milliseconds
from connector.sandbox.genesys.user_aggregates import user_aggregate

CENTRE = ContactCentre(seed=5, start=DAY, days=1, queues=3, agents=6, conversations=300)

TARGET = """
window: {start: 2026-03-02, size: PT6H}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
"""
USERS = f"""
source: {{query: users.aggregates, granularity: PT1H, metrics: [tSystemPresence, tAgentRoutingStatus]}}
{TARGET}
fields:
  Genesys_Key__c: {{key: [userId, start, metric, qualifier]}}
  Queue_Id__c: userId
  Queue_Name__c: metric
  Media_Type__c: qualifier
  Offered__c: sum
"""
LONG_CALLS = f"""
source:
  query: aggregates
  subject: conversations
  granularity: PT1H
  metrics: [tHandle]
  views: [{{target: tHandle, name: long_calls, function: rangeBound, range: {{gte: 600000}}}}]
{TARGET}
fields:
  Genesys_Key__c: {{key: [mediaType, start]}}
  Offered__c: tHandle.count
  Answered__c: {{from: long_calls.count, default: 0}}
"""


def filled(make_lab, mapping: str):
    lab = make_lab(now=at(12.3))
    lab.world.directory = CENTRE.directory
    for conversation in CENTRE.whole_conversations():
        lab.world.add(conversation)
    lab.write_mapping(mapping)
    return lab


def test_every_status_of_every_user_stands_in_the_org_and_a_second_run_writes_none(make_lab):
    lab = filled(make_lab, USERS)
    result = lab.sync()
    metrics = ["tSystemPresence", "tAgentRoutingStatus"]
    body = {"granularity": "PT1H", "groupBy": ["userId"], "metrics": metrics}
    interval = "2026-03-02T00:00:00.000Z/2026-03-02T12:00:00.000Z"
    told = {
        (group["group"]["userId"], one["metric"], one["qualifier"], data["interval"][:19]): one["stats"]["sum"]
        for group in user_aggregate(CENTRE.directory, {**body, "interval": interval}, lab.clock.now())
        for data in group["data"]
        for one in data["metrics"]
    }
    rows = lab.salesforce.rows("Queue_Interval__c")
    names = ("Queue_Id__c", "Queue_Name__c", "Media_Type__c")
    stand = {
        (*(row[name] for name in names), key.split("|")[1].removesuffix("Z")): row["Offered__c"]
        for key, row in rows.items()
    }
    assert (result.error, result.exit_code, result.complete_to) == (None, 0, at(12))
    assert len(rows) == len(told) > 100
    assert stand == told
    again = lab.sync()
    assert (again.books.created, again.books.updated) == (0, 0)


def test_a_view_counts_what_the_conversations_themselves_hold(make_lab):
    lab = filled(make_lab, LONG_CALLS)
    result = lab.sync()
    expected: dict[str, list[int]] = {}
    for conversation in lab.world.conversations_at(lab.clock.now(), DAY, at(12)):
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                for metric in session["metrics"]:
                    emitted = milliseconds(metric["emitDate"])
                    if metric["name"] == "tHandle" and emitted < milliseconds(at(12)):
                        hour = DAY + timedelta(milliseconds=(emitted - milliseconds(DAY)) // 3_600_000 * 3_600_000)
                        key = f"{session['mediaType']}|{hour:%Y-%m-%dT%H:%M:%SZ}"
                        expected.setdefault(key, []).append(metric["value"])
    assert (result.error, result.exit_code) == (None, 0)
    assert {
        key: (row["Offered__c"], row["Answered__c"]) for key, row in lab.salesforce.rows("Queue_Interval__c").items()
    } == {key: (len(values), sum(value >= 600_000 for value in values)) for key, values in expected.items()}
    assert any(value >= 600_000 for values in expected.values() for value in values)
