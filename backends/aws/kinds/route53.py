"""Route 53: hosted zones and the records in them. Global: one sweep an account."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_ZONES = Call("ListHostedZones", "HostedZones", parameters={"MaxItems": "100"})

ZONE = Kind(
    name="route53.zone",
    title="Hosted zones",
    service="route53",
    calls=(
        _ZONES,
        Call("GetHostedZone", "@", arguments={"Id": "Id"}, keep={"Zone": "@"}, optional=True),
    ),
    key=("zone_id",),
    columns=(
        Column("name", "Zone.Name", help="The domain, with its final dot.", title="zone", narrow=True),
        Column("private", "Zone.Config.PrivateZone", "boolean", help="Whether only VPCs see it.", narrow=True),
        Column("records", "Zone.ResourceRecordSetCount", "integer", help="Record sets in it.", narrow=True),
        Column("comment", "Zone.Config.Comment", help="What it is said to be for.", narrow=True),
        Column("vpcs", "VPCs[].VPCId", "list", help="The VPCs that see a private zone."),
        Column("vpc_regions", "VPCs[].VPCRegion", "list", help="Their regions."),
        Column("name_servers", "DelegationSet.NameServers", "list", help="The servers that the domain must point to."),
        Column("owner", "Zone.LinkedService.ServicePrincipal", help="The AWS service that made it, if one did."),
        Column("zone_id", "after(Zone.Id, '/')", help="Its id."),
    ),
    regional=False,
    cadence=1800,
    relations=(Relation("zone_id", "route53.record", "zone_id"), Relation("vpcs", "vpc.vpc", "vpc_id")),
    health=(
        Rule(Health.WARN, "private=false records<3", "holds nothing but its own name servers, and is paid for"),
        Rule(Health.WARN, "private=true records<3", "holds nothing, and is paid for"),
    ),
    arn="arn:{partition}:route53:::hostedzone/{zone_id}",
    sort="name",
    help="DNS zones, from ListHostedZones and GetHostedZone, one call a zone.",
)

# The dot at the end and Route 53's own prefix are not part of the name that the target's own kind shows.
_TARGET = r"found(AliasTarget.DNSName, '(?<=^dualstack\.).*[^.]|^(?!dualstack\.).*[^.]')"

RECORD = Kind(
    name="route53.record",
    title="DNS records",
    service="route53",
    calls=(
        _ZONES,
        Call(
            "ListResourceRecordSets",
            "ResourceRecordSets",
            parameters={"MaxItems": "300"},
            arguments={"HostedZoneId": "Id"},
            keep={"Zone": "@"},
        ),
    ),
    key=("zone_id", "name", "record_type", "variant"),
    columns=(
        Column("name", "Name", help="The name, with its final dot; * is written \\052.", title="record", narrow=True),
        Column("record_type", "Type", help="A, AAAA, CNAME, MX and others.", title="type", narrow=True),
        Column("values", "ResourceRecords[].Value", "list", help="What it answers.", narrow=True),
        Column("alias", _TARGET, help="The AWS resource that it stands for.", narrow=True),
        Column("ttl", "TTL", "integer", help="How long answers may be kept.", unit="s"),
        Column("variant", "SetIdentifier || '-'", help="Which of several records of this name and type it is."),
        Column(
            "routing",
            "Failover || (Weight && 'WEIGHTED') || (Region && 'LATENCY') || (GeoLocation && 'GEOLOCATION')"
            " || (GeoProximityLocation && 'GEOPROXIMITY') || (CidrRoutingConfig && 'IP')"
            " || (MultiValueAnswer && 'MULTIVALUE') || 'SIMPLE'",
            help="How it is chosen among others: PRIMARY, SECONDARY, WEIGHTED, LATENCY and others.",
        ),
        Column("weight", "Weight", "integer", help="Its share among weighted records."),
        Column("latency_region", "Region", help="The region of a record that is chosen by latency."),
        Column("health_check", "HealthCheckId", help="The health check that takes it out."),
        Column(
            "follows_target", "AliasTarget.EvaluateTargetHealth", "boolean", help="Whether its target's health counts."
        ),
        Column("traffic_policy", "TrafficPolicyInstanceId", help="The traffic policy that made it."),
        Column("private", "Zone.Config.PrivateZone", "boolean", help="Whether only VPCs see it."),
        Column("zone", "Zone.Name", help="Its zone."),
        Column("zone_id", "after(Zone.Id, '/')", help="Its zone's id."),
    ),
    regional=False,
    cadence=1800,
    relations=(
        Relation("zone_id", "route53.zone", "zone_id"),
        Relation("alias", "elbv2.load_balancer", "dns"),
        Relation("alias", "elb.load_balancer", "dns"),
        Relation("values", "ec2.instance", "public_ip"),
        Relation("values", "vpc.address", "public_ip"),
    ),
    health=(
        Rule(
            Health.WARN,
            "routing=PRIMARY health_check= follows_target!=true",
            "nothing watches the primary: it never fails over",
        ),
        Rule(Health.WARN, "record_type=A|AAAA|CNAME ttl>=86400", "a mistake in it would last a day or longer"),
    ),
    sort="name",
    help="Records of every hosted zone, from ListHostedZones and ListResourceRecordSets.",
)
