"""Settings: where they are found, what is accepted, and one report of everything that is wrong."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from connector.config import Config, GenesysSettings, SalesforceSettings, Secret, home_folder, load_config
from connector.errors import ConfigError
from connector.genesys.regions import DOMAINS
from connector.login_choice import PASSWORD_ENDS, Flow

WHOLE = {
    "GENESYS_REGION": "mypurecloud.ie",
    "GENESYS_CLIENT_ID": "id-1",
    "GENESYS_CLIENT_SECRET": "secret-1",
    "SALESFORCE_DOMAIN": "acme.my",
    "SALESFORCE_CLIENT_ID": "key-1",
    "SALESFORCE_CLIENT_SECRET": "secret-2",
}


def expected(home: Path) -> Config:
    return Config(
        home=home,
        state=home / "connector.db",
        mappings=home / "mappings",
        log="text",
        genesys=GenesysSettings("mypurecloud.ie", "id-1", Secret("secret-1"), 300),
        salesforce=SalesforceSettings("acme.my", "key-1", Secret("secret-2"), None, None, "66.0", 0.2),
        hash_salt=None,
        warnings=(),
    )


def write_env(home: Path, text: str, mode: int = 0o600) -> None:
    file = home / ".env"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def problems(home: Path, environment: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(home, environment)
    head, *lines = caught.value.message.splitlines()
    assert head in ("1 setting is missing or wrong:", f"{len(lines)} settings are missing or wrong:")
    return [line.strip() for line in lines]


# --- places


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    assert load_config(tmp_path, WHOLE) == expected(tmp_path)


def test_the_env_file_alone_is_enough_and_leaves_the_process_alone(tmp_path: Path) -> None:
    write_env(tmp_path, "# mine\n" + "".join(f"export {name}='{value}'\n" for name, value in WHOLE.items()))
    before = dict(os.environ)
    assert load_config(tmp_path, {}) == expected(tmp_path)
    assert dict(os.environ) == before


def test_the_environment_beats_the_secret_file_and_that_the_env_file(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("from file\n")
    name = "GENESYS_CLIENT_SECRET"
    write_env(tmp_path, f"{name}=from-env-file\n")
    rest = {key: value for key, value in WHOLE.items() if key != name}

    def secret(**more: str) -> str:
        return load_config(tmp_path, {**rest, **more}).genesys.client_secret.reveal()

    assert secret() == "from-env-file"
    assert secret(GENESYS_CLIENT_SECRET_FILE=str(tmp_path / "given")) == "from file"
    assert secret(GENESYS_CLIENT_SECRET_FILE=str(tmp_path / "given"), GENESYS_CLIENT_SECRET="direct") == "direct"


def test_a_secret_file_may_be_named_in_the_env_file_relative_to_the_home(tmp_path: Path) -> None:
    (tmp_path / "salt").write_bytes(b"\xef\xbb\xbfpepper\r\n")
    write_env(tmp_path, "CONNECTOR_HASH_SALT_FILE=salt\n")
    assert load_config(tmp_path, WHOLE).hash_salt == Secret("pepper")


def test_secrets_with_dollars_and_hashes_are_taken_as_they_are(tmp_path: Path) -> None:
    write_env(tmp_path, "CONNECTOR_HASH_SALT=a$HOME${HOME}#b\n")
    assert load_config(tmp_path, WHOLE).hash_salt == Secret("a$HOME${HOME}#b")


def test_an_env_file_written_by_windows_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfCONNECTOR_LOG=json\r\nGENESYS_REQUESTS_PER_MINUTE=60\r\n")
    (tmp_path / ".env").chmod(0o600)
    wanted = expected(tmp_path)
    assert load_config(tmp_path, WHOLE) == replace(
        wanted, log="json", genesys=replace(wanted.genesys, requests_per_minute=60)
    )


def test_empty_values_count_as_not_set(tmp_path: Path) -> None:
    write_env(tmp_path, "GENESYS_CLIENT_ID=id-1\nCONNECTOR_HASH_SALT=\n")
    assert load_config(tmp_path, {**WHOLE, "GENESYS_CLIENT_ID": "  ", "CONNECTOR_LOG": ""}) == expected(tmp_path)


def test_paths_are_inside_the_home_unless_they_say_otherwise(tmp_path: Path) -> None:
    config = load_config(tmp_path, {**WHOLE, "CONNECTOR_STATE": "/var/lib/c.db", "CONNECTOR_MAPPINGS": "maps/live"})
    assert (config.state, config.mappings) == (Path("/var/lib/c.db"), tmp_path / "maps" / "live")


def test_the_home_is_the_option_else_the_environment_else_the_current_folder(tmp_path: Path) -> None:
    environment = {"CONNECTOR_HOME": str(tmp_path / "named")}
    assert home_folder(str(tmp_path), environment) == tmp_path
    assert home_folder(None, environment) == tmp_path / "named"
    assert home_folder(None, {}) == Path.cwd()
    assert home_folder("~/x", {}) == Path.home() / "x"


def test_a_home_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a folder"):
        load_config(tmp_path / "none", WHOLE)


# --- what is accepted


@pytest.mark.parametrize(
    "region",
    [
        "mypurecloud.ie",
        "MyPureCloud.ie",
        "eu-west-1",
        "EU-WEST-1",
        "api.mypurecloud.ie",
        "login.mypurecloud.ie",
        "https://apps.mypurecloud.ie/directory/#/admin",
        "https://api.mypurecloud.ie:443/",
        " mypurecloud.ie. ",
    ],
)
def test_every_usual_way_to_name_a_region_is_understood(tmp_path: Path, region: str) -> None:
    assert load_config(tmp_path, {**WHOLE, "GENESYS_REGION": region}) == expected(tmp_path)


def test_every_region_is_known_by_domain_and_by_aws_name(tmp_path: Path) -> None:
    for name, domain in DOMAINS.items():
        for text in (name, domain):
            assert load_config(tmp_path, {**WHOLE, "GENESYS_REGION": text}).genesys.domain == domain


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.my", "acme.my"),
        ("Acme.my.salesforce.com", "acme.my"),
        ("https://acme.my.salesforce.com/", "acme.my"),
        ("https://acme.my/", "acme.my"),
        ("https://acme--dev.sandbox.my.salesforce.com/lightning/page", "acme--dev.sandbox.my"),
    ],
)
def test_every_usual_way_to_name_my_domain_is_understood(tmp_path: Path, text: str, domain: str) -> None:
    assert load_config(tmp_path, {**WHOLE, "SALESFORCE_DOMAIN": text}).salesforce.domain == domain


def test_an_access_token_needs_no_client(tmp_path: Path) -> None:
    environment = {name: value for name, value in WHOLE.items() if not name.startswith("SALESFORCE")}
    environment |= {"SALESFORCE_ACCESS_TOKEN": "00D!x", "SALESFORCE_INSTANCE_URL": "https://Acme.my.salesforce.com/x"}
    assert load_config(tmp_path, environment).salesforce == SalesforceSettings(
        None, None, None, Secret("00D!x"), "https://acme.my.salesforce.com", "66.0", 0.2
    )


@pytest.mark.parametrize(
    ("text", "share"), [("20 %", 0.2), ("20%", 0.2), ("20", 0.2), ("0.2", 0.2), ("0", 0.0), ("2.5 %", 0.025)]
)
def test_the_call_reserve_is_a_share(tmp_path: Path, text: str, share: float) -> None:
    config = load_config(tmp_path, {**WHOLE, "SALESFORCE_CALL_RESERVE": text})
    assert config.salesforce.call_reserve == pytest.approx(share)


@pytest.mark.parametrize("text", ["65", "65.0", "v65.0", "V65"])
def test_the_api_version_is_understood_with_and_without_decoration(tmp_path: Path, text: str) -> None:
    assert load_config(tmp_path, {**WHOLE, "SALESFORCE_API_VERSION": text}).salesforce.api_version == "65.0"


# --- what is wrong


def test_everything_that_is_missing_is_told_at_once_with_where_it_was_looked_for(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert problems(tmp_path, {}) == [
        f"GENESYS_REGION: not set; looked in the environment, GENESYS_REGION_FILE and {file}",
        f"GENESYS_CLIENT_ID: not set; looked in the environment, GENESYS_CLIENT_ID_FILE and {file}",
        f"GENESYS_CLIENT_SECRET: not set; looked in the environment, GENESYS_CLIENT_SECRET_FILE and {file}",
        "SALESFORCE_CLIENT_ID: no Salesforce login is set; set SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID and "
        "SALESFORCE_CLIENT_SECRET, or SALESFORCE_DOMAIN, SALESFORCE_USERNAME, SALESFORCE_CLIENT_ID and "
        "SALESFORCE_PRIVATE_KEY_FILE, or SALESFORCE_ACCESS_TOKEN and SALESFORCE_INSTANCE_URL",
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("GENESYS_REGION", "mypurecloud.eu", "did you mean mypurecloud."),
        ("GENESYS_REGION", "eu-west-3", "did you mean eu-west-"),
        ("GENESYS_REGION", "frankfurt??", "known are mypurecloud.com, "),
        ("GENESYS_REQUESTS_PER_MINUTE", "0", "whole number from 1 to 3000"),
        ("GENESYS_REQUESTS_PER_MINUTE", "many", "whole number from 1 to 3000"),
        ("GENESYS_REQUESTS_PER_MINUTE", "³", "whole number from 1 to 3000"),
        ("SALESFORCE_DOMAIN", "acme", "did you mean acme.my?"),
        ("SALESFORCE_DOMAIN", "https://acme.lightning.force.com/", "did you mean acme.my?"),
        ("SALESFORCE_DOMAIN", "acme--dev.sandbox.lightning.force.com", "did you mean acme--dev.sandbox.my?"),
        ("SALESFORCE_DOMAIN", "https://login.salesforce.com", "set your My Domain"),
        ("SALESFORCE_DOMAIN", "???", "an example is acme.my"),
        ("SALESFORCE_INSTANCE_URL", "http://acme.my.salesforce.com", "is not an https address"),
        ("SALESFORCE_USERNAME", "Integration User", "looks like an e-mail address"),
        ("SALESFORCE_SECURITY_TOKEN", "a b&c", "letters and digits alone"),
        ("SALESFORCE_API_VERSION", "latest", "such as 66.0"),
        ("SALESFORCE_CALL_RESERVE", "100 %", "share from 0 % to 99 %"),
        ("SALESFORCE_CALL_RESERVE", "a lot", "share from 0 % to 99 %"),
        ("CONNECTOR_LOG", "xml", "neither text nor json"),
        ("GENESYS_CLIENT_SECRET", "one\ntwo", "line break"),
    ],
)
def test_a_wrong_value_is_told_with_its_mend(tmp_path: Path, name: str, text: str, told: str) -> None:
    [line] = problems(tmp_path, {**WHOLE, name: text})
    assert line.startswith(f"{name}: ")
    assert told in line


def test_an_unknown_name_in_the_env_file_is_told_with_the_nearest(tmp_path: Path) -> None:
    write_env(tmp_path, "GENESYS_CLIENT_SECERT=x\nCONNECTOR_XYZZY_PLUGH=1\nOTHER_TOOL=1\nCONNECTOR_HOME_FILE=p\n")
    file = tmp_path / ".env"
    assert problems(tmp_path, WHOLE) == [
        f"GENESYS_CLIENT_SECERT: there is no such setting ({file}); did you mean GENESYS_CLIENT_SECRET?",
        f"CONNECTOR_XYZZY_PLUGH: there is no such setting ({file}); take the line out",
    ]


def test_names_of_other_tools_in_the_environment_are_nobodys_business(tmp_path: Path) -> None:
    assert load_config(tmp_path, {**WHOLE, "GENESYS_OTHER": "1"}) == expected(tmp_path)


def test_a_missing_setting_misspelled_in_the_environment_is_found(tmp_path: Path) -> None:
    environment = {name: value for name, value in WHOLE.items() if name != "GENESYS_CLIENT_ID"}
    [line] = problems(tmp_path, {**environment, "GENESYS_CLIENTID": "x"})
    assert line.endswith("; the environment holds GENESYS_CLIENTID: is it meant?")


def test_a_line_of_the_env_file_that_is_no_setting_is_told_by_number_only(tmp_path: Path) -> None:
    write_env(tmp_path, "CONNECTOR_LOG=text\nhidden secret\nCONNECTOR_HASH_SALT\n")
    file = tmp_path / ".env"
    assert problems(tmp_path, WHOLE) == [f"{file}: line 2 is not NAME=value", f"{file}: line 3 is not NAME=value"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfe", "it is not UTF-8 text"),
    ],
)
def test_an_unusable_secret_file_is_told_and_not_taken_for_unset(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    environment = {name: value for name, value in WHOLE.items() if name != "GENESYS_CLIENT_SECRET"}
    write_env(tmp_path, "GENESYS_CLIENT_SECRET=old\n")
    [line] = problems(tmp_path, {**environment, "GENESYS_CLIENT_SECRET_FILE": str(file)})
    assert line.startswith(f"GENESYS_CLIENT_SECRET_FILE: {file} ")
    assert told in line


def test_an_env_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert problems(tmp_path, WHOLE) == [f"{tmp_path / '.env'}: cannot be read (Is a directory)"]


# --- Salesforce logins

GENESYS = {name: value for name, value in WHOLE.items() if name.startswith("GENESYS")}


@pytest.mark.parametrize(
    ("given", "starts"),
    [
        (["CLIENT_ID"], ["SALESFORCE_DOMAIN: not set", "SALESFORCE_CLIENT_SECRET: not set"]),
        (["CLIENT_SECRET"], ["SALESFORCE_DOMAIN: not set", "SALESFORCE_CLIENT_ID: not set"]),
        (["CLIENT_ID", "CLIENT_SECRET"], ["SALESFORCE_DOMAIN: not set"]),
        (["ACCESS_TOKEN"], ["SALESFORCE_INSTANCE_URL: not set"]),
        (["DOMAIN"], ["SALESFORCE_CLIENT_ID: no Salesforce login is set"]),
        (["INSTANCE_URL"], ["SALESFORCE_CLIENT_ID: no Salesforce login is set"]),
    ],
)
def test_what_is_missing_from_a_login_that_was_begun_is_told(
    tmp_path: Path, given: list[str], starts: list[str]
) -> None:
    values = {"DOMAIN": "acme.my", "INSTANCE_URL": "https://acme.my.salesforce.com"}
    lines = problems(tmp_path, GENESYS | {f"SALESFORCE_{name}": values.get(name, "x") for name in given})
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=True)] == starts


PRIVATE_KEY_LOGIN = {
    "SALESFORCE_DOMAIN": "acme.my",
    "SALESFORCE_USERNAME": "a@acme.example",
    "SALESFORCE_CLIENT_ID": "k",
    "SALESFORCE_PRIVATE_KEY_FILE": "salesforce.key",
}


def test_a_private_key_is_named_and_not_read(tmp_path: Path) -> None:
    key = tmp_path / "salesforce.key"
    key.write_text("whatever stands here\n")
    key.chmod(0o600)
    config = load_config(tmp_path, GENESYS | PRIVATE_KEY_LOGIN)
    wanted = SalesforceSettings(
        "acme.my", "k", None, None, None, "66.0", 0.2, username="a@acme.example", private_key_file=key
    )
    assert (config.salesforce, config.warnings) == (wanted, ())
    assert config.salesforce.flow is Flow.PRIVATE_KEY


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_private_key_others_can_read_is_a_warning(tmp_path: Path) -> None:
    key = tmp_path / "salesforce.key"
    key.write_text("whatever\n")
    key.chmod(0o644)
    assert load_config(tmp_path, GENESYS | PRIVATE_KEY_LOGIN).warnings == (
        f"{key} can be read by other users of this machine; run: chmod 600 {key}",
    )


def test_a_private_key_that_is_not_there_is_told_with_all_the_rest(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    given = {"SALESFORCE_USERNAME": "a@acme.example", "SALESFORCE_PRIVATE_KEY_FILE": "none.key"}
    because = "not set (the login by private key needs it); looked in the environment"
    assert problems(tmp_path, GENESYS | given) == [
        f"SALESFORCE_PRIVATE_KEY_FILE: {tmp_path / 'none.key'} cannot be read (No such file or directory)",
        f"SALESFORCE_DOMAIN: {because}, SALESFORCE_DOMAIN_FILE and {file}",
        f"SALESFORCE_CLIENT_ID: {because}, SALESFORCE_CLIENT_ID_FILE and {file}",
    ]


def test_a_missing_private_key_is_asked_for_by_the_name_of_its_file(tmp_path: Path) -> None:
    given = {name: value for name, value in PRIVATE_KEY_LOGIN.items() if not name.endswith("_FILE")}
    assert problems(tmp_path, GENESYS | given) == [
        "SALESFORCE_PRIVATE_KEY_FILE: not set (the login by private key needs it); "
        f"looked in the environment and {tmp_path / '.env'}"
    ]


def test_a_login_by_password_is_taken_with_a_warning_of_its_end(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p&<>'\n")
    given = {
        "SALESFORCE_DOMAIN": "acme.my",
        "SALESFORCE_USERNAME": "a@acme.example",
        "SALESFORCE_PASSWORD_FILE": "password",
        "SALESFORCE_SECURITY_TOKEN": "t0ken",
    }
    config = load_config(tmp_path, GENESYS | given)
    who = {"username": "a@acme.example", "password": Secret("p&<>'"), "security_token": Secret("t0ken")}
    assert config.salesforce == SalesforceSettings("acme.my", None, None, None, None, "66.0", 0.2, **who)
    assert (config.salesforce.flow, config.warnings) == (Flow.PASSWORD, (PASSWORD_ENDS,))


def test_a_token_beside_a_whole_client_is_not_used_and_that_is_told(tmp_path: Path) -> None:
    config = load_config(tmp_path, {**WHOLE, "SALESFORCE_ACCESS_TOKEN": "t"})
    assert config.warnings == (
        "SALESFORCE_ACCESS_TOKEN is not used, for SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET are set",
    )


# --- discretion


def test_secrets_are_never_shown() -> None:
    secret = Secret("hidden")
    settings = GenesysSettings("d", "c", secret, 300)
    assert "hidden" not in f"{secret} {secret!r} {settings}"
    assert (secret.reveal(), secret == Secret("hidden"), secret == Secret("other"), secret == "hidden") == (
        "hidden",
        True,
        False,
        False,
    )
    assert len({secret, Secret("hidden")}) == 1


def test_a_secret_in_the_wrong_setting_is_not_shown(tmp_path: Path) -> None:
    secret = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyMQ"
    [line] = problems(tmp_path, {**WHOLE, "GENESYS_REGION": secret})
    assert secret not in line


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_an_env_file_others_can_read_is_a_warning(tmp_path: Path, mode: int, count: int) -> None:
    write_env(tmp_path, "CONNECTOR_LOG=text\n", mode)
    warning = f"{tmp_path / '.env'} can be read by other users of this machine; run: chmod 600 {tmp_path / '.env'}"
    assert load_config(tmp_path, WHOLE).warnings == (warning,) * count
