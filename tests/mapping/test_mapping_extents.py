"""What is known of a field's values before any record is read."""

import pytest
from mapping_texts import CALLS, with_fields

from connector.mapping.extents import Extent, extent_of


@pytest.mark.parametrize(
    ("field", "known"),
    [
        ("externalTag", Extent()),
        ("{from: externalTag, truncate: 80}", Extent(longest=80, cut=80)),
        ("{from: externalTag, truncate: 80, then: {truncate: 40}}", Extent(longest=40, cut=40)),
        ("{from: externalTag, truncate: 40, then: {truncate: 80}}", Extent(longest=40, cut=40)),
        ("{from: externalTag, truncate: 80, upper: true}", Extent()),
        ("{from: externalTag, hash: true}", Extent(longest=64)),
        ("{key: [conversationId]}", Extent()),
        ("{value: Call}", Extent(longest=4, values=("Call",))),
        ("{value: 5}", Extent(values=(5,))),
        ("{from: externalTag, map: {a: In, b: Outbound}}", Extent(longest=8, values=("In", "Outbound"))),
        ("{from: externalTag, map: {a: In}, else: Other}", Extent(longest=5, values=("In", "Other"))),
        ("{from: externalTag, map: {a: In}, default: None}", Extent(longest=4, values=("In", "None"))),
        ("{from: externalTag, default: Other}", Extent(values=("Other",))),
        ("{from: externalTag, truncate: 3, default: Other}", Extent(longest=5, values=("Other",))),
        ("{from: externalTag, map: {a: 1, b: x}}", Extent(values=(1, "x"))),
        ("{from: duration_ms, divide: 1000, round: 2}", Extent(decimals=2)),
        ("{from: duration_ms, round: 2, divide: 3}", Extent()),
        ("{from: duration_ms, round: 2, default: 0}", Extent(decimals=2, values=(0,))),
        ("{count: participants}", Extent(decimals=0)),
        ("{from: conversationStart, date: UTC}", Extent(longest=10)),
        ("{value: \U0001f600}", Extent(longest=2, values=("\U0001f600",))),
    ],
)
def test_source_and_steps_tell_what_may_come_out(read, field, known):
    rules = {one.name: one for one in read(with_fields(CALLS, f"X__c: {field}")).targets[0].fields}
    assert extent_of(rules["X__c"]) == known
