"""An endpoint that answers from memory: python -m benchmarks.canned INSTANCES POINTS [plain|indented] prints its port.

Instances come 1,000 a page (ten tags, one interface, one volume each; 3.6 MB plain, 6.7 MB indented, as EC2 writes
them), spot prices 1,000 points a page and zone by zone. What a page costs here is one replacement.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from urllib.parse import parse_qs

PAGE = 1000
ZONES = ("a", "b", "c", "d", "e")
ACCOUNT, REGION = "123456789012", "eu-west-1"
_NS = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
_PAGE = "p00000"
"""Stands for the page in every id of the template."""
_TYPES = [
    f"{family}.{size}"
    for family in ("m5", "m6i", "m7g", "c5", "c6i", "c7g", "r5", "r6i", "t3", "i3")
    for size in ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge")
]
_INSTANCE = """
        <item>
            <reservationId>r-{key}{n:05x}</reservationId>
            <ownerId>123456789012</ownerId>
            <groupSet/>
            <instancesSet>
                <item>
                    <instanceId>i-{key}{n:05x}</instanceId>
                    <imageId>ami-0{n:016x}</imageId>
                    <instanceState>
                        <code>16</code>
                        <name>{state}</name>
                    </instanceState>
                    <privateDnsName>ip-10-{a}-{b}-17.eu-west-1.compute.internal</privateDnsName>
                    <dnsName/>
                    <reason/>
                    <keyName>fleet</keyName>
                    <amiLaunchIndex>0</amiLaunchIndex>
                    <productCodes/>
                    <instanceType>{type}</instanceType>
                    <launchTime>2026-11-{day:02d}T{hour:02d}:03:11.000Z</launchTime>
                    <placement>
                        <availabilityZone>eu-west-1{zone}</availabilityZone>
                        <availabilityZoneId>euw1-az{az}</availabilityZoneId>
                        <groupName/>
                        <tenancy>default</tenancy>
                    </placement>
                    <monitoring>
                        <state>disabled</state>
                    </monitoring>
                    <subnetId>subnet-0aa{zone}00112233</subnetId>
                    <vpcId>vpc-0123456789abcdef0</vpcId>
                    <privateIpAddress>10.{a}.{b}.17</privateIpAddress>
                    <sourceDestCheck>true</sourceDestCheck>
                    <groupSet>
                        <item>
                            <groupId>sg-0f00000000000001</groupId>
                            <groupName>nodes</groupName>
                        </item>
                    </groupSet>
                    <architecture>x86_64</architecture>
                    <rootDeviceType>ebs</rootDeviceType>
                    <rootDeviceName>/dev/xvda</rootDeviceName>
                    <blockDeviceMapping>
                        <item>
                            <deviceName>/dev/xvda</deviceName>
                            <ebs>
                                <volumeId>vol-{key}{n:05x}</volumeId>
                                <status>attached</status>
                                <attachTime>2026-11-{day:02d}T{hour:02d}:03:12.000Z</attachTime>
                                <deleteOnTermination>true</deleteOnTermination>
                            </ebs>
                        </item>
                    </blockDeviceMapping>
                    <virtualizationType>hvm</virtualizationType>
                    <clientToken>fleet-{key}-{n:05x}-0-1</clientToken>
                    <tagSet>{tags}
                    </tagSet>
                    <hypervisor>xen</hypervisor>
                    <networkInterfaceSet>
                        <item>
                            <networkInterfaceId>eni-{key}{n:05x}</networkInterfaceId>
                            <subnetId>subnet-0aa{zone}00112233</subnetId>
                            <vpcId>vpc-0123456789abcdef0</vpcId>
                            <description/>
                            <ownerId>123456789012</ownerId>
                            <status>in-use</status>
                            <macAddress>06:4f:{b:02x}:11:{a:02x}:9c</macAddress>
                            <privateIpAddress>10.{a}.{b}.17</privateIpAddress>
                            <sourceDestCheck>true</sourceDestCheck>
                            <groupSet>
                                <item>
                                    <groupId>sg-0f00000000000001</groupId>
                                    <groupName>nodes</groupName>
                                </item>
                            </groupSet>
                            <attachment>
                                <attachmentId>eni-attach-{key}{n:05x}</attachmentId>
                                <deviceIndex>0</deviceIndex>
                                <status>attached</status>
                                <attachTime>2026-11-{day:02d}T{hour:02d}:03:11.000Z</attachTime>
                                <deleteOnTermination>true</deleteOnTermination>
                            </attachment>
                        </item>
                    </networkInterfaceSet>
                    <iamInstanceProfile>
                        <arn>arn:aws:iam::123456789012:instance-profile/nodes</arn>
                        <id>AIPAEXAMPLE</id>
                    </iamInstanceProfile>
                    <ebsOptimized>true</ebsOptimized>
                    <metadataOptions>
                        <state>applied</state>
                        <httpTokens>required</httpTokens>
                        <httpPutResponseHopLimit>2</httpPutResponseHopLimit>
                        <httpEndpoint>enabled</httpEndpoint>
                    </metadataOptions>
                    <platformDetails>Linux/UNIX</platformDetails>
                </item>
            </instancesSet>
        </item>"""
_TAG = """
                        <item>
                            <key>{}</key>
                            <value>{}</value>
                        </item>"""
_POINT = """
        <item>
            <instanceType>{type}</instanceType>
            <productDescription>{product}</productDescription>
            <spotPrice>0.{price:06d}</spotPrice>
            <timestamp>{time}</timestamp>
            <availabilityZone>eu-west-1{zone}</availabilityZone>
        </item>"""


def _instance(number: int) -> str:
    tags = {
        "Name": f"node-{number:04d}",
        "aws:autoscaling:groupName": f"workers-{number % 7}",
        "eks:cluster-name": "shop",
        "eks:nodegroup-name": f"workers-{number % 7}",
        "team": f"team-{number % 17}",
        "cost-center": f"cc-{number % 31}",
        "env": "prod & staging" if number % 10 == 0 else "prod",
        "app": f"shop-{number % 9}",
        "k8s.io/cluster-autoscaler/enabled": "true",
        "created-by": "terraform",
    }
    return _INSTANCE.format(
        key="0" + _PAGE,
        n=number,
        state="stopped" if number % 50 == 0 else "running",
        a=number // 250,
        b=number % 250,
        type=_TYPES[number % len(_TYPES)],
        day=number % 20 + 1,
        hour=number % 24,
        zone=ZONES[number % 3],
        az=number % 3 + 1,
        tags="".join(_TAG.format(key, value.replace("&", "&amp;")) for key, value in tags.items()),
    )


def _points(zone: str) -> str:
    """A page of one zone; the hour of every point is the page's own."""
    return "".join(
        _POINT.format(
            type=_TYPES[number % len(_TYPES)],
            product="Linux/UNIX" if number % 2 else "Linux/UNIX (Amazon VPC)",
            price=31_000 + number * 37 % 90_000,
            time=f"2026-10-{_PAGE}:{number // 60:02d}:{number % 60:02d}.000Z",
            zone=zone,
        )
        for number in range(PAGE)
    )


def _plain(text: str) -> str:
    return re.sub(r"\n *", "", text)


def _whole(action: str, inner: str) -> bytes:
    """An answer of EC2, which is told by its root."""
    return f"<{action}Response {_NS}>{inner}</{action}Response>".encode()


class Canned:
    """The templates, and the answer to each request: pages only once `Action=Open` was asked, refused until then."""

    def __init__(self, instances: int, points: int, *, indented: bool = False) -> None:
        self.instances, self.points = instances, points
        shaped = str if indented else _plain
        self._instances = shaped("".join(map(_instance, range(PAGE))))
        self._points = {zone: shaped(_points(zone)) for zone in ZONES}
        self.open = False

    def answer(self, asked: dict[str, str]) -> tuple[int, bytes]:
        """HTTP status and body."""
        action, page = asked.get("Action", ""), int(asked.get("NextToken", "0"))
        if action == "Open":
            self.open = True
            return 200, b""
        if action == "DescribeInstances" and self.open:
            pages = max(1, -(-self.instances // PAGE))
            return 200, self._page(action, "reservationSet", self._instances, f"{page:06x}", page, pages)
        if action == "DescribeSpotPriceHistory" and self.open:
            pages = max(1, -(-self.points // PAGE // len(ZONES)))
            zone = asked.get("AvailabilityZone", "a")[-1]
            hour = f"{page // 24 % 28 + 1:02d}T{page % 24:02d}"
            return 200, self._page(action, "spotPriceHistorySet", self._points[zone], hour, page, pages)
        return self._small(action)

    def _page(self, action: str, name: str, template: str, key: str, page: int, pages: int) -> bytes:
        token = f"<nextToken>{page + 1}</nextToken>" if page + 1 < pages else ""
        inner = template.replace(_PAGE, key)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response {_NS}>\n'
            f"    <requestId>9cbd3a2e</requestId>\n    <{name}>{inner}\n    </{name}>\n    {token}</{action}Response>"
        ).encode()

    def _small(self, action: str) -> tuple[int, bytes]:
        if action == "GetCallerIdentity":
            inner = f"<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>"
            return 200, f"<R><GetCallerIdentityResult>{inner}</GetCallerIdentityResult></R>".encode()
        if action == "DescribeRegions":
            item = f"<item><regionName>{REGION}</regionName><optInStatus>opt-in-not-required</optInStatus></item>"
            return 200, _whole(action, f"<regionInfo>{item}</regionInfo>")
        if action == "DescribeAvailabilityZones":
            items = "".join(
                f"<item><zoneName>{REGION}{zone}</zoneName><zoneId>euw1-az{number + 1}</zoneId></item>"
                for number, zone in enumerate(ZONES)
            )
            return 200, _whole(action, f"<availabilityZoneInfo>{items}</availabilityZoneInfo>")
        error = "<Code>UnauthorizedOperation</Code><Message>not here</Message>"
        return 403, f"<Response><Errors><Error>{error}</Error></Errors><RequestID>0</RequestID></Response>".encode()


async def _serve(canned: Canned) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                size = next(
                    (int(v) for k, _, v in (x.partition(":") for x in head.split("\r\n")) if k == "content-length"), 0
                )
                body = (await reader.readexactly(size)).decode()
                asked = {name: values[0] for name, values in parse_qs(body).items()}
                status, answer = canned.answer(asked)
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                )
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _how = sys.argv[3] if len(sys.argv) > 3 else "plain"
    asyncio.run(_serve(Canned(int(sys.argv[1]), int(sys.argv[2]), indented=_how == "indented")))
