"""Streams are made ready from settings and mappings, or it is said what is missing."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from lab import MAPPING, Lab, at, conversation

from connector.assemble import load_streams
from connector.config import Secret
from connector.errors import ConfigError

HASHED = MAPPING + "  Direction_Hash__c: {from: direction, hash: true}\n"


def test_a_hash_takes_its_salt_from_the_settings(tmp_path):
    lab = Lab(tmp_path, now=at(2))
    lab.write_mapping(HASHED)
    (stream,) = load_streams(replace(lab.config, hash_salt=Secret("pepper")))
    (row,) = stream.compiled.map({**conversation("c1", at(1)), "direction": "inbound"})
    assert row.values["Direction_Hash__c"] == hmac.new(b"pepper", b"inbound", hashlib.sha256).hexdigest()
    lab.close()


def test_a_hash_without_a_salt_is_refused_before_anything_runs(tmp_path):
    lab = Lab(tmp_path, now=at(2))
    lab.write_mapping(HASHED)
    with pytest.raises(ConfigError) as caught:
        load_streams(lab.config)
    assert caught.value.message == "conversations: fields.Direction_Hash__c: the step 'hash' needs a salt"
    assert "CONNECTOR_HASH_SALT" in caught.value.hint
    lab.close()
