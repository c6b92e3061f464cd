"""Where in Salesforce's Setup a refused row is mended, by code, object and field.

Source: Salesforce Help (Object Manager, field-level security, validation and duplicate rules, permission sets); row
errors: Salesforce reference.
"""

_FIELD = "Setup > Object Manager > {object} > Fields & Relationships > {field}"
_SECURITY = f"{_FIELD} > Set Field-Level Security"
_OBJECT = "Setup > Object Manager > {object}"
_PERMISSIONS = "Setup > Permission Sets > the integration user's > Object Settings > {object}"
_ALLOWANCES = "Setup > Company Information"

_PATHS = {
    "REQUIRED_FIELD_MISSING": _FIELD,
    "INVALID_FIELD": _SECURITY,
    "INVALID_FIELD_FOR_INSERT_UPDATE": _SECURITY,
    "STRING_TOO_LONG": _FIELD,
    "NUMBER_OUTSIDE_VALID_RANGE": _FIELD,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": f"{_FIELD} > Values",
    "INVALID_CROSS_REFERENCE_KEY": _FIELD,
    "MALFORMED_ID": _FIELD,
    "INVALID_EMAIL_ADDRESS": _FIELD,
    "INVALID_TYPE_ON_FIELD_IN_RECORD": _FIELD,
    "JSON_PARSER_ERROR": _FIELD,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": f"{_OBJECT} > Validation Rules",
    "FIELD_INTEGRITY_EXCEPTION": _FIELD,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": f"{_OBJECT} > Triggers",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "Setup > Paused And Failed Flow Interviews",
    "DUPLICATES_DETECTED": "Setup > Duplicate Rules",
    "DUPLICATE_EXTERNAL_ID": _FIELD,
    "DUPLICATE_VALUE": _FIELD,
    "INSUFFICIENT_ACCESS": _PERMISSIONS,
    "ENTITY_IS_LOCKED": "Setup > Approval Processes",
    "INACTIVE_OWNER_OR_USER": "Setup > Users",
    "UNABLE_TO_LOCK_ROW": f"{_OBJECT} > Triggers",
    "STORAGE_LIMIT_EXCEEDED": "Setup > Storage Usage",
    "LIMIT_EXCEEDED": _ALLOWANCES,
    "EXCEEDEDQUOTA": _ALLOWANCES,
    "REQUEST_LIMIT_EXCEEDED": _ALLOWANCES,
    "TRIAL_EXPIRED": _ALLOWANCES,
    "API_DISABLED_FOR_ORG": "Setup > Permission Sets > the integration user's > System Permissions",
    "INVALID_TYPE": _PERMISSIONS,
    "NOT_FOUND": _PERMISSIONS,
    "INVALIDJOB": _FIELD,
    "FeatureNotEnabled": "Setup > Permission Sets > the integration user's > System Permissions",
    "InvalidUser": "Setup > Users",
}


def setup_path(code: str, object_name: str, fields: str) -> str:
    """Where to look for a code, such as `Setup > Object Manager > Call__c > Validation Rules`; "" where nowhere.

    fields: as Salesforce named them, several joined by commas; for a missing parent its object and key field
    (`Account.Key__c`), which is then the object to look at. Without a field the path ends at the list of fields.
    """
    path = _PATHS.get("INSUFFICIENT_ACCESS" if code.startswith("INSUFFICIENT_ACCESS") else code, "")
    field = fields.partition(",")[0].strip()
    parent, dot, key = field.rpartition(".")
    if not field:
        path = path.partition(" > {field}")[0]
    return path.format(object=parent if dot and parent else object_name, field=key)
