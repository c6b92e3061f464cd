"""Which settings lead to which login, and what is told when they do not."""

import pytest

from connector.login_choice import PASSWORD_ENDS, WAYS, Choice, Flow, choose_login


def choose(*given: str) -> Choice:
    """The choice for settings of these names, each without `SALESFORCE_`."""
    return choose_login({f"SALESFORCE_{name}" for name in given}.__contains__)


def missing(choice: Choice) -> list[str]:
    return [name.removeprefix("SALESFORCE_") for name, _ in choice.missing]


@pytest.mark.parametrize(
    ("given", "flow", "warnings"),
    [
        (("DOMAIN", "CLIENT_ID", "CLIENT_SECRET"), Flow.CLIENT_CREDENTIALS, []),
        (("INSTANCE_URL", "CLIENT_ID", "CLIENT_SECRET"), Flow.CLIENT_CREDENTIALS, []),
        (("DOMAIN", "USERNAME", "CLIENT_ID", "PRIVATE_KEY", "PRIVATE_KEY_FILE"), Flow.PRIVATE_KEY, []),
        (("INSTANCE_URL", "USERNAME", "CLIENT_ID", "PRIVATE_KEY", "PRIVATE_KEY_FILE"), Flow.PRIVATE_KEY, []),
        (("DOMAIN", "USERNAME", "PASSWORD", "SECURITY_TOKEN"), Flow.PASSWORD, [PASSWORD_ENDS]),
        (("ACCESS_TOKEN", "INSTANCE_URL"), Flow.ACCESS_TOKEN, []),
    ],
)
def test_each_way_to_log_in_is_told_by_its_settings(given, flow, warnings):
    assert choose(*given) == Choice(flow, [], [], warnings)


@pytest.mark.parametrize(
    ("given", "flow", "lacks"),
    [
        (("CLIENT_ID",), Flow.CLIENT_CREDENTIALS, ["DOMAIN", "CLIENT_SECRET"]),
        (("CLIENT_SECRET",), Flow.CLIENT_CREDENTIALS, ["DOMAIN", "CLIENT_ID"]),
        (("CLIENT_ID", "USERNAME"), Flow.PRIVATE_KEY, ["DOMAIN", "PRIVATE_KEY_FILE"]),
        (("PRIVATE_KEY", "PRIVATE_KEY_FILE"), Flow.PRIVATE_KEY, ["DOMAIN", "USERNAME", "CLIENT_ID"]),
        (("PASSWORD",), Flow.PASSWORD, ["DOMAIN", "USERNAME"]),
        (("SECURITY_TOKEN",), Flow.PASSWORD, ["DOMAIN", "USERNAME", "PASSWORD"]),
        (("SECURITY_TOKEN", "CLIENT_ID", "DOMAIN"), Flow.PASSWORD, ["USERNAME", "PASSWORD"]),
        (("ACCESS_TOKEN",), Flow.ACCESS_TOKEN, ["INSTANCE_URL"]),
    ],
)
def test_all_that_is_missing_from_the_login_begun_is_told(given, flow, lacks):
    choice = choose(*given)
    assert (choice.flow, missing(choice), choice.problems) == (flow, lacks, [])
    assert {because for _, because in choice.missing} == {f" (the login by {flow.partition(' (')[0]} needs it)"}


@pytest.mark.parametrize(
    ("given", "names", "more"),
    [
        (("CLIENT_SECRET", "PRIVATE_KEY", "PRIVATE_KEY_FILE"), "CLIENT_SECRET and SALESFORCE_PRIVATE_KEY_FILE", ""),
        (("PRIVATE_KEY", "PRIVATE_KEY_FILE", "PASSWORD"), "PRIVATE_KEY_FILE and SALESFORCE_PASSWORD", ""),
        (
            ("USERNAME", "CLIENT_ID", "CLIENT_SECRET", "PASSWORD"),
            "CLIENT_SECRET and SALESFORCE_PASSWORD",
            " (OAuth with user name and password is not offered: Salesforce blocks it in newer orgs)",
        ),
    ],
)
def test_settings_of_two_logins_are_a_problem_and_no_guess(given, names, more):
    wrong = f"SALESFORCE_{names}: each asks for a login of its own; keep one{more}"
    assert choose(*given) == Choice(None, problems=(wrong,))


def test_a_key_written_into_the_settings_is_sent_to_a_file_with_all_else_that_is_missing():
    choice = choose("PRIVATE_KEY", "USERNAME")
    assert choice.problems == [
        "SALESFORCE_PRIVATE_KEY: write the key to a file of mode 600 and name that in SALESFORCE_PRIVATE_KEY_FILE"
    ]
    assert missing(choice) == ["DOMAIN", "CLIENT_ID"]


def test_where_nothing_is_begun_the_ways_are_told():
    assert choose().problems == [f"SALESFORCE_CLIENT_ID: no Salesforce login is set; {WAYS}"]
    assert choose("DOMAIN").problems == choose("INSTANCE_URL").problems == choose().problems
    assert choose("USERNAME").problems == [
        f"SALESFORCE_USERNAME: nothing to log in with is set beside it; {WAYS}",
    ]


def test_what_the_login_does_not_use_is_told():
    whole = ("DOMAIN", "CLIENT_ID", "CLIENT_SECRET")
    assert choose(*whole, "INSTANCE_URL", "USERNAME", "ACCESS_TOKEN").warnings == [
        f"SALESFORCE_{name} is not used, for SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET are set"
        for name in ("USERNAME", "ACCESS_TOKEN", "INSTANCE_URL")
    ]
    assert choose("ACCESS_TOKEN", "INSTANCE_URL", "DOMAIN").warnings == [
        "SALESFORCE_DOMAIN is not used, for SALESFORCE_ACCESS_TOKEN and SALESFORCE_INSTANCE_URL are set"
    ]


def test_a_password_without_a_security_token_is_taken_with_a_warning():
    choice = choose("DOMAIN", "USERNAME", "PASSWORD")
    assert (choice.missing, choice.problems) == ([], [])
    assert choice.warnings == [
        PASSWORD_ENDS,
        "SALESFORCE_SECURITY_TOKEN: not set; without it Salesforce lets in trusted networks only",
    ]
    assert "Summer '27" in PASSWORD_ENDS and "docs/salesforce-login.md" in PASSWORD_ENDS
