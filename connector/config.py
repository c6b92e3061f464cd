"""Settings: from the environment, secret files and `.env` to one frozen Config, all problems reported together.

A setting NAME is looked for in the environment, then in the file that NAME_FILE points to (a secret mounted by a
scheduler or container), then in `.env` of the home. An empty value counts as not set. Nothing is written, and the
environment of the process stays as it is.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from dotenv.parser import parse_stream

from connector.errors import ConfigError
from connector.genesys.regions import DOMAINS, find_domain, nearest_regions
from connector.login_choice import PRIVATE_KEY, PRIVATE_KEY_FILE, Flow, choose_login
from connector.masking import mask

ENV_FILE = ".env"
PREFIXES = ("GENESYS_", "SALESFORCE_", "CONNECTOR_")

_LARGEST_RATE = 3000  # calls a minute the vendor allows a whole organisation; no single login gets more


class Secret:
    """A value that is never shown; only `reveal` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class GenesysSettings:
    """domain: of the region, e.g. mypurecloud.ie. requests_per_minute: the call budget of one login."""

    domain: str
    client_id: str
    client_secret: Secret
    requests_per_minute: int


@dataclass(frozen=True)
class SalesforceSettings:
    """What one way to log in needs, see `flow`; the rest may be None.

    domain: My Domain, e.g. acme.my. instance_url: https://host, without a path. private_key_file: absolute; it is read
    at the login only. api_version: e.g. "66.0". call_reserve: share of the org's daily calls that is left to its other
    users, from 0 to below 1.
    """

    domain: str | None
    client_id: str | None
    client_secret: Secret | None
    access_token: Secret | None
    instance_url: str | None
    api_version: str
    call_reserve: float
    username: str | None = None
    password: Secret | None = None
    security_token: Secret | None = None
    private_key_file: Path | None = None

    @property
    def flow(self) -> Flow | None:
        """The way to log in; None when nothing to log in with is set."""
        if self.client_secret:
            return Flow.CLIENT_CREDENTIALS
        if self.private_key_file:
            return Flow.PRIVATE_KEY
        if self.password:
            return Flow.PASSWORD
        return Flow.ACCESS_TOKEN if self.access_token else None


@dataclass(frozen=True)
class Config:
    """Everything one installation is told. Paths are absolute. warnings: what works, but should be mended.

    answers: folder for the shapes of malformed answers, where it is not `answers` in the home.
    """

    home: Path
    state: Path
    mappings: Path
    log: Literal["text", "json"]
    genesys: GenesysSettings
    salesforce: SalesforceSettings
    hash_salt: Secret | None
    warnings: tuple[str, ...] = ()
    answers: Path | None = None


def home_folder(option: str | None, environment: Mapping[str, str]) -> Path:
    """The home: `--home`, else CONNECTOR_HOME, else the current folder; absolute, perhaps not there yet."""
    return Path(option or environment.get("CONNECTOR_HOME") or ".").expanduser().absolute()


def load_config(home: Path, environment: Mapping[str, str]) -> Config:
    """All settings of the installation in `home`.

    Raises ConfigError with every problem, a line each: the setting, what is wrong or where it was looked for, the mend.
    """
    if not home.is_dir():
        raise ConfigError(f"{home} is not a folder", "name the home by --home or CONNECTOR_HOME, or make the folder")
    home = home.absolute()
    places = _Places(home, environment)
    values: dict[str, Any] = {}
    for name, setting in _SETTINGS.items():
        text = places.look_up(name) or setting.default
        try:
            values[name] = setting.parse(_one_line(text)) if text else None
        except ValueError as wrong:
            # Masked, for a secret may stand in the wrong setting.
            places.problems.append(f"{name}: {mask(str(wrong))}")
    for name in ("GENESYS_REGION", "GENESYS_CLIENT_ID", "GENESYS_CLIENT_SECRET"):
        places.require(name)
    key_file = places.private_key_file()
    _check_salesforce_login(places)
    if places.problems:
        count = len(places.problems)
        head = "1 setting is missing or wrong:" if count == 1 else f"{count} settings are missing or wrong:"
        raise ConfigError("\n".join([head, *(f"  {line}" for line in places.problems)]))
    return Config(
        home=home,
        state=_inside(home, values["CONNECTOR_STATE"]),
        mappings=_inside(home, values["CONNECTOR_MAPPINGS"]),
        log=values["CONNECTOR_LOG"],
        genesys=GenesysSettings(
            domain=values["GENESYS_REGION"],
            client_id=values["GENESYS_CLIENT_ID"],
            client_secret=values["GENESYS_CLIENT_SECRET"],
            requests_per_minute=values["GENESYS_REQUESTS_PER_MINUTE"],
        ),
        salesforce=SalesforceSettings(
            domain=values["SALESFORCE_DOMAIN"],
            client_id=values["SALESFORCE_CLIENT_ID"],
            client_secret=values["SALESFORCE_CLIENT_SECRET"],
            access_token=values["SALESFORCE_ACCESS_TOKEN"],
            instance_url=values["SALESFORCE_INSTANCE_URL"],
            api_version=values["SALESFORCE_API_VERSION"],
            call_reserve=values["SALESFORCE_CALL_RESERVE"],
            username=values["SALESFORCE_USERNAME"],
            password=values["SALESFORCE_PASSWORD"],
            security_token=values["SALESFORCE_SECURITY_TOKEN"],
            private_key_file=key_file,
        ),
        hash_salt=values["CONNECTOR_HASH_SALT"],
        warnings=tuple(places.warnings),
    )


class _Places:
    """Where settings stand: the environment, secret files, `.env`; collects problems instead of stopping at one."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = environment
        self._env_file = home / ENV_FILE
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._in_env_file = self._read_env_file()

    def look_up(self, name: str) -> str:
        """The text of a setting, "" when it is not set; an unusable secret file is a problem."""
        given = self._environment.get(name, "").strip() or self._from_secret_file(name)
        return given or self._in_env_file.get(name, "").strip()

    def has(self, name: str) -> bool:
        """Whether any place gives it, right or wrong."""
        places = (self._environment, self._in_env_file)
        return any(place.get(one, "").strip() for place in places for one in (name, f"{name}_FILE"))

    def require(self, name: str, because: str = "") -> None:
        """Report `name` when it is not set."""
        if self.has(name):
            return
        places = ["the environment", *([] if name.endswith("_FILE") else [f"{name}_FILE"])]
        tried = f"{', '.join(places)} and {self._env_file}"
        line = f"{name}: not set{because}; looked in {tried}"
        stray = [one for one in self._environment if one not in _NAMES and one.startswith(PREFIXES)]
        if near := get_close_matches(name, stray, n=1, cutoff=0.8):
            line += f"; the environment holds {near[0]}: is it meant?"
        self.problems.append(line)

    def _from_secret_file(self, name: str) -> str:
        """The content of the file NAME_FILE points to, relative to the home; "" when it points to none."""
        setting = f"{name}_FILE"
        file = self._file(setting)
        if file is None:
            return ""
        try:
            text = file.read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as fault:
            self.problems.append(f"{setting}: {file} cannot be read ({_reason(fault)})")
            return ""
        if not text:
            self.problems.append(f"{setting}: {file} is empty; write the value into it")
        return text

    def private_key_file(self) -> Path | None:
        """The file of the private key, when one is named; it must be there, but is not read yet."""
        file = self._file(PRIVATE_KEY_FILE)
        if file is None:
            return None
        try:
            with file.open("rb") as opened:
                self._warn_of_readers(file, os.fstat(opened.fileno()).st_mode)
        except OSError as fault:
            self.problems.append(f"{PRIVATE_KEY_FILE}: {file} cannot be read ({_reason(fault)})")
        return file

    def _file(self, setting: str) -> Path | None:
        """The file a setting names, relative to the home."""
        path = self._environment.get(setting, "").strip() or self._in_env_file.get(setting, "").strip()
        return _inside(self._home, path) if path else None

    def _warn_of_readers(self, file: Path, mode: int) -> None:
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            self.warnings.append(f"{file} can be read by other users of this machine; run: chmod 600 {file}")

    def _read_env_file(self) -> dict[str, str]:
        """NAME -> value. Lines that are not NAME=value, and names nobody reads, are problems."""
        file, values = self._env_file, {}
        try:
            with file.open(encoding="utf-8-sig") as lines:
                bindings = list(parse_stream(lines))
                mode = os.fstat(lines.fileno()).st_mode
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as fault:
            self.problems.append(f"{file}: cannot be read ({_reason(fault)})")
            return {}
        self._warn_of_readers(file, mode)
        for binding in bindings:
            if binding.error or (binding.key and binding.value is None):
                # The line itself may hold a secret.
                self.problems.append(f"{file}: line {binding.original.line} is not NAME=value")
            elif binding.key and binding.value is not None:
                values[binding.key] = binding.value
        for name in values:
            if name.startswith(PREFIXES) and name not in _NAMES:
                near = get_close_matches(name, _NAMES, n=1, cutoff=0.75)
                mend = f"did you mean {near[0]}?" if near else "take the line out"
                self.problems.append(f"{name}: there is no such setting ({file}); {mend}")
        return values


def _check_salesforce_login(places: _Places) -> None:
    """One whole way to log in must be there; report what is missing from the one that was begun."""
    choice = choose_login(places.has)
    places.problems += choice.problems
    for name, because in choice.missing:
        places.require(name, because)
    places.warnings += choice.warnings


def _inside(home: Path, path: str) -> Path:
    return home / Path(path).expanduser()


def _reason(fault: Exception) -> str:
    return (
        "it is not UTF-8 text" if isinstance(fault, UnicodeDecodeError) else getattr(fault, "strerror", "") or "fault"
    )


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a line break or another sign that cannot be seen; copy the value once more")
    return text


def _region(text: str) -> str:
    domain = find_domain(text)
    if domain:
        return domain
    near = nearest_regions(text)
    known = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(DOMAINS.values())}"
    raise ValueError(f"'{text}' is no region of Genesys Cloud; {known}")


def _rate(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _LARGEST_RATE:
        raise ValueError(f"'{text}' is not a whole number from 1 to {_LARGEST_RATE} (calls a minute, 300 by default)")
    return int(text)


def _username(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError("is no user name of Salesforce, which looks like an e-mail address (Setup > Users)")
    return text


def _security_token(text: str) -> Secret:
    if not re.fullmatch(r"[A-Za-z0-9]+", text):
        raise ValueError("is no security token: those are letters and digits alone; copy it from the mail once more")
    return Secret(text)


def _my_domain(text: str) -> str:
    host = text.lower().rpartition("://")[2].partition("/")[0]
    domain = host.removesuffix(".salesforce.com")
    if domain in ("login", "test"):
        raise ValueError(
            f"'{text}' is the login host of everybody; set your My Domain, e.g. acme.my (Setup > My Domain)"
        )
    if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.my", domain):
        return domain
    first = re.match(r"[a-z0-9-]+(\.(sandbox|develop|scratch)(?=\.))?", host)
    mend = f"did you mean {first[0]}.my?" if first else "an example is acme.my (Setup > My Domain)"
    raise ValueError(f"'{text}' is no My Domain; {mend}")


def _instance_url(text: str) -> str:
    url = urlsplit(text if "://" in text else f"https://{text}")
    if url.scheme != "https" or not re.fullmatch(r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+(:\d+)?", url.netloc):
        raise ValueError("is not an https address such as https://acme.my.salesforce.com")
    return f"https://{url.netloc.lower()}"


def _api_version(text: str) -> str:
    found = re.fullmatch(r"v?(\d\d)(\.0)?", text.lower())
    if not found:
        raise ValueError(f"'{text}' is not a version of the Salesforce API such as 66.0")
    return f"{found[1]}.0"


def _share(text: str) -> float:
    """ "20 %", "20" and "0.2" are the same."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*(%?)", text)
    number = float(found[1]) if found else -1.0
    share = number / 100 if found and (found[2] or number >= 1) else number
    if not 0 <= share < 1:
        raise ValueError(f"'{text}' is not a share from 0 % to 99 %, such as 20 %")
    return share


def _log(text: str) -> str:
    if text.lower() not in ("text", "json"):
        raise ValueError(f"'{text}' is neither text nor json")
    return text.lower()


@dataclass(frozen=True)
class _Setting:
    """parse: raises ValueError with what is wrong and the mend; never with the value of a secret."""

    parse: Callable[[str], object]
    default: str = ""


_SETTINGS: Mapping[str, _Setting] = {
    "GENESYS_REGION": _Setting(_region),
    "GENESYS_CLIENT_ID": _Setting(str),
    "GENESYS_CLIENT_SECRET": _Setting(Secret),
    "GENESYS_REQUESTS_PER_MINUTE": _Setting(_rate, "300"),
    "SALESFORCE_DOMAIN": _Setting(_my_domain),
    "SALESFORCE_CLIENT_ID": _Setting(str),
    "SALESFORCE_CLIENT_SECRET": _Setting(Secret),
    "SALESFORCE_ACCESS_TOKEN": _Setting(Secret),
    "SALESFORCE_INSTANCE_URL": _Setting(_instance_url),
    "SALESFORCE_USERNAME": _Setting(_username),
    "SALESFORCE_PASSWORD": _Setting(Secret),
    "SALESFORCE_SECURITY_TOKEN": _Setting(_security_token),
    "SALESFORCE_API_VERSION": _Setting(_api_version, "66.0"),
    "SALESFORCE_CALL_RESERVE": _Setting(_share, "20 %"),
    "CONNECTOR_STATE": _Setting(str, "connector.db"),
    "CONNECTOR_MAPPINGS": _Setting(str, "mappings"),
    "CONNECTOR_LOG": _Setting(_log, "text"),
    "CONNECTOR_HASH_SALT": _Setting(Secret),
}
_KNOWN = (*_SETTINGS, PRIVATE_KEY, "CONNECTOR_HOME")
_NAMES = (*_KNOWN, *(f"{name}_FILE" for name in _KNOWN))
