"""The key of the simulated app."""

from pathlib import Path

from connector.sandbox.keys import private_key_in


def test_a_key_is_made_once_whole_and_for_its_owner_alone(tmp_path: Path):
    file = tmp_path / "salesforce.key"
    (tmp_path / "salesforce.key.part").write_text("a sandbox was killed while it wrote")
    made = private_key_in(file)
    assert made.startswith("-----BEGIN PUBLIC KEY-----")
    assert private_key_in(file) == made
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("salesforce.key", 0o600)]
