"""The regions of Genesys Cloud, as data: AWS name to domain.

Each domain has an API host `api.<domain>` and a login host `login.<domain>`.
Source: region list of the vendor's SDK, and the platform guide's page on regions.
"""

from difflib import get_close_matches
from types import MappingProxyType

DOMAINS = MappingProxyType(
    {
        "us-east-1": "mypurecloud.com",
        "us-east-2": "use2.us-gov-pure.cloud",
        "us-west-2": "usw2.pure.cloud",
        "ca-central-1": "cac1.pure.cloud",
        "mx-central-1": "mxc1.pure.cloud",
        "sa-east-1": "sae1.pure.cloud",
        "eu-west-1": "mypurecloud.ie",
        "eu-west-2": "euw2.pure.cloud",
        "eu-central-1": "mypurecloud.de",
        "eu-central-2": "euc2.pure.cloud",
        "eusc-de-east-1": "edee1.eusc-pure.cloud",
        "me-central-1": "mec1.pure.cloud",
        "ap-south-1": "aps1.pure.cloud",
        "ap-southeast-1": "apse1.pure.cloud",
        "ap-southeast-2": "mypurecloud.com.au",
        "ap-northeast-1": "mypurecloud.jp",
        "ap-northeast-2": "apne2.pure.cloud",
        "ap-northeast-3": "apne3.pure.cloud",
    }
)

_HOST_PREFIXES = ("api.", "login.", "apps.")


def find_domain(text: str) -> str | None:
    """The domain of the region `text` names: a domain, an AWS name, or an address of one of its hosts, in any case."""
    name = _bare(text)
    domain = DOMAINS.get(name, name)
    return domain if domain in DOMAINS.values() else None


def nearest_regions(text: str) -> list[str]:
    """Up to three domains and AWS names that look like `text`, nearest first."""
    return get_close_matches(_bare(text), [*DOMAINS.values(), *DOMAINS], n=3, cutoff=0.6)


def _bare(text: str) -> str:
    """Without scheme, path, port, and the names of hosts."""
    name = text.strip().lower().rpartition("://")[2].partition("/")[0].partition(":")[0].strip(".")
    for prefix in _HOST_PREFIXES:
        name = name.removeprefix(prefix)
    return name
