"""What Salesforce's codes mean to a person, and its messages without the customer values they quote."""

import re

from connector.masking import mask

_HINTS = {
    # Rows
    "REQUIRED_FIELD_MISSING": "Map the named field, or make it optional in Setup > Object Manager.",
    "INVALID_FIELD": "The field does not exist or is hidden: compare its API name, and grant field-level security.",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "Grant edit access to the field (field-level security), or take it out of the "
    "mapping when it is read only.",
    "STRING_TOO_LONG": "Add `truncate` with the field's length to the mapping, or make the field longer in Setup.",
    "NUMBER_OUTSIDE_VALID_RANGE": "Give the field more digits in Setup, or `divide` the value in the mapping.",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "Add the value to the picklist, or translate it with `map`.",
    "INVALID_CROSS_REFERENCE_KEY": "The record the row points to does not exist or may not be used: check the look-up "
    "and the rights on it.",
    "MALFORMED_ID": "The field holds record ids: fill it through the relationship and an external id instead.",
    "INVALID_EMAIL_ADDRESS": "Salesforce does not take the value as an e-mail address: mend it at the source, or "
    "write it to a Text field.",
    "INVALID_TYPE_ON_FIELD_IN_RECORD": "The value has the wrong type for the field: add `number`, `text`, `bool`, "
    "`date` or `datetime` to the mapping.",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "A validation rule of the object refuses the row: mend the value, or except "
    "the integration user from the rule.",
    "FIELD_INTEGRITY_EXCEPTION": "Two fields of the row contradict each other: compare them with the object's rules.",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "A trigger of the object failed: its owner finds the reason in the Apex "
    "debug log.",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "A flow of the object failed: its owner finds the reason among the failed flow "
    "interviews.",
    "DUPLICATES_DETECTED": "A duplicate rule blocks the row: let the integration user pass the rule.",
    "DUPLICATE_EXTERNAL_ID": "Several records hold this external id: delete the surplus ones, make the field Unique.",
    "DUPLICATE_VALUE": "Another record holds the value of a unique field: find it, or write the field no more.",
    "INSUFFICIENT_ACCESS_OR_READONLY": "Grant the integration user edit access to the object and the record.",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "Grant the integration user access to the parent record.",
    "ENTITY_IS_DELETED": "The record lies in the recycle bin: restore it or empty the bin, then replay.",
    "ENTITY_IS_LOCKED": "An approval process locks the record: finish it, then replay.",
    "INACTIVE_OWNER_OR_USER": "The record's owner is inactive: give it another owner, then replay.",
    "MISSING_ARGUMENT": "The external id is empty: every row needs one.",
    "UNABLE_TO_LOCK_ROW": "Another process held the record or its parent six times in a row: run at a quieter hour, "
    "and look for triggers and flows that lock the parent.",
    "TOO_MANY_APEX_REQUESTS": "The org was busy with long Apex six times in a row: run at a quieter hour.",
    "REQUEST_RUNNING_TOO_LONG": "Triggers or flows of the object take too long: make them lighter, then replay.",
    "SERVER_UNAVAILABLE": "Salesforce was out of reach six times in a row: look at status.salesforce.com, then replay.",
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": "The org was in maintenance: replay when it is over.",
    "TXN_SECURITY_METERING_ERROR": "A transaction security policy could not be worked out: replay; if it comes again, "
    "let the policy except the integration user.",
    "UNKNOWN_EXCEPTION": "Salesforce failed without a reason six times in a row: replay; if it comes again, send the "
    "error number of the message to Salesforce Support.",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": "Another row of the same call took this one with it: replay.",
    # Allowances
    "STORAGE_LIMIT_EXCEEDED": "The org's data storage is full: free some or buy more, see Setup > Storage Usage.",
    "LIMIT_EXCEEDED": "An allowance of the org is used up: see Setup > Company Information, and come back later.",
    "EXCEEDEDQUOTA": "An allowance of the org is used up: see Setup > Company Information, and come back later.",
    "REQUEST_LIMIT_EXCEEDED": "The org's calls of the last 24 hours are used up: see Setup > Company Information, and "
    "come back later.",
    "TRIAL_EXPIRED": "The org's trial has ended: extend it.",
    "ORG_LOCKED": "Salesforce has locked the org: ask Salesforce Support.",
    # Calls
    "JSON_PARSER_ERROR": "A value has the wrong type for its field: add `number`, `text`, `bool`, `date` or `datetime` "
    "to the mapping.",
    "API_CURRENTLY_DISABLED": "The API is switched off for this org: ask Salesforce Support.",
    "API_DISABLED_FOR_ORG": "Grant the integration user the permission 'API Enabled'; the org's edition must have it.",
    "INSUFFICIENT_ACCESS": "Grant the integration user the rights the call needs, through its permission set.",
    "INVALIDJOB": "The object or its key cannot be loaded so: the key must be a Text field, External ID and Unique.",
    "INVALIDENTITY": "The Bulk API does not take this object: set `target.deliver: collections` in the mapping.",
    "INVALID_TYPE": "The object does not exist or is hidden: compare its API name, and grant access to it.",
    "NOT_FOUND": "Compare the API names of object and field, and grant the integration user access to them.",
    "UNSUPPORTED_API_VERSION": "Set SALESFORCE_API_VERSION to a version the org knows.",
    "INVALID_SESSION_ID": "The session was ended: the next run logs in anew; lengthen it in Setup > Session Settings.",
    # Ingest jobs
    "InvalidBatch": "The file of the job did not fit the object: compare the fields of the mapping with it.",
    "ClientInputError": "Salesforce could not read the file of the job: run again; please report it if it comes back.",
    "InvalidJob": "The object or its key cannot be loaded so: the key must be a Text field, External ID and Unique.",
    "InvalidJobState": "The job was ended by somebody else: its rows are sent again.",
    "ExceededQuota": "The batches of the last 24 hours are used up: see Setup > Company Information, and come back "
    "later.",
    "TooManyLockFailure": "Another process held the parents of the rows: run at a quieter hour.",
    "Timeout": "Triggers or flows of the object take too long for a job: make them lighter, or set `target.deliver: "
    "collections`.",
    "FeatureNotEnabled": "Grant the integration user the permission 'API Enabled' and access to the Bulk API.",
    "InvalidUser": "The integration user may not run jobs: it must be active and have 'API Enabled'.",
}

_LONGEST = 200
_MASK = "***"
_API_NAME = re.compile(r"[A-Za-z]\w*__(?:c|r|e|mdt)(?:\.\w+)?")

# Where Salesforce quotes a value without quotation marks, or the value may hold such marks itself.
_ECHOED_VALUES = (
    (re.compile(r"(Due to, )'.*'(?= is not a valid)", re.DOTALL), rf"\1{_MASK}"),
    (re.compile(r"(value too large: ).*?(?= \(max length=|$)", re.DOTALL | re.IGNORECASE), rf"\1{_MASK}"),
    (re.compile(r"(foreign key external ID: ).*?(?= not found for field )", re.DOTALL | re.IGNORECASE), rf"\1{_MASK}"),
    (re.compile(r"(from VALUE_\w+ value ).*?(?= or request may be missing|$)", re.DOTALL), rf"\1{_MASK}"),
    (
        re.compile(
            r"((?:bad value for restricted picklist field|invalid email address|invalid phone|numeric field"
            r"|value of incorrect type|invalid date|invalid value|id specified)[^:]*: ).*$",
            re.DOTALL | re.IGNORECASE,
        ),
        rf"\1{_MASK}",
    ),
)
# In these phrases the quoted word is a name of the org's set-up, and the very thing to mend.
_QUOTED_NAME = re.compile(r"(?:column|field|entity|object|relationship|sobject type|property) '[A-Za-z]\w*'\Z", re.I)
_QUOTED = re.compile(r"(?<!\w)'.*?'(?!\w)|\"[^\"]*\"", re.DOTALL)
_WITH_DIGITS = re.compile(r"(?<!length=)(?<![\w.+-])[\w.+-]*\d{3}[\w.+-]*")


_PARENT = (
    "The parent record is not in Salesforce: load it first, then replay; or let the row go without it by "
    "`when_parent_missing: leave`."
)


def hint_for(code: str, message: str = "") -> str:
    """What to do about a status or error code of Salesforce, as one plain sentence; empty for a code not known here.

    message: where it is at hand, tells a missing parent from a field that is not there.
    """
    if code == "INVALID_FIELD" and "foreign key external id" in message.lower():
        return _PARENT
    if not (hint := _HINTS.get(code)) and code.startswith("INSUFFICIENT_ACCESS"):
        return _HINTS["INSUFFICIENT_ACCESS"]
    return hint or ""


def discreet(message: str) -> str:
    """A message of Salesforce fit for logs and people: at most 200 characters on one line, without customer values.

    Quoted values, what Salesforce echoes after the phrases it is known for, e-mail addresses, numbers of three and
    more digits and words that hold such numbers become `***`. API names of custom fields stay, and so do names in
    phrases such as "No such column 'X'".
    """
    message = mask(message)
    for pattern, mended in _ECHOED_VALUES:
        message = pattern.sub(mended, message)
    message = _QUOTED.sub(_without_value, message)
    message = _WITH_DIGITS.sub(lambda word: word[0] if _API_NAME.fullmatch(word[0]) else _MASK, message)
    message = " ".join(message.split())
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"


def _without_value(quoted: re.Match[str]) -> str:
    is_name = _QUOTED_NAME.search(quoted.string[: quoted.end()]) or _API_NAME.fullmatch(quoted[0][1:-1])
    return quoted[0] if is_name else _MASK
