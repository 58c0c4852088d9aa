"""Certificates: some renew themselves, some were imported and forgotten, one has expired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.acm.models import TagHolder

from backends.simulated import accounts
from backends.simulated.cloud import Cloud
from backends.simulated.randomness import number

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class CertificateSeed:
    """`days` is how long it is still good, negative where it is not; `renewal` how its renewal goes, "" for none."""

    account: str
    region: str
    domain: str
    days: float
    kind: str = "AMAZON_ISSUED"
    status: str = "ISSUED"
    renewal: str = ""


_CERTIFICATES = (
    CertificateSeed(_PROD, _EAST, "www.example.com", 214, renewal="SUCCESS"),
    CertificateSeed(_PROD, _EAST, "shop.example.com", 5.2, kind="IMPORTED"),
    CertificateSeed(_PROD, _EAST, "old.example.com", -130, kind="IMPORTED", status="EXPIRED"),
    CertificateSeed(_PROD, _EAST, "new.example.org", 395, status="PENDING_VALIDATION"),
    CertificateSeed(_PROD, _WEST, "www.example.eu", 22, renewal="PENDING_VALIDATION"),
    CertificateSeed(_PROD, _SOUTH, "www.example.com.au", 300),
    CertificateSeed(_DEV, _EAST, "dev.example.com", 61),
)


class Certificate:
    """What moto needs of one of its own certificates, without a key that takes a tenth of a second to make."""

    def __init__(self, cloud: Cloud, seed: CertificateSeed, now: datetime, world: int) -> None:
        tail = f"{number(world, cloud.account, cloud.region, seed.domain):016x}"
        self.arn = cloud.arn("acm", f"certificate/{tail[:8]}-{tail[8:12]}-4000-8000-{tail[4:]}")
        self.seed, self.status, self.type = seed, seed.status, seed.kind
        self.expires = now.replace(tzinfo=UTC) + timedelta(days=seed.days)
        self.in_use_by: list[str] = []
        self.tags = TagHolder()
        self.cert_options = {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"}

    def check(self) -> None:
        """Its state is what it was seeded with."""

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeCertificate; ListCertificates takes what it tells from it."""
        began = self.expires - timedelta(days=395)
        domain, imported = self.seed.domain, self.type == "IMPORTED"
        told: dict[str, Any] = {
            "CertificateArn": self.arn,
            "DomainName": domain,
            "SubjectAlternativeNames": [domain, f"*.{domain.partition('.')[2]}"],
            "InUseBy": self.in_use_by,
            "Issuer": "Example Trust" if imported else "Amazon",
            "KeyAlgorithm": "EC_prime256v1" if imported else "RSA_2048",
            "Serial": f"{number('serial', self.arn):x}",
            "SignatureAlgorithm": "SHA256WITHRSA",
            "Status": self.status,
            "Subject": f"CN={domain}",
            "Type": self.type,
            "RenewalEligibility": "INELIGIBLE" if imported or not self.in_use_by else "ELIGIBLE",
            "Options": self.cert_options,
            "ImportedAt" if imported else "CreatedAt": began,
        }
        if self.status != "PENDING_VALIDATION":
            told |= {"NotBefore": began, "NotAfter": self.expires}
            told |= {} if imported else {"IssuedAt": began}
        if not imported:
            told["DomainValidationOptions"] = [self._proof(domain, self.status)]
        if self.seed.renewal:
            told["RenewalSummary"] = {
                "RenewalStatus": self.seed.renewal,
                "DomainValidationOptions": [self._proof(domain, self.seed.renewal)],
                "UpdatedAt": self.expires - timedelta(days=45),
            }
        return {"Certificate": told}

    def _proof(self, domain: str, status: str) -> dict[str, Any]:
        pending = status == "PENDING_VALIDATION"
        return {
            "DomainName": domain,
            "ValidationDomain": domain,
            "ValidationStatus": "PENDING_VALIDATION" if pending else "SUCCESS",
            "ValidationMethod": "DNS",
            "ResourceRecord": {
                "Name": f"_{number('proof', domain):032x}.{domain}.",
                "Type": "CNAME",
                "Value": f"_{number('answer', domain):032x}.acm-validations.aws.",
            },
        }


def plant(cloud: Cloud, now: datetime, world: int) -> None:
    """Make the certificates of a region. `now` is naive UTC, `world` the seed of it all."""
    for seed in _CERTIFICATES:
        if (seed.account, seed.region) == (cloud.account, cloud.region):
            made = Certificate(cloud, seed, now, world)
            cloud.acm._certificates[made.arn] = made


def of(cloud: Cloud, domain: str) -> Certificate:
    """A certificate by its domain; StopIteration where there is none."""
    found: Certificate = next(made for made in cloud.acm._certificates.values() if made.seed.domain == domain)
    return found
