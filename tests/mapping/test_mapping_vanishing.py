"""What a row that clears its record holds."""

from mapping_texts import CALLS, QUEUES, with_fields

from connector.mapping import emptied


def of(mapping):
    return list(emptied(mapping.source, mapping.targets[0]).items())


def test_every_field_becomes_null_and_a_checkbox_false(read):
    mapping = read(
        with_fields(
            CALLS,
            "Direction__c: direction",
            "Is_Open__c: is_open",
            "Flag__c: {jmespath: \"externalTag == 'x'\", type: Checkbox}",
        )
    )
    assert of(mapping) == [("Key__c", None), ("Direction__c", None), ("Is_Open__c", False), ("Flag__c", False)]


def test_relationships_are_cleared_and_fields_that_stay_are_left_alone(read):
    mapping = read(
        with_fields(
            QUEUES,
            "Queue__r.Ext__c: queueId",
            "Offered__c: {from: nOffered.count, when_missing: leave}",
            "Handled__c: {from: tHandle.count, when_missing: reject}",
            "Source__c: {value: Genesys}",
        )
    )
    assert of(mapping) == [("Key__c", None), ("Queue__r.Ext__c", None), ("Handled__c", None)]


def test_rows_of_elements_are_cleared_by_what_their_elements_hold(read):
    text = with_fields(CALLS, "Purpose__c: purpose", "Muted__c: {from: record.is_open}")
    text = text.replace("\nfields:", "\neach: participants\nfields:").replace(
        "[conversationId]", "[record.conversationId, participantId]"
    )
    assert of(read(text)) == [("Key__c", None), ("Purpose__c", None), ("Muted__c", False)]


def test_the_three_ways_are_taken_and_others_refused(read, problems):
    for way in ("leave", "clear", "delete"):
        text = with_fields(CALLS).replace("external_id: Key__c", f"external_id: Key__c, when_vanished: {way}")
        assert read(text).targets[0].when_vanished == way
    assert problems(text.replace("delete", "remove")) == [
        "4:71: target.when_vanished: must be leave, clear, delete, not text ('remove')"
    ]
