"""What became of each row: one `Outcome` per row, whichever way it was delivered.

Codes and classes: Salesforce reference, row errors; the three result files of an ingest job: Bulk API 2.0 guide.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from connector.errors import ConnectorError, DeliveryRefused, MalformedAnswer, QuotaSpent
from connector.salesforce.hints import discreet, hint_for

Verdict = Literal[
    "created", "updated", "deleted", "rejected", "transient", "race", "parent_missing", "quota", "unprocessed"
]
ErrorVerdict = Literal["rejected", "transient", "race", "parent_missing", "quota"]

# A Salesforce field holds up to 131,072 characters, as many as Python's limit: one more by an escape would not be read.
csv.field_size_limit(2**31 - 1)

_TRANSIENT = frozenset(
    """UNABLE_TO_LOCK_ROW TOO_MANY_APEX_REQUESTS REQUEST_RUNNING_TOO_LONG SERVER_UNAVAILABLE
    INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE TXN_SECURITY_METERING_ERROR UNKNOWN_EXCEPTION
    ALL_OR_NONE_OPERATION_ROLLED_BACK""".split()
)
_QUOTA = frozenset(
    "STORAGE_LIMIT_EXCEEDED LIMIT_EXCEEDED EXCEEDEDQUOTA REQUEST_LIMIT_EXCEEDED TRIAL_EXPIRED ORG_LOCKED".split()
)
_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_FIELD_NAMES = re.compile(r"\s*[A-Za-z]\w*(?:\.\w+)?(?:\s*,\s*[A-Za-z]\w*(?:\.\w+)?)*\s*")
_HELD_VALUE = re.compile(r"found:\s*(\S+)\s+duplicates value on record", re.IGNORECASE)
_MISSING_PARENT = re.compile(
    r"foreign key external id.* not found for field (\w+)(?: in entity (\w+))?", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Salesforce answered for one row.

    verdict: created, updated; deleted (it is there no more); rejected (permanent until data or set-up changes);
    transient (send again, later); race (another transaction inserted the key first: send again, it becomes an update);
    parent_missing (load the parent first); quota (an allowance or the storage is used up); unprocessed (never tried:
    send again).
    record_id: the Salesforce id where it was told. code: Salesforce's status code, or "". message: short and without
    customer values. fields: API names the error is about;
    for a missing parent, object and field it was looked for by (`Account.Ext__c`).
    """

    external_id: str
    verdict: Verdict
    record_id: str | None = None
    code: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether Salesforce now holds the row as sent."""
        return self.verdict in ("created", "updated")


class RowError(NamedTuple):
    """One error of a row as Salesforce states it; the message may quote customer values."""

    code: str
    message: str
    fields: tuple[str, ...]


def classify(code: str, message: str, external_id_field: str) -> ErrorVerdict:
    """Tell by code and raw message what to do with a refused row; a code nobody knows is permanent.

    Triggers and flows wrap a lock failure in a code of their own, so its name in the message counts too. A doubled
    value is a race only when it is the key's and stands on a saved record; on another unique field, or twice in one
    call, repeating changes nothing.
    """
    if code in _TRANSIENT or "UNABLE_TO_LOCK_ROW" in message:
        return "transient"
    if code in _QUOTA:
        return "quota"
    if code == "DUPLICATE_VALUE" and (held := _HELD_VALUE.search(message)):
        # Salesforce writes <unknown> when the other transaction has not ended yet.
        return "race" if held[1].lower() in (external_id_field.lower(), "<unknown>") else "rejected"
    if code == "INVALID_FIELD" and _MISSING_PARENT.search(message):
        return "parent_missing"
    return "rejected"


def parse_error(text: str) -> RowError:
    """Read `sf__Error`: `STATUSCODE:message:fields --`.

    The code ends at the first colon, the fields begin after the last; the message has colons of its own. A text
    without a code gets "UNKNOWN", a last part that is no list of names belongs to the message.
    """
    code, colon, rest = text.strip().partition(":")
    if not colon or not _CODE.fullmatch(code):
        code, rest = "UNKNOWN", text.strip()
    rest = rest.removesuffix("--").rstrip()
    message, colon, names = rest.rpartition(":")
    if not colon:
        return RowError(code, rest, ())
    if not names.strip():
        return RowError(code, message, ())
    if not _FIELD_NAMES.fullmatch(names):
        return RowError(code, rest, ())
    return RowError(code, message, tuple(name.strip() for name in names.split(",")))


def refused(external_id: str, error: RowError, external_id_field: str, record_id: str | None = None) -> Outcome:
    """The outcome of a row Salesforce did not save."""
    parent = _MISSING_PARENT.search(error.message)
    return Outcome(
        external_id=external_id,
        verdict=classify(error.code, error.message, external_id_field),
        record_id=record_id or None,
        code=error.code,
        message=discreet(error.message),
        fields=(f"{parent[2]}.{parent[1]}" if parent[2] else parent[1],) if parent else error.fields,
    )


def read_successful(path: Path, external_id: str) -> Iterator[Outcome]:
    """Yield one outcome per row of a `successfulResults` file, in the file's order, which is not the input's.

    external_id: API name of the key field; the file echoes it. An empty file yields nothing.
    Raises MalformedAnswer when the file is no such CSV.
    """
    for key, (record_id, created) in _rows(path, external_id, ("sf__Id", "sf__Created")):
        verdict: Verdict = "created" if created.lower() == "true" else "updated"
        yield Outcome(key, verdict, record_id or None)


def read_failed(path: Path, external_id: str) -> Iterator[Outcome]:
    """Yield one outcome per row of a `failedResults` file; otherwise as `read_successful`."""
    for key, (record_id, error) in _rows(path, external_id, ("sf__Id", "sf__Error")):
        yield refused(key, parse_error(error), external_id, record_id)


def read_unprocessed(path: Path, external_id: str) -> Iterator[Outcome]:
    """Yield one outcome per readable row of an `unprocessedrecords` file.

    This file may be malformed CSV, so what cannot be read is passed over: a row named in no file is not done either.
    For the same reason what the other two files say about a key counts more than what this one says.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        try:
            header = next(reader, [])
            if external_id not in header:
                return
            place = header.index(external_id)
            for cells in reader:
                if len(cells) == len(header) and cells[place]:
                    yield Outcome(cells[place], "unprocessed")
        except csv.Error:
            return


def _rows(path: Path, external_id: str, wanted: tuple[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the key and the two wanted columns of each row."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, None)
            if header is None:
                return
            missing = [name for name in (*wanted, external_id) if name not in header]
            if missing:
                raise MalformedAnswer(f"a result file of Salesforce has no column {', '.join(missing)}")
            first, second, key = (header.index(name) for name in (*wanted, external_id))
            width = len(header)
            for cells in reader:
                if len(cells) != width:
                    raise MalformedAnswer(f"line {reader.line_num} of a result file of Salesforce has other columns")
                yield cells[key], (cells[first], cells[second])
        except (csv.Error, UnicodeDecodeError) as error:
            raise MalformedAnswer(
                f"a result file of Salesforce cannot be read near line {reader.line_num}: it is no proper CSV",
                "The next run fetches it again; results stay at Salesforce for seven days.",
            ) from error


_JOB_MENDS = {
    "InvalidBatch": "Compare the mapping with the object: `connector check` names what is missing.",
    "ClientInputError": "Run `connector check`; when it is content, report this message: the file itself is refused.",
    "InvalidJob": "Run `connector check`: object, key field and rights must fit a Bulk API upsert.",
    "InvalidUser": "The user that made the job may no longer run it: check that the integration user is active.",
    "FeatureNotEnabled": "The org lacks the Bulk API: set `target.deliver: collections` in the mapping.",
}
_UNKNOWN_COLUMN = re.compile(r"field name not found\s*:\s*([\w.:]+)", re.IGNORECASE)


def job_failure(message: str) -> ConnectorError | None:
    """What the `errorMessage` of a failed ingest job means: an error to stop with, or None when it is transient.

    message: `Code : text`, for example `InvalidBatch : Field name not found : X__c`. Returns DeliveryRefused when a
    person must mend something, QuotaSpent when an allowance is used up. A failed job may have saved rows: its results
    are to be read in any case. Codes: Bulk API 2.0 guide, errors.
    """
    code, _, text = (part.strip() for part in message.partition(":"))
    if unknown := _UNKNOWN_COLUMN.search(text):
        return DeliveryRefused(
            f"Salesforce knows no field {unknown[1]} on the target object, so it refused the whole job",
            f"Compare the API name of {unknown[1]} with the object, and grant the integration user access to the "
            "field: a field hidden by field-level security looks the same.",
        )
    if code in _JOB_MENDS:
        return DeliveryRefused(f"Salesforce refused the whole job: {code}: {discreet(text)}", _JOB_MENDS[code])
    if code == "ExceededQuota":
        return QuotaSpent(f"Salesforce's allowance is used up: {discreet(text)}", hint_for("LIMIT_EXCEEDED"))
    return None
