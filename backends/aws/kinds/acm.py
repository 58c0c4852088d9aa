"""Certificate Manager: certificates, until when they are good, who uses them and whether they renew themselves."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_ALGORITHMS = [
    *("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096"),
    *("EC_prime256v1", "EC_secp384r1", "EC_secp521r1"),
]
"""Unless asked for by name, only RSA up to 2048 bits is listed."""
_UNPROVEN = "(RenewalSummary.DomainValidationOptions || DomainValidationOptions)[?ValidationStatus!='SUCCESS']"

CERTIFICATE = Kind(
    name="acm.certificate",
    title="Certificates",
    service="acm",
    calls=(
        Call(
            "ListCertificates",
            "CertificateSummaryList",
            parameters={"Includes": {"keyTypes": _ALGORITHMS}},
            page=("MaxItems", 1000),
        ),
        Call(
            "DescribeCertificate",
            "Certificate",
            arguments={"CertificateArn": "CertificateArn"},
            keep={"Listed": "@"},
            optional=True,
        ),
    ),
    key=("certificate_id",),
    columns=(
        Column("name", "Listed.DomainName", help="The domain that it is for.", title="domain", narrow=True),
        Column("expires", "Listed.NotAfter", "time", help="Until when it is good.", narrow=True),
        Column("status", "Listed.Status", help="ISSUED, PENDING_VALIDATION, EXPIRED and others.", narrow=True),
        Column("in_use", "Listed.InUse", "boolean", help="Whether anything uses it.", narrow=True),
        Column(
            "renewal",
            "RenewalSummary.RenewalStatus",
            help="How its renewal goes: PENDING_AUTO_RENEWAL, PENDING_VALIDATION, SUCCESS or FAILED.",
            narrow=True,
        ),
        Column("cert_type", "Listed.Type", help="AMAZON_ISSUED, IMPORTED or PRIVATE.", title="type"),
        Column("used_by", "InUseBy", "list", help="What uses it."),
        Column(
            "names", "SubjectAlternativeNames || Listed.SubjectAlternativeNameSummaries", "list", help="All its names."
        ),
        Column(
            "renewable",
            "Listed.RenewalEligibility",
            help="ELIGIBLE where AWS renews it by itself: what is imported it does not.",
        ),
        Column("renewal_reason", "RenewalSummary.RenewalStatusReason", help="Why its renewal failed."),
        Column("failure", "FailureReason", help="Why it was not issued."),
        Column(
            "unvalidated",
            f"{_UNPROVEN}.DomainName",
            "list",
            help="The names that are not proven to be the account's.",
        ),
        Column(
            "validation_records",
            f"{_UNPROVEN}.ResourceRecord.Name",
            "list",
            help="The DNS records that would prove them.",
        ),
        Column("algorithm", "Listed.KeyAlgorithm", help="The kind of its key."),
        Column("issuer", "Issuer", help="Who signed it."),
        Column("valid_from", "Listed.NotBefore", "time", help="From when it is good."),
        Column("created", "Listed.CreatedAt || Listed.ImportedAt", "time", help="When it was asked for or imported."),
        Column("issued", "Listed.IssuedAt", "time", help="When it was issued."),
        Column("revoked", "Listed.RevokedAt", "time", help="When it was revoked."),
        Column("exportable", "Options.Export", help="ENABLED where its key can be taken out."),
        Column("serial", "Serial", help="Its serial number."),
        Column("certificate_id", "after(Listed.CertificateArn, '/')", help="AWS's id of it.", title="certificate"),
        Column("arn", "Listed.CertificateArn", help="Its ARN."),
    ),
    cadence=3600,
    relations=(Relation("used_by", "elbv2.load_balancer", "arn"), Relation("arn", "elbv2.listener", "certificates")),
    health=(
        Rule(Health.BAD, "in_use=true expires<now", "in use, and expired"),
        Rule(Health.BAD, "in_use=true status=REVOKED", "in use, and revoked"),
        Rule(Health.BAD, "in_use=true renewal=FAILED", "in use, and its renewal failed"),
        Rule(Health.BAD, "in_use=true expires<+7d", "in use, and expires within a week"),
        Rule(Health.WARN, "in_use=true expires<+30d", "in use, and expires within thirty days"),
        Rule(Health.WARN, "renewal=PENDING_VALIDATION", "its renewal waits for a proof that the names are yours"),
        Rule(Health.WARN, "status=PENDING_VALIDATION", "waits for a proof that the names are yours"),
        Rule(Health.WARN, "status=FAILED|VALIDATION_TIMED_OUT", "could not be issued"),
        Rule(Health.WARN, "expires<now", "expired, and nothing uses it"),
    ),
    arn="{arn}",
    sort="expires",
    help="Certificates, from ListCertificates and DescribeCertificate, one call a certificate.",
)
